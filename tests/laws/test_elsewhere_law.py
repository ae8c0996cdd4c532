"""The data loaders of TensorFlow, torch and Grain give the same bits in the same order.

Each recipe of `epoch_recipes`, and a shard of one, are loaded by five loaders: `ImageSequence`,
tf.data, torch without and with two worker processes, and Grain.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Any

import pytest
from absl import flags

import augseq

from .epoch_recipes import RECIPES, digests, make_images

EPOCHS = 2
NAMES = [*RECIPES, "a shard"]

Sequences = dict[str, augseq.ImageSequence]
Digests = list[list[str]]
"""Of each row of each batch."""


@pytest.fixture(scope="module")
def sequences(tmp_path_factory: pytest.TempPathFactory) -> Sequences:
    """A sequence of each recipe, and one half of a sequence with weights."""
    images = make_images(tmp_path_factory.mktemp("recipes"))
    found = {name: recipe.sequence(images) for name, recipe in RECIPES.items()}
    weighted = RECIPES["balanced"].sequence(images, weights="weight")
    return {**found, "a shard": weighted.shard(1, 2, padding="zero_weight")}


def torch_loader(dataset: Any, **options: Any) -> Iterable[Any]:
    data = pytest.importorskip("torch.utils.data")
    return data.DataLoader(dataset, batch_size=None, **options)


@pytest.fixture(scope="module")
def from_torch_processes(sequences: Sequences) -> dict[str, Digests]:
    """What two worker processes of torch load: that of all sequences, since they start slowly."""
    data = pytest.importorskip("torch.utils.data")
    datasets = [batches.to_torch(epochs=EPOCHS) for batches in sequences.values()]
    # Spawned, since a fork of this process, which has threads, could hang.
    options = {"num_workers": 2, "multiprocessing_context": "spawn"}
    loaded = iter(map(digests, torch_loader(data.ConcatDataset(datasets), **options)))
    return {
        name: list(islice(loaded, len(dataset)))
        for name, dataset in zip(sequences, datasets, strict=True)
    }


@pytest.mark.parametrize("name", NAMES)
def test_five_loaders_give_the_same_bits_in_the_same_order(
    name: str, sequences: Sequences, from_torch_processes: dict[str, Digests]
) -> None:
    batches = sequences[name]
    expected = []
    for epoch in range(EPOCHS):
        batches.set_epoch(epoch)
        expected += [digests(batches[number]) for number in range(len(batches))]
    assert len({str(one) for one in expected}) == len(expected) == EPOCHS * len(batches)
    assert list(map(digests, batches.to_tf(epochs=EPOCHS))) == expected
    assert list(map(digests, torch_loader(batches.to_torch(epochs=EPOCHS)))) == expected
    assert from_torch_processes[name] == expected
    # There are no wheels for some machines.
    pytest.importorskip("grain")
    assert list(map(digests, batches.to_grain(epochs=EPOCHS).to_iter_dataset())) == expected


@pytest.mark.long
def test_a_process_of_grain_gives_the_same_bits(sequences: Sequences) -> None:
    grain = pytest.importorskip("grain")
    # Grain reads flags, which programs of `absl.app.run` parse.
    flags.FLAGS.mark_as_parsed()
    batches = sequences["balanced, mixed boxes"]
    options = grain.MultiprocessingOptions(num_workers=1)
    found = batches.to_grain(epochs=EPOCHS).to_iter_dataset().mp_prefetch(options)
    expected = map(digests, batches.to_torch(epochs=EPOCHS))
    assert list(map(digests, found)) == list(expected)
