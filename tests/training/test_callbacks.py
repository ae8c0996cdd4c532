"""Callbacks check their options when they are made, not once training runs."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import augseq


def make() -> augseq.ImageSequence:
    return augseq.ImageSequence.from_arrays(np.zeros((4, 8, 8, 3), np.uint8), batch_size=2)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"every_s": value} for value in ("5", 0, -1, True, float("nan"), float("inf"))),
        *({"every_batches": value} for value in ("5", 0, 1.5, True)),
        *({"keep": value} for value in ("3", 0, None)),
    ],
)
def test_an_invalid_option_of_a_backup_is_named_with_its_value(
    wrong: dict[str, Any], tmp_path: Path
) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(augseq.errors.ArgumentError, match=name) as caught:
        augseq.BackupAndResume(make(), tmp_path, **wrong)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"keep": value} for value in ("3", 0, None)),
        *({"skip_epochs": value} for value in ("1", -1, None)),
    ],
)
def test_an_invalid_option_of_loss_spikes_is_named_with_its_value(wrong: dict[str, Any]) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(augseq.errors.ArgumentError, match=name) as caught:
        augseq.LossSpikes(make(), **wrong)
    assert repr(value) in str(caught.value)


class TwoLosses(keras.Model):  # type: ignore[misc]
    """Reports losses under custom names."""

    def train_step(self, data: Any) -> dict[str, float]:
        return {"g_loss": 1.0, "d_loss": 2.0}


def test_loss_spikes_name_the_metrics_of_a_model_that_reports_no_loss() -> None:
    model, batches = TwoLosses(), make()
    model.compile(run_eagerly=True)
    callbacks = [augseq.EpochSync(batches), augseq.LossSpikes(batches)]
    with pytest.raises(
        augseq.errors.ArgumentError, match=r'"loss", but this model reports d_loss, g_loss'
    ):
        model.fit(batches, shuffle=False, verbose=0, callbacks=callbacks)


@pytest.mark.parametrize("make_callback", [augseq.LossSpikes, lambda s: augseq.Audit(s, "a")])
def test_anything_but_a_sequence_raises_an_error(make_callback: Any) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match="Received: str"):
        make_callback("photos")
