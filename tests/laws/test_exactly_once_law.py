"""Law 3: in every epoch the model sees each record once, in the order that a seed fixes.

Here Keras' own iterator asks for the batches, as it does under `fit` on JAX and torch, but no
model is trained, so that many cases run. `training/test_fit.py` trains on each backend.
"""

import random
import warnings

import keras
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from keras.src.trainers.epoch_iterator import EpochIterator

import augseq

Trained = list[tuple[int, int]]
"""(index, epoch) of each image of a batch."""

SEED = 3


def draw_of_epoch(index: int, epoch: int) -> int:
    """What `stamp` writes, by numpy alone."""
    bits = np.random.Philox(key=SEED, counter=[0, 2, epoch, index])
    return int(np.random.Generator(bits).integers(2**62))


def stamp(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Write 62 random bits, in words of 16, into channels 1 to 4."""
    stamped = image.copy()
    bits = int(rng.integers(2**62))
    stamped[..., 1:] = [bits >> 16 * word & 0xFFFF for word in range(4)]
    return stamped


def make_sequence(num_images: int, batch_size: int, *, shuffle: bool) -> augseq.ImageSequence:
    """Return images whose first channel is their index."""
    x = np.zeros((num_images, 1, 1, 5), np.float32)
    x[..., 0] = np.arange(num_images)[:, np.newaxis, np.newaxis]
    return augseq.ImageSequence.from_arrays(
        x, batch_size=batch_size, shuffle=shuffle, seed=SEED, augment=[stamp], workers=0
    )


def identify(images: np.ndarray) -> Trained:
    """Return index and epoch of each image."""
    found = []
    for index, *words in np.asarray(images)[:, 0, 0].astype(int).tolist():
        bits = sum(word << 16 * place for place, word in enumerate(words))
        found.append((index, next(e for e in range(99) if draw_of_epoch(index, e) == bits)))
    return found


def feed(
    sequence: augseq.ImageSequence,
    *,
    num_epochs: int,
    steps: int | None,
    shuffle: bool,
    is_new: bool,
    sync: bool,
    stop_after: int | None = None,
) -> list[Trained]:
    """Ask as `fit` does; return what a model would have been trained on."""
    iterator = EpochIterator(sequence, steps_per_epoch=steps, shuffle=shuffle)
    callback = augseq.EpochSync(sequence)
    callback.set_params({"steps": iterator.num_batches})
    if is_new:
        next(iter(iterator))
    iterator.reset()
    callback.on_train_begin()
    trained: list[Trained] = []
    for epoch in range(num_epochs):
        if sync:
            callback.on_epoch_begin(epoch)
        with iterator.catch_stop_iteration():
            for _, step, ((images,),) in iterator:
                trained.append(identify(images))
                callback.on_train_batch_end(step)
                if len(trained) == stop_after:
                    return trained
        if sync:
            callback.on_epoch_end(epoch)
    return trained


def passes(trained: list[Trained], num_batches: int) -> list[Trained]:
    """Join the batches of each pass."""
    starts = range(0, len(trained), num_batches)
    return [[i for batch in trained[s : s + num_batches] for i in batch] for s in starts]


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", augseq.AugseqWarning)
        warnings.filterwarnings("ignore", message=".*ran out of data.*")
        yield


CASES = {
    "num_images": st.integers(2, 12),
    "batch_size": st.integers(1, 2),
    "steps": st.none() | st.integers(1, 9),
    "keras_shuffles": st.booleans(),
    "shuffle": st.booleans(),
    "is_new": st.booleans(),
    "sync": st.booleans(),
    "state": st.integers(0, 999),
}


# The batch that built a new model once counted as given in the first pass.
BUILT_AND_SHUFFLED = {
    "num_images": 12,
    "batch_size": 2,
    "steps": 1,
    "keras_shuffles": True,
    "shuffle": True,
    "is_new": True,
    "sync": False,
}


@settings(max_examples=150, deadline=None)
@given(**CASES)
@example(**BUILT_AND_SHUFFLED, state=0)
@example(**BUILT_AND_SHUFFLED, state=1)
@example(**BUILT_AND_SHUFFLED, state=2)
def test_each_pass_has_each_record_once_and_all_of_one_epoch(
    num_images: int,
    batch_size: int,
    steps: int | None,
    keras_shuffles: bool,
    shuffle: bool,
    is_new: bool,
    sync: bool,
    state: int,
) -> None:
    random.seed(state)
    sequence = make_sequence(num_images, batch_size, shuffle=shuffle)
    num_batches = len(sequence)
    trained = feed(
        sequence,
        num_epochs=7,
        steps=steps,
        shuffle=keras_shuffles,
        is_new=is_new,
        sync=sync,
    )
    epochs = []
    for number, images in enumerate(passes(trained, num_batches)):
        indices = sorted(index for index, _ in images)
        if (number + 1) * num_batches <= len(trained):
            assert indices == list(range(num_images))
        assert len(set(indices)) == len(indices)
        assert len({epoch for _, epoch in images}) == 1
        epochs.append(images[0][1])
    assert epochs == sorted(set(epochs))


@settings(max_examples=40, deadline=None)
@given(**{**CASES, "steps": st.none() | st.integers(2, 9), "sync": st.just(False)})
def test_no_augmentation_comes_twice_after_an_interruption(
    num_images: int,
    batch_size: int,
    steps: int | None,
    keras_shuffles: bool,
    shuffle: bool,
    is_new: bool,
    sync: bool,
    state: int,
) -> None:
    """A fit that ends anywhere, and then another one, both without EpochSync.

    A pass that ends after one batch looks like the building of a model, and is begun anew.
    """
    random.seed(state)
    sequence = make_sequence(num_images, batch_size, shuffle=shuffle)
    options = {"steps": steps, "shuffle": keras_shuffles, "sync": sync}
    first = feed(sequence, num_epochs=3, is_new=is_new, stop_after=2 + state % 5, **options)
    assume(len(sequence) == 1 or len(first) % len(sequence) != 1)
    second = feed(sequence, num_epochs=3, is_new=False, **options)
    images = [image for batch in first + second for image in batch]
    assert len(set(images)) == len(images)


@pytest.mark.parametrize("num_images", [1, 2, 7, 64, 65, 1000])
@pytest.mark.parametrize("drop_remainder", [False, True])
def test_an_epoch_has_each_record_once_but_for_a_dropped_remainder(
    num_images: int, drop_remainder: bool
) -> None:
    x = np.zeros((num_images, 1, 1, 1), np.uint8)
    size = min(num_images, 8)
    sequence = augseq.ImageSequence.from_arrays(
        x, batch_size=size, shuffle=True, seed=1, drop_remainder=drop_remainder
    )
    for epoch in range(4):
        sequence.set_epoch(epoch)
        indices = [r.index for b in range(len(sequence)) for r in sequence.records(b)]
        assert len(set(indices)) == len(indices)
        kept = num_images // size * size if drop_remainder else num_images
        assert len(indices) == kept
        assert set(indices) <= set(range(num_images))


def test_a_repeated_sequence_has_each_record_once_in_each_pass() -> None:
    endless = make_sequence(7, 2, shuffle=True).repeat()
    trained = [identify(endless[step]) for step in range(12)]
    for epoch, images in enumerate(passes(trained, 4)):
        assert sorted(images) == [(index, epoch) for index in range(7)]


def test_the_iterator_is_that_of_the_installed_keras() -> None:
    """The cases above run on what `fit` uses."""
    assert issubclass(augseq.ImageSequence, keras.utils.PyDataset)
    assert EpochIterator.__module__.startswith("keras.")
