"""Every display shows the targets, and they move with their image."""

from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pytest

import augseq
from augseq.inspection.drawing.contact_sheet import draw_contact_sheet
from augseq.inspection.reports.cache_advice import measure_caches
from tests.inspection.page import Page
from tests.inspection.scenes import AGE, CLASSES, DEPTH, MASK, TAGGED, scenes


@augseq.photometric
def keep_red_and_green(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    image[:, :, 2] = rng.integers(0, 256)
    return image


# None of these mixes pixels, so the image tells exactly what its maps must be.
MOVING = [A.HorizontalFlip(p=1), A.Transpose(p=1), keep_red_and_green]
LISTS: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "nothing": ([], {}),
    "flip and turn": (MOVING, {}),
    "crop first": ([A.RandomCrop(12, 16), *MOVING], {}),
    "crop that is enlarged": ([A.RandomCrop(12, 12), *MOVING], {"image_size": (36, 36)}),
    "crop last": ([*MOVING, A.RandomCrop(10, 9)], {}),
    "centre crop": ([A.CenterCrop(20, 10), A.VerticalFlip(p=1)], {}),
    "quarter turns": ([A.RandomRotate90(p=1), A.D4(p=1)], {}),
    "often nothing": ([A.HorizontalFlip(p=0.1), A.VerticalFlip(p=0.1)], {}),
    "resized first": (MOVING, {"image_size": (48, 64)}),
    "resized to less": (MOVING, {"image_size": (8, 16)}),
    "resized to less, cropped": (MOVING, {"image_size": (8, 8), "resize_mode": "crop"}),
    "cache": (MOVING, {"image_size": (48, 64), "cache": "cached"}),
    "cache and crop": ([A.RandomCrop(12, 16), *MOVING], {"cache": "cached"}),
    "nested": ([A.Compose([A.RandomCrop(12, 16), A.HorizontalFlip(p=1)]), keep_red_and_green], {}),
}


def sequence_of(images: augseq.Manifest, targets: Any, **options: Any) -> augseq.ImageSequence:
    settings = {"image_size": None, "workers": 0, "seed": 4, **options}
    if settings["image_size"]:
        settings["interpolation"] = "nearest"
    return augseq.ImageSequence(images, targets=targets, **settings)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> augseq.Manifest:
    return scenes(tmp_path_factory.mktemp("scenes"))


@pytest.mark.parametrize(("augment", "options"), LISTS.values(), ids=LISTS)
def test_masks_and_maps_of_each_stage_fit_its_image(
    images: augseq.Manifest,
    augment: list[Any],
    options: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    targets = {"mask": MASK, "depth": DEPTH, "clean": augseq.InputImage(clean=True), "age": AGE}
    sequence = sequence_of(images, targets, augment=augment, **options)
    for epoch in range(2):
        explanation = sequence.explain(1, epoch=epoch)
        sample = sequence.sample(1, epoch=epoch)
        for stage in explanation.stages:
            red, green = stage.image[:, :, 0], stage.image[:, :, 1]
            assert np.array_equal(stage.targets["mask"] * 80, red)
            assert np.array_equal(stage.targets["depth"][:, :, 0] * 2, green)
            assert np.array_equal(stage.targets["clean"][:, :, :2], stage.image[:, :, :2])
        for name, values in sample.targets.items():
            assert np.array_equal(explanation.stages[-1].targets[name], values)


def shown(figure: Any) -> list[str]:
    return [axes.get_title() for axes in figure.axes if axes.images and axes.get_title()]


def key_of(figure: Any) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_the_mask_of_each_stage_is_in_the_picture(images: augseq.Manifest) -> None:
    sequence = sequence_of(images, MASK, augment=[A.HorizontalFlip(p=1)], dtype="uint8")
    before, after = sequence.show_steps(1).axes
    drawn = np.asarray(before.images[0].get_array())
    assert np.array_equal(np.asarray(after.images[0].get_array()), drawn[:, ::-1])
    plain = sequence.explain(1, epoch=0).stages[0].image
    is_background = plain[:, :, 0] == 0
    assert np.array_equal((drawn == plain).all(axis=2), is_background)
    assert key_of(sequence.show_steps(1)) == CLASSES


def test_a_batch_is_drawn_with_one_key_and_one_scale(images: augseq.Manifest) -> None:
    targets = {"mask": MASK, "far": DEPTH, "years": AGE, "seen": TAGGED}
    sequence = sequence_of(images, targets, augment=[A.Rotate((30, 30), p=1)])
    figure = sequence.show()
    assert shown(figure) == ["0.png", "1.png", "far", "far"]
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert texts[:2] == ["years: 1.5\nseen: no label", "years: 2.5\nseen: day"]
    assert key_of(figure) == [*CLASSES, "ignored", "no value"]
    known = sequence[0][1]["far"]
    known = known[known > 0]
    assert texts[2:] == [f"far   {known.min():.4g}", f"{known.max():.4g}"]
    figure.draw_without_rendering()
    height = figure.bbox.height
    for artist in (*figure.legends, *(text for axes in figure.axes for text in axes.texts)):
        box = artist.get_window_extent()
        assert 0 <= box.y0 < box.y1 <= height


def test_samples_of_several_epochs_and_seeds_have_their_targets(images: augseq.Manifest) -> None:
    sequence = sequence_of(images, {"far": DEPTH, "mask": MASK}, augment=[A.HorizontalFlip()])
    titles = shown(sequence.show_augmentations(1, num_epochs=2))
    assert titles == ["without augmentation", "epoch 0", "epoch 1", "far", "far", "far"]
    sheet = draw_contact_sheet(images, sequence.pipeline, seeds=[3], num_images=2)
    assert shown(sheet) == ["0.png", "seed 3", "far", "far", "1.png", "seed 3", "far", "far"]
    assert key_of(sheet) == CLASSES


def test_a_last_row_that_is_not_full_keeps_its_columns(tmp_path: Path) -> None:
    images = scenes(tmp_path, count=9)
    figure = sequence_of(images, {"far": DEPTH, "mask": MASK}).show()
    places = [axes.get_position().x0 for axes in figure.axes if axes.get_title()]
    assert shown(figure)[5:14] == [*["far"] * 5, "5.png", "6.png", "7.png", "8.png"]
    assert places[14:] == places[10:14] == places[:4]


def test_a_notebook_shows_targets_with_escaped_names(images: augseq.Manifest) -> None:
    targets = {"<far>": DEPTH, "mask": MASK, "seen": TAGGED}
    sequence = sequence_of(images, targets, augment=[A.Rotate((30, 30), p=1)])
    page = Page(sequence._repr_html_())
    # Two images, and the value map of each.
    assert len(page.images()) == 4
    assert [*CLASSES, "ignored", "no value"] == [
        text for text in page.texts if text in {*CLASSES, "ignored", "no value"}
    ]
    lines = page.of_class("augseq-line")
    assert len(lines) == 4
    assert page.texts.count("<far>") == 2
    assert page.texts.count("seen: no label") == 1
    assert len(page.of_class("augseq-scale")) == 1
    assert "<b>sky" not in sequence._repr_html_()


def test_a_notebook_shows_the_mask_over_the_image(images: augseq.Manifest) -> None:
    with_mask, without = (
        np.asarray(Page(sequence_of(images, target)._repr_html_()).images()[1].convert("RGB"))
        for target in (MASK, AGE)
    )
    plain = augseq.read_image(Path(images.root) / images[1].path)
    difference = np.abs(with_mask.astype(int) - without).sum(axis=2)
    assert difference[plain[:, :, 0] > 0].mean() > 2 * difference[plain[:, :, 0] == 0].mean()


@pytest.mark.parametrize(
    ("augment", "options"),
    [([A.RandomCrop(12, 16), A.Rotate()], {}), ([A.Rotate()], {"image_size": (20, 20)})],
)
def test_statistics_of_augmentations_are_the_same_with_masks(
    images: augseq.Manifest, augment: list[Any], options: dict[str, Any]
) -> None:
    sequences = (sequence_of(images, one, augment=augment, **options) for one in (MASK, AGE))
    with_mask, without = (
        one.augmentation_stats(num_samples=8, progress=False) for one in sequences
    )
    assert str(with_mask) == str(without)


def test_a_sample_and_a_batch_are_shown_with_arrays_and_pictures(images: augseq.Manifest) -> None:
    sequence = sequence_of(images, {"mask": MASK, "<far>": DEPTH, "years": AGE})
    sample, batch = sequence.sample(1, epoch=0), sequence.batch(0)
    for shown_object, num_images in ((sample, 1), (batch, 2)):
        html = shown_object._repr_html_()
        page = Page(html)
        assert len(page.images()) == 2 * num_images
        assert "years: 2.5" in page.texts
        assert set(CLASSES) <= set(page.texts)
        lines = "\n".join(page.texts)
        for line in repr(shown_object).split("\n"):
            assert line.strip() in lines
        assert "<far>" not in html


def test_a_large_batch_of_classes_is_cut_and_named(samples: augseq.Manifest) -> None:
    batches = augseq.ImageSequence(samples, image_size=(8, 8), batch_size=20, workers=0)
    page = Page(batches.batch(0)._repr_html_())
    assert len(page.images()) == 16
    assert {found["title"] for found in page.named("figcaption")} == {"butterfly"}
    assert "and 4 more" in page.texts


def test_a_sample_made_by_hand_is_shown_without_its_targets() -> None:
    pixels = np.zeros((4, 5, 1), np.float32)
    record = augseq.Record(index=7, path="<a>.jpg")
    sample = augseq.Sample(record=record, inputs={"image": pixels}, targets={"y": np.ones(3)})
    page = Page(sample._repr_html_())
    assert len(page.images()) == 1
    assert page.named("figcaption")[0]["title"] == "<a>.jpg"


def test_a_mask_hinders_no_advice_about_caches(tmp_path: Path) -> None:
    images = scenes(tmp_path, size=(96, 120))
    sequence = sequence_of(images, MASK, augment=[A.RandomCrop(12, 12)])
    assert [gain.choice.shorter_side_px for gain in measure_caches(sequence._plan)] == [None]


def test_further_inputs_are_shown_like_targets() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (2, 12, 12, 3), np.uint8)
    x = {
        "image": pixels,
        "moved": augseq.PairedImage(pixels, augment="geometry"),
        "own": augseq.PairedImage(pixels, augment="own"),
        "facts": np.array([[1.5, 2], [3, 4]]),
    }
    batches = augseq.ImageSequence.from_arrays(
        x,
        np.arange(2),
        augment=[A.HorizontalFlip(p=0.5), A.Transpose(p=1)],
        workers=0,
        dtype="uint8",
    )
    explanation, sample = batches.explain(1, epoch=0), batches.sample(1, epoch=0)
    for stage in explanation.stages:
        assert np.array_equal(stage.inputs["moved"], stage.image)
        assert stage.inputs["facts"].tolist() == [3, 4]
    assert np.array_equal(explanation.stages[-1].inputs["own"], sample.inputs["own"])
    figure = batches.show()
    assert shown(figure) == ["x[0]", "x[1]", "moved", "moved", "own", "own"]
    assert figure.axes[-1].texts[0].get_text() == "facts: 3, 4\ntarget: 1"
    assert len(Page(batches._repr_html_()).images()) == 6
    assert len(Page(sample._repr_html_()).images()) == 3
