"""Masks, value maps and pairs in arrays move with the images, or are refused."""

from typing import Any

import albumentations as A
import numpy as np
import pytest

import augseq
from augseq.errors import ArgumentError, BackupError, LabelError

NUM, HEIGHT, WIDTH = 6, 12, 16
RNG = np.random.default_rng(0)
# The grey value of a pixel tells its class, so the image says where its mask must be.
CLASSES = RNG.integers(0, 3, (NUM, HEIGHT, WIDTH))
X = np.repeat(80 * CLASSES[..., None], 3, axis=3).astype(np.uint8)
NAMES = ["a", "b", "c"]
# All of these move whole pixels.
MOVES = [A.D4(p=1), A.RandomCrop(7, 9), A.HorizontalFlip()]
FLIP = [A.HorizontalFlip(p=1)]


def sequence(y: Any, augment: Any = None, x: Any = X, **options: Any) -> Any:
    return augseq.ImageSequence.from_arrays(
        x, y, augment=augment, **{"batch_size": 4, "dtype": "uint8", "seed": 3, **options}
    )


@pytest.mark.parametrize(
    "dtype",
    ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", ">i4"],
)
@pytest.mark.parametrize("channel", [(), (1,)])
def test_masks_of_any_integer_dtype_move_with_the_images(dtype: str, channel: Any) -> None:
    known = CLASSES > 0 if dtype == "bool" else CLASSES
    masks = known.astype(dtype).reshape(*CLASSES.shape, *channel)
    batches = sequence(augseq.Mask(masks, classes=NAMES), MOVES)
    for x, y in batches:
        assert y.dtype == np.int32
        found = x[..., 0] // 80
        assert np.array_equal(y, found > 0 if dtype == "bool" else found)


def test_all_that_moves_moves_alike_in_all_workers() -> None:
    depth = CLASSES + 0.5
    x = {"image": X, "labels": augseq.Mask(CLASSES, classes=NAMES, one_hot=True)}
    y = {
        "mask": augseq.Mask(CLASSES, classes=NAMES),
        "depth": augseq.ValueMap(depth),
        "pair": augseq.PairedImage(X),
    }
    found = []
    for workers in ({"workers": 0}, {"workers": 2, "worker_kind": "threads"},
                    {"workers": 1, "worker_kind": "processes"}):  # fmt: skip
        batches = sequence(y, MOVES, x, shuffle=True, **workers)
        found.append([batches[k] for k in range(len(batches))])
    for inputs, targets in found[0]:
        labels = inputs["image"][..., 0] // 80
        assert np.array_equal(targets["mask"], labels)
        assert np.array_equal(inputs["labels"].argmax(-1), labels)
        assert np.array_equal(targets["depth"][..., 0], labels + 0.5)
        assert np.array_equal(targets["pair"], inputs["image"])
    for other in found[1:]:
        for batch, expected in zip(other, found[0], strict=True):
            for arrays, wanted in zip(batch, expected, strict=True):
                assert all(np.array_equal(arrays[name], wanted[name]) for name in wanted)


def test_stored_values_are_coded_and_ignored_ones_are_excluded() -> None:
    ids = np.array([7, -1, 70_000])[CLASSES]
    mask = augseq.Mask(ids, classes=["x", "y"], coding={7: "x", 70_000: "y"}, ignore=-1)
    with pytest.raises(LabelError, match=r"the mask y\[0\] has -1 in row \d+, column \d+"):
        sequence(mask)[0]
    (x, y), _ = sequence(augseq.Mask(CLASSES - 1, classes=["x", "y"], ignore=-1), MOVES)
    assert np.array_equal(y, x[..., 0] // 80 - 1.0)
    colors = np.array([[0, 0, 0], [9, 8, 7], [0, 0, 255]], np.uint8)[CLASSES]
    coding = {(0, 0, 0): None, (9, 8, 7): "x", (0, 0, 255): "y"}
    (x, y), _ = sequence(augseq.Mask(colors, classes=["x", "y"], coding=coding), MOVES)
    assert np.array_equal(y, np.array([255, 0, 1])[x[..., 0] // 80])


def test_maps_are_resized_with_their_images_and_rotated_corners_are_ignored() -> None:
    masks = augseq.Mask(CLASSES.astype(np.uint8), classes=NAMES, ignore=99)
    y = {"mask": masks, "depth": augseq.ValueMap(np.ones(CLASSES.shape), fill=-1)}
    batches = sequence(y, [A.Rotate((45, 45), p=1)], image_size=(24, 32))
    x, found = batches[0]
    assert x.shape[1:3] == found["mask"].shape[1:] == (24, 32)
    assert (found["mask"][:, 0, 0] == 99).all()
    assert (found["depth"][:, 0, 0] == -1).all()
    assert set(np.unique(found["mask"])) == {0, 1, 2, 99}


def test_a_resumed_sequence_must_have_the_same_masks() -> None:
    first = sequence(augseq.Mask(CLASSES, classes=NAMES))
    state = first.state_dict()
    sequence(augseq.Mask(CLASSES.copy(), classes=NAMES)).load_state_dict(state)
    with pytest.raises(BackupError, match="saved by a different run"):
        sequence(augseq.Mask(2 - CLASSES, classes=NAMES)).load_state_dict(state)


def moves_or_not(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image


@augseq.photometric
def still(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image


# Of each: the array, the options, and a text of the error.
STILL: dict[str, tuple[Any, dict[str, Any], str]] = {
    "integers": (CLASSES, {"augment": FLIP}, "augseq.Mask(y, classes=[...])"),
    "booleans": (CLASSES > 0, {"augment": FLIP}, "augseq.Mask(y, classes=[...])"),
    "with a channel": (CLASSES[..., None], {"augment": FLIP}, "augseq.Mask(y, classes=[...])"),
    "floats": (CLASSES * 0.5, {"augment": FLIP}, "augseq.ValueMap(y)"),
    "several channels": (
        np.eye(3)[CLASSES].repeat(2, axis=3), {"augment": FLIP}, "ValueMap(y, channels=6)",
    ),
    "images": (X, {"augment": FLIP}, "augseq.PairedImage(y)"),
    "one of several": ({"a": np.arange(NUM), "b": CLASSES}, {"augment": FLIP}, "`y['b']`"),
    "a crop": (CLASSES, {"augment": [A.RandomCrop(8, 8)]}, "element 1 of `augment`, 'RandomCrop'"),
    "in a Compose": (
        CLASSES, {"augment": [A.NoOp(), A.Compose([A.Blur(), A.Rotate()])]}, "element 2",
    ),
    "a function": (CLASSES, {"augment": [moves_or_not]}, "@augseq.photometric"),
    "of the new size": (
        CLASSES[:, :8, :8], {"augment": FLIP, "image_size": (8, 8)}, "augseq.Mask(y",
    ),
    "a cut by resizing": (
        CLASSES, {"image_size": (8, 8), "resize_mode": "crop"}, "resize_mode='crop' moves",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("y", "options", "text"), STILL.values(), ids=STILL)
def test_an_array_that_would_not_move_with_the_images_is_refused(
    y: Any, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        sequence(y, **options)
    message = str(caught.value)
    assert text in message
    assert "reshape(len(" in message
    assert message.count("Received: ") == 1


def test_a_further_input_that_would_not_move_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"`x\['mask'\]` has a value for each pixel"):
        sequence(None, FLIP, {"image": X, "mask": CLASSES})


FIXED: dict[str, tuple[Any, dict[str, Any]]] = {
    "no augmentation": (CLASSES, {}),
    "colours only": (CLASSES, {"augment": [A.RandomBrightnessContrast(), A.GaussNoise()]}),
    "a declared function": (CLASSES, {"augment": [still]}),
    "flattened": (CLASSES.reshape(NUM, -1), {"augment": FLIP}),
    "another size": (CLASSES[:, :4, :4], {"augment": FLIP}),
    "numbers": (CLASSES[:, 0, :4], {"augment": FLIP}),
    "a larger map": (CLASSES, {"image_size": (6, 8)}),
    "cut in the same shape": (CLASSES, {"image_size": (6, 8), "resize_mode": "crop"}),
}


@pytest.mark.parametrize(("y", "options"), FIXED.values(), ids=FIXED)
def test_an_array_is_passed_unchanged_where_that_can_be_right(
    y: Any, options: dict[str, Any]
) -> None:
    batches = sequence(y, **options)
    assert np.array_equal(np.concatenate([batches[0][1], batches[1][1]]), y)


# Of each: the target, and texts of the error.
WRONG: dict[str, tuple[Any, list[str]]] = {
    "a column": (augseq.Mask("mask", classes=NAMES), ["a Mask of an array", "no columns"]),
    "a column of maps": (augseq.ValueMap("depth"), ["a ValueMap of an array"]),
    "another size": (
        augseq.Mask(CLASSES[:, :, :-1], classes=NAMES), ["(6, 12, 16)", "(6, 12, 15)"],
    ),
    "turned": (augseq.Mask(CLASSES.swapaxes(1, 2), classes=NAMES), ["shape (6, 16, 12)"]),
    "too few": (augseq.ValueMap(CLASSES[1:]), ["for each image of `x`", "(5, 12, 16)"]),
    "too few axes": (augseq.Mask(CLASSES[0], classes=NAMES), ["shape (12, 16)"]),
    "floats as classes": (
        augseq.Mask(CLASSES.astype(float), classes=NAMES), ["integers or booleans", "float64"],
    ),
    "one-hot": (augseq.Mask(np.eye(4, dtype=int)[CLASSES], classes=NAMES), ["argmax(-1)"]),
    "wide colours": (
        augseq.Mask(np.eye(3, dtype=int)[CLASSES], classes=NAMES), ["uint8 and of 3 channels"],
    ),
    "channels": (augseq.ValueMap(np.eye(3)[CLASSES]), ["Pass channels=3"]),
    "text": (augseq.ValueMap(CLASSES.astype(str)), ["of numbers", "dtype <U"]),
}  # fmt: skip


@pytest.mark.parametrize(("y", "texts"), WRONG.values(), ids=WRONG)
def test_a_wrong_array_of_maps_is_one_clear_error(y: Any, texts: list[str]) -> None:
    with pytest.raises(ArgumentError) as caught:
        sequence({"out": y})
    assert "`y['out']`" in str(caught.value)
    assert all(text in str(caught.value) for text in texts), caught.value


def test_wrong_values_name_the_row_and_the_place() -> None:
    masks = CLASSES.copy()
    masks[2, 5, 7] = 3
    with pytest.raises(LabelError) as caught:
        sequence({"out": augseq.Mask(masks, classes=NAMES)})[0]
    assert "the mask y['out'][2] has 3 in row 5, column 7, and in 1 of 192" in str(caught.value)
    depth = CLASSES * 1.0
    depth[1, 2, 3] = np.nan
    with pytest.raises(LabelError, match=r"the value map y\[1\] has nan in row 2, column 3"):
        sequence(augseq.ValueMap(depth))[0]


def test_arrays_are_refused_for_files() -> None:
    images = augseq.index_folder("sample_images", progress=False).select([0, 1])
    for target in (augseq.Mask(CLASSES, classes=NAMES), augseq.ValueMap(CLASSES)):
        assert "<array of (6, 12, 16)>" in repr(target)
        with pytest.raises(ArgumentError, match=r"only ImageSequence\.from_arrays takes"):
            augseq.ImageSequence(images, targets=target)
