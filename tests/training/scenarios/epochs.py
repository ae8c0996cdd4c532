"""Whole epochs: with `EpochSync`, without it, after a restart."""

import contextlib
import functools
from typing import Any

import keras

import augseq

from .watch import (
    array_sequence,
    fit,
    folder_sequence,
    joined,
    new_model,
    noted,
    require_epochs,
    require_equal,
    require_passes,
    scenario,
    temporary_folder,
)


@scenario
def each_epoch_trains_each_record_once_with_its_own_augmentation() -> None:
    for shuffle, workers in ((True, 0), (False, 1), (True, 4), (False, 4)):
        where = f"shuffle={shuffle}, workers={workers}"
        model = new_model()
        for run in ("new model", "second fit"):
            sequence = array_sequence(workers=workers)
            trained = fit(sequence, model=model, epochs=3, shuffle=shuffle)
            require_epochs(trained, range(3), shuffled=shuffle, where=f"{where}, {run}")


@scenario
def a_second_fit_with_the_same_sequence_begins_at_epoch_0_again() -> None:
    sequence, model = array_sequence(workers=2), new_model(built=True)
    for run in range(2):
        trained = fit(sequence, model=model, epochs=2)
        require_epochs(trained, range(2), shuffled=True, where=f"fit {run}")


@scenario
def files_train_like_arrays() -> None:
    with temporary_folder() as folder:

        def make(**options: Any) -> augseq.ImageSequence:
            return folder_sequence(folder, **options)

        for workers in (0, 2):
            trained = fit(make(workers=workers), epochs=3)
            require_epochs(trained, range(3), shuffled=True, make=make)


@scenario
def a_smaller_last_batch_is_trained_unless_drop_remainder() -> None:
    for drop in (False, True):
        make = functools.partial(array_sequence, 11, drop_remainder=drop)
        trained = fit(make(workers=2), epochs=3, shuffle=False)
        require_epochs(trained, range(3), shuffled=False, make=make)
        require_equal([len(b) for b in trained[0]], [2] * 5 + [1] * (not drop))


@scenario
def a_single_batch_is_an_epoch() -> None:
    def make(**options: Any) -> augseq.ImageSequence:
        return array_sequence(2, **options)

    require_epochs(fit(make(), epochs=3), range(3), shuffled=True, make=make)
    epochs = require_passes(joined(fit(make(), sync=False, epochs=3)), length=1)
    require_equal(epochs, list(range(epochs[0], epochs[0] + 3)))


@scenario
def initial_epoch_is_the_first_epoch_of_the_sequence() -> None:
    trained = fit(array_sequence(workers=2), initial_epoch=2, epochs=4)
    require_epochs(trained, (2, 3), shuffled=True)


class Crash(keras.callbacks.Callback):
    """Fails when an epoch begins, or at one of its batches."""

    def __init__(self, epoch: int, batch: int | None = None) -> None:
        super().__init__()
        self.where = (epoch, batch)
        self.epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch
        if self.where == (epoch, None):
            raise InterruptedError

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.where == (self.epoch, batch):
            raise InterruptedError


@scenario
def backup_and_restore_resumes_the_epoch_of_the_crash() -> None:
    for batch in (None, 3):
        with temporary_folder() as folder:
            backup = keras.callbacks.BackupAndRestore(folder)
            try:
                fit(
                    array_sequence(workers=2),
                    model=new_model(built=True),
                    callbacks=[backup, Crash(1, batch)],
                    epochs=4,
                )
            except InterruptedError:
                pass
            else:
                raise AssertionError("no crash")
            backup = keras.callbacks.BackupAndRestore(folder)
            trained = fit(
                array_sequence(workers=2),
                model=new_model(built=True),
                callbacks=[backup],
                epochs=4,
            )
            require_epochs(trained, (1, 2, 3), shuffled=True, where=f"crash at {batch}")


@scenario
def without_epoch_sync_no_augmentation_comes_twice_not_in_a_second_fit_either() -> None:
    for shuffle, workers in ((True, 2), (False, 0)):
        sequence, model = array_sequence(workers=workers), new_model()
        epochs = []
        for _ in range(2):
            trained = fit(sequence, sync=False, model=model, epochs=3, shuffle=shuffle)
            epochs += require_passes(joined(trained))
        require_equal(epochs, list(range(6)), f"shuffle={shuffle}, workers={workers}")


@scenario
def without_epoch_sync_a_fit_after_an_interrupted_one_repeats_no_augmentation() -> None:
    for attempt in range(3):
        sequence, model = array_sequence(), new_model(built=True)
        with contextlib.suppress(InterruptedError):
            fit(sequence, sync=False, model=model, callbacks=[Crash(0, 3)])
        before = [image for batch in model.diary.by_epoch[0] for image in batch]
        trained = fit(sequence, sync=False, model=model, epochs=2)
        require_passes(joined(trained))
        after = [image for batch in joined(trained) for image in batch]
        require_equal(sorted(set(before) & set(after)), [], f"attempt {attempt}")


@scenario
def the_warning_appears_once_and_only_if_epochs_matter() -> None:
    def warnings_of(sequence: augseq.ImageSequence, *, sync: bool) -> int:
        with noted() as texts:
            for _ in range(2):
                fit(sequence, sync=sync, epochs=3)
        return len(texts)

    require_equal(warnings_of(array_sequence(), sync=False), 1, "augmented and shuffled")
    require_equal(warnings_of(array_sequence(augment=None), sync=False), 1, "shuffled")
    require_equal(warnings_of(array_sequence(shuffle=False), sync=False), 1, "augmented")
    plain = array_sequence(shuffle=False, augment=None)
    require_equal(warnings_of(plain, sync=False), 0, "neither")
    require_equal(warnings_of(array_sequence(), sync=True), 0, "with EpochSync")


@scenario
def without_epoch_sync_one_fit_trains_the_epochs_of_keras_and_says_nothing() -> None:
    for first, workers in ((0, 0), (0, 2), (3, 2)):
        with noted() as texts:
            options = {"initial_epoch": first, "epochs": first + 3}
            trained = fit(array_sequence(workers=workers), sync=False, **options)
        require_epochs(trained, range(first, first + 3), shuffled=True, where=f"from {first}")
        require_equal(texts, [], f"from {first}")


@scenario
def without_epoch_sync_a_fit_that_continues_another_says_nothing() -> None:
    sequence, model = array_sequence(), new_model()
    with noted() as texts:
        for first in (0, 2, 4):
            options = {"initial_epoch": first, "epochs": first + 2}
            trained = fit(sequence, sync=False, model=model, **options)
            require_epochs(trained, (first, first + 1), shuffled=True)
    require_equal(texts, [], "continued")


@scenario
def without_epoch_sync_backup_and_restore_resumes_the_epoch_of_the_crash() -> None:
    with temporary_folder() as folder, noted() as texts:
        for attempt in range(2):
            backup = keras.callbacks.BackupAndRestore(folder)
            crash = [] if attempt else [Crash(2)]
            with contextlib.suppress(InterruptedError):
                trained = fit(
                    array_sequence(workers=2),
                    model=new_model(built=True),
                    sync=False,
                    callbacks=[backup, *crash],
                    epochs=4,
                )
        require_epochs(trained, (2, 3), shuffled=True)
    require_equal(texts, [], "resumed")


def epochs_of(trained: dict[int, list[Any]]) -> dict[int, set[int]]:
    return {epoch: {e for batch in batches for _, e in batch} for epoch, batches in trained.items()}


@scenario
def without_epoch_sync_an_epoch_that_is_not_that_of_keras_is_never_silent() -> None:
    def two_fits(first: int, *, sync: bool) -> Any:
        sequence = array_sequence()
        fit(sequence, sync=sync)
        return epochs_of(fit(sequence, sync=False, initial_epoch=first, epochs=first + 1))

    def after(method: str) -> Any:
        sequence, model = array_sequence(), new_model(built=True)
        getattr(model, method)(sequence, verbose=0)
        return epochs_of(fit(sequence, sync=False, model=model))

    def after_a_loop() -> Any:
        sequence = array_sequence()
        list(sequence)
        return epochs_of(fit(sequence, sync=False))

    def repeated(first: int, epoch: int = 0) -> Any:
        sequence = array_sequence().repeat()
        sequence.set_epoch(epoch)
        options = {"initial_epoch": first, "epochs": first + 1, "steps_per_epoch": 6}
        return epochs_of(fit(sequence, sync=False, **options))

    cases = {
        "one batch": (lambda: epochs_of(fit(array_sequence(2), sync=False)), 0, 0),
        "two fits": (lambda: two_fits(0, sync=False), 1, 1),
        "continued": (lambda: two_fits(1, sync=False), 1, 0),
        "only the first with EpochSync": (lambda: two_fits(0, sync=True), 1, 1),
        "first with EpochSync, continued": (lambda: two_fits(1, sync=True), 1, 0),
        "after evaluate": (lambda: after("evaluate"), 1, 1),
        "after predict": (lambda: after("predict"), 1, 1),
        "after a loop": (after_a_loop, 1, 1),
        "repeated": (lambda: repeated(0), 0, 0),
        "repeated, from epoch 2": (lambda: repeated(2), 0, 1),
        "repeated, from epoch 2, which is set": (lambda: repeated(2, 2), 2, 0),
    }
    for name, (train, epoch, num_warnings) in cases.items():
        with noted() as texts:
            trained = train()
        require_equal(list(trained.values()), [{epoch}], name)
        require_equal(len(texts), num_warnings, f"{name}: {texts}")


@scenario
def two_steps_per_execution_train_the_same() -> None:
    for num_images in (12, 10):
        make = functools.partial(array_sequence, num_images)
        for sync in (True, False):
            model = new_model(steps_per_execution=2)
            trained = fit(make(workers=2), model=model, sync=sync, epochs=3)
            where = f"{num_images} images, sync={sync}"
            require_epochs(trained, range(3), shuffled=True, make=make, where=where)
