"""What `fit` trains on each backend; each scenario is a function of `scenarios`."""

import ast
from pathlib import Path
from typing import Any

import pytest

from tests.backends import BACKENDS, is_installed

from .conftest import Outcomes


def scenario_names() -> list[str]:
    """Read the names from the source, since importing it would start Keras."""
    names = []
    for path in sorted((Path(__file__).parent / "scenarios").glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.decorator_list:
                decorators = {getattr(d, "id", None) for d in node.decorator_list}
                names += [node.name] * ("scenario" in decorators)
    return names


# Keras asks for batches in the same way on all backends, but TensorFlow does so in its own threads.
# JAX and torch therefore run the others with `-m long`: with these they train, resume, shard,
# evaluate, fail and record.
SHORT_ON_JAX_AND_TORCH = {
    "a_raising_transform_is_reported_with_path_and_index_on_every_backend",
    "a_run_that_crashes_again_and_again_trains_each_record_once",
    "a_wrapper_with_epoch_sync_trains_each_epoch_without_a_warning",
    "an_audit_records_what_the_model_saw",
    "each_epoch_trains_each_record_once_with_its_own_augmentation",
    "evaluate_and_predict_between_epochs_do_not_disturb_training",
    "fewer_steps_than_batches_go_on_with_the_pass_and_it_is_named_after_its_first_epoch",
    "padding_without_weight_keeps_metrics_exact",
    "the_classic_sequence_and_ours_train_and_validate_bit_equal_batches",
    "the_worst_batches_are_kept_with_their_own_loss",
    "torch_loaders_warn_unless_epochs_are_set",
    "two_shards_train_one_epoch_together",
    "without_epoch_sync_an_epoch_that_is_not_that_of_keras_is_never_silent",
    "without_epoch_sync_one_fit_trains_the_epochs_of_keras_and_says_nothing",
    "without_epoch_sync_no_augmentation_comes_twice_not_in_a_second_fit_either",
    "workers_that_are_killed_in_every_epoch_change_nothing_that_is_trained",
}


def runs_of(scenario: str) -> list[Any]:
    """Return the scenario on each backend, marked where it runs with `-m long` only."""
    others_are_long = scenario not in SHORT_ON_JAX_AND_TORCH
    return [
        pytest.param(
            backend,
            scenario,
            marks=[pytest.mark.long] if others_are_long and backend != "tensorflow" else [],
        )
        for backend in BACKENDS
    ]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("backend", "scenario"), [run for name in scenario_names() for run in runs_of(name)]
)
def test_fit(backend: str, scenario: str, outcomes: Outcomes) -> None:
    if not is_installed(backend):
        pytest.skip(f"needs keras and {backend}")
    if scenario not in outcomes[backend]:
        pytest.fail(
            f"{scenario} on {backend} did not end. stderr of its process:\n"
            f"{outcomes[backend]['stderr']}",
            pytrace=False,
        )
    problem = outcomes[backend][scenario]
    if problem is not None and problem.startswith("skip: "):
        pytest.skip(problem.removeprefix("skip: "))
    if problem is not None:
        # The traceback of its process, which ends with what was found and what was expected.
        pytest.fail(f"{scenario} on {backend}:\n{problem}", pytrace=False)
