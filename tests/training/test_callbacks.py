"""Callbacks check their options when they are made, not once training runs."""

from pathlib import Path
from typing import Any

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
def test_a_wrong_option_of_a_backup_is_named_with_what_came(
    wrong: dict[str, Any], tmp_path: Path
) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(augseq.ArgumentError, match=name) as caught:
        augseq.BackupAndResume(make(), tmp_path, **wrong)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"keep": value} for value in ("3", 0, None)),
        *({"skip_epochs": value} for value in ("1", -1, None)),
    ],
)
def test_a_wrong_option_of_loss_spikes_is_named_with_what_came(wrong: dict[str, Any]) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(augseq.ArgumentError, match=name) as caught:
        augseq.LossSpikes(make(), **wrong)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("make_callback", [augseq.LossSpikes, lambda s: augseq.Audit(s, "a")])
def test_what_is_no_sequence_is_refused(make_callback: Any) -> None:
    with pytest.raises(augseq.ArgumentError, match="Received: str"):
        make_callback("photos")
