"""Splits that balance columns: tags, numbers and classes, checked against plain Python."""

from collections import Counter
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import augseq
from augseq.cli.split import _stratify
from augseq.manifest.manifest import make_manifest


def images(num_records: int, **columns: Any) -> augseq.Manifest:
    manifest = make_manifest(
        "/photos", [], paths=[f"{row}.jpg" for row in range(num_records)], targets=None
    )
    for name, values in columns.items():
        manifest = manifest.with_column(name, values)
    return manifest


def made_up_tags(num_records: int, num_tags: int, mean: float, seed: int = 0) -> list[list[str]]:
    """Tags of very different frequency, each record with `mean` of them on average."""
    rng = np.random.default_rng(seed)
    frequency = 1 / np.arange(1, num_tags + 1)
    frequency /= frequency.sum()
    return [
        sorted({f"tag{tag}" for tag in rng.choice(num_tags, rng.poisson(mean), p=frequency)})
        for _ in range(num_records)
    ]


def indices(part: augseq.Manifest) -> list[int]:
    return [record.index for record in part]


def errors(parts: Any, values: list[list[Any]], shares: list[float]) -> list[float]:
    """How many records of each value each part has too many or too few."""
    totals = Counter(value for of_record in values for value in of_record)
    found = []
    for part, share in zip(parts, shares, strict=True):
        counts = Counter(value for row in indices(part) for value in values[row])
        found += [abs(counts[value] - share * total) for value, total in totals.items()]
    return found


SHAPES = {
    "few tags": (200, 4, 1.0, {"val": 0.2}),
    "many tags": (1000, 200, 3.0, {"val": 0.2}),
    "many on each": (600, 30, 8.0, {"val": 0.25}),
    "most without any": (500, 10, 0.3, {"val": 0.2}),
    "a small part": (1000, 40, 3.0, {"val": 0.05}),
    "three parts": (1000, 60, 3.0, {"val": 0.1, "test": 0.1}),
    "four parts": (800, 20, 2.0, {"a": 0.25, "b": 0.25, "c": 0.25}),
    "halves": (301, 25, 2.0, {"val": 0.5}),
    "most held out": (500, 20, 2.0, {"val": 0.9}),
    "fewer than tags": (60, 80, 2.0, {"val": 0.3}),
    "a single tag": (100, 1, 1.0, {"val": 0.2}),
    "no tag at all": (50, 3, 0.0, {"val": 0.2}),
}


@pytest.mark.parametrize(("num_records", "num_tags", "mean", "shares"), SHAPES.values(), ids=SHAPES)
def test_each_part_gets_its_share_of_each_tag(
    num_records: int, num_tags: int, mean: float, shares: dict[str, float]
) -> None:
    tags = made_up_tags(num_records, num_tags, mean)
    parts = images(num_records, tags=pa.array(tags, pa.list_(pa.string()))).split(
        stratify="tags", seed=1, **shares
    )
    assert sorted(row for part in parts for row in indices(part)) == list(range(num_records))
    all_shares = [1 - sum(shares.values()), *shares.values()]
    for part, share in zip(parts, all_shares, strict=True):
        assert abs(len(part) - share * num_records) < 1
    assert max(errors(parts, tags, all_shares), default=0) < 5
    assert np.mean(errors(parts, tags, all_shares) or 0) < 1


def test_the_split_by_tags_is_the_recorded_one() -> None:
    """A change belongs in the changelog under "Changes pixels or order"."""
    tagged = images(20, tags=made_up_tags(20, 4, 1.5))
    parts = tagged.split(val=0.2, test=0.1, stratify="tags", seed=7)
    assert [indices(part) for part in parts[1:]] == [[4, 8, 16, 18], [13, 17]]


def test_tags_that_occur_together_are_divided_together() -> None:
    tags = [["cat", "day"], ["cat", "night"], ["dog", "day"], ["dog", "night"]] * 25
    _, val = images(100, tags=tags).split(val=0.2, stratify="tags")
    assert set(Counter(tuple(tags[row]) for row in indices(val)).values()) == {5}


def test_lists_separated_text_and_a_column_for_each_tag_mean_the_same() -> None:
    tags = made_up_tags(300, 6, 1.5)
    names = sorted({tag for of_record in tags for tag in of_record})
    flags = {name: [int(name in of_record) for of_record in tags] for name in names}
    both = images(300, lists=tags, text=[" ; ".join(of_record) for of_record in tags], **flags)
    by_list = both.split(val=0.2, stratify="lists")
    by_text = both.split(val=0.2, stratify="text", separator=";")
    assert [*map(indices, by_list)] == [*map(indices, by_text)]
    by_flags = both.split(val=0.2, stratify=names)
    assert max(errors(by_flags, tags, [0.8, 0.2])) < 2


@pytest.mark.parametrize(
    ("values", "options"),
    [
        (np.random.default_rng(0).normal(size=200), {}),
        (np.random.default_rng(1).exponential(size=200), {"bins": 5}),
        (np.random.default_rng(2).uniform(size=200).astype(np.float32), {"bins": 20}),
        (np.arange(200), {"bins": 8}),
        ([str(number) for number in range(200)], {"bins": 8}),
        ([f"{number / 7:.3f}" for number in range(200)], {"bins": 4}),
        (np.arange(200) ** 3 - 1000, {"bins": 10}),
    ],
)
def test_each_part_gets_its_share_of_each_range_of_numbers(
    values: Any, options: dict[str, int]
) -> None:
    bins = options.get("bins", 10)
    rank = np.argsort(np.argsort(np.asarray(values, float)))
    ranges = [[int(place)] for place in rank * bins // 200]
    parts = images(200, age=values).split(val=0.2, stratify="age", **options)
    assert [len(part) for part in parts] == [160, 40]
    assert max(errors(parts, ranges, [0.8, 0.2])) <= 1
    for part in images(200, age=values).k_fold(5, stratify="age", **options):
        assert max(errors(part, ranges, [0.8, 0.2])) <= 1


def test_few_numbers_are_spread_over_fewer_ranges() -> None:
    _, val = images(20, age=np.linspace(0, 1, 20)).split(val=0.2, stratify="age")
    assert [row // 5 for row in indices(val)] == [0, 1, 2, 3]


@pytest.mark.parametrize("kind", [str, int, lambda label: label == 1])
def test_a_column_of_classes_is_divided_like_labels(kind: Any) -> None:
    labels = np.repeat([0, 1], [30, 11]).tolist()
    names = ["0", "1"]
    paths = [f"{row}.jpg" for row in range(41)]
    labelled = make_manifest("/photos", names, paths=paths, targets=labels)
    labelled = labelled.with_column("kind", [kind(label) for label in labels])
    for options in ({}, {"group": [row // 2 for row in range(41)]}):
        expected = labelled.split(val=0.2, seed=3, **options)
        assert labelled.split(val=0.2, seed=3, stratify="kind", **options) == expected
    folds = list(labelled.k_fold(4, seed=3))
    assert list(labelled.k_fold(4, seed=3, stratify="kind")) == folds


@pytest.mark.parametrize("num_folds", [2, 3, 5, 10])
def test_folds_have_equal_sizes_and_shares_of_tags(num_folds: int) -> None:
    tags = made_up_tags(203, 20, 2.0)
    folds = list(images(203, tags=tags).k_fold(num_folds, stratify="tags"))
    held_out = [val for _, val in folds]
    assert sorted(row for val in held_out for row in indices(val)) == list(range(203))
    assert {len(val) for val in held_out} <= {203 // num_folds, 203 // num_folds + 1}
    assert max(errors(held_out, tags, [1 / num_folds] * num_folds)) < 3


def test_groups_stay_together_and_their_tags_are_balanced() -> None:
    tags = made_up_tags(600, 12, 2.0)
    patients = [row // 3 for row in range(600)]
    grouped = images(600, tags=tags, patient=patients)
    parts = grouped.split(val=0.2, stratify="tags", group="patient", seed=2)
    sets = [{patients[row] for row in indices(part)} for part in parts]
    assert not sets[0] & sets[1]
    assert abs(len(parts.val) - 120) <= 3
    assert max(errors(parts, tags, [0.8, 0.2])) < 4
    plain = grouped.split(val=0.2, stratify=False, group="patient", seed=2)
    assert max(errors(plain, tags, [0.8, 0.2])) > 4


def test_the_order_of_records_and_tags_does_not_matter() -> None:
    tags = made_up_tags(150, 10, 2.0)
    tagged = images(150, tags=tags)
    turned = images(150, tags=[of_record[::-1] * 2 for of_record in tags])
    shuffled = tagged.select(np.random.default_rng(0).permutation(150))
    expected = set(indices(tagged.split(val=0.3, stratify="tags", seed=4).val))
    assert set(indices(turned.split(val=0.3, stratify="tags", seed=4).val)) == expected
    assert set(indices(shuffled.split(val=0.3, stratify="tags", seed=4).val)) == expected
    assert set(indices(tagged.split(val=0.3, stratify="tags", seed=5).val)) != expected


def test_several_columns_are_balanced_at_once() -> None:
    rng = np.random.default_rng(0)
    tags, camera = made_up_tags(400, 6, 1.0), rng.choice(["a", "b", "c"], 400, p=[0.8, 0.15, 0.05])
    mixed = images(400, tags=tags, camera=camera.tolist(), age=rng.normal(size=400))
    parts = mixed.split(val=0.25, stratify=["tags", "camera", "age"])
    together = [[*tags[row], camera[row]] for row in range(400)]
    assert max(errors(parts, together, [0.75, 0.25])) < 3


def test_missing_values_are_balanced_like_a_value() -> None:
    camera = ["a", "b", None, None] * 20
    age = [1.5, float("nan"), None, 2.5] * 20
    tags = [["x"], None, [], ["x", "y"]] * 20
    missing = images(80, camera=camera, age=age, tags=tags, nothing=[None] * 80)
    for name, values in (("camera", camera), ("tags", [str(tag or []) for tag in tags])):
        _, val = missing.split(val=0.25, stratify=name)
        assert Counter(values[row] for row in indices(val)) == {
            value: count // 4 for value, count in Counter(values).items()
        }, name
    _, val = missing.split(val=0.25, stratify="age")
    assert sum(row % 4 in (1, 2) for row in indices(val)) == len(val) // 2 == 10
    assert len(missing.split(val=0.25, stratify="nothing").val) == 20


@pytest.mark.parametrize("num_records", [0, 1, 2, 3])
def test_the_smallest_manifests_can_be_divided(num_records: int) -> None:
    tags = pa.array([["x"]] * num_records, pa.list_(pa.string()))
    small = images(num_records, tags=tags, age=np.zeros(num_records))
    for name in ("tags", "age"):
        parts = small.split(val=0.3, test=0.3, stratify=name)
        assert sum(map(len, parts)) == num_records
        assert [len(part) for part in parts] == [1, 1, 1] or num_records < 3


TABLE = images(
    40,
    age=[f"{row}" for row in range(39)] + ["old"],
    id=np.arange(40),
    tags=["a;b"] * 40,
    day=[date(2026, 1, 1)] * 40,
    shares=[[0.5, 0.5]] * 40,
    kind=["cat", "dog"] * 20,
)
WRONG = {
    "unknown column": ({"stratify": "tag"}, "no column 'tag'.*Did you mean 'tags'"),
    "unknown column of several": ({"stratify": ["kind", "knd"]}, "no column 'knd'.*'kind'"),
    "too many texts": ({"stratify": "age"}, "40 different values in 40 records.*bins=10"),
    "too many integers": ({"stratify": "id"}, "40 different values.*--bins 10"),
    "no numbers": ({"stratify": "age", "bins": 4}, "'age' has 'old' for '39.jpg'.*--bins"),
    "one bin": ({"stratify": "id", "bins": 1}, "`bins` must be an integer of at least 2"),
    "bins of a float": ({"stratify": "id", "bins": 2.5}, "`bins` must be an integer"),
    "times": ({"stratify": "day"}, "column of type date32.*with_column"),
    "lists of shares": ({"stratify": "shares"}, "lists of text or integers.*double"),
    "separator of numbers": ({"stratify": "id", "separator": ";"}, "requires a column of text"),
    "separator of no text": ({"stratify": ["id", "shares"], "separator": ";"}, "of type int64"),
    "bins of lists": ({"stratify": "shares", "bins": 4}, "`bins` requires a column of numbers"),
    "bins of tags": ({"stratify": "tags", "separator": ";", "bins": 4}, "bins=4, tags of type"),
    "blank separator": ({"stratify": "tags", "separator": ""}, "`separator` must be text"),
    "separator of labels": ({"separator": ";"}, "require the name of a column as `stratify`"),
    "bins of nothing": ({"stratify": False, "bins": 3}, "require the name of a column"),
    "no names": ({"stratify": []}, "a list of names"),
    "a number": ({"stratify": 3}, "Received: stratify=3"),
    "a set": ({"stratify": {"kind"}}, "a list of names"),
    "names of another type": ({"stratify": ["kind", 3]}, "a list of names"),
    "None": ({"stratify": None}, "Received: stratify=None"),
    "stable": ({"stratify": "kind", "stable": True}, "`stable` decides by the path or group"),
}


@pytest.mark.parametrize(("options", "text"), WRONG.values(), ids=WRONG)
def test_a_wrong_option_is_an_error_that_says_what_to_do(
    options: dict[str, Any], text: str
) -> None:
    with pytest.raises((augseq.errors.ArgumentError, augseq.errors.LabelError), match=text):
        TABLE.split(val=0.2, **options)


def test_values_and_tags_are_counted_once_for_a_record() -> None:
    counted = images(
        4, kind=["b", "a", "b", None], tags=["x; y;x", "", None, "y"], more=[[1, 1]] * 4
    )
    assert counted.class_counts("kind") == {"a": 1, "b": 2}
    assert list(counted.class_counts("kind")) == ["a", "b"]
    assert counted.class_counts("tags", separator=";") == {"x": 1, "y": 2}
    assert counted.class_counts("more") == {1: 4}
    with pytest.raises(augseq.errors.ArgumentError, match="requires a column"):
        counted.class_counts(separator=";")
    with pytest.raises(augseq.errors.ArgumentError, match="Did you mean 'kind'"):
        counted.class_counts("knd")


@pytest.mark.parametrize(
    ("text", "expected"),
    [(None, True), ("none", False), ("tags", ["tags"]), ("day, sea", ["day", "sea"])],
)
def test_the_shell_names_columns(text: str | None, expected: Any) -> None:
    assert _stratify(text) == expected
