"""What `verify_audit` makes of files, whole ones and others."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import augseq

IMAGES = augseq.ImageSequence.from_arrays(np.zeros((6, 4, 4, 3), np.uint8)).manifest


def batch(epoch: int, place: int) -> dict[str, Any]:
    return {"epoch": epoch, "place": place, "indices": [place, place + 1], "num_padding": 0}


def epoch_of(number: int, *, places: tuple[int, ...] = (0, 2, 4), ended: bool) -> list[Any]:
    batches: list[Any] = [batch(number, place) for place in places]
    return [*batches, {"epoch": number, "ended": True}] if ended else batches


def write(path: Path, lines: list[Any]) -> Path:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


@pytest.mark.parametrize("ended", [True, False])
def test_an_audit_of_complete_epochs_holds_even_without_end_lines(
    tmp_path: Path, ended: bool
) -> None:
    path = write(tmp_path / "a", epoch_of(0, ended=ended) + epoch_of(1, ended=ended))
    report = augseq.verify_audit(path, IMAGES)
    assert (report.holds, report.num_epochs, report.unfinished) == (True, 2, 0)


@pytest.mark.parametrize("lost", [0, 2, 4])
def test_a_lost_batch_of_a_completed_epoch_is_missing(tmp_path: Path, lost: int) -> None:
    places = tuple(place for place in (0, 2, 4) if place != lost)
    lines = epoch_of(0, ended=True) + epoch_of(1, places=places, ended=True)
    report = augseq.verify_audit(write(tmp_path / "a", lines), IMAGES)
    assert report.missing == {1: [lost, lost + 1]}
    assert (report.holds, report.unfinished, report.num_epochs) == (False, 0, 2)


def test_all_lost_batches_of_a_completed_epoch_are_missing(tmp_path: Path) -> None:
    lines = epoch_of(0, ended=True) + epoch_of(1, places=(), ended=True)
    report = augseq.verify_audit(write(tmp_path / "a", lines), IMAGES)
    assert report.missing == {1: list(range(6))}


def test_an_epoch_that_did_not_end_is_unfinished(tmp_path: Path) -> None:
    lines = epoch_of(0, ended=True) + epoch_of(1, places=(0, 2), ended=False)
    report = augseq.verify_audit(write(tmp_path / "a", lines), IMAGES)
    assert (report.holds, report.num_epochs, report.unfinished) == (True, 1, 4)
    assert str(report) == (
        "1 complete epoch, and 4 records of the next one: "
        "each record was trained exactly once in each."
    )


def test_an_epoch_resumed_from_a_backup_is_no_longer_complete(tmp_path: Path) -> None:
    lines = [*epoch_of(0, ended=True), *epoch_of(1, ended=True), batch(1, 2)]
    report = augseq.verify_audit(write(tmp_path / "a", lines), IMAGES)
    assert (report.holds, report.num_epochs, report.unfinished) == (True, 1, 4)


def test_an_epoch_is_complete_when_every_process_has_ended_it(tmp_path: Path) -> None:
    one = write(tmp_path / "a", epoch_of(0, places=(0, 4), ended=True))
    other = write(tmp_path / "b", epoch_of(0, places=(), ended=False))
    assert augseq.verify_audit([one, other], IMAGES).unfinished == 4
    write(other, epoch_of(0, places=(), ended=True))
    assert augseq.verify_audit([one, other], IMAGES).missing == {0: [2, 3]}


@pytest.mark.parametrize("lines", [[], [batch(0, 0)]])
def test_an_audit_without_a_complete_epoch_verifies_nothing(
    tmp_path: Path, lines: list[Any]
) -> None:
    report = augseq.verify_audit(write(tmp_path / "a", lines), IMAGES)
    assert not report.holds
    assert str(report).endswith(": nothing can be verified.")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(augseq.errors.MissingFileError, match=r"none\.jsonl"):
        augseq.verify_audit(tmp_path / "none.jsonl", IMAGES)


@pytest.mark.parametrize("foreign", ['{"name": "x"}', "17", "[]", "\x00\xff", "a,b,c"])
def test_a_foreign_file_raises_an_error_with_its_line(tmp_path: Path, foreign: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(f"{foreign}\n{foreign}\n".encode("latin-1"))
    with pytest.raises(augseq.errors.ArgumentError, match="Line 1 of"):
        augseq.verify_audit(path, IMAGES)


@pytest.mark.parametrize(
    ("paths", "data", "message"),
    [
        ([], IMAGES, r"`paths` must be a file.*Received: paths=\[\]"),
        (None, IMAGES, "`paths` must be a file"),
        (".", IMAGES, "not a folder"),
        ("a", "photos", "`manifest` must be the Manifest.*Received: str"),
    ],
)
def test_what_cannot_be_verified_is_refused(paths: Any, data: Any, message: str) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=message):
        augseq.verify_audit(paths, data)


def test_a_manifest_in_place_of_a_sequence_with_quotas_is_answered(tmp_path: Path) -> None:
    lines = epoch_of(0, ended=True)
    lines.insert(1, batch(0, 1))
    assert "pass the sequence that has them" in str(
        augseq.verify_audit(write(tmp_path / "a", lines), IMAGES)
    )


@pytest.mark.parametrize("num_characters", [1, 12, 40])
def test_an_incomplete_line_of_a_killed_process_is_ignored(
    tmp_path: Path, num_characters: int
) -> None:
    path = write(tmp_path / "a", [batch(0, 0), batch(0, 2)])
    torn = json.dumps(batch(0, 4))[:num_characters]
    with path.open("a") as file:
        file.write(torn)
    assert augseq.verify_audit(path, IMAGES).unfinished == 4
    # The next process appends to the same file.
    augseq.Audit(
        augseq.ImageSequence.from_arrays(np.zeros((6, 4, 4, 3), np.uint8)), path
    ).on_train_begin()
    with path.open("a") as file:
        file.write(json.dumps(batch(0, 4)) + "\n")
    report = augseq.verify_audit(path, IMAGES)
    assert (report.holds, report.num_epochs) == (True, 1)
