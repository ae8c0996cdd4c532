"""Trains on several targets, inputs and weights; prints the largest difference from plain arrays.

python -m tests.training.fits_of_targets FOLDER
"""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image

import augseq

NUM, BATCH_SIZE = 10, 4
RNG = np.random.default_rng(3)
PIXELS = RNG.integers(0, 256, (NUM, 4, 4, 3), np.uint8)
AGE = RNG.normal(size=(NUM, 1)).astype(np.float32)
TAGS = RNG.integers(0, 2, (NUM, 3)).astype(np.float32)
SHARES = RNG.dirichlet(np.ones(3), NUM).astype(np.float32)
FACTS = RNG.normal(size=(NUM, 2)).astype(np.float32)
KIND = np.arange(NUM) % 2
# Class numbers; 2 is ignored.
MASKS = RNG.integers(0, 3, (NUM, 4, 4))
WEIGHT = RNG.uniform(0, 2, NUM).astype(np.float32)
# Two boxes in each image, or only one, padded with -1.
BOXES = np.sort(RNG.uniform(0, 4, (NUM, 2, 2, 2)), axis=2).reshape(NUM, 2, 4).astype(np.float32)
LABELS = RNG.integers(0, 3, (NUM, 2)).astype(np.int32)
BOXES[::3, 1], LABELS[::3, 1] = -1, -1
# A weight for each pixel, as Keras multiplies them with the losses of masks and images.
PIXEL_WEIGHT = np.repeat(WEIGHT, 16).reshape(NUM, 4, 4)


class Arrays(keras.utils.PyDataset):
    """Batches of arrays, or of dicts of arrays."""

    def __init__(self, *arrays: Any) -> None:
        super().__init__()
        self.arrays = arrays

    def __len__(self) -> int:
        return -(-NUM // BATCH_SIZE)

    def __getitem__(self, number: int) -> tuple[Any, ...]:
        rows = slice(number * BATCH_SIZE, (number + 1) * BATCH_SIZE)
        return tuple(
            {name: array[rows] for name, array in item.items()}
            if isinstance(item, dict)
            else item[rows]
            for item in self.arrays
        )


def manifest_in(folder: Path) -> augseq.Manifest:
    """Save the images, and index them with their columns."""
    for number, pixels in enumerate(PIXELS):
        (folder / "images").mkdir(parents=True, exist_ok=True)
        (folder / "masks").mkdir(exist_ok=True)
        name = f"{number}_{'xy'[KIND[number]]}.png"
        Image.fromarray(pixels).save(folder / "images" / name)
        Image.fromarray(MASKS[number].astype(np.uint8)).save(folder / "masks" / name)
    images = augseq.index_folder(folder / "images", labels=lambda path: path[-5], progress=False)
    columns = {
        "age": AGE[:, 0],
        "tags": [[name for name, has in zip("pqr", row, strict=True) if has] for row in TAGS],
        "shares": SHARES,
        "fact 1": FACTS[:, 0],
        "fact 2": FACTS[:, 1],
        "weight": WEIGHT,
    }
    is_box = LABELS >= 0
    columns["boxes"] = [found[has].ravel() for found, has in zip(BOXES, is_box, strict=True)]
    columns["box_classes"] = [
        ["pqr"[label] for label in found[has]] for found, has in zip(LABELS, is_box, strict=True)
    ]
    for name, values in columns.items():
        images = images.with_column(name, values)
    return images.with_column("mask", pattern="../masks/{name}")


def model_of(*outputs: str, facts: bool = False) -> keras.Model:
    keras.utils.set_random_seed(1)
    image = keras.Input((4, 4, 3), name="image")
    inputs = [image, keras.Input((2,), name="facts")] if facts else [image]
    scaled = keras.layers.Rescaling(1 / 255)(image)
    flat = keras.layers.Flatten()(scaled)
    if facts:
        flat = keras.layers.Concatenate()([flat, inputs[1]])
    dense = {
        "kind": keras.layers.Dense(2, "softmax", name="kind"),
        "age": keras.layers.Dense(1, name="age"),
        "tags": keras.layers.Dense(3, "sigmoid", name="tags"),
        "shares": keras.layers.Dense(3, "softmax", name="shares"),
    }
    made = [dense[name](flat) for name in outputs if name in dense]
    if "image" in outputs:
        small = keras.layers.Conv2D(3, 3, padding="same", activation="sigmoid")(scaled)
        made.append(keras.layers.Rescaling(255)(small))
    if "mask" in outputs:
        # Logits: on torch, the gradient of Keras' sparse loss of probabilities fails.
        made.append(keras.layers.Conv2D(2, 3, padding="same", name="mask")(scaled))
    if "boxes" in outputs:
        boxes = keras.layers.Reshape((2, 4))(keras.layers.Dense(8)(flat))
        labels = keras.layers.Reshape((2, 3))(keras.layers.Dense(6)(flat))
        return keras.Model(inputs, {"boxes": boxes, "labels": labels})
    if "mask" in outputs and len(made) > 1:
        return keras.Model(inputs, dict(zip(outputs, made, strict=True)))
    return keras.Model(inputs, made if len(made) > 1 else made[0])


LOSSES = {
    "kind": "sparse_categorical_crossentropy",
    "age": "mse",
    "tags": "binary_crossentropy",
    "shares": "categorical_crossentropy",
}
MASK = augseq.Mask("mask", classes=["p", "q"], ignore=2)
MASK_LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=2)
TAG = augseq.MultiLabel("tags", classes=["p", "q", "r"])
# Of each: options of the sequence; y for plain arrays; outputs, loss and metrics of the model.
CASES: dict[str, tuple[dict[str, Any], Any, tuple[str, ...], Any, Any]] = {
    "several outputs, inputs and weights": (
        {
            "targets": {
                "kind": augseq.Label(),
                "age": augseq.Number("age"),
                "tags": TAG,
                "shares": augseq.Number("shares"),
            },
            "inputs": {"facts": augseq.Number(["fact 1", "fact 2"])},
            "weights": "weight",
        },
        {"kind": KIND, "age": AGE, "tags": TAGS, "shares": SHARES},
        ("kind", "age", "tags", "shares"),
        LOSSES,
        {"kind": "accuracy", "age": ["mae", keras.metrics.R2Score()], "tags": "auc"},
    ),
    "a number": (
        {"targets": augseq.Number("age")},
        AGE,
        ("age",),
        "mse",
        ["mae", keras.metrics.R2Score()],
    ),
    "several labels": (
        {"targets": TAG, "weights": "weight"},
        TAGS,
        ("tags",),
        "binary_crossentropy",
        ["binary_accuracy"],
    ),
    "masks": (
        {"targets": MASK, "weights": "weight"},
        MASKS.astype(np.int32),
        ("mask",),
        MASK_LOSS,
        [keras.metrics.MeanIoU(3, ignore_class=2, sparse_y_pred=False)],
    ),
    "one-hot masks": (
        {"targets": augseq.Mask("mask", classes=["p", "q"], ignore=2, one_hot=True)},
        np.eye(3, 2, dtype=np.float32)[MASKS],
        ("mask",),
        keras.losses.CategoricalCrossentropy(from_logits=True),
        ["accuracy"],
    ),
    "a class and a mask with weights": (
        {"targets": {"kind": augseq.Label(), "mask": MASK}, "weights": "weight"},
        {"kind": KIND, "mask": MASKS.astype(np.int32)},
        ("kind", "mask"),
        {"kind": "sparse_categorical_crossentropy", "mask": MASK_LOSS},
        None,
    ),
    "boxes": (
        {"targets": augseq.Boxes("xyxy", classes=["p", "q", "r"])},
        {"boxes": BOXES, "labels": LABELS},
        ("boxes",),
        {
            "boxes": "mse",
            "labels": keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1),
        },
        None,
    ),
    "the image itself": (
        {"targets": augseq.InputImage()},
        PIXELS.astype(np.float32),
        ("image",),
        "mse",
        ["mae"],
    ),
}


def difference(images: augseq.Manifest, case: str, workers: int) -> float:
    """Return the largest difference of the weights after training on files and on arrays."""
    options, y, outputs, loss, metrics = CASES[case]
    facts = "inputs" in options
    batches = augseq.ImageSequence(
        images, image_size=None, batch_size=BATCH_SIZE, workers=workers, **options
    )
    x = {"image": PIXELS.astype(np.float32), "facts": FACTS} if facts else PIXELS
    weights = PIXEL_WEIGHT if outputs == ("mask",) else WEIGHT
    if "mask" in outputs and len(outputs) > 1:
        weights = {"kind": WEIGHT, "mask": PIXEL_WEIGHT}
    arrays = Arrays(x, y, weights) if "weights" in options else Arrays(x, y)
    model, found = model_of(*outputs, facts=facts), []
    # TensorFlow takes seconds to compile a step, which JAX cannot do without.
    model.compile("sgd", loss, metrics=metrics, jit_compile=keras.backend.backend() == "jax")
    start = model.get_weights()
    for data, callbacks in (batches, [augseq.EpochSync(batches)]), (arrays, []):
        model.set_weights(start)
        model.fit(data, epochs=2, shuffle=False, verbose=0, callbacks=callbacks)
        found.append(model.get_weights())
        assert largest_difference(start, found[-1]) > 1e-3, case
    return largest_difference(*found)


# Of each: the target, the output, and Keras' loss.
WEIGHTED: dict[str, tuple[Any, str, Any]] = {
    "weighted masks": (MASK, "mask", MASK_LOSS),
    "weighted one-hot masks": (
        dataclasses.replace(MASK, one_hot=True),
        "mask",
        keras.losses.CategoricalCrossentropy(from_logits=True),
    ),
    "weighted images": (augseq.InputImage(), "image", "mse"),
    "weighted pairs": (augseq.PairedImage("path"), "image", keras.losses.MeanAbsoluteError()),
}


def loss_difference(images: augseq.Manifest, case: str) -> float:
    """Return the largest difference of each record's loss in `fit` from that in numpy."""
    target, output, loss = WEIGHTED[case]
    model = model_of(output)
    model.compile(keras.optimizers.SGD(0.0), loss, jit_compile=keras.backend.backend() == "jax")
    batches = augseq.ImageSequence(
        images, image_size=None, batch_size=1, targets=target, weights="weight", workers=0
    )
    means = [0.0]
    told = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: means.append(logs["loss"] * (batch + 1))
    )
    model.fit(batches, shuffle=False, verbose=0, callbacks=[told, augseq.EpochSync(batches)])
    expected = WEIGHT * numpy_losses(case, model.predict(PIXELS, verbose=0))
    return float(np.abs(np.diff(means) / expected - 1).max())


def numpy_losses(case: str, found: np.ndarray) -> np.ndarray:
    """Return the loss of each image."""
    if "mask" not in case:
        difference = found - PIXELS
        return (abs(difference) if "pairs" in case else difference**2).mean((1, 2, 3))
    logs = found - np.log(np.exp(found).sum(3, keepdims=True))
    # Sparse losses divide by the number of pixels that are not ignored.
    count = 16 if "one-hot" in case else (MASKS < 2).sum((1, 2))
    return -(np.eye(3, 2)[MASKS] * logs).sum((1, 2, 3)) / count


def unmasked_loss(y: Any, found: Any) -> Any:
    """Return Keras' loss without its mask."""
    return 1 * keras.losses.sparse_categorical_crossentropy(
        y, found, from_logits=True, ignore_class=2
    )


def metric_difference(images: augseq.Manifest) -> float:
    """Return the difference of a weighted metric over two padded shards from that in numpy."""
    model, iou = evaluated_model(unmasked_loss)
    batches = augseq.ImageSequence(
        images, image_size=None, batch_size=BATCH_SIZE, targets=MASK, weights="weight", workers=0
    )
    found = np.zeros((2, 2))
    for index in range(2):
        model.evaluate(batches.shard(index, 2, padding="zero_weight"), verbose=0)
        found += keras.ops.convert_to_numpy(iou.total_cm)
    return float(np.abs(found - numpy_counts(model)).max())


def masked_difference(images: augseq.Manifest) -> tuple[float, bool]:
    """Return the same beside a loss with `ignore_class`; and whether augseq refuses it."""
    model, iou = evaluated_model(MASK_LOSS)
    model.evaluate(Arrays(PIXELS, MASKS.astype(np.int32), PIXEL_WEIGHT), verbose=0)
    difference = np.abs(keras.ops.convert_to_numpy(iou.total_cm) - numpy_counts(model)).max()
    batches = augseq.ImageSequence(
        images, image_size=None, targets=MASK, weights="weight", workers=0
    )
    try:
        model.evaluate(batches, verbose=0)
    except augseq.ArgumentError as error:
        return float(difference), "without `ignore_class`" in str(error)
    return float(difference), False


def evaluated_model(loss: Any) -> tuple[keras.Model, keras.Metric]:
    """Return a model of masks with a weighted metric."""
    model = model_of("mask")
    iou = keras.metrics.MeanIoU(2, ignore_class=2, sparse_y_pred=False, dtype="float32")
    model.compile("sgd", loss, weighted_metrics=[iou])
    return model, iou


def numpy_counts(model: keras.Model) -> np.ndarray:
    """Return the weight of the pixels of each class that the model takes for each class."""
    counts, classes = np.zeros((2, 2)), model.predict(PIXELS, verbose=0).argmax(3)
    known = MASKS < 2
    np.add.at(counts, (MASKS[known], classes[known]), PIXEL_WEIGHT[known])
    return counts


def difference_of_mixed(images: augseq.Manifest) -> float:
    """Return the same after an epoch of mixed images, which numpy mixes for the arrays."""
    options = {"label_mode": "categorical", "weights": "weight", "shuffle": True, "seed": 2}
    batches = augseq.ImageSequence(
        images, image_size=None, batch_size=BATCH_SIZE, **options,
        mix=[augseq.MixUp(alpha=1.0), augseq.CutMix()],
    )  # fmt: skip
    x, kinds = PIXELS.astype(np.float32), np.eye(2, dtype=np.float32)[KIND]
    rows = []
    for number in range(len(batches)):
        batch = batches.batch(number)
        for record, mixed in zip(batch.records, batch.mixed, strict=True):
            own, other, share, box = record.index, record.index, 1.0, None
            if mixed is not None:
                other, share, box = mixed.record.index, mixed.mix.share, mixed.mix.box
            parts = [share * a[own] + (1 - share) * a[other] for a in (x, kinds, WEIGHT)]
            parts[0] = np.rint(parts[0])
            if box is not None:
                top, left, height, width = box
                part = slice(top, top + height), slice(left, left + width)
                parts[0] = x[own].copy()
                parts[0][part] = x[other][part]
            rows.append([np.asarray(value, np.float32) for value in parts])
    arrays = Arrays(*(np.stack(values) for values in zip(*rows, strict=True)))
    model, found = model_of("kind"), []
    is_jax = keras.backend.backend() == "jax"
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"], jit_compile=is_jax)
    start = model.get_weights()
    for data, callbacks in (batches, [augseq.EpochSync(batches)]), (arrays, []):
        model.set_weights(start)
        model.fit(data, epochs=1, shuffle=False, verbose=0, callbacks=callbacks)
        found.append(model.get_weights())
        assert largest_difference(start, found[-1]) > 1e-3
    return largest_difference(*found)


def largest_difference(some: list[np.ndarray], others: list[np.ndarray]) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(some, others, strict=True))


if __name__ == "__main__":
    manifest = manifest_in(Path(sys.argv[1]))
    found: dict[str, Any] = {case: difference(manifest, case, n) for n, case in enumerate(CASES)}
    found |= {case: loss_difference(manifest, case) for case in WEIGHTED}
    found["a weighted metric of padded shards"] = metric_difference(manifest)
    found["a weighted metric beside ignore_class"] = masked_difference(manifest)
    found["mixed images"] = difference_of_mixed(manifest)
    print(json.dumps(found))
