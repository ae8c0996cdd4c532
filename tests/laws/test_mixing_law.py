"""The laws with `mix`: the same mixtures for any batch size, number of shards and resume.

`test_epoch_laws.py` has those of workers, files and targets.
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import augseq

NUM = 11
MIX = [augseq.MixUp(alpha=1.0, p=0.4), augseq.CutMix(p=0.4)]
X = np.random.default_rng(2).integers(0, 256, (NUM, 5, 6, 3)).astype(np.uint8)
Y = np.eye(NUM, dtype=np.float32)

Seen = tuple[int, bytes, bytes]
"""Index, pixels and label."""


def add(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.asarray(image // 2 + rng.integers(120), np.uint8)


def sequence_of(**options: Any) -> augseq.ImageSequence:
    settings_of = {"batch_size": NUM, "workers": 0, "mix": MIX, "augment": [add], **options}
    return augseq.ImageSequence.from_arrays(
        X, Y, shuffle=True, seed=5, dtype="uint8", **settings_of
    )


def seen_in(batch: augseq.Batch) -> list[Seen]:
    rows = zip(batch.records, batch.images, batch.y, strict=True)
    return [(record.index, image.tobytes(), label.tobytes()) for record, image, label in rows]


def epoch_of(sequence: augseq.ImageSequence, epoch: int) -> list[Seen]:
    sequence.set_epoch(epoch)
    return [seen for number in range(len(sequence)) for seen in seen_in(sequence.batch(number))]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 13), st.integers(1, 4), st.integers(0, 3))
def test_batch_size_and_shards_change_no_mixture(size: int, count: int, epoch: int) -> None:
    expected = epoch_of(sequence_of(), epoch)
    whole = sequence_of(batch_size=size)
    assert epoch_of(whole, epoch) == expected
    shards = [whole.shard(index, count) for index in range(count)]
    for shard in shards:
        shard.set_epoch(epoch)
    found = [
        seen
        for number in range(len(shards[0]))
        for shard in shards
        for seen in seen_in(shard.batch(number))
    ]
    assert found[:NUM] == expected
    # What fills up the last batch comes from the beginning, and is mixed as there.
    for number, seen in enumerate(found[NUM:]):
        assert seen == expected[number % NUM]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 3))
def test_a_resumed_epoch_has_the_mixtures_of_the_whole_one(
    before: int, after: int, num_batches: int
) -> None:
    expected = epoch_of(sequence_of(), 0)
    first = sequence_of(batch_size=before)
    num_batches = min(num_batches, len(first) - 1)
    state = json.loads(json.dumps(first.state_dict(num_batches=num_batches)))
    second = sequence_of(batch_size=after)
    second.load_state_dict(state)
    found = [seen for number in range(len(second)) for seen in seen_in(second.batch(number))]
    assert found == expected[num_batches * before :]


def test_a_record_has_other_mixtures_in_other_epochs() -> None:
    def mixtures() -> Iterator[tuple[int, Any]]:
        sequence = sequence_of(mix=augseq.MixUp(1.0), augment=None)
        for epoch in range(5):
            sequence.set_epoch(epoch)
            batch = sequence.batch(0)
            for record, mixed in zip(batch.records, batch.mixed, strict=True):
                if mixed is not None:
                    yield record.index, (mixed.record.index, mixed.mix.share)

    found = list(mixtures())
    assert len({share for _, (_, share) in found}) == len(found) == 5 * (NUM - 1)
    partners = {(index, other) for index, (other, _) in found}
    assert len(partners) > 0.6 * len(found)
    assert all(index != other for index, other in partners)


def test_without_mix_nothing_changes() -> None:
    plain, mixing = sequence_of(mix=None), sequence_of(mix=augseq.CutMix(p=0))
    for epoch in range(2):
        assert epoch_of(plain, epoch) == epoch_of(mixing, epoch)
