"""Tar files in WebDataset's layout are indexed and read in place, or refused with a reason."""

import gzip
import os
import re
import tarfile
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

import augseq
from augseq.errors import (
    ArgumentError,
    AugseqError,
    ChangedFileError,
    LabelError,
    ManifestError,
    MissingFileError,
    UnreadableError,
)
from augseq.pixels.source import files_of

from .tars import png, write_tar

# One class of images is enough for these tests.
pytestmark = pytest.mark.filterwarnings("ignore:.* has a single class")


def index(shards: Any, **options: Any) -> augseq.Manifest:
    return augseq.index_webdataset(shards, progress=False, **options)


def contents(manifest: augseq.Manifest) -> list[bytes]:
    files = files_of(manifest)
    return [files.read(record)[0] for record in manifest]


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    """Two shards as another program writes them."""
    write_tar(
        tmp_path / "animals-0.tar",
        {
            "./": "", "./cats/1.cls": "cat", "./cats/1.jpg": png(1), "./cats/1.json": '{"age": 3}',
            "./cats/1.seg.png": png(11), "./cats/2.JPG": png(2), "./cats/2.cls": "cat\n",
            "./cats/2.seg.png": png(12), "./cats/2.json": '{"age": 4.5, "tags": ["a", "b"]}',
        },
        format=tarfile.GNU_FORMAT,
    )  # fmt: skip
    write_tar(
        tmp_path / "animals-1.tar",
        {"dogs.v2/1.png": png(3), "dogs.v2/1.cls": "dog", "dogs.v2/1.seg.png": png(13)},
        format=tarfile.USTAR_FORMAT,
    )
    return tmp_path


def test_samples_of_another_program_become_records(animals: Path) -> None:
    images = index(animals, path_columns={"mask": ".seg.png"})
    assert images.class_names == ("cat", "dog")
    assert images.targets.tolist() == [0, 0, 1]
    assert images.column("age").tolist()[:2] == [3, 4.5]
    assert np.isnan(images.column("age")[2])
    assert images.table.column("tags").to_pylist() == [None, ["a", "b"], None]
    assert contents(images) == [png(1), png(2), png(3)]
    masks = files_of(images)
    paths = images.column("mask")
    read = [masks.read(augseq.Record(index=0, path=path))[0] for path in paths]
    assert read == [png(11), png(12), png(13)]
    assert images[0].path.endswith("/cats/1.jpg")
    assert "animals-0.tar@" in images[0].path


def test_masks_of_shards_are_targets(animals: Path) -> None:
    images = index(animals, path_columns={"mask": "seg.png"})
    mask = augseq.Mask("mask", classes=[f"class {k}" for k in range(14)])
    batches = augseq.ImageSequence(images, targets=mask, image_size=(4, 4), batch_size=3)
    assert batches[0][1][:, 0, 0].tolist() == [11, 12, 13]


@pytest.mark.parametrize(
    "name",
    ["", "animals-{0..1}.tar", "animals-*.tar", "{animals-0,animals-1}.tar"],
)
def test_shards_are_named_as_a_folder_or_a_pattern(
    animals: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(animals)
    masks = {"mask": "seg"}
    expected = index(["animals-0.tar", animals / "animals-1.tar"], path_columns=masks)
    assert index(f"{animals}/{name}", path_columns=masks) == expected
    assert index(name or ".", path_columns=masks) == expected
    turned = index(["animals-1.tar", "animals-0.tar"], path_columns=masks)
    assert turned.column("age").tolist()[1:] == [3, 4.5]


def test_indexing_the_folder_as_images_names_the_function_for_tar_files(animals: Path) -> None:
    with pytest.raises(MissingFileError, match=r"index_webdataset\(folder\)"):
        augseq.index_folder(animals, progress=False)


def test_files_that_are_not_used_are_reported(animals: Path) -> None:
    with pytest.warns(augseq.AugseqWarning, match=r"not used: \.seg\.png \(3\)"):
        assert len(index(animals)) == 3


def test_a_manifest_of_shards_is_saved_checked_probed_and_moved(
    animals: Path, tmp_path: Path
) -> None:
    images = index(animals, path_columns={"mask": "seg.png"})
    path = tmp_path / "images.parquet"
    augseq.write_manifest(images, path)
    moved = animals.rename(tmp_path.with_name(f"{tmp_path.name} moved"))
    again = augseq.read_manifest(moved / path.name, root=moved)
    assert again.table.equals(images.table)
    assert again.path_columns == ("mask",)
    probed = augseq.probe_manifest(again, progress=False)
    assert [record.probe.num_bytes for record in probed if record.probe] == [
        len(png(k)) for k in (1, 2, 3)
    ]
    assert augseq.probe_manifest(probed, progress=False) == probed
    report = augseq.check_images(probed, progress=False)
    assert report.num_bytes == sum(len(png(k)) for k in (1, 2, 3))
    train, val = probed.split(val=0.4, seed=1, stratify=False)
    assert sorted(map(len, (train, val))) == [1, 2]
    assert "cats/1.jpg" in probed._repr_html_()


def test_a_cache_knows_the_images_of_a_shard_apart(animals: Path, tmp_path: Path) -> None:
    images = index(animals, path_columns={"mask": "seg.png"})
    cache = augseq.ImageCache(folder=tmp_path / ".cache")
    for _ in range(2):
        batches = augseq.ImageSequence(images, image_size=(4, 4), batch_size=3, cache=cache)
        assert batches[0][0][:, 0, 0, 0].tolist() == [1, 2, 3]


def test_a_shard_that_was_replaced_is_an_error(animals: Path) -> None:
    images = index(animals, path_columns={"mask": "seg.png"})
    path = animals / "animals-1.tar"
    # Of the same size, at the same place: only the name differs.
    write_tar(path, {"dogs.v2/2.png": png(3), "dogs.v2/2.cls": "dog"}, format=tarfile.USTAR_FORMAT)
    with pytest.raises(ChangedFileError, match=r"'dogs.v2/1.png' of \d+ bytes at byte 512, but an"):
        files_of(images).read(images[2])
    path.write_bytes(path.read_bytes()[:550])
    with pytest.raises(ChangedFileError, match=r"ends \d+ bytes too early"):
        files_of(images).read(images[2])
    path.unlink()
    with pytest.raises(MissingFileError, match=r"animals-1\.tar"):
        files_of(images).read(images[2])


@pytest.mark.parametrize("end", [100, 512, 700, 1100, 1600, 2048, 4000])
def test_a_shard_that_is_cut_off_is_an_error(tmp_path: Path, end: int) -> None:
    path = write_tar(tmp_path / "a.tar", {f"{k}.png": png(k) for k in range(4)})
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(UnreadableError, match=r"a\.tar.* cut off"):
        index(path)


def test_a_damaged_shard_is_an_error(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", {f"{k}.png": png(k) for k in range(4)})
    data = bytearray(path.read_bytes())
    data[1024:1030] = b"damage"
    path.write_bytes(data)
    with pytest.raises(UnreadableError, match="damaged at byte 1024"):
        index(path)


def test_compressed_shards_are_refused_with_the_way_out(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", {"1.png": png(1)})
    packed = tmp_path / "packed" / "a.tar.gz"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for shards in (packed.parent, packed, packed.rename(packed.with_name("b.tar"))):
        if os.path.exists(shards):
            with pytest.raises(UnreadableError, match=r"read in place.*gzip -d"):
                index(shards)


Members = list[tuple[str, bytes | str]]


@pytest.mark.parametrize(
    ("members", "options", "kind", "message"),
    [
        ([("1.cls", "0")], {}, ManifestError, r"but '1' at byte 0 of 'a\.tar' has \.cls"),
        ([("1.png", png(1)), ("1.jpg", png(1))], {}, ManifestError, "has .png, .jpg.*path_columns"),
        ([("1.png", png(1)), ("1.png", png(2))], {}, ManifestError, "'1.png' is at byte 0.*1024"),
        (
            [("1.png", png(1)), ("2.png", png(2)), ("1.cls", "3")],
            {}, ManifestError, r"next to each other.*'1' at byte 0 .* at byte 2048 of 'a\.tar'",
        ),
        ([("1.png", png(1)), ("1.json", "[1]")], {}, ManifestError, r"1\.json at byte 1024.*obj"),
        ([("1.png", png(1)), ("1.txt", b"\xff")], {}, ManifestError, r"1\.txt at byte 1024.*UTF-8"),
        ([("1.png", png(1)), ("1.cls", "0"), ("2.png", png(1))], {}, LabelError, "1 of 2 have"),
        ([("1.png", png(1)), ("1.cls", "x")], {"class_names": ["a", "b"]}, LabelError, "'x' are"),
        ([("1.png", png(1)), ("1.cls", "2")], {"class_names": ["a", "b"]}, LabelError, "0 to 1"),
        ([("1.png", png(1))], {"class_names": ["a", "b"]}, ArgumentError, "no sample has a member"),
        ([("1.png", png(1))], {"label": "kind"}, ArgumentError, "field of the samples"),
        ([("1.png", png(1))], {"path_columns": {"m": "mask"}}, ArgumentError, "No sample has"),
        (
            [("1.png", png(1)), ("1.json", '{"path": 1}')], {}, ArgumentError, "`columns`",
        ),
        (
            [("1.png", b""), ("1.json", '{"a": 1}'), ("2.png", b""), ("2.json", '{"a": "b"}')],
            {}, ManifestError, "'a' of the .json members must have values of one type",
        ),
        ([("1.png", png(1)), ("1.json", '{"a": {"b": 1}}')], {}, ArgumentError, "keep with `col"),
        ([("../1.png", png(1))], {}, ManifestError, "lead out"),
        ([("readme", "")], {}, MissingFileError, "have no samples"),
    ],
)  # fmt: skip
def test_a_shard_that_does_not_fit_is_an_error(
    tmp_path: Path, members: Members, options: dict[str, Any], kind: type[AugseqError], message: str
) -> None:
    write_tar(tmp_path / "a.tar", members)
    with pytest.raises(kind, match=message):
        index(tmp_path, **options)


def test_a_key_in_two_shards_is_an_error(tmp_path: Path) -> None:
    for name in ("a.tar", "b.tar"):
        write_tar(tmp_path / name, {"x/1.png": png(1)})
    with pytest.raises(ManifestError, match=r"'x/1' at byte 0 of 'a\.tar', and at .* 'b\.tar'"):
        index(tmp_path)


@pytest.mark.parametrize(
    ("shards", "kind", "message"),
    [
        ("a-{0..3}.tar", MissingFileError, "2 of the 4 shards"),
        ("b-*.tar", MissingFileError, "No files match"),
        ("c.tar", MissingFileError, "no shard 'c.tar'"),
        ("a-{3..0}.tar", ArgumentError, "range such as"),
        ("empty", MissingFileError, r"has no \.tar files"),
        (["a-0.tar", "./a-0.tar"], ArgumentError, "Each shard must be named once"),
        ([], ArgumentError, "`shards` must be"),
        ("a-0.txt", UnreadableError, "not a tar file"),
        ("s3://bucket/a-*.tar", ArgumentError, "cannot be found by wildcards"),
    ],
)
def test_shards_that_are_not_there_are_an_error(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shards: Any,
    kind: type[AugseqError],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "a-0.txt").write_text("no tar file")
    for k in range(2):
        write_tar(tmp_path / f"a-{k}.tar", {f"{k}.png": png(k)})
    with pytest.raises(kind, match=message):
        index(shards)


def test_integers_are_positions_in_the_class_names(tmp_path: Path) -> None:
    write_tar(
        tmp_path / "a.tar",
        {"1.png": png(1), "1.cls": "10", "2.png": png(2), "2.cls": "2", "2.txt": "two"},
    )
    assert index(tmp_path).class_names == ("2", "10")
    assert index(tmp_path).column("txt").tolist() == [None, "two"]
    names = [f"class {k}" for k in range(11)]
    with pytest.warns(augseq.AugseqWarning, match="9 of 11 classes"):
        assert index(tmp_path, class_names=names).targets.tolist() == [10, 2]
    assert index(tmp_path, label=None).class_names == ()


def test_a_field_or_a_text_can_be_the_label(tmp_path: Path) -> None:
    write_tar(
        tmp_path / "a.tar",
        {"1.png": png(1), "1.json": '{"kind": "b", "path": 0}', "1.txt": "01",
         "2.png": png(2), "2.json": '{"kind": "a", "path": 0}', "2.txt": "1"},
    )  # fmt: skip
    images = index(tmp_path, label="kind", columns=["txt"])
    assert images.class_names == ("a", "b")
    assert images.targets.tolist() == [1, 0]
    # "01" is a name, not a number.
    assert index(tmp_path, label="txt", columns=[]).class_names == ("01", "1")


def test_the_image_can_be_one_of_several(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", {"1.in.png": png(1), "1.out.png": png(2), "1.x.txt": "text"})
    images = index(tmp_path, image="in.png", path_columns={"clean": "out"})
    assert contents(images) == [png(1)]
    assert images.column("x").tolist() == ["text"]
    pair = augseq.PairedImage("clean")
    batches = augseq.ImageSequence(images, targets=pair, image_size=(4, 4))
    assert batches[0][1].max() == 2


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_foreign_names_are_read(tmp_path: Path, kind: int) -> None:
    names = [f"{'long/' * 60}größe 犬.png", "ü.png"]
    write_tar(tmp_path / "a.tar", [(name, png(k)) for k, name in enumerate(names)], format=kind)
    images = index(tmp_path)
    assert [record.path.partition("/")[2] for record in images] == names
    assert contents(images) == [png(0), png(1)]


def test_links_and_hidden_files_are_reported(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", {"1.png": png(1), "._1.png": b"", "__meta__/x.json": "{}"})
    with tarfile.open(path, "a") as archive:
        link = tarfile.TarInfo("2.png")
        link.type, link.linkname = tarfile.SYMTYPE, "1.png"
        archive.addfile(link)
    with pytest.warns(augseq.AugseqWarning, match="3 members are no part of a sample"):
        assert len(index(path)) == 1


def test_remote_shards_are_read_by_ranges(animals: Path) -> None:
    files = fsspec.filesystem("memory")
    local = index(animals, path_columns={"mask": "seg.png"})
    for path in animals.iterdir():
        files.pipe(f"/shards/{path.name}", path.read_bytes())
    try:
        for name in ("memory://shards", "memory://shards/animals-{0..1}.tar"):
            images = index(name, path_columns={"mask": "seg.png"})
            assert images.root == "memory://shards"
            assert images.table.equals(local.table)
            assert contents(images) == contents(local)
        probed = augseq.probe_manifest(images, progress=False)
        assert probed[0].probe
        assert probed[0].probe.num_bytes == len(png(1))
        files.pipe("/shards/animals-1.tar", files.cat("/shards/animals-0.tar"))
        with pytest.raises(ChangedFileError, match=re.escape("'animals-1.tar' must be the one")):
            files_of(images).read(images[2])
        with pytest.raises(MissingFileError, match=r"Cannot read 'animals-2\.tar' in 'mem"):
            index("memory://shards/animals-{0..2}.tar")
    finally:
        files.rm("/shards", recursive=True)


def test_images_of_shards_are_written_as_files(animals: Path, tmp_path: Path) -> None:
    images = index(animals, path_columns={"mask": "seg.png"})
    batches = augseq.ImageSequence(images, image_size=(4, 4), batch_size=3)
    written = batches.write_augmented(tmp_path / "out", progress=False)
    assert [record.path for record in written] == [
        "cat/animals-0/cats/1_0.png", "cat/animals-0/cats/2_0.png", "dog/animals-1/dogs.v2/1_0.png"
    ]  # fmt: skip
    again = augseq.ImageSequence(written, image_size=(4, 4), batch_size=3)
    assert np.array_equal(again[0][0], batches[0][0])
