"""An augmentation of one's own can explain itself, and crop before decoding."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

import augseq
from augseq.augment.augmentation import Fired, detailed
from augseq.augment.laws import check_augmentation
from augseq.errors import AugmentationError
from augseq.pixels.region import Region
from augseq.types import Image

Rng = np.random.Generator
HEIGHT = 6


class Band(augseq.DetailedAugmentation):
    """Cuts a band of 6 rows out of an image; remembers where, for one thread."""

    sets_size = True
    result_size = (HEIGHT, 40)
    settings = "rows=6"

    def __init__(self) -> None:
        self._last: Fired = ()

    def __call__(self, image: Image, rng: Rng) -> Image:
        return image[slice(*self._rows(image.shape, rng))]

    def draw_crop(self, shape: tuple[int, ...], rng: Rng) -> augseq.Crop:
        top, bottom = self._rows(shape, rng)
        return augseq.Crop(
            box=(top, 0, bottom - top, shape[1]), covers=None, finish=lambda image: image
        )

    def fired(self) -> Fired:
        return self._last

    def _rows(self, shape: tuple[int, ...], rng: Rng) -> tuple[int, int]:
        top = int(rng.integers(shape[0] - HEIGHT + 1))
        self._last = (("Band", {"crop_coords": (0, top, shape[1], top + HEIGHT), "top": top}),)
        return top, top + HEIGHT


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(3).integers(0, 256, (60, 40, 3), dtype=np.uint8)
    PillowImage.fromarray(pixels).save(tmp_path / "leaf.png")
    return tmp_path


@pytest.fixture
def batches(photo: Path) -> augseq.ImageSequence:
    manifest = augseq.index_folder(photo, labels=None, progress=False)
    return augseq.ImageSequence(manifest, image_size=None, augment=[Band()], label_mode=None)


def test_a_users_crop_is_drawn_before_decoding(
    batches: augseq.ImageSequence, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = batches.pipeline.source
    opened = source.open(batches.manifest[0])
    regions: list[Region] = []

    class Watched:
        shape, scales = opened.shape, opened.scales

        def read(self, region: Region) -> Image:
            regions.append(region)
            return opened.read(region)

    monkeypatch.setattr(type(source), "open", lambda *_: Watched())
    sample = batches.sample(0, epoch=0)
    whole = np.asarray(PillowImage.open(photo / "leaf.png"))
    (top, left, height, width) = regions[0].box or ()
    assert (left, height, width) == (0, HEIGHT, 40)
    assert np.array_equal(sample.image, whole[top : top + HEIGHT])


def test_a_users_crop_is_explained_like_one_of_albumentations(
    batches: augseq.ImageSequence,
) -> None:
    explanation = batches.explain(0, epoch=2)
    whole, cut = explanation.stages
    assert (cut.name, whole.image.shape, cut.image.shape) == ("Band", (60, 40, 3), (6, 40, 3))
    ((name, drawn),) = cut.fired or ()
    assert name == "Band"
    assert whole.crop == (drawn["top"], 0, HEIGHT, 40)
    assert f"top={drawn['top']}" in str(explanation)
    assert np.array_equal(cut.image, whole.image[drawn["top"] : drawn["top"] + HEIGHT])


def test_statistics_and_options_of_a_users_crop_are_shown(batches: augseq.ImageSequence) -> None:
    stats = batches.augmentation_stats(num_samples=40, progress=False)
    (transform,) = stats.transforms
    assert transform.num_fired == 40
    assert len(set(transform.parameters["top"])) > 10
    assert "rows=6" in batches._repr_html_()


def test_the_size_of_a_users_crop_is_known_when_a_sequence_is_created(photo: Path) -> None:
    manifest = augseq.index_folder(photo, labels=None, progress=False)
    with pytest.warns(augseq.AugseqWarning, match=r"images of \(6, 40\)"):
        augseq.ImageSequence(manifest, augment=[Band()], label_mode=None)


class DrawsOtherRows(Band):
    def draw_crop(self, shape: tuple[int, ...], rng: Rng) -> augseq.Crop:
        rng.random()
        return super().draw_crop(shape, rng)


class FinishesOtherwise(Band):
    def draw_crop(self, shape: tuple[int, ...], rng: Rng) -> augseq.Crop:
        crop = super().draw_crop(shape, rng)
        return augseq.Crop(box=crop.box, covers=None, finish=lambda image: image[::-1])


class DrawsForNothing(Band):
    def draw_crop(self, shape: tuple[int, ...], rng: Rng) -> Any:
        super().draw_crop(shape, rng)


@pytest.mark.parametrize(
    ("augmentation", "complaint"),
    [
        (DrawsOtherRows(), "must draw what a call draws"),
        (FinishesOtherwise(), "must draw what a call draws"),
        (DrawsForNothing(), "if it returns None"),
    ],
)
def test_a_crop_that_differs_from_a_call_is_detected(augmentation: Band, complaint: str) -> None:
    with pytest.raises(AugmentationError, match=complaint):
        check_augmentation(augmentation)


def shift(image: Image, rng: Rng, by: int = 1) -> Image:
    return np.roll(image, by, axis=0)


class Halves:
    def __init__(self, sets_size: bool) -> None:
        self.sets_size = sets_size

    def __call__(self, image: Image, rng: Rng) -> Image:
        return image[::2]


@pytest.mark.parametrize(
    ("plain", "name", "sets_size"),
    [
        (shift, "shift", False),
        (lambda image, _: image, "<lambda>", False),
        (partial(shift, by=2), "partial", False),
        (Halves(True), "Halves", True),
        (Halves(False), "Halves", False),
    ],
)
def test_a_plain_callable_gets_the_defaults(plain: Any, name: str, sets_size: bool) -> None:
    step = detailed(plain)
    rng = np.random.default_rng(0)
    assert (step.name, step.sets_size, step.result_size) == (name, sets_size, None)
    assert step.part_names == (name,)
    assert step.fired() is None
    assert step.draw_crop((8, 8, 3), rng) is None
    assert step.settings == ""
