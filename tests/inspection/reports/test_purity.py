"""Which transforms of a list are not pure, and how one can see it."""

import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pytest

import augseq
from augseq.inspection.reports.purity import PurityReport, check_purity
from tests.augment.test_laws import TRANSFORMS
from tests.inspection.impure_transforms import IMPURE, GoesWrongElsewhere


def report(
    manifest: augseq.Manifest, augment: list[Any], *, positions: tuple[int, ...] = (3, 170)
) -> PurityReport:
    sequence = augseq.ImageSequence(
        manifest, image_size=(48, 56), augment=augment, dtype="uint8", label_mode=None
    )
    return check_purity(sequence.pipeline, [manifest[position] for position in positions])


@pytest.fixture(scope="module", autouse=True)
def processes_without_torch() -> Iterator[None]:
    """Keep torch out of the processes of a check: albumentations would import it in each."""
    with pytest.MonkeyPatch.context() as patch:
        # They look for modules where this process does.
        patch.syspath_prepend(str(Path(__file__).parents[2] / "without_torch"))
        yield


@pytest.fixture(scope="module")
def found(samples: augseq.Manifest) -> PurityReport:
    # A pure one after each, which must not be blamed for what it is given.
    pairs = [[step, A.HorizontalFlip()] for step in IMPURE.values()]
    return report(samples, [step for pair in pairs for step in pair])


def test_ten_planted_transforms_are_found_by_name(found: PurityReport) -> None:
    assert {impurity.name for impurity in found.impurities} == set(IMPURE)
    assert {impurity.number for impurity in found.impurities} == set(range(1, 21, 2))
    assert not found.is_pure


@pytest.mark.parametrize(
    ("name", "evidence"),
    [
        ("numpy_noise", "draws from a global generator"),
        ("python_flip", "draws from a global generator"),
        ("fresh_noise", "different pixels for the same generator"),
        ("darken_in_place", "changes its input image"),
        ("shift_by_the_clock", "different pixels for the same generator"),
        ("shift_by_the_process", "in two processes"),
        ("shift_by_a_hash", "in two processes with PYTHONHASHSEED=1 and 2"),
        ("Counting", "keeps state from earlier calls"),
        ("Racing", "when threads share it"),
        ("Locked", "cannot be pickled"),
    ],
)
def test_each_comes_with_evidence(found: PurityReport, name: str, evidence: str) -> None:
    texts = [str(impurity) for impurity in found.impurities if impurity.name == name]
    assert any(evidence in text for text in texts), texts


@pytest.mark.parametrize("count", [10, pytest.param(60, marks=pytest.mark.long)])
def test_pure_transforms_are_not_blamed(samples: augseq.Manifest, count: int) -> None:
    pure = [step for step in TRANSFORMS if type(step).__name__ not in _CHANGING_SIZE]
    pure = pure[: 60 : 60 // count]
    assert len(pure) == count
    # Last, as those after it would clip what it gives.
    pure.sort(key=lambda step: type(step).__name__ == "Normalize")
    # One image for each: with two it takes a minute.
    found = report(samples, pure, positions=(170,))
    assert found.is_pure, str(found)
    assert str(found).startswith(f"All {count} augmentations are pure: ")


_CHANGING_SIZE = {
    "CenterCrop",
    "Crop",
    "RandomCrop",
    "RandomSizedCrop",
    "Resize",
    "LongestMaxSize",
    "SmallestMaxSize",
    "RandomScale",
    "RandomResizedCrop",
}


def fails(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    raise RuntimeError("the disk is on fire")


def test_one_that_raises_is_named_and_the_others_are_still_checked(
    samples: augseq.Manifest,
) -> None:
    found = report(samples, [A.HorizontalFlip(), fails, IMPURE["Counting"]])
    assert "augmentation 2, 'fails': raises RuntimeError: the disk is on fire" in str(found)
    assert {impurity.number for impurity in found.impurities} == {2, 3}


@pytest.mark.parametrize("code", [3, pytest.param(0, marks=pytest.mark.long)])
def test_one_that_ends_its_process_is_named_and_the_others_are_still_checked(
    samples: augseq.Manifest, code: int
) -> None:
    steps = [GoesWrongElsewhere(code=code), IMPURE["shift_by_the_process"]]
    found = report(samples, steps)
    assert [impurity.number for impurity in found.impurities] == [1, 2]
    evidence = f"its process ended with exit code {code}: the disk is on fire"
    assert evidence in found.impurities[0].evidence


def test_one_that_hangs_in_a_new_process_is_named(
    samples: augseq.Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("augseq.inspection.reports.purity._CHILD_TIMEOUT_S", 10)
    (impurity,) = report(samples, [GoesWrongElsewhere(code=None)]).impurities
    assert impurity.name == "GoesWrongElsewhere"
    assert "its process takes longer than 10 s" in impurity.evidence


def test_where_no_process_starts_no_transform_is_blamed(
    samples: augseq.Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(augseq.errors.WorkerError, match="ended with exit code 1"):
        report(samples, [A.HorizontalFlip()])


def test_a_list_of_nothing_is_pure(samples: augseq.Manifest) -> None:
    assert report(samples, []).is_pure


def test_a_check_leaves_the_global_generators_alone(samples: augseq.Manifest) -> None:
    before = random.getstate(), np.random.get_state(legacy=False)
    report(samples, [A.HorizontalFlip(), A.GaussNoise()])
    assert repr(before) == repr((random.getstate(), np.random.get_state(legacy=False)))
