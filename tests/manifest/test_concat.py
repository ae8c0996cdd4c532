"""Concatenate manifests: no record is repeated or mislabelled."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import augseq
from augseq.manifest.manifest import make_manifest


def make(root: str, *paths: str, names: tuple[str, ...] = ("cat", "dog")) -> augseq.Manifest:
    """A manifest whose labels are the first folders."""
    targets = [names.index(path.split("/")[0]) for path in paths] if names else None
    return make_manifest(root, names, paths=list(paths), targets=targets)


def files(manifest: augseq.Manifest) -> list[tuple[str, str]]:
    """Return the full path and class name of each record."""
    return [
        (f"{manifest.root}/{record.path}", manifest.class_names[record.target or 0])
        for record in manifest
    ]


def test_records_follow_each_other_below_the_common_root() -> None:
    first, second = make("/data/a", "cat/1", "dog/2"), make("/data/b/c", "dog/1")
    both = augseq.concat_manifests([first, second])
    assert both.root == "/data"
    assert both.class_names == ("cat", "dog")
    assert [(r.index, r.path, r.target) for r in both] == [
        (0, "a/cat/1", 0),
        (1, "a/dog/2", 1),
        (2, "b/c/dog/1", 1),
    ]
    assert files(both) == files(first) + files(second)
    inner = augseq.concat_manifests([make("/data", "cat/1"), make("/data/b", "dog/1")])
    assert (inner.root, inner[1].path) == ("/data", "b/dog/1")
    other = augseq.concat_manifests([first, second], root="/")
    assert (other.root, other[0].path) == ("/", "data/a/cat/1")


def test_the_parts_of_a_split_keep_their_indices(animals: augseq.Manifest) -> None:
    train, val = animals.split(val=0.4)
    both = augseq.concat_manifests([val, train])
    assert sorted(both, key=lambda record: record.index) == list(animals)


@given(sizes=st.lists(st.integers(0, 4), min_size=1, max_size=4), data=st.data())
def test_every_record_has_its_own_index(sizes: list[int], data: st.DataObject) -> None:
    parts = []
    for number, size in enumerate(sizes):
        paths = [f"cat/{number}-{k}" for k in range(size)]
        index = data.draw(st.permutations(range(9)))[:size]
        table = make("/data", *paths).table.set_column(0, "index", pa.array(index, pa.int64()))
        parts.append(augseq.Manifest(root="/data", class_names=("cat", "dog"), table=table))
    both = augseq.concat_manifests(parts)
    assert [record.path for record in both] == [r.path for part in parts for r in part]
    start, taken = 0, set()
    for part in parts:
        before = part.table["index"].to_pylist()
        after = both.table["index"].to_pylist()[start : start + len(part)]
        assert len(set(np.subtract(after, before).tolist())) <= 1
        if not taken.intersection(before):
            assert after == before
        assert not taken.intersection(after)
        taken.update(after)
        start += len(part)


def test_classes_that_differ_are_named_and_can_be_mapped() -> None:
    first, second = (
        make("/data/a", "cat/1", "dog/1"),
        make("/data/b", "Cats/1", names=("dog", "Cats")),
    )
    with pytest.raises(
        augseq.errors.LabelError, match=r"Manifest 1 has .*\['Cats', 'cat'\].*`rename`"
    ):
        augseq.concat_manifests([first, second])
    both = augseq.concat_manifests([first, second], rename={"Cats": "cat"})
    assert both.class_names == ("cat", "dog")
    assert files(both)[2] == ("/data/b/Cats/1", "cat")
    wide = augseq.concat_manifests([first, second], class_names=["yak", "Cats", "dog", "cat"])
    assert [name for _, name in files(wide)] == ["cat", "dog", "Cats"]
    with pytest.raises(augseq.errors.ArgumentError, match=r"`rename` .*'cats'"):
        augseq.concat_manifests([first, second], rename={"cats": "cat"})
    merged = augseq.concat_manifests([first], rename={"dog": "cat"})
    assert (merged.class_names, merged.targets.tolist()) == (("cat",), [0, 0])


def test_manifests_with_and_without_labels_do_not_match() -> None:
    first, flat = make("/a", "cat/1"), make("/b", "1", names=())
    with pytest.raises(augseq.errors.LabelError, match="must have the same classes"):
        augseq.concat_manifests([first, flat])
    both = augseq.concat_manifests([first, flat], class_names=["cat", "dog"])
    assert [record.target for record in both] == [0, None]
    assert augseq.concat_manifests([flat]) == flat


def test_a_repeated_image_is_named() -> None:
    first, second = make("/data", "cat/1", "cat/2"), make("/data/cat", "1", names=())
    with pytest.raises(augseq.errors.ArgumentError, match=r"Repeated in .* together: 'cat/1'$"):
        augseq.concat_manifests([first, second], class_names=["cat", "dog"])


def test_roots_without_a_common_folder_are_refused_with_the_fix() -> None:
    first, second = make("/data/a", "cat/1"), make("relative", "cat/1")
    with pytest.raises(augseq.errors.ArgumentError, match=r"common folder.*read_manifest"):
        augseq.concat_manifests([first, second])
    with pytest.raises(augseq.errors.ArgumentError, match=r"'/data/a'.*root='/data/b'"):
        augseq.concat_manifests([first], root="/data/b")
    with pytest.raises(augseq.errors.ArgumentError, match="at least one"):
        augseq.concat_manifests([])


def test_an_address_can_be_the_common_root_but_has_no_parent_folder() -> None:
    first, second = make("s3://b/p", "cat/1"), make("s3://b/p", "cat/2")
    for root in (None, "s3://b/p", "s3://b/p/"):
        both = augseq.concat_manifests([first, second], root=root)
        assert (both.root, len(both)) == ("s3://b/p", 2)
    for root in ("s3://b", "/data"):
        with pytest.raises(augseq.errors.ArgumentError, match=r"common folder.*s3://b/p"):
            augseq.concat_manifests([first, second], root=root)


def test_links_are_followed_if_one_of_the_manifests_follows_them() -> None:
    plain, linked = make("/a", "cat/1", "cat/2"), replace(make("/b", "cat/1"), follow_links=True)
    assert augseq.concat_manifests([linked[:1], linked[1:]]) == linked
    assert augseq.concat_manifests([plain, linked]).follow_links
    assert not augseq.concat_manifests([plain[:1], plain[1:]]).follow_links


def test_columns_and_excluded_records_are_concatenated(animals: augseq.Manifest) -> None:
    broken = animals.table.slice(4).append_column("reason", pa.array(["torn", "empty"]))
    first = augseq.Manifest(
        root="/photos", class_names=animals.class_names, table=animals.table[:4], excluded=broken
    ).with_column("n", [1, 2, 3, 4])
    second = make("/more", "yak/1", names=animals.class_names).with_column("who", ["me"])
    both = augseq.concat_manifests([first, second])
    assert both.table["n"].to_pylist() == [1, 2, 3, 4, None]
    assert both.table["who"].to_pylist() == [None] * 4 + ["me"]
    assert both.excluded["reason"].to_pylist() == ["torn", "empty"]
    assert both.excluded["path"].to_pylist() == ["photos/dog/1.jpg", "photos/dog/2.jpg"]
    assert [record.index for record in both] == [0, 1, 2, 3, 6]
    with pytest.raises(augseq.errors.ArgumentError, match="must have the same type"):
        augseq.concat_manifests([first, second.with_column("n", ["text"])])
