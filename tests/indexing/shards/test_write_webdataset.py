"""Written shards have the original bytes and all that the manifest says, or are not there."""

import json
import math
import os
import signal
import tarfile
import tempfile
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import augseq
from augseq.errors import ArgumentError, MissingFileError
from augseq.pixels.source import files_of
from tests.backends import WITHOUT_KERAS, running_warm

from .tars import png

pytestmark = pytest.mark.filterwarnings("ignore:.*(has a single class|have no images)")


def write(images: augseq.Manifest, folder: Path, **options: Any) -> augseq.Manifest:
    return augseq.write_webdataset(images, folder, progress=False, **options)


def contents(manifest: augseq.Manifest, column: str = "path") -> list[bytes | None]:
    files = files_of(manifest)
    paths = manifest.table.column(column).to_pylist()
    records = [None if path is None else augseq.Record(index=0, path=path) for path in paths]
    return [None if record is None else files.read(record)[0] for record in records]


def described(manifest: augseq.Manifest) -> pa.Table:
    """Return all that a manifest says but where its files are."""
    return manifest.table.drop_columns(["path", *manifest.path_columns])


def manifest_of(
    root: Path, files: Mapping[str, bytes], columns: Mapping[str, Any], **options: Any
) -> augseq.Manifest:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    table = pa.table({"index": range(len(files)), "path": list(files), **columns})
    if "target" not in columns:
        table = table.append_column("target", pa.nulls(len(files), pa.int32()))
    return augseq.Manifest(root=str(root), table=table, **{"class_names": (), **options})


_LETTERS = st.characters(exclude_characters="/\\:\0", exclude_categories=["Cs"])
_NAMES = st.text(st.sampled_from("a.%_-é犬 ") | _LETTERS, min_size=1, max_size=9)
_PATHS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "a/", "v1.0/b.c/", "__a__/"]),
    _NAMES.filter(lambda name: name not in (".", "..") and ".." not in name),
    st.sampled_from([".jpg", ".PNG", ".jpeg"]),
)
_COLUMNS = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float64(): st.floats(),
    pa.float32(): st.floats(width=32),
    pa.string(): st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    pa.bool_(): st.booleans(),
    pa.date32(): st.dates(),
    pa.timestamp("us"): st.datetimes(),
    pa.timestamp("ms", "UTC"): st.datetimes().map(
        lambda t: t.replace(microsecond=0, tzinfo=UTC)
    ),
    pa.duration("us"): st.timedeltas(timedelta(-9999), timedelta(9999)),
    pa.list_(pa.string()): st.lists(st.none() | st.sampled_from(["a", "b;c"]), max_size=2),
    pa.list_(pa.float64()): st.lists(st.floats(), max_size=2),
    pa.null(): st.none(),
}  # fmt: skip


@st.composite
def datasets(draw: st.DrawFn) -> tuple[dict[str, bytes], dict[str, pa.Array], int]:
    """Draw files, columns, and a number of classes."""
    paths = draw(st.lists(_PATHS, min_size=1, max_size=4, unique_by=str.casefold))
    files = {path: draw(st.binary(max_size=700)) for path in paths}
    num_classes = draw(st.integers(0, 3))
    labels = st.integers(0, num_classes - 1) | st.none() if num_classes else st.none()

    def values(kind: pa.DataType, one: st.SearchStrategy[Any]) -> pa.Array:
        return pa.array([draw(st.none() | one) for _ in paths], kind)

    columns = {"target": values(pa.int32(), labels)}
    for kind in draw(st.lists(st.sampled_from(list(_COLUMNS)), max_size=4)):
        name = draw(st.sampled_from(["age", "a b", "größe", "txt", "cls", "x.y"]))
        columns[name] = values(kind, _COLUMNS[kind])
    return files, columns, num_classes


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(dataset=datasets(), most=st.integers(1, 4))
def test_a_round_trip_is_exact(
    dataset: tuple[dict[str, bytes], dict[str, pa.Array], int], most: int
) -> None:
    files, columns, num_classes = dataset
    with tempfile.TemporaryDirectory() as folder:
        names = tuple(f"class {k}" for k in range(num_classes))
        images = manifest_of(Path(folder, "images"), files, columns, class_names=names)
        shards = write(images, Path(folder, "shards"), max_shard_images=most)
        assert contents(shards) == list(files.values())
        assert shards.class_names == names
        assert described(shards).schema == described(images).schema
        # As text, since NaN differs from itself.
        assert str(described(shards).to_pylist()) == str(described(images).to_pylist())
        assert len(list(Path(folder, "shards").glob("*.tar"))) == math.ceil(len(images) / most)
        again = write(shards, Path(folder, "again"), max_shard_images=most)
        assert contents(again) == contents(shards)


@pytest.fixture
def scenes(tmp_path: Path) -> augseq.Manifest:
    """Images with masks, of which one is missing, and two with the same stem."""
    files = {"a/1.jpg": png(1), "a/1.png": png(2), "b/x.y.png": png(3)}
    columns = {
        "target": [0, 1, 1],
        "mask": ["masks/1.png", None, "masks/2.png"],
        "when": [datetime(2024, 5, 6, 7, 8, 9), None, datetime(2025, 1, 1)],
        "day": [date(2024, 1, 2)] * 3,
    }
    for number, name in enumerate(("masks/1.png", "masks/2.png"), 11):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(png(number))
    return manifest_of(tmp_path, files, columns, class_names=["cat", "dog"], path_columns=("mask",))


def test_masks_are_beside_their_images(scenes: augseq.Manifest, tmp_path: Path) -> None:
    shards = write(scenes, tmp_path / "shards")
    assert shards.path_columns == ("mask",)
    assert contents(shards, "mask") == [png(11), None, png(12)]
    assert described(shards).equals(described(scenes))
    with tarfile.open(tmp_path / "shards" / "shard-000000.tar") as archive:
        assert archive.getnames() == [
            "a/1%2Ejpg.jpg", "a/1%2Ejpg.cls", "a/1%2Ejpg.json", "a/1%2Ejpg.mask.png",
            "a/1%2Epng.png", "a/1%2Epng.cls", "a/1%2Epng.json",
            "b/x%2Ey%2Epng.png", "b/x%2Ey%2Epng.cls", "b/x%2Ey%2Epng.json",
            "b/x%2Ey%2Epng.mask.png",
        ]  # fmt: skip
        assert {(m.mtime, m.uid, m.uname, m.mode) for m in archive} == {(0, 0, "", 0o644)}


@pytest.mark.parametrize("shuffle", [False, True])
def test_the_bytes_depend_on_nothing_but_the_data(
    samples: augseq.Manifest, tmp_path: Path, shuffle: bool
) -> None:
    options = {"max_shard_bytes": 1_000_000, "shuffle": shuffle, "seed": 3}
    first = write(samples, tmp_path / "a", **options)
    write(samples, tmp_path / "b", **options)
    names = sorted(os.listdir(tmp_path / "a"))
    assert names == ["dataset.json", "shard-000000.tar", "shard-000001.tar", "shard-000002.tar"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    inside = [record.path.partition("/")[2] for record in first]
    assert sorted(inside) == [record.path for record in samples]
    assert (inside == sorted(inside)) != shuffle
    if shuffle:
        other = write(samples, tmp_path / "c", shuffle=True, seed=4)
        assert [record.path.partition("/")[2] for record in other] != inside


# It leaves files open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_webdataset_reads_them(scenes: augseq.Manifest, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    write(scenes, tmp_path / "shards", max_shard_images=2)
    pattern = f"{tmp_path}/shards/shard-{{000000..000001}}.tar"
    read = list(webdataset.WebDataset(pattern, shardshuffle=False))
    assert [sample["__key__"] for sample in read] == ["a/1%2Ejpg", "a/1%2Epng", "b/x%2Ey%2Epng"]
    assert [sample.get("jpg", sample.get("png")) for sample in read] == [png(1), png(2), png(3)]
    assert [sample["cls"] for sample in read] == [b"0", b"1", b"1"]
    assert json.loads(read[1]["json"])["when"] is None
    assert read[2]["mask.png"] == png(12)
    decoded = webdataset.WebDataset(pattern, shardshuffle=False).decode("rgb8")
    assert [sample["cls"] for sample in decoded] == [0, 1, 1]


def test_shards_of_webdataset_are_read(tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    with webdataset.ShardWriter(f"{tmp_path}/x-%03d.tar", maxcount=2, verbose=0) as sink:
        for k in range(5):
            image = np.full((4, 4, 3), k, np.uint8)
            sink.write({"__key__": f"k{k}", "png": image, "cls": k % 2, "json": {"n": k}})
    images = augseq.index_webdataset(f"{tmp_path}/x-{{000..002}}.tar", progress=False)
    assert images.class_names == ("0", "1")
    assert images.targets.tolist() == [0, 1, 0, 1, 0]
    assert images.column("n").tolist() == list(range(5))
    batches = augseq.ImageSequence(images, batch_size=5)
    assert batches[0][0][:, 0, 0, 0].tolist() == list(range(5))


def test_boxes_keep_their_classes(sample_images: Path, tmp_path: Path) -> None:
    images = augseq.index_folder(sample_images, progress=False).select(range(3))
    boxes = {
        "boxes": [[1.5, 2, 3, 4], [], [0, 0, 9, 9, 1, 1, 2, 2]],
        "box_classes": [["cat"], [], ["dog", "cat"]],
    }
    for name, values in boxes.items():
        images = images.with_column(name, values)
    info = json.dumps({"categories": [{"id": 7, "name": "dog"}, {"id": 9, "name": "cat"}]})
    images = augseq.Manifest(
        root=images.root, class_names=(), dataset_info=info,
        table=images.table.set_column(2, "target", pa.nulls(3, pa.int32())),
    )  # fmt: skip
    shards = write(images, tmp_path / "shards")
    assert shards.box_class_names == ("dog", "cat")
    assert described(shards).equals(described(images))


def test_a_folder_and_its_shards_train_alike(samples: augseq.Manifest, tmp_path: Path) -> None:
    shards = write(samples, tmp_path / "shards", max_shard_images=64)

    def losses(images: augseq.Manifest, **options: Any) -> list[float]:
        batches = augseq.ImageSequence(
            images, image_size=(16, 16), batch_size=40, shuffle=True, seed=5,
            augment=augseq.preset("light"), **options,
        )  # fmt: skip
        keras.utils.set_random_seed(1)
        model = keras.Sequential([
            keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(5),
        ])  # fmt: skip
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("sgd", loss, jit_compile=False)
        history = model.fit(batches, epochs=2, shuffle=False, verbose=0)
        return history.history["loss"]

    expected = losses(samples, worker_kind="threads", workers=2)
    assert losses(shards, worker_kind="processes", workers=2) == expected


def test_nothing_is_overwritten(scenes: augseq.Manifest, tmp_path: Path) -> None:
    write(scenes, tmp_path / "shards")
    before = {path: path.read_bytes() for path in (tmp_path / "shards").iterdir()}
    with pytest.raises(ArgumentError, match="must be empty"):
        write(scenes, tmp_path / "shards")
    assert {path: path.read_bytes() for path in (tmp_path / "shards").iterdir()} == before


def test_a_lost_image_leaves_nothing(scenes: augseq.Manifest, tmp_path: Path) -> None:
    (tmp_path / "b/x.y.png").unlink()
    with pytest.raises(MissingFileError, match=r"b/x\.y\.png"):
        write(scenes, tmp_path / "out" / "shards")
    assert os.listdir(tmp_path / "out") == []


_ENDLESS = """
import sys
import augseq
images = augseq.index_folder(sys.argv[1], labels=None, progress=False)
print("begins", flush=True)
augseq.write_webdataset(images, sys.argv[2], max_shard_images=1, progress=False)
"""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no signals or named pipes here")
def test_a_killed_writer_leaves_no_shards(tmp_path: Path) -> None:
    for k in range(300):
        path = tmp_path / "images" / f"{k:03d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.zeros((200, 200, 3), np.uint8)).save(path, compress_level=0)
    target = tmp_path / "out" / "shards"
    program = (WITHOUT_KERAS, "-c", _ENDLESS, tmp_path / "images", target)
    with running_warm(*program) as script:
        assert script.output.readline() == "begins\n"
        while not list(tmp_path.glob("out/.shards.*.unfinished/*.tar")):
            assert script.process.poll() is None
        script.process.send_signal(signal.SIGKILL)
        assert script.process.wait(60) == -signal.SIGKILL
    assert not target.exists()
    images = augseq.index_folder(tmp_path / "images", labels=None, progress=False)
    assert len(write(images, target)) == 300


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path_columns": ["nothing"]}, "nothing"),
        ({"path_columns": ["day"]}, "columns of paths, as text"),
        ({"max_shard_images": 0}, "max_shard_images"),
        ({"max_shard_bytes": 0}, "max_shard_bytes"),
        ({"shuffle": "yes"}, "shuffle"),
    ],
)
def test_a_wrong_option_is_an_error(
    scenes: augseq.Manifest, tmp_path: Path, options: Any, message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        write(scenes, tmp_path / "shards", **options)
    assert not (tmp_path / "shards").exists()


def test_a_column_of_paths_needs_a_name_that_is_an_extension(
    scenes: augseq.Manifest, tmp_path: Path
) -> None:
    for name in ("Mask", "a/b", "png", "cls"):
        images = scenes.with_column(name, scenes.column("mask"))
        with pytest.raises(ArgumentError, match="becomes an extension"):
            write(images, tmp_path / "shards", path_columns=[name])


def test_tiles_and_nothing_are_refused(samples: augseq.Manifest, tmp_path: Path) -> None:
    few = augseq.probe_manifest(samples.select([0]), progress=False)
    tiles = augseq.tile_manifest(few, (64, 64), overlap=0, progress=False)
    for images, message in ((tiles, "requires a manifest of whole images"), (few[:0], "none")):
        with pytest.raises(ArgumentError, match=message):
            write(images, tmp_path / "shards")


def test_a_file_of_another_program_is_named(scenes: augseq.Manifest, tmp_path: Path) -> None:
    write(scenes, tmp_path / "shards")
    (tmp_path / "shards" / "dataset.json").write_text('{"shards": []}')
    with pytest.raises(augseq.errors.ManifestError, match=r"dataset\.json'.*write_webdataset"):
        augseq.index_webdataset(tmp_path / "shards", progress=False)


def test_splits_of_one_dataset_are_indexed_together(
    samples: augseq.Manifest, tmp_path: Path
) -> None:
    train, val = samples.split(val=0.2, seed=1)
    write(train, tmp_path / "s" / "train")
    write(val, tmp_path / "s" / "val")
    together = augseq.index_webdataset(
        [tmp_path / "s" / "train", tmp_path / "s" / "val"], progress=False
    )
    assert len(together) == 200
    assert together.class_names == samples.class_names
    write(val.with_column("x", 1), tmp_path / "s" / "other")
    with pytest.raises(ArgumentError, match=r"of one dataset.*differ"):
        augseq.index_webdataset([tmp_path / "s" / "train", tmp_path / "s" / "other"])
