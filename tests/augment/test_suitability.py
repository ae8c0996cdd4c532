"""An unsuitable element raises an error when the list is created, with an alternative."""

import functools
import re
import textwrap
from collections.abc import Callable
from typing import Any

import albumentations as A
import keras
import numpy as np
import pytest

import augseq
from augseq.augment.augmentation_list import make_augmentation_list
from augseq.augment.laws import LAWS, survives_pickling
from augseq.types import Image
from tests.augment.test_laws import IMAGE


def refusal(augment: list[Any]) -> str:
    with pytest.raises(augseq.errors.ArgumentError) as caught:
        make_augmentation_list(augment)
    return str(caught.value)


def shift(image: Image, rng: np.random.Generator) -> Image:
    return image + np.uint8(1)


NORMALIZED: dict[str, tuple[Callable[[], list[Any]], int, str]] = {
    "two elements": (lambda: [A.Normalize(), A.GaussNoise()], 2, "GaussNoise"),
    "not by chance alone": (lambda: [A.Normalize(p=0.1), A.Sharpen(p=0.1)], 2, "Sharpen"),
    "flips and crops between": (
        lambda: [A.Normalize(), A.HorizontalFlip(), A.RandomCrop(9, 9), A.ISONoise()],
        4,
        "ISONoise",
    ),
    "own mean": (
        lambda: [A.Normalize(mean=(0.5,) * 3, std=(0.5,) * 3), A.ToSepia()],
        2,
        "ToSepia",
    ),
    "the image's own": (lambda: [A.Normalize(normalization="image"), A.CLAHE()], 2, "CLAHE"),
    "one Compose": (lambda: [A.Compose([A.Normalize(), A.RandomFog()])], 1, "RandomFog"),
    "two Compose": (
        lambda: [A.Compose([A.Normalize()]), A.Compose([A.Rotate(), A.RandomSnow()])],
        2,
        "RandomSnow",
    ),
    "Sequential in Compose": (
        lambda: [A.Compose([A.Sequential([A.Normalize()], p=0.3), A.Posterize()])],
        1,
        "Posterize",
    ),
    "OneOf after it": (
        lambda: [A.Normalize(), A.OneOf([A.Blur(), A.MedianBlur()])],
        2,
        "MedianBlur",
    ),
    "OneOf before": (lambda: [A.OneOf([A.NoOp(), A.Normalize()]), A.RGBShift()], 2, "RGBShift"),
    "some channels": (
        lambda: [A.SelectiveChannelTransform([A.Normalize(), A.Emboss()])],
        1,
        "Emboss",
    ),
    "an element made before": (
        lambda: [*make_augmentation_list([A.Normalize()]).steps, A.FancyPCA()],
        2,
        "FancyPCA",
    ),
}


@pytest.mark.parametrize("kind", NORMALIZED)
def test_normalize_before_a_transform_that_clips_raises_an_error_when_the_list_is_created(
    kind: str,
) -> None:
    make, number, name = NORMALIZED[kind]
    text = refusal(make())
    assert text.startswith(f"Element {number} of `augment`, '")
    assert name in text
    assert "Put Normalize last" in text


@pytest.mark.parametrize(
    "augment",
    [
        [A.ColorJitter(), A.GaussNoise(), A.Normalize()],
        [A.Compose([A.ColorJitter(), A.Normalize()]), A.HorizontalFlip(), A.CoarseDropout()],
        [A.Normalize(mean=0, std=1), A.ColorJitter()],
        [A.Normalize(normalization="min_max"), A.ColorJitter()],
        [A.Normalize(p=0), A.ColorJitter()],
        [A.Normalize(), A.ColorJitter(p=0)],
        [A.OneOf([A.Normalize(), A.ColorJitter()])],
        [A.Normalize(), shift, A.ColorJitter()],
        [A.ToFloat(), A.ColorJitter()],
    ],
)
def test_a_valid_list_is_accepted(augment: list[Any]) -> None:
    assert len(make_augmentation_list(augment).steps) == len(augment)


NEEDING: dict[str, tuple[Callable[[], Any], str]] = {
    "reference images": (lambda: A.HistogramMatching(), "hm_metadata"),
    "the old way": (
        lambda: A.PixelDistributionAdaptation(metadata_key="others"),
        "others",
    ),
    "other images": (lambda: A.Mosaic(), "mosaic_metadata"),
    "an overlay": (lambda: A.OverlayElements(), "overlay_metadata"),
    "text": (lambda: A.TextImage(font_path="any.ttf"), "textimage_metadata"),
    "a mask": (lambda: A.MaskDropout(), "mask"),
    "a mask, undeclared": (lambda: A.CropNonEmptyMaskIfExists(8, 8), "mask"),
    "a mask, else nothing": (lambda: A.ConstrainedCoarseDropout(), "mask"),
    "a box": (lambda: A.RandomCropNearBBox(), "cropping_bbox"),
    "boxes": (lambda: A.RandomSizedBBoxSafeCrop(8, 8), "bboxes"),
    "boxes, else nothing": (lambda: A.AtLeastOneBBoxRandomCrop(8, 8), "bboxes"),
    "what a mask is made of": (
        lambda: A.Equalize(mask=np.where, mask_params=("where",)),
        "where",
    ),
    "a part": (lambda: A.Compose([A.Blur(), A.OneOf([A.FDA(), A.Blur()])]), "fda_metadata"),
}


@pytest.mark.parametrize("kind", NEEDING)
def test_a_transform_that_needs_more_than_the_image_raises_an_error_with_a_solution(
    kind: str,
) -> None:
    make, key = NEEDING[kind]
    text = refusal([shift, make()])
    assert text.startswith("Element 2 of `augment`, '")
    assert f"'{key}' besides the image" in text
    assert "def vary(image, rng):" in text
    assert f"{key}=..." in text


def test_the_function_in_the_message_fulfils_the_laws() -> None:
    code = textwrap.dedent(refusal([A.HistogramMatching()]).split("provides it:\n")[1])
    code = code.replace("(..., p=1)", "(p=1)").replace("=...", "=references")
    names: dict[str, Any] = {"A": A, "references": [IMAGE[::-1].copy(), IMAGE // 2]}
    exec(code, names)
    for law in set(LAWS) - {survives_pickling}:
        law(make_augmentation_list([names["vary"]]), IMAGE, 0)
    assert not np.array_equal(names["vary"](IMAGE, np.random.default_rng(0)), IMAGE)


@pytest.mark.parametrize(
    "make",
    [
        lambda: A.Compose([], bbox_params=A.BboxParams("coco", label_fields=["kinds"])),
        lambda: A.Compose([A.Blur()], keypoint_params=A.KeypointParams("xy", label_fields=["k"])),
    ],
)
@pytest.mark.filterwarnings("ignore:Got processor")
def test_a_compose_that_requires_labels_of_boxes_raises_an_error(make: Callable[[], Any]) -> None:
    assert "Remove bbox_params and keypoint_params" in refusal([make()])


@pytest.mark.parametrize(
    "made",
    [
        lambda: A.Compose([A.HorizontalFlip(p=1)], additional_targets={"second": "image"}),
        lambda: A.Compose([A.HorizontalFlip(p=1)], bbox_params=A.BboxParams("coco")),
        lambda: A.Compose([A.HorizontalFlip(p=1), A.FDA(p=0)]),
        lambda: A.Compose([A.HorizontalFlip(p=1)], strict=True, save_applied_params=True),
    ],
)
def test_a_compose_with_optional_inputs_runs_on_the_image_alone(made: Callable[[], Any]) -> None:
    result = make_augmentation_list([made()])(IMAGE, np.random.default_rng(0))
    np.testing.assert_array_equal(result, IMAGE[:, ::-1])


@pytest.mark.parametrize("make", [A.CubicSymmetry, lambda: A.Compose([A.CoarseDropout3D()])])
def test_transforms_of_volumes_raise_an_error(make: Callable[[], Any]) -> None:
    assert "takes volumes" in refusal([make()])


def test_a_transform_to_tensors_raises_an_error_that_names_it() -> None:
    pytest.importorskip("torch")
    from albumentations.pytorch import ToTensorV2

    for augment in (
        [ToTensorV2()],
        [A.Compose([A.Normalize(), ToTensorV2()])],
        [A.Compose([A.OneOf([A.Sequential([ToTensorV2()])])])],
    ):
        assert "Remove ToTensorV2: Keras takes numpy arrays" in refusal(augment)


class Tensors(A.ImageOnlyTransform):  # type: ignore[misc]
    """A user's transform that returns tensors of the backend."""

    def apply(self, img: Image, **params: Any) -> Any:
        return keras.ops.convert_to_tensor(img)


def as_tensor(image: Image, rng: np.random.Generator) -> Any:
    return keras.ops.convert_to_tensor(image)


@pytest.mark.parametrize(
    ("augment", "name"),
    [
        ([Tensors(p=1)], "Tensors"),
        ([A.Compose([A.NoOp(), A.Sequential([Tensors(p=1)], p=1)])], "Tensors"),
        ([A.OneOf([Tensors(p=1)], p=1)], "Tensors"),
        ([as_tensor], "as_tensor"),
    ],
)
def test_a_tensor_result_raises_an_error_that_names_the_part(augment: list[Any], name: str) -> None:
    if keras.backend.backend() == "numpy":
        pytest.skip("tensors of this backend are arrays")
    with pytest.raises(augseq.errors.AugmentationError, match="Keras takes numpy arrays") as caught:
        make_augmentation_list(augment)(IMAGE, np.random.default_rng(0))
    assert re.search(rf"{name}'?,? must return", str(caught.value))


@pytest.mark.parametrize(
    ("item", "advice"),
    [
        (keras.layers.MixUp(), "mix=[augseq.MixUp()"),
        (keras.layers.CutMix(), "mix=[augseq.MixUp()"),
        (augseq.MixUp(), "mix=[augseq.MixUp()"),
        (augseq.CutMix(), "mix=[augseq.MixUp()"),
        (keras.layers.RandAugment(), "put it in the model"),
        (keras.layers.RandomBrightness(0.2), "put it in the model"),
        (keras.layers.RandomFlip().call, "put it in the model"),
        (functools.partial(keras.layers.RandomFlip(), training=True), "put it in the model"),
        (keras.ops.roll, "put it in the model"),
    ],
)
def test_layers_and_mixing_raise_an_error_that_says_where_to_put_them(
    item: Any, advice: str
) -> None:
    assert advice in refusal([item])
