"""Manifests: records, labels and columns."""

import contextlib
import pickle
from collections import Counter
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import augseq
from augseq.manifest.manifest import make_manifest
from augseq.manifest.schema import CORE_SCHEMA, PROBE_FIELD


def rechunked(manifest: augseq.Manifest, *, rows: int) -> augseq.Manifest:
    """Return the same manifest with its columns stored in several chunks."""
    table = pa.Table.from_batches(manifest.table.to_batches(max_chunksize=rows), CORE_SCHEMA)
    return augseq.Manifest(root=manifest.root, class_names=manifest.class_names, table=table)


def changed(manifest: augseq.Manifest, name: str, values: list[Any]) -> augseq.Manifest:
    """The same manifest with another column."""
    table = pa.table({**manifest.table.to_pydict(), name: values})
    return augseq.Manifest(root=manifest.root, class_names=manifest.class_names, table=table)


def partly_labelled() -> augseq.Manifest:
    table = pa.table({"index": [0, 1, 2], "path": ["a/1", "a/2", "b/1"], "target": [0, None, 1]})
    return augseq.Manifest(root="/photos", class_names=("a", "b"), table=table)


def test_the_schema_is_the_recorded_one() -> None:
    """A change belongs in the changelog under "Changes pixels or order"."""
    assert str(CORE_SCHEMA) == "index: int64 not null\npath: string not null\ntarget: int32"


def test_the_fingerprint_is_the_recorded_one(animals: augseq.Manifest) -> None:
    """A change belongs in the changelog under "Changes pixels or order"."""
    assert animals.fingerprint() == "06c6acf99798878ba8cf05138e4b4c98"


def test_a_manifest_is_as_long_as_its_records(animals: augseq.Manifest) -> None:
    assert len(animals) == 6
    assert len(list(animals)) == 6
    assert len(animals[:0]) == 0


@pytest.mark.parametrize(
    "which", [slice(None), slice(2), slice(-2, None), slice(None, None, -1), slice(4, 1, -2)]
)
def test_a_slice_is_a_manifest_of_the_records_in_it(animals: augseq.Manifest, which: slice) -> None:
    part = animals[which]
    assert isinstance(part, augseq.Manifest)
    assert list(part) == list(animals)[which]
    assert part.class_names == animals.class_names


def test_iteration_goes_by_position(animals: augseq.Manifest) -> None:
    assert list(animals) == [animals[position] for position in range(6)]
    assert list(rechunked(animals, rows=4)) == list(animals)


def test_a_record_is_found_by_its_index_at_any_position(animals: augseq.Manifest) -> None:
    moved = animals.select([5, 2, 0])
    assert moved.record_of(2) == animals[2]
    assert moved.record_of(0) == animals[0]


@pytest.mark.parametrize("index", [1, 6, np.int64(6)])
def test_an_unknown_index_is_named(animals: augseq.Manifest, index: int) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=f"index {index}"):
        animals.select([5, 2, 0]).record_of(index)


@pytest.mark.parametrize("index", [-1, 1.0, 1.5, "1", None, True])
def test_an_index_is_a_whole_number_of_at_least_0(animals: augseq.Manifest, index: Any) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=f"`index` must be .* 0.*index={index!r}"):
        animals.record_of(index)


@pytest.mark.parametrize(
    "indices", [[0, 1, 2, 3, 4, 0], [0, 0, 2, 3, 4, 5], [-1, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 5]]
)
def test_records_with_invalid_indices_are_refused(
    animals: augseq.Manifest, indices: list[int]
) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match="unique and at least 0"):
        changed(animals, "index", indices)


@pytest.mark.parametrize("column", ["index", "path"])
def test_a_record_without_index_or_path_is_refused(animals: augseq.Manifest, column: str) -> None:
    rows = [*animals.table[column].to_pylist()[:5], None]
    with pytest.raises(ValueError, match=f"must have a value in the column '{column}'"):
        changed(animals, column, rows)


def test_a_record_keeps_its_index_through_select_slice_and_split(
    animals: augseq.Manifest,
) -> None:
    index_of = {record.path: record.index for record in animals}
    train, val = animals[::-1].split(val=0.5)
    for record in [*animals.select([3, 1])[1:], *train, *val, *train.select([0])]:
        assert record.index == index_of[record.path]


def test_a_manifest_cannot_be_changed(animals: augseq.Manifest) -> None:
    with pytest.raises(FrozenInstanceError):
        animals.root = "/elsewhere"  # type: ignore[misc]
    with pytest.raises(TypeError):
        animals[0] = animals[1]  # type: ignore[index]


@pytest.mark.parametrize("rows", [6, 2])
def test_writing_to_the_targets_changes_no_record(animals: augseq.Manifest, rows: int) -> None:
    manifest = rechunked(animals, rows=rows)
    with contextlib.suppress(ValueError):
        manifest.targets[0] = 1
    assert manifest[0].target == 0
    assert manifest.targets.tolist() == [0, 0, 0, 0, 1, 1]


@pytest.mark.parametrize("name", ["\udcffclass", b"cat", 7])
def test_class_names_that_are_not_utf_8_are_refused(animals: augseq.Manifest, name: Any) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=r"Class names must be .*Received"):
        replace(animals, class_names=("cat", "dog", name))


def test_class_names_are_stored_as_a_tuple(animals: augseq.Manifest) -> None:
    names = ["cat", "dog", "yak"]
    manifest = augseq.Manifest(root="/photos", class_names=names, table=animals.table)  # type: ignore[arg-type]
    names.append("bee")
    assert manifest == animals


def test_manifests_of_equal_content_are_equal_and_hash_alike(animals: augseq.Manifest) -> None:
    twin = animals[::-1][::-1]
    assert twin == animals
    assert hash(twin) == hash(animals)


def test_manifests_of_different_content_differ(animals: augseq.Manifest) -> None:
    others = [
        animals[:5],
        animals[::-1],
        augseq.Manifest(root="/else", class_names=animals.class_names, table=animals.table),
        augseq.Manifest(root="/photos", class_names=("cat", "dog", "ox"), table=animals.table),
        changed(animals, "target", [0, 0, 0, 0, 1, 2]),
    ]
    assert all(other != animals for other in others)
    assert animals != "animals"


def test_how_the_columns_are_stored_does_not_matter(animals: augseq.Manifest) -> None:
    pieces = rechunked(animals, rows=4)
    assert pieces == animals
    assert hash(pieces) == hash(animals)
    assert pieces.fingerprint() == animals.fingerprint()


@pytest.mark.parametrize("which", [slice(None), slice(0), slice(1, 4)])
def test_a_manifest_survives_pickling(animals: augseq.Manifest, which: slice) -> None:
    manifest = animals[which]
    again = pickle.loads(pickle.dumps(manifest))
    assert again == manifest
    assert again.fingerprint() == manifest.fingerprint()


def test_a_small_part_pickles_small() -> None:
    paths = [f"{number:08}.jpg" for number in range(10_000)]
    manifest = make_manifest("/photos", (), paths=paths, targets=None)
    assert len(pickle.dumps(manifest[:10])) < 5_000


def test_records_in_several_chunks_are_pickled_once() -> None:
    paths = [f"{number:08}.jpg" for number in range(10_000)]
    manifest = make_manifest("/photos", (), paths=paths, targets=None)
    assert len(pickle.dumps(rechunked(manifest, rows=100))) < 1.01 * len(pickle.dumps(manifest))


def test_targets_are_ordered_by_position(animals: augseq.Manifest) -> None:
    assert animals.targets.dtype == np.int32
    assert animals.targets.tolist() == [0, 0, 0, 0, 1, 1]
    assert animals.select([5, 0]).targets.tolist() == [1, 0]
    assert animals[:0].targets.tolist() == []


def test_counts_include_empty_classes(animals: augseq.Manifest) -> None:
    assert animals.class_counts() == {"cat": 4, "dog": 2, "yak": 0}
    assert animals[:0].class_counts() == {"cat": 0, "dog": 0, "yak": 0}


def test_counts_agree_with_a_count_of_the_folders(samples: augseq.Manifest) -> None:
    assert samples.class_counts() == Counter(record.path.split("/")[0] for record in samples)


def test_class_weight_is_the_balanced_one(animals: augseq.Manifest) -> None:
    """The formula of scikit-learn: records / (classes that occur * records of the class)."""
    weights = animals.class_weight()
    assert weights == {0: 6 / (2 * 4), 1: 6 / (2 * 2)}
    assert {type(label) for label in weights} == {int}
    assert {type(weight) for weight in weights.values()} == {float}


def test_class_weight_has_a_mean_weight_of_one(animals: augseq.Manifest) -> None:
    weights = animals.class_weight()
    assert np.mean([weights[label] for label in animals.targets.tolist()]) == pytest.approx(1)


@pytest.mark.parametrize("what", ["class_counts", "class_weight"])
def test_methods_that_require_labels_say_so(unlabelled: augseq.Manifest, what: str) -> None:
    with pytest.raises(augseq.errors.LabelError, match="3 of 3 records have no label"):
        getattr(unlabelled, what)()
    with pytest.raises(augseq.errors.LabelError, match="1 of 3 records have no label"):
        getattr(partly_labelled(), what)()


def test_the_fingerprint_does_not_depend_on_the_root(animals: augseq.Manifest) -> None:
    moved = augseq.Manifest(root="/else", class_names=animals.class_names, table=animals.table)
    assert moved.fingerprint() == animals.fingerprint()


def test_the_fingerprint_changes_with_anything_that_defines_the_data(
    animals: augseq.Manifest,
) -> None:
    manifests = [
        animals,
        animals[:5],
        animals[:0],
        animals[::-1],
        changed(animals, "target", [0, 0, 0, 0, 1, 2]),
        changed(animals, "target", [0, 0, 0, 0, 1, None]),
        changed(animals, "index", [0, 1, 2, 3, 4, 6]),
        changed(animals, "path", [*animals.table["path"].to_pylist()[:5], "dog/3.jpg"]),
        augseq.Manifest(root="/photos", class_names=("cat", "dog", "ox"), table=animals.table),
        augseq.Manifest(root="/photos", class_names=("dog", "cat", "yak"), table=animals.table),
    ]
    assert len({manifest.fingerprint() for manifest in manifests}) == len(manifests)


def test_a_frame_has_a_row_per_record_with_its_class_name(animals: augseq.Manifest) -> None:
    pytest.importorskip("pandas")
    frame = animals.select([4, 0]).to_pandas()
    assert frame.to_dict("list") == {
        "index": [4, 0],
        "path": ["dog/1.jpg", "cat/1.jpg"],
        "target": [1, 0],
        "class_name": ["dog", "cat"],
    }


def test_a_frame_does_not_replace_user_columns(animals: augseq.Manifest) -> None:
    pytest.importorskip("pandas")
    with pytest.raises(augseq.errors.ArgumentError, match=r"'class_name'.*another"):
        animals.with_column("class_name", ["x"] * 6).to_pandas()


def test_a_frame_without_labels_has_no_class_names(unlabelled: augseq.Manifest) -> None:
    pytest.importorskip("pandas")
    frame = unlabelled.to_pandas()
    assert frame["path"].tolist() == ["a.jpg", "b.jpg", "c.jpg"]
    assert frame["target"].isna().all()
    assert frame["class_name"].isna().all()


def test_a_frame_of_partly_labelled_records_names_the_existing_labels() -> None:
    pytest.importorskip("pandas")
    names = partly_labelled().to_pandas()["class_name"]
    assert names[[0, 2]].tolist() == ["a", "b"]
    assert names.isna().tolist() == [False, True, False]


def test_the_repr_shows_size_classes_and_root(
    animals: augseq.Manifest, unlabelled: augseq.Manifest
) -> None:
    assert repr(animals) == "Manifest(6 images, 3 classes, root='/photos')"
    assert repr(unlabelled) == "Manifest(3 images, no labels, root='/photos')"


def test_user_columns_stay_with_the_records(animals: augseq.Manifest) -> None:
    patients = ["p1", "p1", "p2", None, "p3", "p3"]
    manifest = animals.with_column("patient", patients).with_column("age", [1, 2, 3, 4, 5, 6])
    assert manifest.column("patient").tolist() == patients
    assert manifest.select([4, 2]).column("age").tolist() == [5, 3]
    assert list(manifest) == list(animals)
    assert manifest.fingerprint() == animals.fingerprint()
    assert manifest != animals
    assert manifest.with_column("age", [0] * 6).column("age").tolist() == [0] * 6


@pytest.mark.parametrize(
    ("name", "values", "text"),
    [
        ("path", ["x"] * 6, "is reserved"),
        ("reason", ["x"] * 6, "is reserved"),
        ("age", [1, 2], "for each of 6 records. Received: 2"),
        ("age", [1, "x", 2, 3, 4, 5], "'age' do not fit"),
        ("age", [2**70] * 6, "'age' do not fit"),
        ("age", ["\ud800"] * 6, "'age' do not fit"),
        ("age", [[[1]]] * 6, "text, numbers, booleans, times or lists of these"),
        ("", [1] * 6, "and its name"),
    ],
)
def test_a_column_that_does_not_fit_is_refused(
    animals: augseq.Manifest, name: str, values: list[Any], text: str
) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=text):
        animals.with_column(name, values)


def test_a_missing_column_is_an_error(animals: augseq.Manifest) -> None:
    with pytest.raises(
        augseq.errors.ArgumentError, match=r"no column 'age'. Existing columns: .*target"
    ):
        animals.column("age")


def test_repeated_column_names_are_refused(animals: augseq.Manifest) -> None:
    table = animals.table.append_column("path", animals.table["path"])
    with pytest.raises(augseq.errors.ArgumentError, match=r"Repeated: \['path'\]"):
        augseq.Manifest(root="/photos", class_names=animals.class_names, table=table)


def test_records_contain_their_probes(animals: augseq.Manifest) -> None:
    facts = {"num_bytes": 7, "modified_ns": 9, "content_hash": b"x" * 16, "height": 3}
    probes = pa.array([None, facts, None, None, None, None], PROBE_FIELD.type)
    table = animals.table.append_column("probe", probes)
    manifest = augseq.Manifest(root="/photos", class_names=animals.class_names, table=table)
    assert manifest[0].probe is None
    probe = augseq.Probe(num_bytes=7, modified_ns=9, content_hash=b"x" * 16, height=3)
    assert manifest[1].probe == manifest.records([1])[0].probe == list(manifest)[1].probe == probe


def test_excluded_records_keep_their_index_and_are_not_served(animals: augseq.Manifest) -> None:
    table = animals.table.append_column("reason", pa.array(["gone"] * 6))
    manifest = augseq.Manifest(
        root="/photos",
        class_names=animals.class_names,
        table=animals.table.slice(0, 4),
        excluded=table.slice(4),
    )
    assert len(manifest) == len(list(manifest)) == 4
    assert "2 excluded" in repr(manifest)
    assert manifest.excluded["index"].to_pylist() == [4, 5]
    assert manifest.with_column("age", [1] * 4).excluded["age"].to_pylist() == [None, None]
    assert manifest.select([0]).excluded.num_rows == 0
    with pytest.raises(augseq.errors.ArgumentError, match="must be unique"):
        replace(manifest, table=animals.table)
    with pytest.raises(augseq.errors.ArgumentError, match="columns of `table`"):
        replace(manifest, excluded=table.append_column("age", pa.array([1] * 6)))
