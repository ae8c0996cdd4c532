"""Validation, evaluation, prediction and class weights."""

from typing import Any

import keras
import numpy as np

import augseq

from .watch import (
    array_sequence,
    fit,
    folder_sequence,
    new_model,
    read_images,
    require_epochs,
    require_equal,
    scenario,
    temporary_folder,
)


def identity() -> keras.Model:
    """Return a model that predicts the first pixel of each image: who it is."""
    images = keras.Input((8, 8, 3))
    model = keras.Model(images, images[:, :1, :1, :])
    model.compile(loss="mse", jit_compile=False)
    return model


@scenario
def validation_data_do_not_disturb_training() -> None:
    for shuffle, options in (
        (False, {}),
        (True, {"validation_steps": 2}),
        (False, {"validation_freq": 2}),
    ):
        validation = array_sequence(8, shuffle=shuffle, augment=None, workers=2)
        trained = fit(array_sequence(workers=2), epochs=3, validation_data=validation, **options)
        require_epochs(trained, range(3), shuffled=True, where=str(options))


class Between(keras.callbacks.Callback):
    """Evaluates and predicts after each epoch."""

    def __init__(self, *sequences: augseq.ImageSequence) -> None:
        super().__init__()
        self.sequences = sequences
        self.other = identity()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        for sequence in self.sequences:
            self.model.evaluate(sequence, verbose=0)
            self.other.predict(sequence, verbose=0)


@scenario
def evaluate_and_predict_between_epochs_do_not_disturb_training() -> None:
    train, other = array_sequence(workers=2), array_sequence(8, workers=2)
    trained = fit(train, epochs=3, callbacks=[Between(train, other)])
    require_epochs(trained, range(3), shuffled=True)


@scenario
def records_trace_each_prediction_of_a_shuffled_sequence_to_its_file() -> None:
    with temporary_folder() as folder:
        sequence, model = folder_sequence(folder, workers=2), identity()
        for _ in range(3):
            seen = read_images(model.predict(sequence, verbose=0))
            records = [r for b in range(len(sequence)) for r in sequence.records(b)]
            require_equal([index for index, _ in seen], [r.index for r in records])
            require_equal({epoch for _, epoch in seen}, {sequence.epoch})
            require_equal([int(r.path[2:4]) for r in records], [r.index for r in records])


@scenario
def predictions_without_labels_come_in_the_order_of_the_manifest() -> None:
    with temporary_folder() as folder:
        options: dict[str, Any] = {"label_mode": None, "shuffle": False, "augment": None}
        sequence = folder_sequence(folder, workers=3, **options)
        for _ in range(2):
            found = identity().predict(sequence, verbose=0)[:, 0, 0, 0]
            require_equal(found.tolist(), [float(r.index) for r in sequence.manifest])


@scenario
def class_weights_of_the_manifest_weigh_the_records() -> None:
    with temporary_folder() as folder:
        sequence, model = folder_sequence(folder, workers=2), new_model()
        weights = sequence.manifest.class_weight()
        trained = fit(sequence, model=model, epochs=2, class_weight=weights)
        require_equal(weights, {0: 12 / 8, 1: 12 / 16})
        found = [w for batch in model.diary.weights for w in batch]
        indices = [i for batches in trained.values() for batch in batches for i, _ in batch]
        expected = [np.float32(weights[int(i >= 4)]) for i in indices]
        require_equal(np.allclose(found, expected), True, f"{found} {expected}")
