"""Split manifests into named parts."""

import pickle
from collections import Counter
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import augseq
from augseq.manifest.manifest import make_manifest
from augseq.manifest.partition import allocate
from augseq.manifest.split import Split

seeds = st.integers(0, 2**64 - 1)
class_sizes = st.lists(st.integers(1, 25), min_size=1, max_size=5)
fractions = st.floats(0.01, 0.99)


def classes_of(sizes: list[int]) -> augseq.Manifest:
    """A manifest with classes of some sizes."""
    labels = np.repeat(np.arange(len(sizes)), sizes).tolist()
    return make_manifest(
        "/photos",
        [f"class{number}" for number in range(len(sizes))],
        paths=[f"class{label}/{position}.jpg" for position, label in enumerate(labels)],
        targets=labels,
    )


def paths(manifest: augseq.Manifest) -> set[str]:
    return {record.path for record in manifest}


def test_the_split_is_the_recorded_one() -> None:
    """A change belongs in the changelog under "Changes pixels or order"."""
    _, val, test = classes_of([8, 12]).split(val=0.2, test=0.1, seed=7)
    assert [record.index for record in val] == [2, 4, 14, 18, 19]
    assert [record.index for record in test] == [5, 15]


@given(class_sizes, fractions, fractions, seeds)
def test_the_parts_contain_every_record_once(
    sizes: list[int], first: float, second: float, seed: int
) -> None:
    manifest = classes_of(sizes)
    parts = manifest.split(val=first / 2, test=second / 2, seed=seed)
    indices = [record.index for part in parts for record in part]
    assert sorted(indices) == list(range(len(manifest)))


@given(class_sizes, fractions, seeds)
def test_each_part_keeps_the_order_of_the_records(
    sizes: list[int], fraction: float, seed: int
) -> None:
    for part in classes_of(sizes).split(val=fraction, seed=seed):
        indices = [record.index for record in part]
        assert indices == sorted(indices)


@given(class_sizes, fractions, seeds)
def test_each_class_is_divided_within_one_record_of_its_share(
    sizes: list[int], fraction: float, seed: int
) -> None:
    _, val = classes_of(sizes).split(val=fraction, seed=seed)
    for size, count in zip(sizes, val.class_counts().values(), strict=True):
        assert abs(count - size * fraction) < 1 + 1e-6


@given(st.lists(st.integers(20, 60), min_size=1, max_size=3), seeds)
def test_several_parts_are_divided_within_one_record_of_their_shares(
    sizes: list[int], seed: int
) -> None:
    parts = classes_of(sizes).split(val=0.15, test=0.05, seed=seed)
    for part, share in zip(parts, (0.8, 0.15, 0.05), strict=True):
        for size, count in zip(sizes, part.class_counts().values(), strict=True):
            assert abs(count - size * share) < 1 + 1e-6


@given(class_sizes, fractions, fractions, seeds)
def test_each_part_has_a_record_of_every_class_that_has_enough(
    sizes: list[int], first: float, second: float, seed: int
) -> None:
    for part in classes_of(sizes).split(val=first / 2, test=second / 2, seed=seed):
        for size, count in zip(sizes, part.class_counts().values(), strict=True):
            assert count >= (size >= 3)


@given(class_sizes, fractions, seeds)
def test_without_stratify_only_the_total_is_divided_by_share(
    sizes: list[int], fraction: float, seed: int
) -> None:
    _, val = classes_of(sizes).split(val=fraction, seed=seed, stratify=False)
    assert abs(len(val) - sum(sizes) * fraction) < 1 + 1e-6


@given(class_sizes, fractions, seeds, st.data())
def test_an_added_file_moves_at_most_one_other(
    sizes: list[int], fraction: float, seed: int, data: st.DataObject
) -> None:
    after = classes_of(sizes)
    joining = data.draw(st.integers(0, len(after) - 1))
    before = after.select(np.arange(len(after)) != joining)
    train_before, val_before = (paths(part) for part in before.split(val=fraction, seed=seed))
    train_after, val_after = (paths(part) for part in after.split(val=fraction, seed=seed))
    moved = (train_before & val_after) | (val_before & train_after)
    assert len(moved) <= 1


def test_other_classes_do_not_move_when_a_file_is_added() -> None:
    before, after = classes_of([30, 30]), classes_of([30, 31])
    for part_before, part_after in zip(before.split(val=0.3), after.split(val=0.3), strict=True):
        first = {path for path in paths(part_before) if path.startswith("class0")}
        assert first == {path for path in paths(part_after) if path.startswith("class0")}


@given(class_sizes, seeds)
def test_the_order_and_the_root_of_the_manifest_do_not_matter(sizes: list[int], seed: int) -> None:
    manifest = classes_of(sizes)
    moved = augseq.Manifest(
        root="/else", class_names=manifest.class_names, table=manifest[::-1].table
    )
    _, val = manifest.split(val=0.3, seed=seed)
    _, val_moved = moved.split(val=0.3, seed=seed)
    assert paths(val) == paths(val_moved)


def test_equal_seeds_give_equal_splits_and_different_seeds_different_ones() -> None:
    manifest = classes_of([40, 40])
    assert manifest.split(val=0.5, seed=7) == manifest.split(val=0.5, seed=7)
    found = {manifest.split(val=0.5, seed=seed).val for seed in range(20)}
    assert len(found) == 20


def test_every_record_is_held_out_equally_often() -> None:
    manifest, num_seeds = classes_of([20]), 600
    counts = np.zeros(20)
    for seed in range(num_seeds):
        counts[[record.index for record in manifest.split(val=0.25, seed=seed).val]] += 1
    expected, deviation = num_seeds / 4, (num_seeds * 0.25 * 0.75) ** 0.5
    assert np.abs(counts - expected).max() < 4 * deviation


def test_the_rest_is_named_train_and_comes_first() -> None:
    parts = classes_of([10]).split(val=0.2, test=0.3)
    assert parts.names == ("train", "val", "test")
    assert [len(part) for part in parts] == [5, 2, 3]
    train, val, test = parts
    assert (parts.train, parts.val, parts.test) == (train, val, test)


def test_train_comes_first_even_if_its_size_is_given() -> None:
    parts = classes_of([10]).split(val=0.1, train=0.7, test=0.2)
    assert parts.names == ("train", "val", "test")
    assert [len(part) for part in parts] == [7, 1, 2]


@pytest.mark.parametrize("name", ["index", "count", "names"])
def test_a_part_cannot_hide_an_attribute_of_a_split(name: str) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=f"A part cannot be named '{name}'"):
        classes_of([10]).split(**{name: 0.2})


@pytest.mark.parametrize("seed", [-1, 1.0, 2.5, "1", None, True])
def test_a_seed_is_a_whole_number(seed: Any) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match="`seed`"):
        classes_of([10]).split(val=0.2, seed=seed)


def test_an_unknown_part_is_named() -> None:
    with pytest.raises(AttributeError, match="'test'"):
        _ = classes_of([10]).split(val=0.2).test


def test_a_split_survives_pickling() -> None:
    parts = classes_of([10]).split(val=0.2)
    again = pickle.loads(pickle.dumps(parts))
    assert again == parts
    assert again.names == ("train", "val")
    assert again.val == parts.val


def test_a_split_shows_its_names() -> None:
    assert repr(Split(["train", "val"], [8, 2])) == "train: 8, val: 2"


def test_every_part_keeps_all_class_names() -> None:
    parts = classes_of([10, 1]).split(val=0.2)
    assert all(part.class_names == ("class0", "class1") for part in parts)
    assert parts.val.class_counts() == {"class0": 2, "class1": 0}


def test_a_manifest_without_labels_is_split_as_a_whole(unlabelled: augseq.Manifest) -> None:
    train, val = unlabelled.split(val=0.4)
    assert (len(train), len(val)) == (2, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"val": 0},
        {"val": 0.0},
        {"val": 1},
        {"val": 1.5},
        {"val": -0.2},
        {"val": nan},
        {"val": 0.5, "test": 0.5},
        {"val": 0.8, "test": 0.7},
        {"train": 0.8},
        {"train": 0.8, "val": 0.1},
        {"train": 0.8, "val": 0.3},
    ],
)
def test_invalid_fractions_are_shown(wrong: dict[str, Any]) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=r"Received: \{"):
        classes_of([10]).split(**wrong)


def test_a_sum_of_one_except_for_rounding_is_accepted() -> None:
    assert 0.7 + 0.2 + 0.1 != 1
    parts = classes_of([10]).split(train=0.7, val=0.2, test=0.1)
    assert sum(map(len, parts)) == 10


@pytest.mark.parametrize(
    ("size", "shares", "sizes"),
    [
        (0, [0.8, 0.2], [0, 0]),
        (1, [0.8, 0.2], [1, 0]),
        (1, [0.2, 0.8], [0, 1]),
        (2, [0.99, 0.01], [1, 1]),
        (5, [0.8, 0.2], [4, 1]),
        (10, [0.7, 0.2, 0.1], [7, 2, 1]),
        (2, [0.6, 0.3, 0.1], [1, 1, 0]),
        (3, [0.9, 0.05, 0.05], [1, 1, 1]),
        (10**9, [0.9, 0.1], [900_000_000, 100_000_000]),
    ],
)
def test_records_are_allocated_by_the_largest_remainder(
    size: int, shares: list[float], sizes: list[int]
) -> None:
    assert allocate(size, shares) == sizes


@given(st.integers(0, 10**7), st.lists(st.integers(1, 100), min_size=1, max_size=6))
def test_every_record_is_allocated(size: int, weights: list[int]) -> None:
    sizes = allocate(size, [weight / sum(weights) for weight in weights])
    assert sum(sizes) == size
    assert Counter(count < 0 for count in sizes) == {False: len(weights)}


def with_parts(*values: Any) -> augseq.Manifest:
    """A manifest with a column "split"."""
    return classes_of([len(values)]).with_column("split", list(values))


def test_a_column_is_split_into_parts_in_the_usual_order() -> None:
    manifest = with_parts("test", "extra", "train", "validation", "train", "Val")
    parts = manifest.split_by("split")
    assert parts.names == ("train", "Val", "validation", "test", "extra")
    assert [record.index for record in parts.train] == [2, 4]
    assert [record.index for record in parts.extra] == [1]


def test_a_given_order_is_used_and_can_contain_empty_parts() -> None:
    parts = with_parts("b", "a", "b").split_by("split", order=["b", "none", "a"])
    assert parts.names == ("b", "none", "a")
    assert list(map(len, parts)) == [2, 0, 1]


def test_numbers_name_parts_as_text() -> None:
    parts = with_parts(1, 0, 1).split_by("split")
    assert parts.names == ("0", "1")


@pytest.mark.parametrize("order", [["a"], ["a", "a", "b"], ["a", "c"], []])
def test_an_order_that_omits_values_is_refused(order: list[str]) -> None:
    with pytest.raises(
        augseq.errors.ArgumentError, match=r"`order` must list each value.*'a', 'b'"
    ):
        with_parts("b", "a").split_by("split", order=order)


def test_records_without_a_part_are_named() -> None:
    with pytest.raises(
        augseq.errors.ArgumentError, match="no value in 2 of 4 records, at positions 1, 3"
    ):
        with_parts("train", None, "val", None).split_by("split")
    with pytest.raises(augseq.errors.ArgumentError, match="no column 'fold'"):
        with_parts("train").split_by("fold")


@given(class_sizes, fractions, seeds)
def test_a_split_stored_in_a_column_is_restored(
    sizes: list[int], fraction: float, seed: int
) -> None:
    manifest = classes_of(sizes)[::-1]
    parts = manifest.split(val=fraction, seed=seed)
    again = manifest.with_split(parts).split_by("split", order=parts.names)
    assert again.names == parts.names
    assert [list(part) for part in again] == [list(part) for part in parts]


def test_a_split_is_restored_from_the_file(tmp_path: Path) -> None:
    manifest = classes_of([8, 12])
    parts = manifest.split(val=0.2, test=0.1, seed=7)
    augseq.write_manifest(manifest.with_split(parts), tmp_path / "m.parquet")
    train, val, test = augseq.read_manifest(tmp_path / "m.parquet").split_by("split")
    assert [list(part) for part in (train, val, test)] == [list(part) for part in parts]


def test_each_fold_can_be_stored_in_a_column() -> None:
    manifest = classes_of([9])
    for number, fold in enumerate(manifest.k_fold(3)):
        manifest = manifest.with_split(fold, name=f"fold{number}")
    folds = [manifest.split_by(f"fold{number}").val for number in range(3)]
    assert sorted(record.index for fold in folds for record in fold) == list(range(9))


@pytest.mark.parametrize("length", [0, 9, 11])
def test_the_parts_of_another_manifest_are_refused(length: int) -> None:
    parts = classes_of([10]).split(val=0.2)
    with pytest.raises(
        augseq.errors.ArgumentError, match=f"10 records in parts, {length} in the manifest"
    ):
        classes_of([length]).with_split(parts)


def test_overlapping_parts_are_refused() -> None:
    manifest = classes_of([4])
    with pytest.raises(
        augseq.errors.ArgumentError, match="each record of the manifest exactly once"
    ):
        manifest.with_split(Split(["a", "b"], [manifest[:2], manifest[1:3]]))
