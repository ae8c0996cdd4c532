"""A training program that saves itself, to be killed at any moment and started again.

python -m tests.training.resumable FOLDER [--kill-after BATCH] [options]

Without arguments, it serves forks of itself.
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

import augseq

from .forks import serve_forks

NUM_IMAGES, BATCH_SIZE, EPOCHS = 50, 8, 4


def shift(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image + np.float32(rng.random())


def make_sequence(folder: Path, options: argparse.Namespace) -> augseq.ImageSequence:
    x = np.random.default_rng(3).random((NUM_IMAGES, 8, 8, 3)).astype(np.float32)
    return augseq.ImageSequence.from_arrays(
        x,
        np.arange(NUM_IMAGES) % 3,
        batch_size=options.batch_size,
        shuffle=True,
        seed=options.seed,
        augment=[shift],
        workers=options.workers,
        worker_kind=options.worker_kind,
    )


def make_model() -> keras.Model:
    keras.utils.set_random_seed(1)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    model = keras.Sequential(
        [
            keras.layers.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.3),
            keras.layers.Flatten(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    # TensorFlow takes seconds to compile a step, which JAX cannot do without.
    jit_compile = keras.backend.backend() == "jax"
    loss = "sparse_categorical_crossentropy"
    model.compile("adam", loss, metrics=["accuracy"], jit_compile=jit_compile)
    return model


class Tell(keras.callbacks.Callback):
    """Prints each batch, and kills the process, or asks it to end, after one of them."""

    def __init__(self, kill_after: int, signal_number: int) -> None:
        super().__init__()
        self.num_batches = 0
        self.kill_after = kill_after
        self.signal_number = signal_number

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.num_batches += 1
        print("batch", self.num_batches, flush=True)
        if self.num_batches == self.kill_after:
            os.kill(os.getpid(), self.signal_number)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kill-after", type=int, default=0)
    parser.add_argument("--signal", type=int, default=signal.SIGKILL)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--batch-size", type=int, default=BATCH_SIZE)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--worker-kind", default="threads")
    options = parser.parse_args(arguments)

    batches = make_sequence(options.folder, options)
    model = make_model()
    backup = augseq.BackupAndResume(
        batches, options.folder / "backups", every_batches=options.every or None
    )
    history = model.fit(
        batches,
        epochs=EPOCHS,
        shuffle=False,
        verbose=0,
        callbacks=[backup, Tell(options.kill_after, options.signal)],
    )
    arrays = {str(k): np.asarray(w) for k, w in enumerate(model.get_weights())}
    np.savez(options.folder / "weights.npz", **arrays)
    last = {name: values[-1] for name, values in history.history.items()}
    (options.folder / "last_epoch.json").write_text(json.dumps(last))


if __name__ == "__main__":
    if sys.argv[1:]:
        main(sys.argv[1:])
    else:
        serve_forks(main)
