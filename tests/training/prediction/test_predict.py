"""`predict` averages what a model returns for several augmented views of each image."""

from pathlib import Path
from typing import Any

import albumentations as A
import keras
import numpy as np
import pytest

import augseq
from augseq.errors import ArgumentError
from tests.backends import run_warm

ROOT = Path(__file__).parents[3]
SIZE = (12, 12)
AUGMENT = [A.RandomResizedCrop(SIZE), A.HorizontalFlip(), A.RandomBrightnessContrast()]


@pytest.fixture(scope="module")
def images() -> augseq.Manifest:
    return augseq.index_folder(ROOT / "sample_images", progress=False).select(range(0, 200, 15))


def classifier(num_outputs: int = 5, activation: str | None = "softmax") -> keras.Model:
    """Return a model with fixed weights."""
    keras.utils.set_random_seed(4)
    return keras.Sequential(
        [
            keras.Input((*SIZE, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(num_outputs, activation=activation),
        ]
    )


def by_hand(model: keras.Model, images: augseq.Manifest, views: int, **options: Any) -> Any:
    """Return the mean over views, loaded one by one."""
    batches = augseq.ImageSequence(
        images, image_size=SIZE, augment=AUGMENT, label_mode=None, workers=0, **options
    )
    found = [
        model.predict(
            np.stack([batches.sample(record.index, epoch=view).image for record in images]),
            verbose=0,
        )
        for view in range(views)
    ]
    return np.mean(found, axis=0)


@pytest.mark.parametrize(
    ("views", "options"),
    [
        (3, {"shuffle": True, "batch_size": 5, "worker_kind": "threads", "workers": 2}),
        (1, {"batch_size": 4, "drop_remainder": True, "workers": 0}),
        (
            2,
            {
                "shuffle": True,
                "batch_size": 6,
                "sampling": augseq.Balanced(),
                "repeats": 2,
                "mix": augseq.CutMix(),
                "label_mode": "categorical",
                "worker_kind": "processes",
                "workers": 1,
            },
        ),
    ],
)
def test_each_image_is_predicted_once_a_view_in_order_whatever_the_sequence_is_for(
    images: augseq.Manifest, views: int, options: dict[str, Any]
) -> None:
    model = classifier()
    batches = augseq.ImageSequence(images, image_size=SIZE, augment=AUGMENT, seed=9, **options)
    before = batches.records(0)
    found = augseq.predict(model, batches, views=views)
    assert isinstance(found, augseq.ClassPredictions)
    assert found.paths == tuple(record.path for record in images)
    expected = by_hand(model, images, views, seed=9)
    np.testing.assert_allclose(found.probabilities, expected, rtol=1e-5)
    assert found.class_names == images.class_names
    np.testing.assert_array_equal(found.labels, images.targets)
    assert batches.records(0) == before
    table = found.table(all_classes=True)
    assert table.column_names[:4] == ["path", "label", "prediction", "probability"]


def test_numbers_and_tags_are_averaged_with_their_true_values(images: augseq.Manifest) -> None:
    ages = np.arange(len(images), dtype=np.float32)
    images = images.with_column("age", ages).with_column("tags", [["a"], ["b"]] * 7)
    model = classifier(2, "sigmoid")
    options: dict[str, Any] = {"image_size": SIZE, "augment": AUGMENT, "batch_size": 4}
    expected = by_hand(model, images, 2)
    tags = augseq.MultiLabel("tags", classes=["a", "b"])
    found = augseq.predict(model, augseq.ImageSequence(images, targets=tags, **options), views=2)
    assert isinstance(found, augseq.TagPredictions)
    np.testing.assert_allclose(found.probabilities, expected, rtol=1e-5)
    np.testing.assert_array_equal(found.truth, [[True, False], [False, True]] * 7)
    model = keras.Sequential([model, keras.layers.Dense(1)])
    expected = by_hand(model, images, 2)
    batches = augseq.ImageSequence(images, targets=augseq.Number("age"), **options)
    numbers = augseq.predict(model, batches, views=2)
    assert isinstance(numbers, augseq.NumberPredictions)
    np.testing.assert_allclose(numbers.values, expected, rtol=1e-5)
    assert numbers.truth is not None
    np.testing.assert_array_equal(numbers.truth[:, 0], ages)


def test_images_without_labels_get_the_names_that_are_passed(images: augseq.Manifest) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (7, *SIZE, 3)).astype(np.uint8)
    batches = augseq.ImageSequence.from_arrays(pixels, batch_size=3, augment=[A.VerticalFlip()])
    model = classifier()
    numbers = augseq.predict(model, batches, views=2)
    assert numbers.table().column_names == ["path", *(f"output_{k}" for k in range(5))]
    assert numbers.paths == tuple("0123456")
    classes = augseq.predict(model, batches, views=2, class_names=list("vwxyz"))
    assert isinstance(classes, augseq.ClassPredictions)
    assert isinstance(numbers, augseq.NumberPredictions)
    np.testing.assert_array_equal(classes.probabilities, numbers.values)
    assert (classes.class_names, classes.accuracy) == (tuple("vwxyz"), None)
    # The classes of the model have another order than those of the images.
    other = tuple(reversed(images.class_names))
    labelled = augseq.ImageSequence(images, image_size=SIZE, label_mode=None)
    found = augseq.predict(model, labelled, class_names=other)
    assert isinstance(found, augseq.ClassPredictions)
    assert found.labels is not None
    assert [other[label] for label in found.labels] == [
        images.class_names[label] for label in images.targets
    ]


def test_what_cannot_be_averaged_is_refused_with_a_way_out(images: augseq.Manifest) -> None:
    pixels = np.zeros((4, *SIZE, 3), np.uint8)
    masks = augseq.Mask(np.zeros((4, *SIZE), np.uint8), classes=["sky", "sea"])
    flip = [A.HorizontalFlip()]
    batches = augseq.ImageSequence.from_arrays(pixels, masks, augment=flip)
    segmenter = keras.Sequential([keras.Input((*SIZE, 3)), keras.layers.Conv2D(2, 1)])
    with pytest.raises(ArgumentError, match=r"views=2, for masks .* Pass views=1"):
        augseq.predict(segmenter, batches, views=2)
    assert isinstance(augseq.predict(segmenter, batches), augseq.MaskPredictions)
    plain = augseq.ImageSequence(images, image_size=SIZE)
    with pytest.raises(ArgumentError, match="pass `augment`"):
        augseq.predict(classifier(), plain, views=2)
    with pytest.raises(ArgumentError, match="before `shard`"):
        augseq.predict(classifier(), plain.shard(0, 2))
    numbers = images.with_column("age", 1.0)
    aged = augseq.ImageSequence(numbers, image_size=SIZE, targets=augseq.Number("age"))
    with pytest.raises(ArgumentError, match="requires one class per image"):
        augseq.predict(classifier(1), aged, class_names=["young", "old"])
    inputs = keras.Input((*SIZE, 3))
    two = keras.Model(inputs, {"a": inputs[:, 0, 0], "b": inputs[:, 1, 1]})
    with pytest.raises(ArgumentError, match=r"one output.*'a', 'b'"):
        augseq.predict(two, plain)


_PROGRAM = """
import warnings
import numpy as np
# Keras converts tensors of torch in a way that numpy calls deprecated.
warnings.filterwarnings("ignore", category=DeprecationWarning)
from tests.training.prediction import test_predict as own
import augseq
images = augseq.index_folder("sample_images", progress=False).select(range(0, 200, 15))
model = own.classifier()
batches = augseq.ImageSequence(
    images, image_size=own.SIZE, augment=own.AUGMENT, batch_size=5, shuffle=True, workers=0
)
found = augseq.predict(model, batches, views=3)
np.testing.assert_allclose(found.probabilities, own.by_hand(model, images, 3), rtol=1e-5)
"""


@pytest.mark.long
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_predict_the_same_views(backend: str) -> None:
    done = run_warm(backend, "-W", "error", "-c", _PROGRAM, cwd=ROOT)
    assert done.returncode == 0, done.stderr
