"""The data loaders of TensorFlow, torch and Grain give the same bits in the same order."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import albumentations as A
import numpy as np
import pytest
from absl import flags

import augseq
from tests.workers.transforms import add_noise

EPOCHS = 2
Loader = Callable[[augseq.ImageSequence], Iterable[Any]]


@pytest.fixture(scope="module")
def whole(samples: augseq.Manifest) -> augseq.ImageSequence:
    """Shuffled and augmented, with two targets and weights."""
    numbers = np.arange(len(samples))
    images = samples.with_column("value", numbers / 7).with_column("weight", numbers % 5 + 0.5)
    return augseq.ImageSequence(
        images,
        image_size=(20, 16),
        batch_size=9,
        shuffle=True,
        seed=11,
        augment=[A.HorizontalFlip(), A.ColorJitter(), add_noise],
        targets={"kind": augseq.Label(), "value": augseq.Number("value")},
        weights="weight",
        workers=0,
    )


def with_tf(batches: augseq.ImageSequence) -> Iterable[Any]:
    return batches.to_tf(epochs=EPOCHS)


def with_torch(batches: augseq.ImageSequence, **options: Any) -> Iterable[Any]:
    data = pytest.importorskip("torch.utils.data")
    return data.DataLoader(batches.to_torch(epochs=EPOCHS), batch_size=None, **options)


def with_torch_processes(batches: augseq.ImageSequence) -> Iterable[Any]:
    # Spawned, since a fork of this process, which has threads, could hang.
    options = {"multiprocessing_context": "spawn", "persistent_workers": True}
    return with_torch(batches, num_workers=2, **options)


def with_grain(batches: augseq.ImageSequence) -> Iterable[Any]:
    pytest.importorskip("grain")
    return batches.to_grain(epochs=EPOCHS).to_iter_dataset()


def with_grain_process(batches: augseq.ImageSequence) -> Iterable[Any]:
    grain = pytest.importorskip("grain")
    # Grain reads flags, which programs of `absl.app.run` parse.
    flags.FLAGS.mark_as_parsed()
    options = grain.MultiprocessingOptions(num_workers=1)
    return batches.to_grain(epochs=EPOCHS).to_iter_dataset().mp_prefetch(options)


def digest(value: Any) -> Any:
    """Return names, types, shapes and a hash of all values."""
    if isinstance(value, dict):
        return {name: digest(one) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return [digest(one) for one in value]
    array = np.asarray(value)
    return array.dtype.name, array.shape, hashlib.sha256(array.tobytes()).hexdigest()


def expected(batches: augseq.ImageSequence) -> list[Any]:
    found = []
    for epoch in range(EPOCHS):
        batches.set_epoch(epoch)
        found += [digest(batches[number]) for number in range(len(batches))]
    return found


@pytest.mark.parametrize("loader", [with_tf, with_torch, with_grain])
@pytest.mark.parametrize("is_shard", [False, True], ids=["whole", "shard"])
def test_other_loaders_give_the_same_bits(
    whole: augseq.ImageSequence, loader: Loader, is_shard: bool
) -> None:
    batches = whole.shard(1, 2, padding="zero_weight") if is_shard else whole
    found = [digest(batch) for batch in loader(batches)]
    assert found == expected(batches)
    assert len({str(one) for one in found}) == len(found) == EPOCHS * len(batches)


@pytest.mark.parametrize(
    "loader", [with_torch_processes, pytest.param(with_grain_process, marks=pytest.mark.long)]
)
def test_processes_of_other_loaders_give_the_same_bits(
    whole: augseq.ImageSequence, loader: Loader
) -> None:
    assert [digest(batch) for batch in loader(whole)] == expected(whole)
