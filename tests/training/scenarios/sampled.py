"""Training with sampling: crashes, resumes, shards and views."""

import contextlib
from collections import Counter
from pathlib import Path
from typing import Any

import keras
import numpy as np

import augseq

from ..crash import CrashAfter, CrashError
from .stamp import stamp
from .watch import NEEDS_JIT, new_model, require_equal, scenario, temporary_folder

# 9 images of one class, 3 of another.
CLASSES = np.array([0] * 9 + [1] * 3)


def balanced(**options: Any) -> augseq.ImageSequence:
    x = np.zeros((12, 8, 8, 3), np.uint8)
    x[..., 0] = np.arange(12)[:, np.newaxis, np.newaxis]
    settings = {"batch_size": 2, "shuffle": True, "seed": 11, "augment": [stamp], **options}
    settings["sampling"] = augseq.Balanced(num_images=14)
    return augseq.ImageSequence.from_arrays(x, CLASSES, **settings)


class Images(keras.callbacks.Callback):
    """Stands in for the diary of `watch`: keeps the pixels that identify each trained image."""

    def __init__(self) -> None:
        super().__init__()
        self.trained: list[tuple[int, ...]] = []

    def note(self, data: Any) -> None:
        x = keras.ops.convert_to_numpy(keras.utils.unpack_x_y_sample_weight(data)[0])
        self.trained += map(tuple, x[:, 0, 0].astype(int).tolist())


def expected_images(epochs: range) -> list[tuple[int, ...]]:
    """Return what some epochs must train, by a sequence that never saw Keras."""
    twin, found = balanced(workers=0), []
    for epoch in epochs:
        twin.set_epoch(epoch)
        for number in range(len(twin)):
            found += map(tuple, twin[number][0][:, 0, 0].astype(int).tolist())
    return found


@scenario
def a_balanced_run_that_crashes_trains_each_record_exactly_its_quota() -> None:
    expected, trained = expected_images(range(3)), []
    with temporary_folder() as folder:
        for crash_after in (10, 0):
            sequence, model = balanced(), new_model(built=True)
            model.diary = Images()
            callbacks = [
                augseq.Audit(sequence, Path(folder, "audit.jsonl")),
                augseq.BackupAndResume(sequence, Path(folder, "backups"), every_batches=1),
                CrashAfter(crash_after),
            ]
            with contextlib.suppress(CrashError):
                model.fit(sequence, epochs=3, shuffle=False, verbose=0, callbacks=callbacks)
            trained.append(model.diary.trained)
        report = augseq.verify_audit(Path(folder, "audit.jsonl"), sequence)
        once = augseq.verify_audit(Path(folder, "audit.jsonl"), sequence.manifest)
    require_equal((report.holds, report.num_epochs), (True, 3), str(report))
    require_equal("as often as its quota" in str(report), True, str(report))
    require_equal(once.holds, False)
    # The crash was in the second epoch, of 7 batches.
    resumed = len(expected) - len(trained[1])
    require_equal(18 <= resumed <= 20, True, str(resumed))
    require_equal(trained[0][:resumed] + trained[1], expected)
    classes = Counter(int(CLASSES[image[0]]) for image in expected)
    require_equal(classes, Counter({0: 21, 1: 21}))


@scenario
def two_balanced_shards_train_each_record_exactly_its_quota() -> None:
    with temporary_folder() as folder:
        paths, trained = [], []
        for index in range(2):
            sequence, model = balanced().shard(index, 2), new_model(built=True)
            model.diary = Images()
            paths.append(Path(folder, f"{index}.jsonl"))
            callbacks = [augseq.EpochSync(sequence), augseq.Audit(sequence, paths[-1])]
            model.fit(sequence, epochs=2, shuffle=False, verbose=0, callbacks=callbacks)
            trained.append(model.diary.trained)
        report = augseq.verify_audit(paths, sequence)
    require_equal((report.holds, report.num_epochs), (True, 2), str(report))
    # Of 4 global batches of 4, the last one is padded.
    require_equal(report.num_padding, 2 * 2)
    steps = [one[k : k + 2] for k in range(0, 16, 2) for one in trained]
    both = [image for step in steps for image in step]
    require_equal(both[:14] + both[16:30], expected_images(range(2)))


@scenario
def class_weight_is_refused_with_balanced_classes() -> None:
    try:
        new_model().fit(balanced(), class_weight={0: 1.0, 1: 3.0}, verbose=0)
    except augseq.errors.ArgumentError as error:
        require_equal("a second time" in str(error), True, str(error))
    else:
        raise AssertionError("nothing was refused")


class Contrastive(keras.Model):
    """Brings two views of an image together, as SimSiam does."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = keras.layers.Dense(4)

    def call(self, views: Any) -> Any:
        flat = [keras.ops.reshape(view, (-1, 192)) for view in (views["image"], views["image_2"])]
        return [self.encoder(view) for view in flat]

    def compute_loss(self, x: Any, y: Any, y_pred: Any, *_: Any, **__: Any) -> Any:
        one, other = y_pred
        return keras.ops.mean(keras.losses.cosine_similarity(one, other))


@scenario
def a_contrastive_model_trains_on_two_views() -> None:
    x = np.random.default_rng(3).integers(0, 256, (12, 8, 8, 3), np.uint8)
    batches = augseq.ImageSequence.from_arrays(
        x, batch_size=4, shuffle=True, views=2, augment=[stamp]
    )
    model = Contrastive()
    model.compile(keras.optimizers.SGD(0.01), jit_compile=NEEDS_JIT)
    history = model.fit(
        batches, epochs=2, shuffle=False, verbose=0, callbacks=[augseq.EpochSync(batches)]
    )
    require_equal(all(np.isfinite(history.history["loss"])), True, str(history.history))
