"""What happened to one image, stage by stage."""

from itertools import pairwise
from typing import Any

import albumentations as A
import numpy as np
import pytest

import augseq
from augseq.inspection.explanation import Explanation, explain_sample
from augseq.sample import Pipeline, load_sample

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
    return augseq.ImageSequence(manifest, augment=augment, dtype="uint8", **options).pipeline


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
    assert explanation.stages[0].image.shape == (bottom - top, right - left, 3)
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
    pipeline = pipeline_of(samples, [doubled, A.HorizontalFlip(p=1)])
    messages = []
    for make in (load_sample, explain_sample):
        with pytest.raises(augseq.AugmentationError, match="'HorizontalFlip'") as caught:
            make(samples[17], pipeline, seed=7, epoch=0)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_text_tells_record_sizes_and_draws(samples: augseq.Manifest) -> None:
    lines = str(explain(samples, [A.CenterCrop(20, 30), A.HorizontalFlip(p=0), invert]))
    assert lines.splitlines()[0] == "'butterfly/butterfly_18.jpg' (index 17), epoch 0, seed 7"
    assert "20 x 30 x 3 uint8" in lines
    assert "CenterCrop(crop_coords=(" in lines
    assert "HorizontalFlip  20 x 30 x 3 uint8  not fired" in lines


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
    assert "epoch 4" in batches.show_steps(-1).get_suptitle()
    assert "epoch 1" in batches.show_steps(-1, epoch=1).get_suptitle()
