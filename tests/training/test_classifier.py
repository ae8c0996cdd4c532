"""The classifiers that `augseq fit` trains."""

import sys
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

import augseq
from augseq.errors import ArgumentError, MissingFileError
from augseq.training.kinds.classes import Classes
from augseq.training.networks.backbones import find_application, preprocess
from augseq.training.networks.networks import build_network, freeze_network
from augseq.training.runs.build_model import build_model, compile_model


def build_classifier(architecture: str, *, num_classes: int, **options: Any) -> keras.Model:
    network = build_network(architecture, **options)
    kind = Classes(classes=tuple(range(num_classes)))
    return keras.Model(network.pixels, kind.add_head(network), name=network.name)


@pytest.mark.parametrize("architecture", ["small", "mobilenet"])
def test_a_classifier_gives_probabilities_of_images_of_its_size(architecture: str) -> None:
    model = build_classifier(architecture, image_shape=(32, 48, 3), num_classes=3, seed=1)
    assert model.input_shape == (None, 32, 48, 3)
    found = np.asarray(model(np.full((2, 32, 48, 3), 200, np.uint8)))
    assert found.shape == (2, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_an_unknown_architecture_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ArgumentError, match="MobileNet"):
        build_classifier("mobilnet", image_shape=(32, 32, 3), num_classes=2, seed=1)


@pytest.mark.parametrize(
    "architecture",
    [
        "VGG16", "vgg19", "ResNet50", "ResNet50V2", "MobileNet", "MobileNetV2", "MobileNetV3Small",
        "DenseNet121", "InceptionV3", "InceptionResNetV2", "Xception", "NASNetMobile",
        "EfficientNetB0", "EfficientNetV2B0", "ConvNeXtTiny",
    ],
)  # fmt: skip
def test_each_network_gets_the_pixels_that_it_was_pretrained_with(architecture: str) -> None:
    pixels = np.random.default_rng(3).uniform(0, 255, (2, 4, 5, 3)).astype(np.float32)
    images = keras.Input((4, 5, 3))
    layers = keras.Model(images, preprocess(images, architecture))
    # The function that Keras' documentation tells users to call on each image.
    expected = sys.modules[find_application(architecture).__module__].preprocess_input
    np.testing.assert_allclose(np.asarray(layers(pixels)), expected(pixels.copy()), atol=1e-4)


def test_greyscale_and_full_depth_give_a_network_the_same_pixels() -> None:
    pixels = np.random.default_rng(5).uniform(0, 1, (2, 32, 32, 1)).astype(np.float32)
    shape = {"num_classes": 2, "seed": 4}
    gray = build_classifier("MobileNet", image_shape=(32, 32, 1), white=1.0, **shape)
    rgb = build_classifier("MobileNet", image_shape=(32, 32, 3), **shape)
    np.testing.assert_allclose(
        np.asarray(gray(pixels)), np.asarray(rgb(255 * pixels.repeat(3, axis=-1))), atol=1e-5
    )


# A model with another number of classes is what weights usually come from.
@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    model = build_classifier("small", image_shape=(16, 16, 3), num_classes=7, seed=11)
    model.save(folder / "model.keras")
    model.save_weights(folder / "all.weights.h5")
    body = keras.Model(model.input, model.layers[-3].output)
    body.save(folder / "body.keras")
    body.save_weights(folder / "body.weights.h5")
    nested = keras.Input((16, 16, 3))
    outputs = keras.layers.Dense(4)(body(nested))
    keras.Model(nested, outputs).save(folder / "nested.keras")
    build_classifier("small", image_shape=(16, 16, 1), num_classes=7, seed=1).save(
        folder / "gray.keras"
    )
    (folder / "text.keras").write_text("no model")
    (folder / "text.h5").write_text("no weights")
    (folder / "table.parquet").write_text("no weights")
    with h5py.File(folder / "other.h5", "w") as file:
        file["x"] = 1
    return folder


@pytest.mark.parametrize(
    "name", ["", "model.keras", "all.weights.h5", "body.keras", "body.weights.h5", "nested.keras"]
)
def test_weights_come_from_a_model_a_run_folder_or_a_file_of_weights(
    source: Path, name: str
) -> None:
    shape = {"image_shape": (24, 40, 3), "num_classes": 2, "seed": 5}
    model = build_classifier("small", weights=str(source / name), **shape)
    expected = build_classifier("small", image_shape=(16, 16, 3), num_classes=7, seed=11)
    fresh = build_classifier("small", **shape)
    for variable, other in zip(model.weights[:-2], expected.weights, strict=False):
        np.testing.assert_array_equal(np.asarray(variable.value), np.asarray(other.value))
    for variable, other in zip(model.weights[-2:], fresh.weights[-2:], strict=True):
        np.testing.assert_array_equal(np.asarray(variable.value), np.asarray(other.value))


@pytest.mark.parametrize(
    ("name", "error", "text"),
    [
        ("gray.keras", ArgumentError, r"array 1 .*\(5, 5, 3, 24\)\. Received: \(5, 5, 1, 24\)"),
        ("text.keras", ArgumentError, r"text\.keras' has the extension of .* not their content"),
        ("text.h5", ArgumentError, r"text\.h5' has the extension of .* not their content"),
        ("other.h5", ArgumentError, "do not fit small"),
        ("table.parquet", ArgumentError, r"a model \(\.keras\), .* Received: '.*table\.parquet'$"),
        ("absent.keras", MissingFileError, r"no file of weights .*absent\.keras"),
        ("imagenet", ArgumentError, 'no ImageNet weights of "small".*EfficientNetV2B0'),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    source: Path, name: str, error: type[Exception], text: str
) -> None:
    weights = name if name == "imagenet" else str(source / name)
    with pytest.raises(error, match=text):
        build_classifier("small", image_shape=(16, 16, 3), num_classes=2, seed=5, weights=weights)


def test_without_a_network_the_error_says_how_to_bring_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing listens on this port, and nothing is cached in this folder.
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    with pytest.raises(ArgumentError, match=r"download https://.*no_top\.h5 .*--weights FILE"):
        build_classifier(
            "MobileNet", image_shape=(32, 32, 3), num_classes=2, seed=5, weights="imagenet"
        )


@pytest.mark.parametrize("architecture", ["small", "MobileNet"])
@pytest.mark.parametrize("with_head_only", [True, False])
def test_a_frozen_network_trains_its_head_only_and_never_its_normalization(
    architecture: str, with_head_only: bool
) -> None:
    model = build_classifier(architecture, image_shape=(32, 32, 3), num_classes=2, seed=5)
    num_weights = len(model.trainable_weights)
    freeze_network(model, with_head_only=with_head_only)
    norms = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    frozen = num_weights - 2 if with_head_only else 2 * len(norms)
    assert len(model.trainable_weights) == num_weights - frozen
    before = [np.asarray(norm.moving_mean.value) for norm in norms]
    model(np.full((4, 32, 32, 3), 99, np.float32), training=True)
    for norm, mean in zip(norms, before, strict=True):
        np.testing.assert_array_equal(np.asarray(norm.moving_mean.value), mean)


def test_mixed_precision_changes_no_global_setting_and_keeps_probabilities_in_float32() -> None:
    options = augseq.RunOptions(mixed_precision=True, image_size=(16, 16))
    model = build_model(Classes(classes=(0, 1)), options)
    assert model.layers[2].compute_dtype == "float16"
    assert model.output.dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"


def test_a_loaded_model_of_mixed_precision_has_the_state_of_its_optimizer(tmp_path: Path) -> None:
    """Keras would warn of a different number of variables, and warnings are errors."""
    kind = Classes(classes=("a", "b"))
    model = build_model(kind, augseq.RunOptions(image_size=(8, 8), mixed_precision=True))
    compile_model(model, kind, num_steps=10, learning_rate=0.1)
    model.optimizer.build(model.trainable_variables)
    for number, variable in enumerate(model.optimizer.variables):
        variable.assign(keras.ops.full(variable.shape, number, variable.dtype))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras").optimizer
    assert isinstance(loaded, keras.optimizers.LossScaleOptimizer)
    pairs = zip(model.optimizer.variables, loaded.variables, strict=True)
    assert all(np.array_equal(keras.ops.convert_to_numpy(a), b) for a, b in pairs)
