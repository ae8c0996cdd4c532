"""Training on batches of several sizes: shapes, crashes, and what a model must take."""

import contextlib
from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image

import augseq
from augseq.errors import ArgumentError

from ..crash import CrashAfter, CrashError
from .stamp import stamp
from .watch import NEEDS_JIT, require_equal, scenario, temporary_folder

BUCKETS = augseq.Buckets([(8, 12), (10, 10), (12, 8)])


def sequence_of(folder: str, **options: Any) -> augseq.ImageSequence:
    """Return batches of 7 wide, 2 square and 3 tall images, of two classes."""
    for number, size in enumerate([(24, 16)] * 7 + [(20, 20)] * 2 + [(16, 24)] * 3):
        path = Path(folder, "images", "ab"[number % 2], f"{number:02}.png")
        path.parent.mkdir(exist_ok=True, parents=True)
        Image.new("RGB", size, (number, 0, 0)).save(path)
    images = augseq.index_folder(Path(folder, "images"), progress=False)
    settings = {"batch_size": 2, "shuffle": True, "seed": 11, "augment": [stamp], **options}
    return augseq.ImageSequence(images, image_size=BUCKETS, **settings)


def any_size_model(shape: tuple[int | None, int | None] = (None, None)) -> keras.Model:
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((*shape, 3)),
            keras.layers.Conv2D(2, 3),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, run_eagerly=not NEEDS_JIT, jit_compile=NEEDS_JIT)
    return model


def weights_of(model: keras.Model) -> np.ndarray:
    return np.concatenate([np.ravel(weight) for weight in model.get_weights()])


def trained_alone(sequence: augseq.ImageSequence, epochs: int) -> np.ndarray:
    """Return the weights after `train_on_batch`, which knows no data sets."""
    model = any_size_model()
    for epoch in range(epochs):
        sequence.set_epoch(epoch)
        for number in range(len(sequence)):
            model.train_on_batch(*sequence[number])
    return weights_of(model)


@scenario
def batches_of_several_sizes_train_also_after_a_crash_with_one_batch_left() -> None:
    with temporary_folder() as folder:
        expected = trained_alone(sequence_of(folder, workers=0), 3)
        sizes = [sequence_of(folder, workers=0).batch(k).images.shape[1:3] for k in range(7)]
        require_equal(len(set(sizes)), 3, str(sizes))
        # An epoch has 4 + 1 + 2 batches; the second epoch is resumed at its last batch.
        for crash_after in (13, 0):
            sequence, model = sequence_of(folder), any_size_model()
            callbacks = [
                augseq.Audit(sequence, Path(folder, "audit.jsonl")),
                augseq.BackupAndResume(sequence, Path(folder, "backups"), every_batches=1),
                CrashAfter(crash_after),
            ]
            with contextlib.suppress(CrashError):
                model.fit(sequence, epochs=3, shuffle=False, verbose=0, callbacks=callbacks)
        np.testing.assert_allclose(weights_of(model), expected, rtol=1e-4, atol=1e-6)
        report = augseq.verify_audit(Path(folder, "audit.jsonl"), sequence)
    require_equal((report.holds, report.num_epochs), (True, 3), str(report))


@scenario
def the_first_batches_do_not_decide_the_sizes_of_all() -> None:
    with temporary_folder() as folder:
        model = any_size_model()
        for seed in range(20):
            sequence = sequence_of(folder, seed=seed, workers=0)
            first = {sequence.batch(k).images.shape[1:3] for k in (0, 1)}
            if len(first) == 1:
                break
        require_equal(len(first), 1)
        sync = augseq.EpochSync(sequence)
        history = model.fit(sequence, epochs=2, shuffle=False, verbose=0, callbacks=[sync])
        require_equal(len(history.history["loss"]), 2)
        ordered = sequence_of(folder, shuffle=False, augment=[])
        loss = model.evaluate(ordered, verbose=0)
        outputs = model.predict(ordered, verbose=0)
        require_equal(outputs.shape, (12, 2))
        records = [record for number in range(7) for record in ordered.records(number)]
        labels = np.array([record.target for record in records])
        expected = keras.losses.sparse_categorical_crossentropy(labels, outputs, from_logits=True)
        np.testing.assert_allclose(loss, np.mean(np.asarray(expected)), rtol=1e-4)


@scenario
def a_model_of_one_size_is_refused_before_the_first_batch() -> None:
    with temporary_folder() as folder:
        sequence = sequence_of(folder)
        try:
            any_size_model((10, 10)).fit(sequence, shuffle=False, verbose=0)
        except ArgumentError as error:
            text = str(error)
        require_equal("keras.Input((None, None, 3))" in text, True, text)
        for function in (augseq.predict, augseq.evaluate):
            try:
                function(any_size_model(), sequence)
            except ArgumentError as error:
                text = str(error)
            require_equal("come in batches of one size" in text, True, text)
