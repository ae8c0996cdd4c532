"""Names, sizes, losses and class weights that do not match the targets: said before batch 0."""

from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.errors import ArgumentError
from augseq.manifest.manifest import make_manifest

NUM = 6
X = np.zeros((NUM, 2, 2, 3), np.uint8)
AGE, TAGS = np.zeros((NUM, 1), np.float32), np.zeros((NUM, 3), np.float32)
FACTS = np.zeros((NUM, 2), np.float32)


def model_of(
    outputs: dict[str, int], inputs: tuple[str, ...] = ("image",), *, as_dict: bool = False
) -> keras.Model:
    """Return a model with named vectors as outputs and inputs."""
    tensors = {
        name: keras.Input((2, 2, 3) if name == "image" else (2,), name=name) for name in inputs
    }
    flat = [keras.layers.Flatten()(tensor) for tensor in tensors.values()]
    joined = keras.layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
    heads = {name: keras.layers.Dense(size, name=name)(joined) for name, size in outputs.items()}
    if as_dict:
        return keras.Model(tensors, heads)
    alone = next(iter(heads.values()))
    return keras.Model(list(tensors.values()), list(heads.values()) if len(heads) > 1 else alone)


def compiled(model: keras.Model, loss: Any = "mse") -> keras.Model:
    model.compile("sgd", loss, run_eagerly=True)
    return model


def arrays(*names: str, inputs: tuple[str, ...] = ()) -> augseq.ImageSequence:
    y = dict.fromkeys(names, AGE)
    x = {"image": X, **dict.fromkeys(inputs, FACTS)}
    return augseq.ImageSequence.from_arrays(x, y, batch_size=4, shuffle=True)


@pytest.mark.parametrize("as_dict", [False, True])
@pytest.mark.parametrize(
    ("names", "text"),
    [
        (("age", "hight"), r"Received: \['age', 'hight'\].*\['age', 'height'\].*mean 'height'"),
        (("age",), r"Received: one target\. The model's outputs: \['age', 'height'\]"),
        (("age", "height", "more"), "'more'"),
        (("a", "b"), r"\['a', 'b'\].*\['age', 'height'\]"),
    ],
)
def test_wrong_names_of_targets_are_named_next_to_those_of_the_model(
    names: tuple[str, ...], text: str, as_dict: bool
) -> None:
    model = compiled(model_of({"age": 1, "height": 1}, as_dict=as_dict))
    for method in (model.fit, model.evaluate):
        with pytest.raises(ArgumentError, match=text):
            method(arrays(*names), verbose=0)


@pytest.mark.parametrize("as_dict", [False, True])
@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ((), r"Received: \['image'\]\. The model's inputs: \['image', 'facts'\]"),
        (("fact",), "Did you mean 'facts'"),
        (("facts", "more"), "'more'"),
    ],
)
def test_wrong_names_of_inputs_are_named_next_to_those_of_the_model(
    inputs: tuple[str, ...], text: str, as_dict: bool
) -> None:
    model = compiled(model_of({"age": 1}, ("image", "facts"), as_dict=as_dict))
    for method in (model.fit, model.evaluate, model.predict):
        with pytest.raises(ArgumentError, match=text):
            method(arrays("age", inputs=inputs), verbose=0)


@pytest.mark.parametrize("as_dict", [False, True])
def test_right_names_are_trained_in_any_order(as_dict: bool) -> None:
    model = model_of({"age": 1, "height": 1}, ("image", "facts"), as_dict=as_dict)
    history = compiled(model, {"age": "mse", "height": "mae"}).fit(
        arrays("height", "age", inputs=("facts",)), verbose=0
    )
    assert {"age_loss", "height_loss"} <= set(history.history)


def test_several_targets_of_a_sequential_model_are_an_error() -> None:
    model = compiled(keras.Sequential([keras.Input((2, 2, 3)), keras.layers.Dense(1, name="one")]))
    with pytest.raises(ArgumentError, match=r"\['age', 'height'\].*outputs: \['one'\]"):
        model.fit(arrays("age", "height"), verbose=0)


def test_the_name_of_a_single_output_does_not_matter() -> None:
    compiled(model_of({"dense_7": 1})).fit(arrays("age"), verbose=0)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> augseq.Manifest:
    """Six images of two classes, with columns."""
    folder = tmp_path_factory.mktemp("photos")
    paths = [f"{k}.png" for k in range(NUM)]
    for path in paths:
        Image.fromarray(X[0]).save(folder / path)
    manifest = make_manifest(str(folder), ("a", "b"), paths=paths, targets=[0, 1] * 3)
    manifest = manifest.with_column("age", list(range(NUM))).with_column("weight", [1.0] * NUM)
    return manifest.with_column("tags", [["p"], ["q", "r"], []] * 2)


TAG = augseq.MultiLabel("tags", classes=["p", "q", "r"])
AGED = augseq.Number("age")
SPARSE = "sparse_categorical_crossentropy"


@pytest.mark.parametrize(
    ("targets", "size", "loss", "text"),
    [
        (TAG, 2, "binary_crossentropy", r"2 from the model.*\(3,\).*Dense\(3\)"),
        (TAG, 1, keras.losses.BinaryCrossentropy(), r"1 from the model.*Dense\(3\)"),
        (TAG, 1, keras.losses.binary_crossentropy, r"Dense\(3\)"),
        (TAG, 3, SPARSE, '"binary_crossentropy"'),
        (AGED, 3, "mse", r"3 from the model.*float32 \(1,\).*Dense\(1\)"),
        (AGED, 2, keras.losses.Huber(), r"Dense\(1\)"),
        (augseq.Number(["age", "weight"]), 1, "mae", r"1 from the model.*Dense\(2\)"),
        (AGED, 4, SPARSE, 'for numbers, with "mse"'),
    ],
)
def test_an_output_of_another_size_than_its_target_is_an_error(
    images: augseq.Manifest, targets: Any, size: int, loss: Any, text: str
) -> None:
    sequence = augseq.ImageSequence(images, targets=targets, image_size=(2, 2))
    with pytest.raises(ArgumentError, match=text):
        compiled(model_of({"out": size}), loss).fit(sequence, verbose=0)


@pytest.mark.parametrize("losses", [{"kind": SPARSE, "age": "mse"}, [SPARSE, "mse"]])
def test_each_of_several_outputs_is_compared_with_its_target(
    images: augseq.Manifest, losses: Any
) -> None:
    targets = {"age": AGED, "kind": augseq.Label()}
    sequence = augseq.ImageSequence(images, targets=targets, image_size=(2, 2), shuffle=True)
    with pytest.raises(ArgumentError, match="an output for each of the 2 classes"):
        compiled(model_of({"kind": 1, "age": 1}), losses).fit(sequence, verbose=0)
    with pytest.raises(ArgumentError, match="4 from the output 'age'"):
        compiled(model_of({"kind": 2, "age": 4}), losses).fit(sequence, verbose=0)


def per_image(y: Any, found: Any) -> Any:
    return keras.ops.mean(abs(y - found), [1, 2, 3])


def per_batch(y: Any, found: Any) -> Any:
    return keras.ops.mean(abs(y - found))


def shaped(y: Any, found: Any) -> Any:
    return keras.ops.reshape(per_image(y, found), (-1, 1, 1))


def map_model(*, as_dict: bool = True) -> keras.Model:
    image = keras.Input((2, 2, 3), name="image")
    flat = keras.layers.Dense(1, name="age")(keras.layers.Flatten()(image))
    found = {"age": flat, "map": keras.layers.Rescaling(1.0, name="map")(image)}
    return keras.Model(image, found if as_dict else list(found.values()))


def weighted_maps(y: Any, padding: Any) -> augseq.ImageSequence:
    weights = None if padding else np.arange(NUM)
    return augseq.ImageSequence.from_arrays(
        X, {"age": AGE, "map": y}, batch_size=2, shuffle=True, sample_weight=weights
    ).shard(0, 1, padding=padding)


IMAGE = augseq.InputImage()


@pytest.mark.parametrize("padding", [None, "zero_weight"])
@pytest.mark.parametrize(
    ("y", "losses", "text"),
    [
        # Keras would multiply the weights of a batch of two images with the columns of the map.
        (X / 255, ["mse", "mse"], r"one number per image.*'map'.*\('batch', 2, 2\).*ValueMap"),
        (IMAGE, [per_batch, "mse"], "one number per image.*'age'.*one number per batch"),
        (IMAGE, ["mse", keras.losses.Dice()], "height, width.*'map'.*one number per batch"),
        (IMAGE, ["mse", per_image], r"'map', which returns one number per image.*-1, 1, 1"),
    ],
)
def test_weights_require_a_loss_of_their_shape(
    y: Any, losses: list[Any], text: str, padding: Any
) -> None:
    model = compiled(map_model(), dict(zip(("age", "map"), losses, strict=True)))
    with pytest.raises(ArgumentError, match=text):
        model.evaluate(weighted_maps(y, padding), verbose=0)


def test_weights_require_a_loss_of_their_shape_also_for_a_sequential_model() -> None:
    model = compiled(keras.Sequential([keras.Input((2, 2, 3)), keras.layers.Rescaling(1.0)]))
    batches = augseq.ImageSequence.from_arrays(
        X, X / 255, batch_size=2, shuffle=True, sample_weight=np.arange(NUM)
    )
    # Keras would weigh the columns of images as wide as the batch is large.
    with pytest.raises(ArgumentError, match=r"one number per image.*\('batch', 2, 2\)"):
        model.evaluate(batches, verbose=0)


@pytest.mark.parametrize("y", [X / 255, IMAGE])
@pytest.mark.parametrize("padding", [None, "zero_weight"])
def test_weights_of_a_fitting_shape_are_used(y: Any, padding: Any) -> None:
    losses = ["mae", keras.losses.MeanSquaredError(), shaped] if y is IMAGE else [per_image]
    for loss in losses:
        model = compiled(map_model(), {"age": "mse", "map": loss})
        model.evaluate(weighted_maps(y, padding), verbose=0)


BOXES = {"boxes": np.tile([0, 0, 0.5, 1], (NUM, 2, 1)), "labels": np.tile([0, -1], (NUM, 1))}


def box_model(*, as_dict: bool) -> keras.Model:
    image = keras.Input((2, 2, 3), name="image")
    flat = keras.layers.Flatten()(image)
    found = {
        name: keras.layers.Reshape((2, size))(keras.layers.Dense(2 * size)(flat))
        for name, size in (("boxes", 4), ("labels", 3))
    }
    age = keras.layers.Dense(1)(flat)
    return keras.Model(image, {"objects": found, "age": age} if as_dict else found)


def weighted_boxes(*, as_dict: bool) -> augseq.ImageSequence:
    target = augseq.Boxes("rel_xyxy", classes=["a", "b", "c"], arrays=BOXES)
    return augseq.ImageSequence.from_arrays(
        X,
        {"objects": target, "age": AGE} if as_dict else target,
        batch_size=2,
        shuffle=True,
        sample_weight=np.arange(NUM),
    )


@pytest.mark.parametrize("as_dict", [False, True])
def test_weights_of_boxes_require_losses_of_one_number_per_image(as_dict: bool) -> None:
    def per_image(y: Any, found: Any) -> Any:
        return keras.ops.mean(abs(y - found), [1, 2])

    def fit(labels: Any, boxes: Any = per_image) -> None:
        losses: Any = {"boxes": boxes, "labels": labels}
        model = box_model(as_dict=as_dict)
        model.compile("sgd", {"objects": losses, "age": "mse"} if as_dict else losses)
        model.fit(weighted_boxes(as_dict=as_dict), shuffle=False, verbose=0)

    # A batch of two images and two boxes for each: Keras would weigh the first and second boxes.
    with pytest.raises(ArgumentError, match=r"labels', which .*\('batch', 2\).*`lambda") as error:
        fit(keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1))
    advice = str(error.value).split("`")[1]
    assert "ignore_class=-1), [1])" in advice
    fit(eval(advice))
    with pytest.raises(ArgumentError, match=r"boxes', which .*\('batch', 2\)"):
        fit(eval(advice), boxes="mae")
    with pytest.raises(ArgumentError, match=r"loss sparse_categorical.*labels', which"):
        fit("crossentropy")


def test_weights_of_several_shapes_require_outputs_with_names() -> None:
    model = compiled(map_model(as_dict=False), {"age": "mse", "map": "mse"})
    with pytest.raises(ArgumentError, match=r"keras.Model\(inputs, {'age': ..., 'map': ...}\)"):
        model.evaluate(weighted_maps(IMAGE, None), verbose=0)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"targets": {"kind": augseq.Label(), "age": AGED}},
            r"\['kind', 'age'\].*weights='weight'",
        ),
        ({"targets": TAG}, "several labels of 3 classes"),
        ({"targets": AGED}, "numbers of 'age'"),
        ({"targets": augseq.InputImage()}, "the input image"),
        ({"weights": "weight"}, "Received: both"),
    ],
)
def test_class_weights_require_one_class_per_image(
    images: augseq.Manifest, options: dict[str, Any], text: str
) -> None:
    sequence = augseq.ImageSequence(images, image_size=(2, 2), shuffle=True, **options)
    model = compiled(model_of({"kind": 2, "age": 1} if "kind" in str(options) else {"out": 3}))
    with pytest.raises(ArgumentError, match=text):
        model.fit(sequence, class_weight={0: 1.0, 1: 2.0}, verbose=0)


def test_images_sorted_by_class_are_noticed_among_several_targets() -> None:
    labels = np.repeat([0, 1], 8)
    x = np.zeros((16, 2, 2, 3), np.uint8)
    y = {"age": np.linspace(0, 1, 16), "kind": labels}
    sequence = augseq.ImageSequence.from_arrays(x, y, batch_size=4)
    model = compiled(model_of({"age": 1, "kind": 2}), {"age": "mse", "kind": SPARSE})
    with pytest.warns(augseq.AugseqWarning, match="sorted by class"):
        model.fit(sequence, verbose=0)
