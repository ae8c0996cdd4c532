"""What happens to batches that several devices of one process divide; run on JAX, as a program."""

import json
import warnings
from typing import Any

import keras
import numpy as np

import augseq

# Such as of a batch that Keras does not divide.
warnings.simplefilter("error", UserWarning)

LABELS = np.arange(10) % 2


def sequence_of(**options: Any) -> augseq.ImageSequence:
    x = np.arange(40, dtype=np.uint8).reshape(10, 2, 2, 1)
    return augseq.ImageSequence.from_arrays(x, LABELS, **{"batch_size": 8, **options})


def new_model() -> keras.Model:
    model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(2))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, weighted_metrics=["accuracy"])
    return model


def outcome(method: str, sequence: augseq.ImageSequence, **options: Any) -> str:
    try:
        getattr(new_model(), method)(sequence, verbose=0, **options)
    except augseq.errors.ArgumentError as error:
        return str(error)
    return "works"


def exact_accuracy() -> list[float]:
    """Return the accuracy of `evaluate`, and that of the ten predictions."""
    model = new_model()
    filled = sequence_of().shard(0, 1, padding="zero_weight")
    logits = model.predict(sequence_of().shard(0, 1, padding="wrap"), verbose=0)
    right = logits[: len(LABELS)].argmax(axis=1) == LABELS
    metrics = model.evaluate(filled, verbose=0, return_dict=True)
    return [metrics["accuracy"], float(right.mean()), len(logits)]


def main() -> None:
    keras.distribution.set_distribution(keras.distribution.DataParallel())
    fit, evaluate, predict = "fit", "evaluate", "predict"
    shuffled = {"shuffle": True}
    found = {
        "fit": outcome(fit, sequence_of(**shuffled), shuffle=False),
        "fit, Keras shuffles": outcome(fit, sequence_of(**shuffled)),
        "evaluate": outcome(evaluate, sequence_of()),
        "predict": outcome(predict, sequence_of()),
        "fit, a batch size of 6": outcome(fit, sequence_of(batch_size=6)),
        "fit, a batch size of 5": outcome(fit, sequence_of(batch_size=5)),
        "fit, drop_remainder": outcome(fit, sequence_of(drop_remainder=True)),
        "fit, wrap": outcome(fit, sequence_of().shard(0, 1, padding="wrap")),
        "fit, wrap, found": outcome(fit, sequence_of().shard(padding="wrap")),
        "fit, wrap, 6": outcome(fit, sequence_of(batch_size=6).shard(0, 1, padding="wrap")),
        "fit, endless": outcome(
            fit,
            sequence_of().shard(0, 1, padding="wrap").repeat(),
            steps_per_epoch=3,
            shuffle=False,
        ),
        "evaluate, zero_weight": outcome(
            evaluate, sequence_of().shard(0, 1, padding="zero_weight")
        ),
        "predict, wrap": outcome(predict, sequence_of().shard(0, 1, padding="wrap")),
        "validation": outcome(fit, sequence_of(drop_remainder=True), validation_data=sequence_of()),
    }
    mesh = keras.distribution.DeviceMesh((2, 2), ["batch", "model"])
    layout = keras.distribution.LayoutMap(mesh)
    with keras.distribution.ModelParallel(layout_map=layout).scope():
        found["two copies of the model"] = outcome(fit, sequence_of())
        found["two copies, batches of 3"] = outcome(fit, sequence_of(batch_size=3))
    print(json.dumps([found, exact_accuracy()]))


if __name__ == "__main__":
    main()
