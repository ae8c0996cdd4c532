"""The laws with mixing, sampling, buckets, tiles and presets, each in turn and combined.

`test_elsewhere_law.py` loads the same epochs with other loaders; `training/test_recipe_fits.py`
trains on them on each backend, kills the run, and resumes it.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import augseq

from .epoch_recipes import RECIPES, Part, Recipe, epoch_of, make_images, parts_of

on_every = pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> augseq.Manifest:
    return make_images(tmp_path_factory.mktemp("recipes"))


@pytest.fixture(scope="module", autouse=True)
def running(images: augseq.Manifest) -> Iterator[None]:
    """Hold a worker process, which all tests share."""
    held = RECIPES["views"].sequence(images, workers=1, worker_kind="processes")
    held.batch(0)
    yield
    del held


def require_same(recipe: Recipe, found: list[Part], expected: list[Part], where: Any) -> None:
    """Raise unless two epochs are equal, up to the order if it depends on the batches."""
    if recipe.has_buckets:
        found, expected = sorted(found), sorted(expected)
    assert found == expected, where


@on_every
def test_each_record_comes_exactly_its_quota_with_other_pixels_each_time(
    images: augseq.Manifest, recipe: Recipe
) -> None:
    batches = recipe.sequence(images)
    orders = set()
    for epoch in range(3):
        found = epoch_of(batches, epoch)
        recipe.require_quotas(images, Counter(index for index, _, _ in found))
        assert len(set(found)) == len({digest for _, _, digest in found}) == len(found)
        orders.add(tuple(found))
    assert len(orders) == 3


@on_every
def test_batch_size_workers_and_caches_change_no_sample(
    images: augseq.Manifest, recipe: Recipe
) -> None:
    expected = epoch_of(recipe.sequence(images), 2)
    others: list[dict[str, Any]] = [
        {"batch_size": 12},
        {"workers": 3, "worker_kind": "threads"},
        {"workers": 1, "worker_kind": "processes"},
        {"cache": "memory", "batch_size": 6 * recipe.times},
    ]
    for other in others:
        require_same(recipe, epoch_of(recipe.sequence(images, **other), 2), expected, other)


@on_every
def test_shards_and_resumes_change_no_sample(images: augseq.Manifest, recipe: Recipe) -> None:
    whole = recipe.sequence(images)
    whole.set_epoch(1)
    # With buckets, the batches of an epoch depend on the number of shards.
    count = 1 if recipe.has_buckets else 2
    before = [part for number in range(2) for part in parts_of(whole, number)]
    state = json.loads(json.dumps(whole.state_dict(num_batches=2)))
    shards = [recipe.sequence(images).shard(index, count) for index in range(count)]
    for shard in shards:
        shard.load_state_dict(state)
    after = [
        part
        for number in range(len(shards[0]))
        for shard in shards
        for part in parts_of(shard, number)
    ]
    assert before + after == epoch_of(whole, 1)
    # Of the next epoch, each shard has its part.
    halves = [epoch_of(recipe.sequence(images).shard(index, 2), 2) for index in range(2)]
    assert all(halves)
    assert sorted(halves[0] + halves[1]) == sorted(epoch_of(whole, 2))


@on_every
def test_each_sample_can_be_replayed_and_explained(images: augseq.Manifest, recipe: Recipe) -> None:
    batches = recipe.sequence(images)
    batches.set_epoch(3)
    batch = batches.batch(len(batches) - 1)
    assert batches.repeats(len(batches) - 1) == batch.repeats
    for row, (record, repeat) in enumerate(zip(batch.records, batch.repeats, strict=True)):
        sample = batches.sample(record.index, epoch=3, repeat=repeat)
        for name, array in batch.inputs.items():
            np.testing.assert_array_equal(sample.inputs[name], array[row])
        for name, value in batch.targets.items():
            parts = value if isinstance(value, dict) else {"": value}
            own: Any = sample.targets[name]
            for part, array in parts.items():
                np.testing.assert_array_equal(own[part] if part else own, array[row])
        explained = batches.explain(record.index, epoch=3, repeat=repeat)
        np.testing.assert_array_equal(explained.image, sample.image)
