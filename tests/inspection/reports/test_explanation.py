"""What happened to one image, stage by stage."""

from itertools import pairwise
from typing import Any

import albumentations as A
import numpy as np
import pytest
from PIL import Image as PillowImage

import augseq
from augseq.inspection.reports.explanation import Explanation, explain_sample
from augseq.loading.pipeline import Pipeline
from augseq.loading.sample import load_sample

LIST = [
    A.RandomResizedCrop((48, 48)),
    A.HorizontalFlip(p=0.5),
    A.OneOf([A.GaussNoise(), A.ColorJitter()], p=0.7),
    A.Affine(rotate=(-20, 20), p=0.5),
]


def invert(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return 255 - image


def halve(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image[::2, ::2]


def pipeline_of(manifest: augseq.Manifest, augment: list[Any], **options: Any) -> Pipeline:
    options = {"label_mode": None, "dtype": "uint8", **options}
    return augseq.ImageSequence(manifest, augment=augment, **options).pipeline


def explain(
    manifest: augseq.Manifest, augment: list[Any], *, epoch: int = 0, **options: Any
) -> Explanation:
    pipeline = pipeline_of(manifest, augment, image_size=(48, 48), **options)
    return explain_sample(manifest[17], pipeline, seed=7, epoch=epoch)


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize(
    "augment", [[], LIST, [invert, *LIST], [A.Compose(LIST)], [invert], [halve]]
)
def test_the_last_stage_is_what_the_model_sees(
    samples: augseq.Manifest, augment: list[Any], scaled: bool
) -> None:
    pipeline = pipeline_of(samples, augment, image_size=(32, 32), scaled_decode=scaled)
    for epoch in range(6):
        explanation = explain_sample(samples[17], pipeline, seed=7, epoch=epoch)
        expected = load_sample(samples[17], pipeline, seed=7, epoch=epoch).image
        np.testing.assert_array_equal(explanation.image, expected)


def test_stages_come_in_the_order_of_the_plan(samples: augseq.Manifest) -> None:
    names = [stage.name for stage in explain(samples, LIST).stages]
    assert names == ["decoded", "RandomResizedCrop", "HorizontalFlip", "OneOf", "Affine"]
    names = [stage.name for stage in explain(samples, [invert]).stages]
    assert names == ["decoded", "resized", "invert"]
    names = [stage.name for stage in explain(samples, [halve]).stages]
    assert names == ["decoded", "resized", "halve", "resized"]
    names = [stage.name for stage in explain(samples, [A.CenterCrop(20, 20)]).stages]
    assert names == ["decoded", "CenterCrop", "resized"]


def test_a_transform_fired_exactly_where_it_changed_the_image(samples: augseq.Manifest) -> None:
    """Noise and rotation always change something; so does a flip of this picture."""
    fired = 0
    for epoch in range(30):
        stages = explain(samples, LIST, epoch=epoch).stages
        for before, stage in pairwise(stages[1:]):
            assert stage.fired is not None
            changed = not np.array_equal(before.image, stage.image)
            assert changed == bool(stage.fired), (epoch, stage)
            fired += changed
    assert 30 < fired < 80


def test_parameters_are_those_that_were_drawn(samples: augseq.Manifest) -> None:
    explanation = explain(samples, [A.RandomResizedCrop((48, 48)), A.ColorJitter(p=1)])
    crop, jitter = (dict(stage.fired or ()) for stage in explanation.stages[1:])
    left, top, right, bottom = crop["RandomResizedCrop"]["crop_coords"]
    assert explanation.stages[0].crop == (top, left, bottom - top, right - left)
    assert 0.8 <= jitter["ColorJitter"]["brightness"] <= 1.2


def test_a_function_of_ones_own_does_not_tell(samples: augseq.Manifest) -> None:
    assert explain(samples, [invert]).stages[-1].fired is None


def test_an_explanation_has_no_memory_of_images_before(samples: augseq.Manifest) -> None:
    pipeline = pipeline_of(samples, LIST, image_size=(48, 48))
    first = str(explain_sample(samples[17], pipeline, seed=7, epoch=0))
    for epoch in range(1, 9):
        load_sample(samples[17], pipeline, seed=7, epoch=epoch)
    assert str(explain_sample(samples[17], pipeline, seed=7, epoch=0)) == first


def doubled(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image.astype(np.float32) * 2


def test_an_error_names_the_augmentation_as_training_does(samples: augseq.Manifest) -> None:
    pipeline = pipeline_of(samples, [doubled, A.ColorJitter(p=1)])
    messages = []
    for make in (load_sample, explain_sample):
        with pytest.raises(augseq.errors.AugmentationError, match="'ColorJitter'") as caught:
            make(samples[17], pipeline, seed=7, epoch=0)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_text_tells_record_sizes_and_draws(samples: augseq.Manifest) -> None:
    lines = str(explain(samples, [A.CenterCrop(20, 30), A.HorizontalFlip(p=0), invert]))
    assert lines.splitlines()[0] == "'butterfly/butterfly_18.jpg' (index 17), epoch 0, seed 7"
    assert "20 x 30 x 3 uint8" in lines
    assert "CenterCrop(crop_coords=(" in lines
    assert "HorizontalFlip 20 x 30 x 3 uint8 not fired" in " ".join(lines.split())


def test_the_picture_shows_every_stage(samples: augseq.Manifest) -> None:
    explanation = explain(samples, [A.CenterCrop(20, 30), A.HorizontalFlip(p=0), invert])
    axes = explanation.draw().axes
    titles = [one.get_title() for one in axes]
    assert titles == ["decoded", "CenterCrop", "(HorizontalFlip)", "invert", "resized"]
    for one, stage in zip(axes, explanation.stages, strict=True):
        np.testing.assert_array_equal(one.images[0].get_array(), stage.image)
    assert explanation._repr_png_().startswith(b"\x89PNG")


def test_what_was_drawn_stands_below_each_picture(samples: augseq.Manifest) -> None:
    augment = [A.HorizontalFlip(p=0), A.ColorJitter(p=1), A.OneOf([A.GaussNoise()], p=1)]
    batches = augseq.ImageSequence(samples, image_size=(48, 32), seed=7, augment=augment)
    drawn = dict(batches.explain(epoch=2, index=17).stages[3].fired or ())["ColorJitter"]
    captions = [axes.texts[0].get_text() for axes in batches.show_steps(17, epoch=2).axes]
    assert captions[1] == captions[2] == "48 x 32 px"
    assert captions[3].splitlines()[1] == f"brightness = {drawn['brightness']:.4g}"
    # The name of what was chosen, and not its map of noise.
    assert captions[4] == "48 x 32 px\nGaussNoise"


def test_steps_of_the_present_epoch_are_shown_unless_another_is_named(
    samples: augseq.Manifest,
) -> None:
    batches = augseq.ImageSequence(samples, image_size=(16, 16), augment=[A.Rotate(p=1)])
    batches.set_epoch(4)
    assert "epoch 4" in batches.show_steps(5).get_suptitle()
    assert "epoch 1" in batches.show_steps(5, epoch=1).get_suptitle()


# The whole photograph, and the crop drawn on it


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> augseq.Manifest:
    """A photograph of 60 x 80 px when upright, lying on its side in the file; 4 copies."""
    rows, columns = np.mgrid[0:60, 0:80]
    upright = np.stack([rows * 4, columns * 3, rows + columns], axis=2).astype(np.uint8)
    folder = tmp_path_factory.mktemp("turned")
    exif = PillowImage.Exif()
    exif[0x0112] = 6  # To be turned by 90 degrees, clockwise.
    for number in range(4):
        lying = PillowImage.fromarray(np.rot90(upright).copy())
        lying.save(folder / f"{number}.png", exif=exif)
    return augseq.index_folder(folder, labels=None, progress=False)


def upright_of(manifest: augseq.Manifest) -> np.ndarray:
    return augseq.read_image(f"{manifest.root}/{manifest[0].path}").astype(np.uint8)


def by_crop_name(stages: Any) -> dict[str, Any]:
    return {stage.name: stage.crop for stage in stages}


EXACT_CROPS: dict[str, list[Any]] = {
    "first": [A.RandomCrop(20, 30)],
    "centre": [A.CenterCrop(20, 30), A.ColorJitter(p=1)],
    "fixed": [A.Crop(5, 7, 35, 27)],
    "after colours": [A.ColorJitter(p=0), A.RandomCrop(20, 30)],
    "in a Compose": [A.Compose([A.RandomCrop(20, 30), A.GaussNoise(p=0)])],
    "in a OneOf": [A.OneOf([A.RandomCrop(20, 30), A.CenterCrop(20, 30)], p=1)],
    "two": [A.RandomCrop(40, 50), A.RandomCrop(20, 30)],
    "after a flip": [A.HorizontalFlip(p=1), A.RandomCrop(20, 30), A.HorizontalFlip(p=1)],
    "after two flips": [
        A.VerticalFlip(p=1),
        A.HorizontalFlip(p=1),
        A.RandomCrop(20, 30),
        A.VerticalFlip(p=1),
        A.HorizontalFlip(p=1),
    ],
    "from the borders": [A.RandomCropFromBorders(p=1)],
}


@pytest.mark.parametrize("cache", [None, "memory"])
@pytest.mark.parametrize("kind", EXACT_CROPS)
def test_the_rectangle_on_the_photograph_is_what_the_model_sees(
    turned: augseq.Manifest, kind: str, cache: Any
) -> None:
    pipeline = pipeline_of(turned, EXACT_CROPS[kind], image_size=None, cache=cache)
    for epoch in range(3):
        explanation = explain_sample(turned[1], pipeline, seed=7, epoch=epoch)
        first = explanation.stages[0]
        np.testing.assert_array_equal(first.image, upright_of(turned))
        assert first.crop is not None
        top, left, height, width = np.rint(first.crop).astype(int)
        cut = first.image[top : top + height, left : left + width]
        if kind not in ("centre", "after colours"):
            np.testing.assert_array_equal(cut, explanation.image)
        assert cut.shape == explanation.image.shape


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize(
    ("augment", "options", "expected"),
    [
        ([A.Resize(30, 40), A.CenterCrop(10, 20)], {}, (20, 20, 20, 40)),
        ([A.SmallestMaxSize(120), A.CenterCrop(60, 60)], {}, (15, 25, 30, 30)),
        ([A.CenterCrop(60, 40), A.Resize(30, 30), A.CenterCrop(14, 30)], {}, (16, 20, 28, 40)),
        ([], {"resize_mode": "crop"}, (0, 10, 60, 60)),
        ([A.ColorJitter(p=1)], {"resize_mode": "crop"}, (0, 10, 60, 60)),
        ([A.CenterCrop(40, 20)], {"resize_mode": "crop"}, (20, 30, 20, 20)),
        ([A.PadIfNeeded(100, 100)], {}, None),
        ([A.Rotate(p=1)], {}, None),
        ([], {"resize_mode": "pad"}, None),
        ([halve], {}, None),
    ],
)
def test_a_resize_before_or_after_the_crop_moves_no_rectangle(
    turned: augseq.Manifest, augment: list[Any], options: Any, expected: Any, scaled: bool
) -> None:
    pipeline = pipeline_of(turned, augment, image_size=(32, 32), scaled_decode=scaled, **options)
    stages = explain_sample(turned[0], pipeline, seed=7, epoch=0).stages
    assert stages[0].image.shape == (60, 80, 3)
    assert stages[0].crop == (None if expected is None else pytest.approx(expected, abs=0.5))


def test_a_crop_after_a_turn_is_drawn_on_the_turned_image_alone(turned: augseq.Manifest) -> None:
    pipeline = pipeline_of(turned, [A.Rotate(p=1), A.CenterCrop(20, 30)], image_size=None)
    stages = explain_sample(turned[0], pipeline, seed=7, epoch=0).stages
    assert by_crop_name(stages) == {
        "decoded": None,
        "Rotate": (20, 25, 20, 30),
        "CenterCrop": None,
    }


def test_the_figure_begins_with_the_photograph_and_a_rectangle(turned: augseq.Manifest) -> None:
    batches = augseq.ImageSequence(
        turned, label_mode=None, image_size=None, augment=[A.RandomCrop(20, 30), A.Blur(p=1)]
    )
    figure = batches.show_steps()
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), upright_of(turned))
    top, left, height, width = batches.explain(0, epoch=0).stages[0].crop or (0, 0, 0, 0)
    (x, y), box = figure.axes[0].patches[0].get_xy(), figure.axes[0].patches[0]
    assert (y + 0.5, x + 0.5) == (top, left)
    assert (box.get_height(), box.get_width()) == (height, width) == (20, 30)
    assert not figure.axes[1].patches
    assert "crop: 20 x 30 px" in figure.axes[0].texts[0].get_text()
    assert f"crop: 20 x 30 at top {top:.0f}, left {left:.0f}" in str(batches.explain(0, epoch=0))


# A record is named by its index


def test_every_look_at_one_record_takes_its_index(samples: augseq.Manifest) -> None:
    part = samples.select([40, 17, 3])
    batches = augseq.ImageSequence(part, image_size=(16, 16), augment=[A.Rotate(p=1)])
    for index in (3, 17, 40):
        path = samples[index].path
        assert batches.explain(index, epoch=0).record.path == path
        assert batches.sample(index, epoch=0).record.path == path
        assert path in batches.show_steps(index).get_suptitle()
        assert path in batches.show_augmentations(index, num_epochs=1).get_suptitle()


@pytest.mark.parametrize("wrong", [0, 2, 41])
def test_an_index_that_no_record_has_is_told_with_those_there_are(
    samples: augseq.Manifest, wrong: int
) -> None:
    batches = augseq.ImageSequence(samples.select([40, 17, 3]), image_size=(16, 16))
    looks = [
        lambda: batches.explain(wrong, epoch=0),
        lambda: batches.sample(wrong, epoch=0),
        lambda: batches.show_steps(wrong),
        lambda: batches.show_augmentations(wrong),
    ]
    for look in looks:
        with pytest.raises(
            augseq.errors.ArgumentError, match=rf"index {wrong}; the first indices are \[40, 17"
        ):
            look()


def test_without_an_index_the_first_record_is_shown(samples: augseq.Manifest) -> None:
    part = samples.select([40, 17, 3])
    batches = augseq.ImageSequence(part, image_size=(16, 16))
    assert "index 40" in batches.show_steps().get_suptitle()
    assert samples[40].path in batches.show_augmentations(num_epochs=1).get_suptitle()
