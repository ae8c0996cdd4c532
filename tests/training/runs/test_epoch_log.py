"""The best epoch is chosen from the history alone, so that a resumed run chooses the same."""

import importlib.util
import math
from typing import Any

import pytest

from augseq.errors import MissingExtraError
from augseq.training.run_options import RunOptions
from augseq.training.runs.epoch_log import best_epoch, epochs_of
from augseq.training.runs.stages import check_tensorboard, stages_of


def history(accuracies: list[float], losses: list[float]) -> list[dict[str, float]]:
    return epochs_of({"loss": losses, "val_accuracy": accuracies, "val_loss": losses})


@pytest.mark.parametrize(
    ("accuracies", "losses", "best"),
    [
        ([0.5], [1.0], 0),
        ([0.5, 0.6, 0.4], [1, 2, 0.1], 1),
        ([0.5, 0.6, 0.6], [1, 2, 1.5], 2),
        ([0.6, 0.6, 0.6], [1, 1, 1], 0),
        ([0.6, 0.6], [math.nan, 3], 1),
        ([0.6, 0.6], [3, math.nan], 0),
        ([0.6, 0.6], [math.nan, math.nan], 0),
        ([0.1, 0.9, 0.9, 0.9, 0.2], [5, 4, 3, 2, 1], 3),
        ([1, 0, 0], [0.5, 0.1, 0.1], 0),
        ([0, 0, 0], [3, 2, 1], 2),
    ],
)
def test_the_best_epoch_has_the_highest_accuracy_then_the_lowest_loss(
    accuracies: list[float], losses: list[float], best: int
) -> None:
    assert best_epoch(history(accuracies, losses), "accuracy") == best


def test_a_model_without_accuracy_is_compared_by_its_loss() -> None:
    epochs = [{"val_loss": 3.0}, {"val_loss": 1.0}, {"val_loss": 2.0}]
    assert best_epoch(epochs, "accuracy") == best_epoch(epochs, None) == 1


def test_logs_for_tensorboard_are_refused_without_it() -> None:
    wanted = RunOptions(tensorboard=True)
    if importlib.util.find_spec("tensorboard") and importlib.util.find_spec("tensorflow"):
        check_tensorboard(wanted)
    else:
        with pytest.raises(MissingExtraError, match=r"Install .*tensorboard"):
            check_tensorboard(wanted)
    check_tensorboard(RunOptions())


PRETRAINED = {"weights": "imagenet"}


@pytest.mark.parametrize(
    ("options", "stages"),
    [
        ({}, [("all", 0, 50, 3e-3, None)]),
        ({"epochs": 1, "learning_rate": 0.1}, [("all", 0, 1, 0.1, None)]),
        (PRETRAINED, [("head", 0, 5, 1e-2, True), ("all", 5, 20, 5e-4, False)]),
        ({**PRETRAINED, "epochs": 1}, [("all", 0, 1, 5e-4, False)]),
        ({**PRETRAINED, "epochs": 2}, [("head", 0, 1, 1e-2, True), ("all", 1, 2, 5e-4, False)]),
        ({**PRETRAINED, "head_epochs": 0}, [("all", 0, 20, 5e-4, False)]),
        ({**PRETRAINED, "head_epochs": 20}, [("head", 0, 20, 1e-2, True)]),
        (
            {**PRETRAINED, "learning_rate": 0.02, "epochs": 9, "head_epochs": 3},
            [("head", 0, 3, 0.02, True), ("all", 3, 9, 0.001, False)],
        ),
    ],
)
def test_pretrained_weights_get_a_stage_for_the_head_and_a_gentle_one(
    options: dict[str, Any], stages: list[tuple[Any, ...]]
) -> None:
    found = [
        (stage.name, stage.first, stage.end, stage.learning_rate, stage.with_head_only)
        for stage in stages_of(RunOptions(**options))
    ]
    assert found == [
        (name, first, end, pytest.approx(rate), head) for name, first, end, rate, head in stages
    ]
