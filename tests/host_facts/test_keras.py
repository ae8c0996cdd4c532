"""What Keras does with a `PyDataset`, on each backend.

The observations come from `probe.py`, which runs once per backend. In its lists of calls a
number is a read of that batch, "begin" and "end" are the data set's hooks, and "epoch 0 begins"
is a callback's.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.backends import BACKENDS, environment_of, is_installed

from .conftest import RunPython, Seen

EPOCHS = [
    *["epoch 0 begins", "begin", 0, 1, 2, "end", "epoch 0 ends"],
    *["epoch 1 begins", "begin", 0, 1, 2, "end", "epoch 1 ends"],
]
FITS = ("first fit", "second fit")


def on_jax_or_long(backend: str) -> Any:
    # One backend is enough, and JAX is imported quickest.
    return pytest.param(backend, marks=[pytest.mark.long] if backend != "jax" else [])


def without_trained(events: list[Any]) -> list[Any]:
    """Drop the entries that tell when a batch was trained."""
    return [event for event in events if not str(event).startswith("trained")]


def test_one_worker_serves_and_trains_each_batch_once_and_in_order(seen: Seen) -> None:
    """With `workers=1, use_multiprocessing=False` there is no queue that could lose a batch."""
    assert seen["trained_without_queue"] == [[0, 1, 2, 3, 4]] * 3


def test_tensorflow_reads_two_batches_and_ends_an_epoch_before_any_fit(seen: Seen) -> None:
    """JAX and torch begin an epoch and read batch 0 instead, and only for a new model."""
    calls = {fit: without_trained(seen["calls_around_fits"][fit]) for fit in FITS}
    if seen.backend == "tensorflow":
        assert calls == {"first fit": [0, 1, "end", *EPOCHS], "second fit": [0, 1, "end", *EPOCHS]}
    else:
        assert calls == {
            "first fit": ["begin", 0, "end", *EPOCHS],
            "second fit": ["end", *EPOCHS],
        }


@pytest.mark.parametrize("fit", FITS)
def test_tensorflow_reads_the_batches_to_train_in_a_thread_of_its_own(seen: Seen, fit: str) -> None:
    """JAX and torch read in the main thread; so does TensorFlow what it reads before a fit."""
    reads = seen["calls_around_fits"][f"{fit}, reads in main thread"]
    before_the_fit, epochs = reads[:-6], reads[-6:]
    assert all(in_main for _, in_main in before_the_fit)
    assert {in_main for _, in_main in epochs} == {seen.backend != "tensorflow"}


def test_jax_on_a_cpu_and_torch_read_a_batch_when_the_one_before_is_trained(seen: Seen) -> None:
    """Neither looks ahead, so that the model waits for each batch."""
    if seen.backend == "tensorflow":
        pytest.skip("reads ahead")
    epoch = ["begin", 0, "trained 0", 1, "trained 1", 2, "trained 2", "end"]
    events = seen["calls_around_fits"]["second fit"]
    assert events[2:10] == epoch


def test_validation_data_get_an_epoch_end_before_each_evaluation(seen: Seen) -> None:
    """Whoever counts `on_epoch_end` counts every epoch twice."""
    signature = [0, 1] if seen.backend == "tensorflow" else []
    epoch = ["end", "begin", 0, 1, 2, "end"]
    assert seen["calls_on_validation_data"]["fit"] == [*signature, *epoch, *epoch]


def test_evaluate_ends_an_epoch_first_and_predict_does_not(seen: Seen) -> None:
    """Before both, TensorFlow reads two batches, however often the model was called."""
    calls = seen["calls_on_validation_data"]
    signature = [0, 1] if seen.backend == "tensorflow" else []
    assert calls["evaluate"] == [*signature, "end", "begin", 0, 1, 2, "end"]
    assert calls["predict"] == [*signature, "begin", 0, 1, 2, "end"]
    assert calls["predict of a new model"] == calls["predict"]


def test_evaluate_of_a_new_model_builds_it_from_batch_0_on_jax_and_torch(seen: Seen) -> None:
    """The build reads through an epoch that it begins and that `evaluate` then ends."""
    build = [0, 1] if seen.backend == "tensorflow" else ["begin", 0]
    calls = seen["calls_on_validation_data"]["evaluate of a new model"]
    assert calls == [*build, "end", "begin", 0, 1, 2, "end"]


@pytest.mark.parametrize("steps", [None, 8])
def test_shuffle_is_predicted_by_the_random_state_at_on_epoch_begin(
    seen: Seen, steps: int | None
) -> None:
    """It is `random.shuffle(list(range(n)))` from a copy of Python's global state, each epoch."""
    orders = seen["shuffled_orders"][f"steps_per_epoch={steps}"]
    assert orders["trained"] == orders["predicted"]
    assert len(orders["trained"]) == 3
    assert len({tuple(order) for order in orders["trained"]}) == 3


def test_shuffle_with_fewer_steps_draws_only_where_a_pass_starts(seen: Seen) -> None:
    """With 5 of 8 steps, the second epoch trains the 3 that the first one left."""
    orders = seen["shuffled_orders"]["steps_per_epoch=5"]
    first, _, third = orders["predicted"]
    assert orders["trained"] == [first[:5], first[5:], third[:5]]


def test_shuffle_follows_the_global_seed_alone(seen: Seen) -> None:
    orders = seen["shuffled_orders"]
    assert orders["seed 3"] == orders["seed 3 again"]


def test_shuffle_is_the_default_and_draws_from_the_global_generator(seen: Seen) -> None:
    orders = seen["shuffled_orders"]
    assert sorted(orders["default"][0]) == list(range(8))
    assert orders["default moved the global generator"]


def test_fewer_steps_than_batches_go_on_in_the_next_epoch_which_is_then_short(seen: Seen) -> None:
    """Six batches and 4 steps: every other epoch has 2 batches and warns that data ran out."""
    long, short = [0, 1, 2, 3], [4, 5]
    assert seen["fewer_steps_than_batches"] == {
        "trained": [long, short, long, short, long],
        "ran out": 2,
    }


def test_more_steps_than_batches_end_the_epoch_early_with_a_warning(seen: Seen) -> None:
    assert seen["more_steps_than_batches"] == {"trained": [[0, 1, 2]] * 2, "ran out": 2}


def test_data_without_a_length_are_read_on_in_order_and_never_shuffled(seen: Seen) -> None:
    """So `epoch, batch = divmod(step, steps_per_epoch)`, also under `shuffle=True`."""
    assert seen["infinite_data"] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]


def test_callbacks_know_the_steps_per_epoch_when_an_epoch_begins(seen: Seen) -> None:
    """`params["steps"]` is the length, or `steps_per_epoch` where that is given."""
    assert seen["announced_steps"] == {
        "steps_per_epoch=None": [4, 4],
        "steps_per_epoch=2": [2, 2],
        "infinite": [3, 3],
    }


def test_callbacks_know_the_first_epoch(seen: Seen) -> None:
    assert seen["first_epoch_told_to_callbacks"] == [3, 4]


def test_callbacks_know_the_epoch_that_a_backup_restored(seen: Seen) -> None:
    """After a crash in epoch 2, the next process trains epoch 2 from its first batch."""
    backups = seen["backups"]
    assert backups["epoch: first run"][-1] == [2, [0, 1]]
    assert backups["epoch: second run"] == [[2, [0, 1, 2, 3]], [3, [0, 1, 2, 3]]]


def test_a_backup_within_an_epoch_saves_the_batch_but_restarts_at_batch_0(seen: Seen) -> None:
    backups = seen["backups"]
    assert backups["batches: saved"] == {"epoch": 2, "batch": 3}
    assert backups["batches: second run"] == [[2, [0, 1, 2]]]


def test_a_backup_within_a_resumed_epoch_forgets_the_epoch(seen: Seen) -> None:
    """A second crash, again in epoch 2, throws training back to epoch 0."""
    backups = seen["backups"]
    assert backups["batches: saved again"]["epoch"] == 0
    assert backups["batches: third run"][0] == [0, [0, 1, 2, 3]]


@pytest.mark.parametrize("where", ["batch 0, workers=1", "batch 1, workers=1"])
def test_an_error_in_the_first_two_batches_keeps_its_type_and_notes(seen: Seen, where: str) -> None:
    """On TensorFlow too, which reads those two in the main thread, before the first epoch."""
    error = seen["errors"][where]
    assert error["type"] == "UnreadableImageError"
    assert error["notes"] == ["Replay: augseq show --index 17"]


@pytest.mark.parametrize("where", ["batch 3, workers=1", "batch 3, workers=2"])
def test_tensorflow_keeps_only_the_text_of_a_later_error(seen: Seen, where: str) -> None:
    """The text holds the type's name, the message and the notes; the chain holds nothing."""
    error = seen["errors"][where]
    if seen.backend == "tensorflow":
        assert error == {
            "type": "InvalidArgumentError",
            "text has the message": True,
            "text has the type's name": True,
            "text has the note": True,
            "notes": [],
            "cause": "NoneType",
            "context": "NoneType",
        }
    else:
        assert error["type"] == "UnreadableImageError"
        assert error["notes"] == ["Replay: augseq show --index 17"]
        assert not error["text has the note"]


def test_the_number_of_samples_may_change_from_batch_to_batch(seen: Seen) -> None:
    assert seen["changing_batches"]["FewerSamples"] == "trained"


def test_tensorflow_refuses_a_rank_that_the_first_two_batches_lack(seen: Seen) -> None:
    expected = "InvalidArgumentError" if seen.backend == "tensorflow" else "trained"
    assert seen["changing_batches"]["FewerAxes"] == expected


def test_tensorflow_casts_later_batches_to_the_first_dtype_without_a_word(seen: Seen) -> None:
    """After two batches of integers, 2.75 trains as 2."""
    expected = 2.0 if seen.backend == "tensorflow" else 2.75
    assert seen["value_that_another_dtype_trains"] == expected


def test_tensorflow_takes_image_heights_as_fixed_when_the_first_two_agree(seen: Seen) -> None:
    """Any height is fine if already the first two batches differ."""
    heights = seen["changing_image_heights"]
    expected = "InvalidArgumentError" if seen.backend == "tensorflow" else "trained"
    assert heights == {"(4, 4, 6)": expected, "(4, 6, 8)": "trained"}


def test_keras_queue_trains_leftovers_of_the_build_on_jax_and_torch(seen: Seen) -> None:
    """The first fit of a new model starts with batch 1, and the shift never heals."""
    in_order = list(range(8))
    epochs = seen["first_fit_through_queue"]
    if seen.backend == "tensorflow":
        assert epochs == [in_order] * 3
    else:
        assert epochs[0][0] == 1
        assert 7 not in epochs[0]
        assert epochs[1] != in_order
        assert epochs[2] != in_order


def test_keras_queue_loses_batches_when_steps_per_epoch_is_below_the_length(seen: Seen) -> None:
    """With 6 batches, 2 steps and a queue of 1, batch 5 is not trained in 6 epochs."""
    epochs = seen["fewer_steps_through_queue"]
    assert [len(epoch) for epoch in epochs] == [2] * 6
    assert 5 not in {batch for epoch in epochs for batch in epoch}


def test_callbacks_see_an_epoch_begin_before_keras_queue_reads_for_it(seen: Seen) -> None:
    """In the first fit of a new model, the build has already read on JAX and torch."""
    for fit in FITS:
        events = seen["calls_through_queue"][fit]
        before = events[: events.index("epoch 0 begins")]
        if seen.backend == "tensorflow":
            assert before == [0, 1]
        else:
            assert (0 in before) == (fit == "first fit")
        between = events[events.index("epoch 0 ends") : events.index("epoch 1 begins") + 1]
        assert between == ["epoch 0 ends", "epoch 1 begins"]


def test_keras_queue_reads_before_the_data_sets_on_epoch_begin_returns(seen: Seen) -> None:
    """So a data set that changes itself in that hook changes under its workers."""
    assert seen["worker_reads_before_the_hook_returns"]


def test_keras_queue_reports_a_plain_error_of_a_worker_process(seen: Seen) -> None:
    """The rule that the hangs below are exceptions to."""
    ends = seen["ends_of_fits_through_processes"]
    assert ends["nothing fails"] == "trained"
    assert ends["plain error"] in {"UnreadableImageError", "InvalidArgumentError"}


@pytest.mark.parametrize("way", ["killed worker", "None batch", "failure that does not unpickle"])
def test_keras_queue_hangs_for_ever_after_a(seen: Seen, way: str) -> None:
    assert seen["ends_of_fits_through_processes"][way] == "hangs"


IMPORTS_KERAS = """
import json
import os
import threading
import numpy

def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20

before = resident_mb()
import keras
threads = len(os.listdir("/proc/self/task")), threading.active_count()
print(json.dumps([resident_mb() - before, *threads]))
"""


@pytest.fixture(scope="module", params=[on_jax_or_long(backend) for backend in BACKENDS])
def import_cost(request: pytest.FixtureRequest, run_python: RunPython) -> tuple[int, int, int]:
    """Megabytes that an import of Keras takes, and native and Python's threads after it."""
    if not Path("/proc/self/statm").exists():
        pytest.skip("needs /proc")
    if not is_installed(request.param):
        pytest.skip(f"needs keras and {request.param}")
    done = run_python(IMPORTS_KERAS, env=dict(environment_of(request.param)))
    assert done.returncode == 0, done.stderr
    megabytes, native, of_python = json.loads(done.stdout.splitlines()[-1])
    return megabytes, native, of_python


def test_importing_keras_costs_more_memory_than_a_worker_may_use(
    import_cost: tuple[int, int, int],
) -> None:
    """Each spawned worker that imports it would pay that."""
    assert import_cost[0] > 150


def test_keras_runs_native_threads_that_a_fork_would_not_copy(
    import_cost: tuple[int, int, int],
) -> None:
    assert import_cost[1] > import_cost[2]


def test_only_jax_warns_of_a_fork(seen: Seen) -> None:
    warned = any("JAX is multithreaded" in message for message in seen["fork_warnings"])
    assert warned == (seen.backend == "jax")


def test_iterators_of_tensorflow_are_found_and_can_be_kept_from_being_destroyed(seen: Seen) -> None:
    """Their destruction waits for a batch, which must not be while the interpreter ends."""
    kinds = ("plain", "distributed") if seen.backend == "tensorflow" else ()
    expected = {f"{kind}, {at_end=}": at_end for at_end in (False, True) for kind in kinds}
    assert seen["iterators_that_outlive_their_users"] == expected
