"""Wrappers, generators and other libraries around a sequence, which do not set its epoch."""

import copy
import itertools
import json
import pickle
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

import augseq

from .watch import (
    Diary,
    NotApplicableError,
    Trained,
    array_sequence,
    fit,
    joined,
    new_model,
    noted,
    plan_of,
    require_epochs,
    require_equal,
    require_passes,
    scenario,
    temporary_folder,
)


class Wrapper(keras.utils.PyDataset):
    """Takes batch i from batch i of a sequence."""

    def __init__(self, inner: Any, *, length: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.inner = inner
        self.length = len(inner) if length is None else length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        return self.inner[index]


class Forwarding(Wrapper):
    """Hands the hooks on."""

    def on_epoch_begin(self) -> None:
        self.inner.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self.inner.on_epoch_end()


class TwiceAsked(Wrapper):
    """Takes images and labels from two calls."""

    def __getitem__(self, index: int) -> Any:
        return self.inner[index][0], self.inner[index][1]


class NegativelyAsked(Wrapper):
    """Takes the same batches by other numbers."""

    def __getitem__(self, index: int) -> Any:
        return self.inner[index - len(self.inner)]


class Pairs(Wrapper):
    """Takes images of one sequence and, as labels, images of another."""

    def __init__(self, inner: Any, other: Any, **options: Any) -> None:
        super().__init__(inner, **options)
        self.other = other
        self.epochs: list[tuple[int, int]] = []

    def __getitem__(self, index: int) -> Any:
        (images, _), (masks, _) = self.inner[index], self.other[index]
        self.epochs.append((self.inner.epoch, self.other.epoch))
        return images, masks[:, 0, 0, :1]


class Halves(Wrapper):
    """Makes a batch of two."""

    def __len__(self) -> int:
        return len(self.inner) // 2

    def __getitem__(self, index: int) -> Any:
        pairs = zip(self.inner[2 * index], self.inner[2 * index + 1], strict=True)
        return tuple(np.concatenate(pair) for pair in pairs)


class Backwards(Wrapper):
    """Takes the last batch first."""

    def __getitem__(self, index: int) -> Any:
        return self.inner[len(self.inner) - 1 - index]


@contextmanager
def heard() -> Iterator[list[str]]:
    """Collect the texts of all AugseqWarnings as they are raised."""
    texts: list[str] = []

    def note(message: Any, category: type[Warning], *_: Any) -> None:
        if issubclass(category, augseq.AugseqWarning):
            texts.append(str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = note
        yield texts


def train(data: Any, callbacks: Sequence[Any] = (), **options: Any) -> dict[int, list[Trained]]:
    """Fit on any data; return the trained batches by Keras' epochs."""
    model = new_model()
    model.diary = Diary()
    options = {"epochs": 3, "shuffle": False, **options}
    model.fit(data, verbose=0, callbacks=[*callbacks, model.diary], **options)
    return model.diary.by_epoch


WRAPPERS: tuple[Callable[..., Any], ...] = (Wrapper, Forwarding, TwiceAsked, NegativelyAsked)


@scenario
def a_wrapper_with_epoch_sync_trains_each_epoch_without_a_warning() -> None:
    for number, wrapper in enumerate(WRAPPERS):
        shuffle = number % 2 == 1
        sequence = array_sequence(workers=2 * shuffle)
        sync = augseq.EpochSync(sequence)
        with noted() as texts:
            trained = train(wrapper(sequence), [sync], shuffle=shuffle)
            require_epochs(trained, range(3), shuffled=shuffle, where=wrapper.__name__)
            trained = train(wrapper(sequence), [sync], initial_epoch=2, epochs=4)
            require_epochs(trained, (2, 3), shuffled=False, where=wrapper.__name__)
        require_equal(texts, [], wrapper.__name__)


@scenario
def a_wrapper_without_epoch_sync_warns_once_before_a_batch_is_repeated() -> None:
    cases = [(Wrapper, 2), (Wrapper, 4), *((wrapper, 6) for wrapper in WRAPPERS)]
    for wrapper, num_images in cases:
        sequence = array_sequence(num_images)
        said: list[int] = []

        class Note(keras.callbacks.Callback):
            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                said.append(len(texts))  # noqa: B023

        with heard() as texts:
            train(wrapper(sequence), [Note()])
        where = f"{wrapper.__name__}, {num_images} images: {said}, {texts}"
        length = num_images // 2
        # TensorFlow reads a few batches ahead.
        if keras.backend.backend() != "tensorflow":
            require_equal(said[:length], [0] * length, where)
        require_equal(said[length:], [1] * (2 * length), where)
        require_equal("EpochSync(batches)" in texts[0], True, where)


@scenario
def a_wrapper_that_begins_with_a_later_epoch_warns_in_its_first_one() -> None:
    for wrapper in WRAPPERS:
        with noted() as texts:
            trained = train(wrapper(array_sequence()), initial_epoch=3, epochs=4)
        require_equal({epoch for batch in trained[3] for _, epoch in batch}, {0})
        require_equal([text[:20] for text in texts], ["`fit` trains epoch 3"], wrapper.__name__)
        sequence = array_sequence()
        sequence.set_epoch(3)
        with noted() as texts:
            train(wrapper(sequence), initial_epoch=3, epochs=4)
        require_equal(texts, [], wrapper.__name__)


@scenario
def evaluation_through_wrappers_does_not_warn() -> None:
    train_on, other = array_sequence(), array_sequence(8)
    plain = array_sequence(8, shuffle=False, augment=None)
    with noted() as texts:
        for validation in (Wrapper(other), Wrapper(plain), Wrapper(train_on), other):
            trained = train(
                Wrapper(train_on), [augseq.EpochSync(train_on)], validation_data=validation
            )
            require_epochs(trained, range(3), shuffled=False)
        for _ in range(3):
            new_model().evaluate(Wrapper(other), verbose=0)
            new_model().evaluate(other, verbose=0)
    require_equal(texts, [])


@scenario
def a_wrapper_that_is_shorter_or_spans_epochs_trains_the_epochs_of_epoch_sync() -> None:
    for inner in (array_sequence(), array_sequence(workers=2)):
        trained = train(Wrapper(inner, length=4), [augseq.EpochSync(inner)])
        for epoch, batches in trained.items():
            require_equal(batches, plan_of(array_sequence, epoch)[:4], f"epoch {epoch}")
    for steps in (2, 3, 4):
        inner = array_sequence()
        sync = augseq.EpochSync(inner)
        trained = train(Wrapper(inner), [sync], steps_per_epoch=steps, epochs=12)
        require_passes(joined(trained))
    for repeated in (array_sequence().repeat(), array_sequence(workers=2).repeat()):
        trained = train(Wrapper(repeated, length=4), [augseq.EpochSync(repeated)])
        steps_of_all = [b for epoch in range(3) for b in plan_of(array_sequence, epoch)]
        require_equal(joined(trained), steps_of_all[:12])


@scenario
def several_sequences_of_one_epoch_sync_are_in_the_same_epoch() -> None:
    for options in ({}, {"shuffle": True}, {"initial_epoch": 1}, {"steps_per_epoch": 4}):
        images, masks = array_sequence(workers=2), array_sequence(augment=None)
        pairs = Pairs(images, masks)
        with noted() as texts:
            trained = train(pairs, [augseq.EpochSync(images, masks)], **options)
        require_equal({a - b for a, b in pairs.epochs}, {0}, str(options))
        require_equal(texts, [], str(options))
        if "steps_per_epoch" not in options:
            first = options.get("initial_epoch", 0)
            require_epochs(trained, range(first, 3), shuffled="shuffle" in options)


@scenario
def a_sequence_missing_from_epoch_sync_warns_before_a_wrong_batch_is_trained() -> None:
    for options in (
        {},
        {"shuffle": True},
        {"initial_epoch": 1},
        {"epochs": 2},
        {"length": 4},
        {"steps_per_epoch": 3, "epochs": 4},
    ):
        options = dict(options)
        length = options.pop("length", None)
        images, masks = array_sequence(), array_sequence(augment=None)
        pairs = Pairs(images, masks, length=length)
        with noted() as texts:
            train(pairs, [augseq.EpochSync(images)], **options)
        require_equal(any(a != b for a, b in pairs.epochs), True, str(options))
        require_equal(len(texts), 1, f"{options}: {texts}")
        require_equal("EpochSync(images, masks)" in texts[0], True, str(texts))


@scenario
def a_sequence_that_is_not_used_is_named_after_the_first_epoch() -> None:
    images, masks = array_sequence(), array_sequence()
    for callbacks in (augseq.EpochSync(images, masks), augseq.EpochSync(copy.deepcopy(images))):
        try:
            train(images, [callbacks])
        except augseq.errors.ArgumentError as error:
            require_equal(
                "different object" in str(error) and "copy" in str(error), True, str(error)
            )
        else:
            raise AssertionError("not refused")


@scenario
def deep_copies_of_callbacks_follow_the_same_sequence() -> None:
    with temporary_folder() as folder:
        sequence, path = array_sequence(), Path(folder, "audit")
        original = [
            augseq.EpochSync(sequence),
            augseq.Audit(sequence, path),
            augseq.LossSpikes(sequence, skip_epochs=0),
        ]
        for trial in range(2):
            copied = copy.deepcopy(original)
            require_epochs(train(sequence, copied), range(3), shuffled=False, where=f"{trial}")
            require_equal(len(copied[2].spikes) > 0, True)
        require_equal(original[2].spikes, [])
        require_equal(augseq.verify_audit(path, sequence.manifest).holds, True)
        # Together, they go together, in either order; so they do in a pickle.
        for together in (
            copy.deepcopy((sequence, original)),
            copy.deepcopy((original, sequence))[::-1],
            pickle.loads(pickle.dumps((sequence, original[:1]))),
            tuple(copy.deepcopy({"x": sequence, "callbacks": copied}).values()),
        ):
            data, callbacks = together
            require_epochs(train(data, callbacks), range(3), shuffled=False)


def written_by(data: Any, sequence: Any, folder: str, **options: Any) -> list[Trained]:
    """Fit with an audit; return what it wrote."""
    path = Path(folder, "audit")
    path.unlink(missing_ok=True)
    callbacks = [augseq.EpochSync(sequence), augseq.Audit(sequence, path)]
    try:
        trained = train(data, callbacks, **options)
    except augseq.errors.ArgumentError as error:
        return [[(-1, -1)], str(error)]  # type: ignore[list-item]
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    written = [[(i, line["epoch"]) for i in line["indices"]] for line in lines if "indices" in line]
    require_equal(written, joined(trained), type(data).__name__)
    return written


def generator_of(sequence: Any) -> Iterator[Any]:
    while True:
        yield from sequence


@scenario
def an_audit_through_a_wrapper_records_the_trained_batches() -> None:
    with temporary_folder() as folder:
        for number, wrapper in enumerate(WRAPPERS):
            first = number % 2
            options = {"initial_epoch": 1} if first else {"validation_data": array_sequence(8)}
            sequence = array_sequence(workers=2)
            written = written_by(wrapper(sequence), sequence, folder, **options)
            plan = [b for epoch in range(first, 3) for b in plan_of(array_sequence, epoch)]
            require_equal(written, plan, f"{wrapper.__name__}, {options}")
        # Without EpochSync, all passes are of epoch 0, and so they are written.
        sequence, path = array_sequence(), Path(folder, "alone")
        train(Wrapper(sequence), [augseq.Audit(sequence, path)])
        epochs = {json.loads(line)["epoch"] for line in path.read_text().splitlines()}
        require_equal(epochs, {0})


@scenario
def an_audit_that_cannot_identify_the_batches_raises_an_error() -> None:
    def refusal(data: Any, sequence: Any, **options: Any) -> str:
        written = written_by(data, sequence, folder, **options)
        require_equal(written[0], [(-1, -1)], f"{type(data).__name__}, {options}: {written}")
        return str(written[1])

    with temporary_folder() as folder:
        for wrapper in (*WRAPPERS, Backwards, lambda sequence: sequence):
            sequence = array_sequence()
            text = refusal(wrapper(sequence), sequence, shuffle=True)
            require_equal("shuffle=False" in text, True, text)
        sequence = array_sequence()
        for data, options in (
            (Backwards(sequence), {}),
            (Halves(sequence), {}),
            (Wrapper(sequence, length=4), {}),
            (Wrapper(sequence), {"steps_per_epoch": 4}),
            (generator_of(sequence), {"steps_per_epoch": 6}),
            (Wrapper(array_sequence()), {}),
        ):
            text = refusal(data, sequence, **options)
            require_equal("Pass the sequence itself to fit" in text, True, text)


@scenario
def loops_inside_callbacks_do_not_disturb_training() -> None:
    class Loops(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            for _ in range(2):
                require_equal(len(list(sequence)), 6)
                next(iter(sequence))
                list(itertools.islice(sequence, 2))
            found.append(sequence.epoch)

    for sync, steps in itertools.product((True, False), (None, 4)):
        sequence, found = array_sequence(), []  # type: ignore[var-annotated]
        with noted() as texts:
            trained = fit(
                sequence,
                sync=sync,
                callbacks=[Loops()],
                epochs=4,
                steps_per_epoch=steps,
                shuffle=False,
            )
        require_passes(joined(trained))
        require_equal(found[:1], [0])
        require_equal([text for text in texts if "EpochSync" not in text], [], str(texts))


@scenario
def a_generator_trains_an_epoch_in_each_of_its_passes() -> None:
    for sync, steps in itertools.product((False, True), (6, 3)):
        sequence = array_sequence()
        callbacks = [augseq.EpochSync(sequence)] if sync else []
        with noted() as texts:
            trained = train(
                generator_of(sequence), callbacks, steps_per_epoch=steps, epochs=18 // steps
            )
        epochs = require_passes(joined(trained))
        require_equal(len(set(epochs)), 3, f"sync={sync}, steps={steps}: {epochs}")
        require_equal(texts, [], f"sync={sync}, steps={steps}")
        if not sync:
            require_equal(epochs, [0, 1, 2])


@scenario
def loops_and_fit_take_turns() -> None:
    sequence = array_sequence()

    def loop() -> list[int]:
        return [sequence.epoch for _ in sequence][:1]

    def epochs_of_fit(**options: Any) -> list[int]:
        return require_passes(joined(fit(sequence, shuffle=False, **options)))

    require_equal([loop(), loop()], [[0], [1]])
    require_equal(epochs_of_fit(sync=False, epochs=2), [2, 3])
    require_equal([loop(), loop()], [[4], [5]])
    require_equal(epochs_of_fit(epochs=2), [0, 1])
    require_equal([loop(), loop()], [[2], [3]])
    next(iter(sequence))
    sequence[0]
    require_equal(epochs_of_fit(sync=False, epochs=1), [4])


@scenario
def a_loop_that_collects_labels_is_in_the_epoch_of_the_predictions() -> None:
    sequence = array_sequence()
    images = keras.Input((8, 8, 3))
    model = keras.Model(images, images[:, :1, :1, :])
    model.compile(loss="mse", jit_compile=False)

    def labels() -> list[int]:
        return np.concatenate([labels for _, labels in sequence]).tolist()

    def predictions() -> list[int]:
        return model.predict(sequence, verbose=0)[:, 0, 0, 0].astype(int).tolist()

    for _ in range(3):
        require_equal(labels(), predictions(), "labels first")
    for _ in range(3):
        require_equal(predictions(), labels(), "predictions first")
    fit(sequence, epochs=2)
    require_equal(predictions(), labels(), "after fit")


@scenario
def tensorflow_data_sets_count_epochs_themselves() -> None:
    if keras.backend.backend() != "tensorflow":
        raise NotApplicableError("only where TensorFlow runs")
    import tensorflow as tf

    signature = (tf.TensorSpec((None, 8, 8, 3)), tf.TensorSpec((None,), tf.int64))
    for sync in (False, True):
        sequence = array_sequence()
        data = tf.data.Dataset.from_generator(lambda s=sequence: s, output_signature=signature)
        callbacks = [augseq.EpochSync(sequence)] if sync else []
        with noted() as texts:
            trained = train(data, callbacks)
        require_equal(require_passes(joined(trained)), [0, 1, 2], f"sync={sync}")
        require_equal([text for text in texts if "ran out" not in text], [], f"sync={sync}")


@scenario
def torch_loaders_warn_unless_epochs_are_set() -> None:
    if keras.backend.backend() != "torch":
        raise NotApplicableError("only where torch runs")
    from torch.utils.data import DataLoader

    for workers, persistent in ((0, False), (2, False), (2, True)):
        for sets in (False, True):
            sequence = array_sequence()
            options = {"num_workers": workers, "persistent_workers": persistent}
            loader: Any = DataLoader(sequence, batch_size=None, **options)
            next(iter(DataLoader(sequence, batch_size=None)))
            passes = []
            with noted() as texts:
                for epoch in range(2):
                    if sets:
                        sequence.set_epoch(epoch)
                    passes.append([labels.tolist() for _, labels in loader])
            where = f"workers={workers}, persistent={persistent}, sets={sets}: {texts}"
            require_equal(len(texts), 0 if sets else 1, where)
            if not persistent:
                require_equal(passes[0] != passes[1], sets, where)
    # Keras begins a pass over a loader that it then drops, between two epochs.
    sequence = array_sequence()
    with noted() as texts:
        trained = train(
            DataLoader(sequence, batch_size=None, num_workers=2), [augseq.EpochSync(sequence)]
        )
    require_epochs(trained, range(3), shuffled=False)
    require_equal(texts, [], "with EpochSync")
