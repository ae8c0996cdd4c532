"""Crashes, resumes, shards, and what is written down about a run."""

import contextlib
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

import augseq

from ..crash import CrashAfter, CrashError
from .watch import (
    NEEDS_JIT,
    Trained,
    array_sequence,
    fit,
    joined,
    new_model,
    plan_of,
    require_backend,
    require_equal,
    scenario,
    temporary_folder,
)

NUM_IMAGES = 12


def run_until(folder: str, num_batches: int, **options: Any) -> dict[int, list[Trained]]:
    """Train with backups after each batch, until a crash; return what was trained."""
    sequence, model = twelve(**options), new_model(built=True)
    callbacks = [
        augseq.BackupAndResume(sequence, Path(folder, "backups"), every_batches=1),
        augseq.Audit(sequence, Path(folder, "audit.jsonl")),
        CrashAfter(num_batches),
    ]
    with contextlib.suppress(CrashError):
        fit(sequence, sync=False, model=model, callbacks=callbacks, epochs=4, shuffle=False)
    return model.diary.by_epoch


def twelve(**options: Any) -> augseq.ImageSequence:
    return array_sequence(NUM_IMAGES, **options)


def flat(batches: list[Trained]) -> Trained:
    return [image for batch in batches for image in batch]


@scenario
def a_run_that_crashes_again_and_again_trains_each_record_once() -> None:
    require_backend("torch")
    for seed, workers in enumerate((0, 2, 2)):
        rng = np.random.default_rng(seed)
        expected = {epoch: flat(plan_of(twelve, epoch)) for epoch in range(4)}
        trained: dict[int, Trained] = {}
        with temporary_folder() as folder:
            # Other sizes of batches after each crash; the last run is left alone.
            for after in [*rng.integers(1, 9, 4).tolist(), 0]:
                size = int(rng.integers(1, 6))
                found = run_until(folder, after, batch_size=size, workers=workers)
                for epoch, images in (
                    (e, flat(batches)) for e, batches in found.items() if batches
                ):
                    # A batch that was not saved any more is trained again, and with the weights
                    # of before; so it takes its own place.
                    place = expected[epoch].index(images[0])
                    trained[epoch] = trained.get(epoch, [])[:place] + images
            report = augseq.verify_audit(Path(folder, "audit.jsonl"), twelve().manifest)
            require_equal(list(Path(folder).iterdir()), [Path(folder, "audit.jsonl")])
        require_equal(trained, expected, f"seed {seed}")
        require_equal((report.holds, report.num_epochs), (True, 4), str(report))


@scenario
def two_steps_per_execution_are_saved_and_resumed_where_they_ended() -> None:
    def make(**options: Any) -> augseq.ImageSequence:
        return array_sequence(10, **options)

    expected = flat([batch for epoch in range(3) for batch in plan_of(make, epoch)])
    # After 4 batches of 5, and after all of them: the second of the last two is not there.
    for num_calls, num_saved in ((2, 4), (3, 4), (5, 5 + 4)):
        with temporary_folder() as folder:
            for crash_after in (num_calls, 0):
                sequence, model = make(), new_model(built=True, steps_per_execution=2)
                backup = augseq.BackupAndResume(sequence, folder, every_batches=3)
                callbacks = [backup, CrashAfter(crash_after)]
                with contextlib.suppress(CrashError):
                    fit(
                        sequence,
                        sync=False,
                        model=model,
                        callbacks=callbacks,
                        epochs=3,
                        shuffle=False,
                    )
            trained = flat(joined(model.diary.by_epoch))
            require_equal(trained, expected[2 * num_saved :], f"crash after {num_calls} calls")


@scenario
def a_resumed_fit_that_fails_leaves_no_initial_epoch_to_the_next_one() -> None:
    with temporary_folder() as folder:
        for num_batches in (8, 3):
            sequence, model = twelve(), new_model(built=True)
            backup = augseq.BackupAndResume(sequence, folder, every_batches=1)
            callbacks = [backup, CrashAfter(num_batches)]
            with contextlib.suppress(CrashError):
                fit(sequence, sync=False, model=model, callbacks=callbacks, epochs=3, shuffle=False)
        require_equal(list(model.diary.by_epoch), [1])
        other = twelve()
        require_equal(list(fit(other, model=model, epochs=2, shuffle=False)), [0, 1])


@scenario
def an_audit_records_what_the_model_saw() -> None:
    with temporary_folder() as folder:
        sequence, path = array_sequence(NUM_IMAGES, batch_size=5), Path(folder, "audit.jsonl")
        trained = fit(sequence, callbacks=[augseq.Audit(sequence, path)], epochs=3, shuffle=False)
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        batches = [line for line in lines if "indices" in line]
        written = [[(index, line["epoch"]) for index in line["indices"]] for line in batches]
        require_equal(written, joined(trained))


@scenario
def an_audit_names_what_is_missing_or_repeated() -> None:
    with temporary_folder() as folder:
        sequence, path = array_sequence(NUM_IMAGES), Path(folder, "audit.jsonl")
        fit(sequence, callbacks=[augseq.Audit(sequence, path)], epochs=3, shuffle=False)
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        lost = lines[2]["indices"]
        lines[2]["indices"] = lines[3]["indices"]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        report = augseq.verify_audit(path, sequence.manifest)
        require_equal(report.missing, {0: sorted(lost)})
        require_equal(report.repeated, {0: sorted(lines[3]["indices"])})
        require_equal(report.holds, False)
        require_equal(report.num_padding, 0)


@scenario
def keras_own_shuffling_of_a_shard_raises_an_error() -> None:
    part = array_sequence(40).shard(0, 2)
    try:
        fit(part, epochs=1, shuffle=True)
    except Exception as error:
        require_equal("pass shuffle=False to fit" in str(error), True, str(error))
    else:
        raise AssertionError("nothing was refused")
    # Nothing of it is left.
    part.set_epoch(0)
    require_equal([len(part[k][0]) for k in (4, 2)], [2, 2])
    require_equal(len(flat(joined(fit(part, epochs=1, shuffle=False)))), 40 // 2)


@scenario
def keras_own_shuffling_raises_an_error_if_the_order_must_be_known() -> None:
    for shuffled in (augseq.Audit, augseq.BackupAndResume):
        with temporary_folder() as folder:
            sequence = array_sequence(40)
            options = {"every_batches": 1} if shuffled is augseq.BackupAndResume else {}
            callback = shuffled(sequence, Path(folder, "x"), **options)
            try:
                fit(sequence, callbacks=[callback], epochs=1, shuffle=True)
            except augseq.errors.ArgumentError as error:
                require_equal("shuffle=False" in str(error), True, str(error))
            else:
                raise AssertionError("nothing was refused")


@scenario
def two_shards_train_one_epoch_together() -> None:
    for drop_remainder in (False, True):
        shards = []
        for index in range(2):
            sequence = array_sequence(22, batch_size=4, drop_remainder=drop_remainder)
            shards.append(fit(sequence.shard(index, 2), epochs=2, shuffle=False))
        whole = array_sequence(22, batch_size=8, drop_remainder=drop_remainder)
        for epoch in range(2):
            whole.set_epoch(epoch)
            for number, (one, other) in enumerate(
                zip(shards[0][epoch], shards[1][epoch], strict=True)
            ):
                wanted = [(record.index, epoch) for record in whole.records(number)]
                require_equal((one + other)[: len(wanted)], wanted, f"step {number}")
            require_equal(len(shards[0][epoch]), len(whole))


@scenario
def padding_without_weight_keeps_metrics_exact() -> None:
    x = np.random.default_rng(0).random((22, 8, 8, 3)).astype(np.float32)
    y = np.arange(22, dtype=np.float32)
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(inputs)))
    model.compile("sgd", "mse", weighted_metrics=["mae"], jit_compile=NEEDS_JIT)
    sums = np.zeros(2)
    for index in range(2):
        part = augseq.ImageSequence.from_arrays(x, y, batch_size=4)
        shard = part.shard(index, 2, padding="zero_weight")
        weight = sum(
            float(weights.sum()) for _, _, weights in (shard[k] for k in range(len(shard)))
        )
        mae = model.evaluate(shard, verbose=0, return_dict=True)["mae"]
        sums += weight * mae, weight
    require_equal(int(sums[1]), 22)
    mae = model.evaluate(x, y, verbose=0, return_dict=True)["mae"]
    require_equal(bool(abs(sums[0] / sums[1] - mae) < 1e-4), True, f"{sums} {mae}")


@scenario
def the_worst_batches_are_kept_with_their_own_loss() -> None:
    x = np.zeros((24, 8, 8, 3), np.float32)
    y = np.ones((24, 1), np.float32)
    # One image that no model of zeros fits.
    y[17] = 100
    sequence = augseq.ImageSequence.from_arrays(x, y, batch_size=5, shuffle=True, seed=3)
    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.Dense(1, use_bias=False)(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=NEEDS_JIT)
    spikes = augseq.LossSpikes(sequence, keep=3, skip_epochs=1)
    model.fit(
        sequence,
        epochs=4,
        shuffle=False,
        verbose=0,
        callbacks=[augseq.EpochSync(sequence), spikes],
    )
    require_equal([17 in spike.indices for spike in spikes.spikes], [True] * 3)
    require_equal(sorted(spike.epoch for spike in spikes.spikes), [1, 2, 3])
    for spike in spikes.spikes:
        loss = float(np.mean(y[list(spike.indices)] ** 2))
        require_equal(bool(abs(spike.loss - loss) < 1e-3 * loss), True, f"{spike} {loss}")
    titles = [axes.get_title() for axes in spikes.draw().axes]
    require_equal(titles, [str(index) for index in spikes.spikes[0].indices])
