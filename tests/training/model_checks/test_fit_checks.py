"""What is said before Keras trains: sorted images, losses and outputs that do not fit."""

import dataclasses
import re
import warnings
from typing import Any

import keras
import numpy as np
import pytest
from keras.src.trainers import compile_utils

import augseq
from augseq.training.epoch_tracking.keras_calls import find_method
from augseq.training.model_checks.compiled_loss import loss_of_output
from augseq.training.model_checks.fit_checks import check_outputs, predicts_a_number, warn_if_sorted

SPARSE, ONE_HOT = "sparse_categorical_crossentropy", "categorical_crossentropy"


def sequence_of(labels: Any, **options: Any) -> augseq.ImageSequence:
    x = np.zeros((len(labels), 2, 2, 1), np.uint8)
    return augseq.ImageSequence.from_arrays(x, np.asarray(labels), **{"batch_size": 4, **options})


def model_of(num_outputs: int, loss: Any, *, channels: int = 1) -> keras.Model:
    model = keras.Sequential(
        [keras.Input((2, 2, channels)), keras.layers.Flatten(), keras.layers.Dense(num_outputs)]
    )
    # A compiled step would cost seconds for each model.
    model.compile("sgd", loss, run_eagerly=True)
    return model


def warnings_about(sequence: augseq.ImageSequence) -> list[str]:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", augseq.AugseqWarning)
        warn_if_sorted(sequence._plan)
    return [str(one.message) for one in told]


SORTED = {
    "two classes": [0] * 8 + [1] * 8,
    "three batches": [0] * 6 + [1] * 6,
    "four classes in batches of three": [0] * 6 + [1] * 6 + [2] * 6 + [3] * 6,
    "from high to low": [2] * 8 + [1] * 8 + [0] * 8,
    "not from zero": [7] * 8 + [40] * 8,
    "two sorted parts, one after the other": ([0] * 8 + [1] * 8) * 2,
    "a large class first": [0] * 40 + [1] * 8,
    "a column": [[0]] * 8 + [[1]] * 8,
    "true and false": [False] * 8 + [True] * 8,
    "one-hot rows": [[1.0, 0.0]] * 8 + [[0.0, 1.0]] * 8,
    "many small classes": np.repeat(np.arange(30), 4),
    "a last batch that is smaller": [0] * 9 + [1] * 9,
}


@pytest.mark.parametrize("labels", SORTED.values(), ids=SORTED)
def test_images_sorted_by_class_raise_a_warning(labels: Any) -> None:
    (text,) = warnings_about(sequence_of(labels))
    assert "Pass shuffle=True to ImageSequence" in text
    assert "batch of 4" in text
    assert warnings_about(sequence_of(labels, shuffle=True)) == []


MIXED = {
    "one batch": [0, 0, 1, 1],
    "one class": [0] * 16,
    "alternating": [0, 1] * 8,
    "mixed beforehand": [0, 1, 1, 0, 2, 1, 0, 2, 2, 0, 1, 2, 1, 2, 0, 0],
    "a class for each image": range(16),
    "numbers that are no classes": np.linspace(0, 1, 16),
    "several numbers": np.sort(np.random.default_rng(0).normal(size=(16, 2)), axis=0),
    "several labels each": [[1, 1], [1, 1]] * 4 + [[0, 1], [0, 0]] * 4,
    "a mask each": np.zeros((16, 2, 2), int),
    "a rare class at the end": [0, 1] * 8 + [2],
}


@pytest.mark.parametrize("labels", MIXED.values(), ids=MIXED)
def test_images_in_mixed_order_raise_no_warning(labels: Any) -> None:
    assert warnings_about(sequence_of(labels)) == []


def test_only_fit_warns_of_sorted_images_and_only_once(samples: augseq.Manifest) -> None:
    batches = augseq.ImageSequence(samples.select(range(0, 200, 5)), image_size=(2, 2))
    model = model_of(5, SPARSE, channels=3)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", augseq.AugseqWarning)
        model.evaluate(batches, verbose=0)
        model.predict(batches, verbose=0)
        assert told == []
        model.fit(batches, validation_data=batches, epochs=2, verbose=0)
    assert ["sorted by class: a batch of 32" in str(one.message) for one in told].count(True) == 1


FOR_TRAINING: dict[str, dict[str, Any]] = {
    "A sequence with `mix`.*of mixed images": {"mix": augseq.MixUp()},
    "`sampling` or `repeats`.*more often than others": {"sampling": augseq.Balanced()},
    "`sampling` or `repeats`.*several times": {"repeats": 2},
}


@pytest.mark.parametrize(("text", "options"), FOR_TRAINING.items())
@pytest.mark.parametrize("use", ["evaluate", "predict", "fit"])
def test_a_sequence_for_training_warns_once_where_it_only_measures(
    use: str, text: str, options: dict[str, Any]
) -> None:
    labels = np.eye(2, dtype=np.float32)[[0, 1, 0, 1]]
    plain, batches = (sequence_of(labels, shuffle=True, **more) for more in ({}, options))
    model = model_of(2, ONE_HOT)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", augseq.AugseqWarning)
        model.fit(batches, validation_data=plain, shuffle=False, verbose=0)
        assert told == []
        for _ in range(2):
            if use == "fit":
                model.fit(plain, validation_data=batches, shuffle=False, verbose=0)
            else:
                getattr(model, use)(batches, verbose=0)
    assert [bool(re.search(text, str(one.message))) for one in told].count(True) == 1


WRONG = {
    "one output too few": ([0, 1, 2], 2, SPARSE, "an output for each of the 3 classes"),
    "the loss as an object": (
        [0, 1, 2],
        2,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "with 2 outputs.*Dense",
    ),
    "the loss as a function": (
        [0, 1, 2],
        1,
        keras.losses.sparse_categorical_crossentropy,
        r"Dense\(3\)",
    ),
    "the loss in a list": ([0, 1, 2], 2, [SPARSE], "an output for each of the 3 classes"),
    "numbers of classes, one-hot loss": ([0, 1, 2], 3, ONE_HOT, f'loss "{SPARSE}"'),
    "one-hot rows, loss of numbers": (np.eye(3), 3, SPARSE, f'loss "{ONE_HOT}"'),
    "one-hot rows, too many outputs": (np.eye(3), 4, ONE_HOT, "each of the 3 classes.*4 outputs"),
    "one-hot rows, too few outputs": (np.eye(4), 3, ONE_HOT, "each of the 4 classes.*3 outputs"),
    "three classes for a loss of two": ([0, 1, 2], 1, "binary_crossentropy", "separate two"),
    "three classes in a column": ([[0], [1], [2]], 1, "binary_crossentropy", "there are 3"),
    "Keras chooses the loss of classes": ([0, 1, 2], 2, "crossentropy", "each of the 3 classes"),
    "Keras chooses it for a column": ([[0], [1], [2]], 2, "CE", "each of the 3 classes"),
    "Keras chooses the loss of rows": (np.eye(3), 4, "ce", "each of the 3 classes.*4 outputs"),
    "Keras chooses the loss of two": ([0, 1, 2], 1, "Crossentropy", "separate two"),
}


@pytest.mark.parametrize(("labels", "num_outputs", "loss", "text"), WRONG.values(), ids=WRONG)
def test_a_wrong_loss_or_output_is_named_before_keras_fails(
    labels: Any, num_outputs: int, loss: Any, text: str
) -> None:
    model = model_of(num_outputs, loss)
    for method in (model.fit, model.evaluate):
        with pytest.raises(augseq.errors.ArgumentError, match=text):
            method(sequence_of(labels, shuffle=True), verbose=0)


def test_numbers_that_mixing_changes_are_no_classes() -> None:
    labels = np.array([0.0, 1.0, 2.0, 1.0])
    batches = sequence_of(labels, shuffle=True, mix=[augseq.MixUp()])
    with pytest.raises(augseq.errors.ArgumentError, match=f"to_categorical.*{ONE_HOT}"):
        model_of(3, SPARSE).fit(batches, verbose=0)
    model_of(1, "mse").fit(batches, shuffle=False, verbose=0)


def test_advice_names_the_option_for_files_and_the_call_for_arrays(
    samples: augseq.Manifest,
) -> None:
    for options, outputs, loss, files, arrays in (
        ({"label_mode": "categorical"}, 5, SPARSE, 'label_mode="int"', r"y\.argmax\(axis=1\)"),
        ({}, 5, ONE_HOT, 'label_mode="categorical"', r"keras\.utils\.to_categorical\(y\)"),
    ):
        batches = augseq.ImageSequence(samples, image_size=(2, 2), **options)
        labels = np.eye(5) if options else np.arange(5)
        for sequence, channels, text in ((batches, 3, files), (sequence_of(labels), 1, arrays)):
            with pytest.raises(augseq.errors.ArgumentError, match=text):
                model_of(outputs, loss, channels=channels).evaluate(sequence, verbose=0)


def test_one_output_for_two_classes_has_two_remedies() -> None:
    with pytest.raises(
        augseq.errors.ArgumentError, match=r'1 output\. .*Dense\(2\), or .*"binary_cross'
    ):
        model_of(1, SPARSE).evaluate(sequence_of([0, 1, 0, 1]), verbose=0)


class OneHotInside(keras.losses.CategoricalCrossentropy):  # type: ignore[misc]
    """Takes class numbers, unlike its base."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        numbers = keras.ops.cast(keras.ops.reshape(y_true, (-1,)), "int32")
        return super().call(keras.ops.one_hot(numbers, 3), y_pred)


RIGHT = {
    "an output for each class": ([0, 1, 2], 3, SPARSE),
    "more outputs than classes": ([0, 1, 2], 1000, SPARSE),
    "one-hot rows": (np.eye(3), 3, ONE_HOT),
    "two classes, one output": ([0, 1, 1], 1, "binary_crossentropy"),
    "several labels each": ([[1, 1, 0], [0, 1, 0], [0, 0, 0]], 3, "binary_crossentropy"),
    "shares of each class": ([[0.5, 0.5], [0.25, 0.75]], 2, ONE_HOT),
    "numbers": ([0.5, 3.0, 9.0], 1, "mse"),
    "classes for another loss": ([0, 1, 2], 1, "mae"),
    "Keras chooses the loss of one output": ([0, 1, 1], 1, "crossentropy"),
    "Keras chooses the loss": ([0, 1, 2], 3, "ce"),
    "Keras chooses the loss of rows": (np.eye(3), 3, "CE"),
    "a function of one's own": ([0, 1, 2], 1, keras.ops.add),
    "a loss derived from one of Keras": ([0, 1, 2], 3, OneHotInside(from_logits=True)),
    "a number that the loss ignores": (
        [0, 1, 255],
        2,
        keras.losses.SparseCategoricalCrossentropy(ignore_class=255),
    ),
}


@pytest.mark.parametrize(("labels", "num_outputs", "loss"), RIGHT.values(), ids=RIGHT)
def test_a_matching_loss_and_outputs_pass(labels: Any, num_outputs: int, loss: Any) -> None:
    targets = sequence_of(labels)._plan.target
    assert targets is not None
    check_outputs(model_of(num_outputs, loss), targets)


@pytest.mark.parametrize("num_outputs", [1, 3])
@pytest.mark.parametrize("labels", [[0, 1, 2], [[0], [1], [2]], np.eye(3)], ids=np.shape)
def test_the_loss_that_keras_chooses_is_known(labels: Any, num_outputs: int) -> None:
    batches, model = sequence_of(labels), model_of(num_outputs, "crossentropy")
    targets = batches._plan.target
    assert targets is not None
    images, y = batches[0]
    chosen = compile_utils.get_loss("crossentropy", y, model(images))
    assert loss_of_output(model, targets.shape) is chosen.fn


class OwnTargets(augseq.ImageSequence):
    """Gives Keras other targets than the plan's."""

    def __getitem__(self, index: int) -> Any:
        images, labels = super().__getitem__(index)
        return images, np.eye(3)[labels]


class OwnBatches(augseq.ImageSequence):
    """Makes its batches with other targets."""

    def batch(self, index: int) -> Any:
        made = super().batch(index)
        return dataclasses.replace(made, targets={"target": np.eye(3)[made.y]})


class Around(keras.utils.PyDataset):  # type: ignore[misc]
    """Converts the labels of a sequence to one-hot rows, and passes on epoch hooks."""

    def __init__(self, inner: augseq.ImageSequence) -> None:
        super().__init__()
        self.inner = inner

    def __len__(self) -> int:
        return len(self.inner)

    def __getitem__(self, index: int) -> Any:
        images, labels = self.inner[index]
        return images, np.eye(3)[labels]

    def on_epoch_begin(self) -> None:
        self.inner.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self.inner.on_epoch_end()


class OwnStep(keras.Model):  # type: ignore[misc]
    """Computes its loss in its own way."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = keras.layers.Dense(1)

    def call(self, x: Any) -> Any:
        return self.dense(keras.ops.reshape(x, (-1, 4)))

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, **_: Any
    ) -> Any:
        return keras.ops.mean(y_pred)


def test_the_outputs_of_a_dict_can_be_in_any_order() -> None:
    # Keras sorts them.
    x = keras.Input((2, 2, 1))
    flat = keras.layers.Flatten()(x)
    sizes = {"kind": 3, "age": 1}
    model = keras.Model(x, {name: keras.layers.Dense(size)(flat) for name, size in sizes.items()})
    model.compile("sgd", {"kind": SPARSE, "age": "mse"}, run_eagerly=True)
    labels = {"kind": np.arange(8) % 3, "age": np.linspace(0, 1, 8, dtype=np.float32)}
    batches = augseq.ImageSequence.from_arrays(
        np.zeros((8, 2, 2, 1), np.uint8), labels, batch_size=4, shuffle=True
    )
    model.fit(batches, verbose=0, shuffle=False, callbacks=[augseq.EpochSync(batches)])
    labels["kind"] = np.arange(8) % 5
    wrong = augseq.ImageSequence.from_arrays(np.zeros((8, 2, 2, 1), np.uint8), labels)
    with pytest.raises(augseq.errors.ArgumentError, match="a model with 3 outputs"):
        model.evaluate(wrong, verbose=0)


def test_custom_targets_and_losses_are_not_checked() -> None:
    x = np.zeros((6, 2, 2, 1), np.uint8)
    own = OwnTargets.from_arrays(x, np.arange(6) % 3, batch_size=3)
    model_of(3, ONE_HOT).fit(own, verbose=0)
    model_of(3, ONE_HOT).fit(
        OwnBatches.from_arrays(x, np.arange(6) % 3, batch_size=3, shuffle=True), verbose=0
    )
    model_of(3, ONE_HOT).evaluate(Around(sequence_of([0, 1, 2, 0])), verbose=0)
    model = OwnStep()
    model.compile("sgd", ONE_HOT, run_eagerly=True)
    model.fit(sequence_of([0, 1, 2, 0]), verbose=0)


AMOUNTS = {
    "ages": (np.repeat([20, 30, 40, 50], 8), 1, "mae"),
    "a column of counts": (np.repeat([[0], [1], [2]], 8, axis=0), 1, "poisson"),
    "scores for a loss of one's own": (np.repeat([1, 2, 3], 8), 1, keras.ops.subtract),
}


@pytest.mark.parametrize(("labels", "num_outputs", "loss"), AMOUNTS.values(), ids=AMOUNTS)
def test_sorted_quantities_are_not_mistaken_for_classes(
    labels: Any, num_outputs: int, loss: Any
) -> None:
    model, targets = model_of(num_outputs, loss), sequence_of(labels)._plan.target
    assert targets is not None
    assert predicts_a_number(model, targets)
    assert not predicts_a_number(model_of(60, SPARSE), targets)


@pytest.mark.parametrize("labels", [[0] * 8 + [1] * 8, np.repeat(np.eye(3), 8, axis=0)])
def test_sorted_classes_are_not_mistaken_for_quantities(labels: Any) -> None:
    targets = sequence_of(labels)._plan.target
    assert targets is not None
    assert not predicts_a_number(model_of(1, "mse"), targets)


def test_fit_does_not_warn_of_sorted_quantities() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", augseq.AugseqWarning)
        model_of(1, "mae").fit(sequence_of(np.repeat([20, 30, 40], 4)), verbose=0)


def test_the_running_method_of_a_model_is_the_innermost_one() -> None:
    found = []

    class Note(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            found.append(find_method())

        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            found.append(find_method())

    model = model_of(1, "mse")
    sequence = sequence_of([0, 1, 0, 1])
    model.fit(sequence, validation_data=sequence_of([0, 1, 1]), callbacks=[Note()], verbose=0)
    assert [(method.name, method.model is model) for method in found if method] == [
        ("fit", True),
        ("evaluate", True),
    ]
    assert find_method() is None
