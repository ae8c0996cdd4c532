"""Which epoch a pass belongs to, where no `fit` runs: loops and index access."""

import copy
import itertools
import pickle
import random
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import augseq

NUM_IMAGES = 10
Pass = list[tuple[list[int], bytes]]
"""Labels and pixels of each batch."""


def noise(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return (image + rng.integers(0, 99, image.shape)).astype(np.uint8)


def make(num_images: int = NUM_IMAGES, **options: Any) -> augseq.ImageSequence:
    x = np.zeros((num_images, 4, 4, 3), np.uint8)
    settings = {"batch_size": 4, "shuffle": True, "seed": 5, "augment": [noise], "workers": 0}
    return augseq.ImageSequence.from_arrays(x, np.arange(num_images), **{**settings, **options})


def seen(batches: Any) -> Pass:
    return [(labels.tolist(), images.tobytes()) for images, labels in batches]


def plan(epoch: int, **options: Any) -> Pass:
    """What an epoch is, by a sequence that was never looped over."""
    sequence = make(**options)
    sequence.set_epoch(epoch)
    made = [sequence.batch(number) for number in range(len(sequence))]
    return seen((batch.images, batch.y) for batch in made)


@pytest.fixture
def told() -> Iterator[list[str]]:
    """The texts of the warnings that came so far."""
    texts: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_: texts.append(str(message))
        yield texts


def by_hand(sequence: augseq.ImageSequence) -> Pass:
    found, batches = [], iter(sequence)
    while (batch := next(batches, None)) is not None:
        found.append(batch)
    return seen(found)


def in_a_thread(sequence: augseq.ImageSequence) -> Pass:
    found: Pass = []
    thread = threading.Thread(target=lambda: found.extend(seen(sequence)))
    thread.start()
    thread.join()
    return found


LOOPS: dict[str, Callable[[augseq.ImageSequence], Pass]] = {
    "for": seen,
    "list": lambda s: seen(list(s)),
    "enumerate": lambda s: seen(batch for _, batch in enumerate(s)),
    "map": lambda s: seen(map(tuple, s)),
    "zip with the number of batches": lambda s: seen(b for b, _ in zip(s, range(3), strict=True)),
    "zip that stops for the other one": lambda s: seen(
        b for _, b in zip(range(3), s, strict=False)
    ),
    "islice of all": lambda s: seen(itertools.islice(s, len(s))),
    "chain": lambda s: seen(itertools.chain(s)),
    "unpacked": lambda s: seen([*s]),
    "next by hand": by_hand,
    "in a thread": in_a_thread,
    "a generator around it": lambda s: seen(batch for batch in (tuple(b) for b in s)),
}


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
@pytest.mark.parametrize("workers", [0, 2])
def test_a_new_loop_is_the_next_epoch(
    loop: Callable[[augseq.ImageSequence], Pass], workers: int, told: list[str]
) -> None:
    sequence = make(workers=workers)
    for epoch in range(3):
        assert loop(sequence) == plan(epoch)
        assert sequence.epoch == epoch
    assert not told


@pytest.mark.parametrize("num_images", [1, 4, 8, 9])
def test_sequences_of_few_batches_count_epochs_too(num_images: int, told: list[str]) -> None:
    sequence = make(num_images)
    for epoch in range(3):
        assert seen(sequence) == plan(epoch, num_images=num_images)
        assert seen(b for b, _ in zip(sequence, sequence, strict=True)) != seen(sequence)
        sequence.set_epoch(epoch + 1)
    assert not told


@pytest.mark.parametrize("num_images", [3, 10])
def test_simultaneous_loops_share_an_epoch(num_images: int, told: list[str]) -> None:
    sequence = make(num_images)
    for epoch in range(3):
        pairs = list(zip(sequence, sequence, sequence, strict=True))
        for side in zip(*pairs, strict=True):
            assert seen(side) == plan(epoch, num_images=num_images)
    assert not told


def test_a_loop_keeps_its_epoch_whatever_happens_in_it(told: list[str]) -> None:
    sequence = make()
    found = []
    for number, batch in enumerate(sequence):
        found.append(batch)
        assert seen(sequence) == plan(number)
    sequence.set_epoch(7)
    loop = iter(sequence)
    found_later = [next(loop)]
    sequence.set_epoch(1)
    found_later += loop
    assert seen(found) == plan(0)
    assert seen(found_later) == plan(7)
    assert not told


def test_an_epoch_that_was_set_is_used_once_before_the_next_one(told: list[str]) -> None:
    sequence = make()
    for epoch in (4, 0, 0, 9):
        sequence.set_epoch(epoch)
        assert seen(sequence) == plan(epoch)
    assert [seen(sequence), seen(sequence)] == [plan(10), plan(11)]
    assert not told


def look_by_key(sequence: augseq.ImageSequence) -> None:
    for number in range(len(sequence)):
        sequence.batch(number)
        sequence.records(number)


LOOKS: dict[str, Callable[[augseq.ImageSequence], object]] = {
    "next": lambda s: next(iter(s)),
    "item": lambda s: s[0],
    "last item twice": lambda s: (s[-1], s[-1]),
    "batches and records": look_by_key,
    "sample": lambda s: s.sample(epoch=3, index=2),
    "iter alone": iter,
    "length and text": lambda s: (len(s), repr(s), s.num_batches),
    "a loop that is left": lambda s: list(itertools.islice(s, 2)),
    "copies": lambda s: (copy.deepcopy(s), copy.copy(s), pickle.dumps(s)),
    "a twin": lambda s: seen(s.shard(0, 1)),
    "state": lambda s: s.state_dict(),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_an_inspection_does_not_advance_the_epoch_or_warn(
    look: Callable[[augseq.ImageSequence], object], told: list[str]
) -> None:
    sequence = make()
    look(sequence)
    assert seen(sequence) == plan(0)
    # A look after a whole loop is at the epoch that comes next.
    look(sequence)
    assert seen(sequence) == plan(1)
    sequence.set_epoch(5)
    look(sequence)
    assert seen(sequence) == plan(5)
    assert not told


def leave_by_break(sequence: augseq.ImageSequence) -> None:
    for number, _ in enumerate(sequence):
        if number == 1:
            break


def leave_by_error(sequence: augseq.ImageSequence) -> None:
    try:
        for number, _ in enumerate(sequence):
            if number == 1:
                raise InterruptedError
    except InterruptedError:
        pass


EARLY_ENDS: dict[str, Callable[[augseq.ImageSequence], object]] = {
    "islice": lambda s: list(itertools.islice(s, 2)),
    "break": leave_by_break,
    "an error": leave_by_error,
    "next": lambda s: next(iter(s)),
    "all but the last": lambda s: list(zip(range(2), s, strict=False)),
    "side by side": lambda s: list(zip(range(2), s, s, strict=False)),
}


@pytest.mark.parametrize("end_early", EARLY_ENDS.values(), ids=EARLY_ENDS)
def test_a_second_loop_that_ends_early_warns_once_with_the_remedy(
    end_early: Callable[[augseq.ImageSequence], object], told: list[str]
) -> None:
    sequence = make()
    end_early(sequence)
    assert not told
    end_early(sequence)
    end_early(sequence)
    assert len(told) == 1
    for part in ("epoch 0", "batches.set_epoch(epoch)", "iter(batches.repeat())"):
        assert part in told[0]
    assert seen(sequence) == plan(0)


@pytest.mark.parametrize("end_early", EARLY_ENDS.values(), ids=EARLY_ENDS)
def test_early_ends_raise_no_warning_if_epochs_are_set_or_do_not_matter(
    end_early: Callable[[augseq.ImageSequence], object], told: list[str]
) -> None:
    sequence, plain = make(), make(shuffle=False, augment=None)
    for epoch in range(3):
        sequence.set_epoch(epoch)
        end_early(sequence)
        end_early(plain)
    assert not told


def test_one_iterator_of_a_repeated_sequence_continues_and_two_raise_a_warning(
    told: list[str],
) -> None:
    steps = iter(make().repeat())
    found = seen(itertools.islice(steps, 4)) + seen(itertools.islice(steps, 5))
    assert found == [*plan(0), *plan(1), *plan(2)]
    assert not told
    endless = make().repeat()
    for _ in range(3):
        assert seen(itertools.islice(endless, 3)) == plan(0)
    assert [text.splitlines()[-1].strip() for text in told] == ["steps = iter(batches)"]


def test_a_loop_continues_after_a_resume_and_then_with_complete_epochs(told: list[str]) -> None:
    sequence, resumed = make(), make()
    sequence.set_epoch(2)
    resumed.load_state_dict(sequence.state_dict(num_batches=2))
    assert seen(resumed) == plan(2)[2:]
    state = resumed.state_dict(num_batches=1)
    assert (state["epoch"], state["num_records"]) == (3, 0)
    assert [seen(resumed), seen(resumed)] == [plan(3), plan(4)]
    assert resumed.state_dict(num_batches=1)["epoch"] == 4
    assert not told


def in_threads(sequence: augseq.ImageSequence) -> None:
    for number in range(len(sequence)):
        thread = threading.Thread(target=sequence.__getitem__, args=(number,))
        thread.start()
        thread.join()


INDEX_PASSES: dict[str, Callable[[augseq.ImageSequence], object]] = {
    "range": lambda s: [s[number] for number in range(len(s))],
    "backwards": lambda s: [s[number] for number in reversed(range(len(s)))],
    "shuffled": lambda s: [s[k] for k in random.Random(2).sample(range(len(s)), len(s))],
    "negative": lambda s: [s[-number] for number in range(1, len(s) + 1)],
    "numpy": lambda s: [s[number] for number in np.arange(len(s))],
    "images and labels apart": lambda s: [(s[k][0], s[k][1]) for k in range(len(s))],
    "in threads": in_threads,
    "map": lambda s: list(map(s.__getitem__, range(len(s)))),
    "a generator": lambda s: list(s[number] for number in range(len(s))),  # noqa: C400
    "a look before": lambda s: (s[0], [s[number] for number in range(len(s))]),
    "a look behind": lambda s: ([s[number] for number in range(len(s))], s[2]),
}


@pytest.mark.parametrize("take", INDEX_PASSES.values(), ids=INDEX_PASSES)
def test_a_second_pass_by_index_warns_once_with_the_remedy(
    take: Callable[[augseq.ImageSequence], object], told: list[str]
) -> None:
    for options in ({"shuffle": False}, {"augment": None}, {}):
        sequence = make(**options)
        take(sequence)
        assert not told
        take(sequence)
        take(sequence)
        assert len(told) == 1
        for part in ("epoch 0", "batches.set_epoch(epoch)", "EpochSync(batches)"):
            assert part in told[0]
        told.clear()


@pytest.mark.parametrize("take", INDEX_PASSES.values(), ids=INDEX_PASSES)
def test_index_passes_raise_no_warning_if_epochs_are_set_or_do_not_matter(
    take: Callable[[augseq.ImageSequence], object], told: list[str]
) -> None:
    sequence, plain = make(), make(shuffle=False, augment=None)
    for epoch in range(3):
        sequence.set_epoch(epoch)
        take(sequence)
        take(plain)
    assert not told


def test_the_warning_names_the_line_of_the_caller() -> None:
    sequence = make()
    with pytest.warns(augseq.AugseqWarning) as caught:
        list(map(sequence.__getitem__, [*range(3), 0]))
    assert [warning.filename for warning in caught] == [__file__]


class Weighted(augseq.ImageSequence):
    """Adds sample weights to each batch, and an own option to the constructor."""

    weights = np.ones(NUM_IMAGES)

    def __init__(self, manifest: Any, *, note: str = "none", **options: Any) -> None:
        self.note = note
        super().__init__(manifest, **options)
        self.more = [note]

    def __getitem__(self, index: int) -> Any:
        images, labels = super().__getitem__(index)
        return images, labels, self.weights[[r.index for r in self.records(index)]]


TWINS: dict[str, Callable[[Any], Any]] = {
    "itself": lambda s: s,
    "deep copy": copy.deepcopy,
    "copy": copy.copy,
    "pickle": lambda s: pickle.loads(pickle.dumps(s)),
    "shard": lambda s: s.shard(0, 1),
    "repeat": lambda s: s.repeat(),
    "copy of a shard": lambda s: copy.deepcopy(s.shard(0, 1)),
    "shard of a copy": lambda s: copy.copy(s).shard(0, 1),
    "repeated copy": lambda s: copy.deepcopy(s).repeat(),
    "copy of a repeated one": lambda s: pickle.loads(pickle.dumps(s.repeat())),
}


@pytest.mark.parametrize("twin_of", TWINS.values(), ids=TWINS)
def test_a_copy_of_a_subclass_has_its_attributes_and_separate_state(
    twin_of: Callable[[Any], Any],
) -> None:
    x = np.zeros((NUM_IMAGES, 4, 4, 3), np.uint8)
    sequence: Any = Weighted.from_arrays(
        x, np.arange(NUM_IMAGES), batch_size=4, shuffle=True, note="kept"
    )
    sequence.weights = np.linspace(0, 1, NUM_IMAGES)
    sequence.set_epoch(2)
    sequence.state_dict()
    twin = twin_of(sequence)
    assert (type(twin), twin.note, twin.more, twin.epoch) == (Weighted, "kept", ["kept"], 2)
    batch = next(iter(twin))
    np.testing.assert_array_equal(batch[2], sequence.weights[batch[1]])
    np.testing.assert_array_equal(batch[1], sequence[0][1])
    if twin is not sequence:
        twin.set_epoch(5)
        assert sequence.epoch == 2


class Short(augseq.ImageSequence):
    """Ends after two batches, in the way of older Keras."""

    def __len__(self) -> int:
        return min(2, super().__len__())


class ShortForKeras(augseq.ImageSequence):
    """Ends after two batches, in the way of Keras 3."""

    @property
    def num_batches(self) -> int | None:
        whole = super().num_batches
        return None if whole is None else min(2, whole)


@pytest.mark.parametrize("kind", [Short, ShortForKeras])
def test_a_subclass_can_end_earlier(kind: type[augseq.ImageSequence], told: list[str]) -> None:
    x = np.zeros((NUM_IMAGES, 4, 4, 3), np.uint8)
    sequence = kind.from_arrays(
        x, np.arange(NUM_IMAGES), batch_size=4, shuffle=True, seed=5, augment=[noise], workers=0
    )
    assert sequence.num_batches == sequence.length == 2
    for epoch in range(3):
        assert seen(sequence) == plan(epoch)[:2]
    assert not told
    endless = sequence.repeat()
    assert endless.num_batches is None
    assert seen(itertools.islice(endless, 3)) == plan(2)


def test_a_subclass_that_ends_a_repeated_sequence_raises_an_error() -> None:
    class Fixed(augseq.ImageSequence):
        @property
        def num_batches(self) -> int:
            return 2

    sequence = Fixed.from_arrays(np.zeros((NUM_IMAGES, 4, 4, 3), np.uint8), batch_size=4)
    with pytest.raises(augseq.errors.ArgumentError, match=r"super\(\)\.num_batches.*Received: 2"):
        sequence.repeat()


def test_a_used_sequence_is_freed_when_it_is_no_longer_referenced() -> None:
    pixels = np.zeros((4, 2, 2, 3), np.uint8)
    batches = augseq.ImageSequence.from_arrays(pixels, [0, 1, 0, 1], batch_size=2, workers=0)
    assert [len(batches[step][0]) for step in range(len(batches))] == [2, 2]
    is_there = weakref.ref(batches)
    del batches
    assert is_there() is None  # At once, and not when Python next looks for cycles.
