"""TFRecord files have the original bytes, labels and columns, as TensorFlow reads them."""

import json
import os
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import augseq
from augseq.errors import ArgumentError, MissingExtraError

from .tars import png, write_tar


@pytest.fixture
def images(tmp_path: Path) -> augseq.Manifest:
    """Images of shards, with a mask and columns of every kind."""
    shard = {}
    for k in range(3):
        shard |= {f"größe/{k}.png": png(k), f"größe/{k}.mask.png": png(9 + k)}
        shard |= {f"größe/{k}.cls": "ab"[k % 2]}
    path = write_tar(tmp_path / "in" / "a.tar", shard)
    manifest = augseq.index_webdataset(path, path_columns={"mask": "mask"}, progress=False)
    columns = {
        "age": [1.5, None, 2], "tags": [["x", "é"], [], None], "n": [2**40, -1, 0],
        "day": pa.array([date(1970, 1, 3)] * 3), "ok": [True, False, None],
    }  # fmt: skip
    for name, values in columns.items():
        manifest = manifest.with_column(name, values)
    return manifest


def examples(paths: list[str]) -> list[dict[str, list[Any]]]:
    tf = pytest.importorskip("tensorflow")
    found = []
    for record in tf.data.TFRecordDataset(paths):
        features = tf.train.Example.FromString(record.numpy()).features.feature
        found.append({
            name: list(getattr(one, one.WhichOneof("kind")).value) if one.WhichOneof("kind") else []
            for name, one in features.items()
        })  # fmt: skip
    return found


def test_examples_have_all_that_the_manifest_says(images: augseq.Manifest, tmp_path: Path) -> None:
    paths = augseq.write_tfrecord(images, tmp_path / "out", max_shard_images=2, progress=False)
    names = [f"shard-00000{k}.tfrecord" for k in range(2)]
    assert paths == [str(tmp_path / "out" / name) for name in names]
    found = examples(paths)
    assert [one["image"] for one in found] == [[png(k)] for k in range(3)]
    assert [one["path"] for one in found] == [[f"größe/{k}.png".encode()] for k in range(3)]
    assert [one["label"] for one in found] == [[0], [1], [0]]
    assert [one["columns/mask"] for one in found] == [[png(9 + k)] for k in range(3)]
    assert [one["columns/age"] for one in found] == [[1.5], [], [2.0]]
    assert [one["columns/tags"] for one in found] == [[b"x", "é".encode()], [], []]
    assert [one["columns/n"] for one in found] == [[2**40], [-1], [0]]
    assert [one["columns/day"] for one in found] == [[2]] * 3
    assert [one["columns/ok"] for one in found] == [[1], [0], []]
    about = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert about["class_names"] == ["a", "b"]


def test_the_bytes_depend_on_nothing_but_the_data(images: augseq.Manifest, tmp_path: Path) -> None:
    for name in "ab":
        augseq.write_tfrecord(images, tmp_path / name, shuffle=True, seed=1, progress=False)
    (file,) = (tmp_path / "a").glob("*.tfrecord")
    assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
    with pytest.raises(ArgumentError, match="must be empty"):
        augseq.write_tfrecord(images, tmp_path / "a", progress=False)


def test_without_tensorflow_the_error_says_what_to_do(
    images: augseq.Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(MissingExtraError, match=r"pip install.*tensorflow.*write_webdataset"):
        augseq.write_tfrecord(images, tmp_path / "out", progress=False)
    assert sorted(os.listdir(tmp_path)) == ["in"]
