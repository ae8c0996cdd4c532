"""Groups, folds and stable splits, checked against plain Python."""

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import augseq
from augseq.manifest.manifest import make_manifest
from tests.manifest.test_split import class_sizes, classes_of, fractions, paths, seeds

# The class and the group of each record.
grouped_records = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 12)), min_size=1, max_size=80
).filter(lambda rows: len({group for _, group in rows}) >= 3)


def grouped(rows: list[tuple[int, int]]) -> augseq.Manifest:
    """A manifest with a column "patient"."""
    manifest = make_manifest(
        "/photos",
        [f"class{number}" for number in range(4)],
        paths=[f"{position}.jpg" for position in range(len(rows))],
        targets=[label for label, _ in rows],
    )
    return manifest.with_column("patient", [f"p{group}" for _, group in rows])


def indices(part: augseq.Manifest) -> list[int]:
    return [record.index for record in part]


def test_the_grouped_split_is_the_recorded_one() -> None:
    """A change belongs in the changelog under "Changes pixels or order"."""
    manifest = grouped([(number % 4, number // 3) for number in range(30)])
    parts = manifest.split(val=0.2, test=0.1, seed=7, group="patient")
    assert [sorted(set(part.column("patient"))) for part in parts[1:]] == [
        ["p4", "p7"],
        ["p5"],
    ]


def test_the_folds_are_the_recorded_ones() -> None:
    """A change belongs in the changelog under "Changes pixels or order"."""
    folds = [indices(val) for _, val in classes_of([5, 6]).k_fold(4, seed=7)]
    assert folds == [[1, 3, 9], [0, 6, 7], [4, 8, 10], [2, 5]]


def test_the_stable_split_is_the_recorded_one() -> None:
    """A change belongs in the changelog under "Changes pixels or order"."""
    parts = classes_of([8, 12]).split(val=0.2, test=0.1, seed=7, stable=True)
    assert [indices(part) for part in parts[1:]] == [[2, 4, 11, 14, 19], [5, 15, 18]]


@given(grouped_records, fractions, fractions, seeds, st.booleans())
def test_groups_are_never_split_and_every_record_is_in_one_part(
    rows: list[tuple[int, int]], first: float, second: float, seed: int, stratify: bool
) -> None:
    parts = grouped(rows).split(
        val=first / 2, test=second / 2, seed=seed, stratify=stratify, group="patient"
    )
    assert sorted(index for part in parts for index in indices(part)) == list(range(len(rows)))
    homes = defaultdict(set)
    for name, part in zip(parts.names, parts, strict=True):
        assert len(part)
        for group in part.column("patient"):
            homes[group].add(name)
    assert {len(found) for found in homes.values()} == {1}


@given(st.lists(st.integers(1, 30), min_size=8, max_size=40), st.floats(0.15, 0.5), seeds)
def test_grouped_parts_miss_their_share_by_less_than_the_largest_group(
    sizes: list[int], fraction: float, seed: int
) -> None:
    rows = [(0, group) for group, size in enumerate(sizes) for _ in range(size)]
    _, val = grouped(rows).split(val=fraction, seed=seed, group="patient")
    assert abs(len(val) - fraction * len(rows)) <= max(sizes)


@given(st.integers(10, 60), st.floats(0.1, 0.5), seeds)
def test_groups_of_one_size_are_divided_within_one_group(
    num_groups: int, fraction: float, seed: int
) -> None:
    rows = [(0, group) for group in range(num_groups) for _ in range(4)]
    _, val = grouped(rows).split(val=fraction, seed=seed, group="patient")
    assert abs(len(val) / 4 - fraction * num_groups) <= 1


@given(seeds)
def test_each_class_is_divided_within_one_group_of_one_size(seed: int) -> None:
    rows = [(group % 4, group) for group in range(80) for _ in range(5)]
    _, val = grouped(rows).split(val=0.25, seed=seed, group="patient")
    assert all(abs(count - 25) <= 5 for count in val.class_counts().values())


@given(grouped_records, seeds, st.randoms())
def test_the_order_of_the_records_does_not_matter(
    rows: list[tuple[int, int]], seed: int, random: Any
) -> None:
    manifest = grouped(rows)
    order = list(range(len(rows)))
    random.shuffle(order)
    for options in ({"group": "patient"}, {"stable": True}, {"stable": True, "group": "patient"}):
        before = manifest.split(val=0.3, seed=seed, **options)
        after = manifest.select(order).split(val=0.3, seed=seed, **options)
        assert [paths(part) for part in before] == [paths(part) for part in after]


def test_the_seed_orders_groups_of_similar_size() -> None:
    rows = [(0, group) for group in range(12) for _ in range(16 + group)]
    manifest = grouped(rows)
    found = {
        frozenset(manifest.split(val=0.3, seed=seed, group="patient").val.column("patient"))
        for seed in range(20)
    }
    assert len(found) > 10


@given(class_sizes, fractions, fractions, seeds, st.data())
def test_a_stable_split_moves_no_file_when_others_are_added_or_removed(
    sizes: list[int], first: float, second: float, seed: int, data: st.DataObject
) -> None:
    manifest = classes_of(sizes)
    mask = data.draw(st.lists(st.booleans(), min_size=len(manifest), max_size=len(manifest)))
    shares = {"val": first / 2, "test": second / 2, "seed": seed, "stable": True}
    before = manifest.split(**shares)
    after = manifest.select(np.array(mask, bool)).split(**shares)
    for whole, rest in zip(before, after, strict=True):
        assert paths(rest) == paths(whole) & paths(manifest.select(np.array(mask, bool)))


@given(grouped_records, seeds)
def test_a_stable_split_moves_no_group_when_others_are_removed(
    rows: list[tuple[int, int]], seed: int
) -> None:
    manifest = grouped(rows)
    rest = manifest.select(manifest.column("patient") != "p3")
    before = manifest.split(val=0.4, seed=seed, stable=True, group="patient")
    after = rest.split(val=0.4, seed=seed, stable=True, group="patient")
    assert [paths(part) & paths(rest) for part in before] == [paths(part) for part in after]


def test_a_stable_split_has_about_the_requested_sizes() -> None:
    num_records = 20_000
    train, val, test = classes_of([num_records]).split(val=0.2, test=0.1, stable=True)
    for part, share in ((train, 0.7), (val, 0.2), (test, 0.1)):
        deviation = (num_records * share * (1 - share)) ** 0.5
        assert abs(len(part) - share * num_records) < 4 * deviation


def test_a_stable_split_needs_no_labels() -> None:
    table = pa.table({"index": [0, 1], "path": ["a/1", "b/1"], "target": [None, 1]})
    manifest = augseq.Manifest(root="/photos", class_names=("a", "b"), table=table)
    assert sum(map(len, manifest.split(val=0.5, stable=True))) == 2


@given(class_sizes, st.integers(2, 6), seeds, st.booleans())
def test_folds_hold_out_every_record_once_in_even_parts(
    sizes: list[int], num_folds: int, seed: int, stratify: bool
) -> None:
    manifest = classes_of(sizes)
    if len(manifest) < num_folds:
        with pytest.raises(augseq.errors.ArgumentError, match="one record per part"):
            manifest.k_fold(num_folds, seed=seed, stratify=stratify)
        return
    held_out = []
    for fold in manifest.k_fold(num_folds, seed=seed, stratify=stratify):
        assert fold.names == ("train", "val")
        assert sorted(indices(fold.train) + indices(fold.val)) == list(range(len(manifest)))
        assert len(manifest) // num_folds <= len(fold.val) <= -(-len(manifest) // num_folds)
        counts = fold.val.class_counts().values()
        for size, count in zip(sizes, counts, strict=True):
            assert not stratify or size // num_folds <= count <= -(-size // num_folds)
        held_out += indices(fold.val)
    assert sorted(held_out) == list(range(len(manifest)))


@given(grouped_records, seeds)
def test_grouped_folds_hold_out_every_group_once(rows: list[tuple[int, int]], seed: int) -> None:
    manifest = grouped(rows)
    held_out: list[str] = []
    for train, val in manifest.k_fold(3, seed=seed, group="patient"):
        assert not set(train.column("patient")) & set(val.column("patient"))
        held_out += set(val.column("patient"))
    assert Counter(held_out) == Counter(set(manifest.column("patient")))


@pytest.mark.parametrize("wrong", [1, 0, -3, 2.0, "5", None, True])
def test_the_number_of_folds_is_a_whole_number_of_at_least_2(wrong: Any) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match="`num_folds`"):
        classes_of([10]).k_fold(wrong)


def test_fewer_groups_than_parts_are_an_error() -> None:
    manifest = grouped([(0, 1), (0, 1), (0, 2)])
    with pytest.raises(augseq.errors.ArgumentError, match="2 groups, 3 parts"):
        manifest.split(val=0.2, test=0.2, group="patient")
    with pytest.raises(augseq.errors.ArgumentError, match="2 groups, 3 parts"):
        manifest.k_fold(3, group="patient")


def test_a_category_without_records_is_not_a_group() -> None:
    manifest = grouped([(0, 1), (0, 1), (0, 2)])
    groups = pd.Categorical(["a", "a", "b"], categories=["a", "b", "c"])
    with pytest.raises(augseq.errors.ArgumentError, match="2 groups, 3 parts"):
        manifest.split(val=0.2, test=0.2, stratify=False, group=groups)
    plain = manifest.split(val=0.4, group=["a", "a", "b"])
    assert list(map(indices, manifest.split(val=0.4, group=groups))) == list(map(indices, plain))


@pytest.mark.parametrize(
    "values",
    [
        ["a", "b", "c", "a"],
        np.array(["a", "b", "c", "a"]),
        np.array([1, 2, 3, 1]),
        pa.array([1.5, 2.5, 3.5, 1.5]),
        [b"\xff\xfe", b"b", b"c", b"\xff\xfe"],
        [True, False, False, True],
    ],
)
def test_groups_can_be_given_as_values(values: Any) -> None:
    manifest = grouped([(0, 0)] * 4)
    for part in manifest.split(val=0.5, group=values):
        assert ({0, 3} <= set(indices(part))) == bool({0, 3} & set(indices(part)))


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ("doctor", "no column 'doctor'"),
        (["a", "b", None], "3 values, 1 of them missing"),
        ([1.0, float("nan"), 2.0], "3 values, 1 of them missing"),
        (np.array([1.0, np.nan, 2.0]), "3 values, 1 of them missing"),
        (np.array(["a", np.nan, None], object), "3 values, 2 of them missing"),
        (pa.array([1.0, float("nan"), 2.0]), "3 values, 1 of them missing"),
        (pd.Series([1.0, None, 2.0]), "3 values, 1 of them missing"),
        (pd.Categorical(["a", "b", None]), "3 values, 1 of them missing"),
        ([2**70] * 3, "too large"),
        (["a", "b"], "2 values, 0 of them missing"),
        ([["a"], ["b"], ["c"]], "`group` must be a column"),
        ([object(), 1, "a"], "`group` must be a column"),
        (3, "`group` must be a column"),
    ],
)
def test_invalid_groups_are_refused(group: Any, message: str) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=message):
        grouped([(0, 1), (0, 2), (0, 3)]).split(val=0.4, group=group)
