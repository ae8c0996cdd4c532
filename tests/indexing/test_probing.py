"""Probe files: the metadata, excluded files, and resuming interrupted work."""

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageOps

import augseq
from augseq.pixels.options import DecodeOptions
from augseq.pixels.region import WHOLE
from augseq.pixels.source import FileSource
from tests.pixels.conftest import encoded, exif, photo
from tests.workers.plans import wait_until

KINDS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve images of six formats in two classes."""
    for number in range(12):
        path = tmp_path / "photos" / "ab"[number % 2] / f"{number:02}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(photo(40 + number, 50), KINDS[number % 6]))
    return tmp_path / "photos"


def probed(folder: Path, **options: object) -> augseq.Manifest:
    return augseq.index_folder(folder, progress=False, **{"probe": True, **options})  # type: ignore[arg-type]


def spoil(path: Path) -> None:
    """Truncate an image in the middle; its header is intact."""
    os.truncate(path, path.stat().st_size * 2 // 3)


def known(path: Path) -> augseq.Probe:
    """Return what Pillow and the system report about a file."""
    data, status = path.read_bytes(), path.stat()
    with Image.open(path) as picture:
        upright = ImageOps.exif_transpose(picture)
        return augseq.Probe(
            num_bytes=status.st_size,
            modified_ns=status.st_mtime_ns,
            content_hash=hashlib.blake2b(data, digest_size=16).digest(),
            height=upright.height,
            width=upright.width,
            format=picture.format,
            mode=picture.mode,
            orientation=picture.getexif().get(0x0112, 1),
            num_frames=getattr(picture, "n_frames", 1),
        )


def test_a_probe_matches_pillow_and_the_system(folder: Path) -> None:
    (folder / "a" / "turned.jpg").write_bytes(encoded(photo(30, 60), "JPEG", exif=exif(6)))
    (folder / "a" / "grey16.png").write_bytes(encoded(photo(9, 8).convert("I;16"), "PNG"))
    frames = [photo(20, 30).rotate(90 * turn) for turn in range(3)]
    frames[0].save(folder / "b" / "moving.gif", save_all=True, append_images=frames[1:])
    frames[0].save(folder / "b" / "pages.tif", save_all=True, append_images=frames[1:])
    manifest = probed(folder)
    assert len(manifest) == 16
    assert [record.probe for record in manifest] == [known(folder / r.path) for r in manifest]
    of = {record.path: record.probe for record in manifest}
    turned, moving = of["a/turned.jpg"], of["b/moving.gif"]
    assert turned is not None
    assert moving is not None
    assert (turned.height, turned.width, turned.orientation) == (60, 30, 6)
    assert moving.num_frames == 3


def test_probing_changes_neither_records_nor_the_fingerprint(folder: Path) -> None:
    plain = augseq.index_folder(folder, progress=False)
    manifest = augseq.probe_manifest(plain, progress=False)
    assert manifest.fingerprint() == plain.fingerprint()
    assert [(r.index, r.path, r.target) for r in manifest] == [
        (r.index, r.path, r.target) for r in plain
    ]
    assert manifest == probed(folder)


def test_probes_are_written_and_read_back(folder: Path, tmp_path: Path) -> None:
    spoil(folder / "a" / "00.jpg")
    with pytest.warns(augseq.AugseqWarning, match="1 of 12"):
        manifest = probed(folder, unreadable="exclude")
    augseq.write_manifest(manifest, tmp_path / "m.parquet")
    assert augseq.read_manifest(tmp_path / "m.parquet") == manifest


def test_an_image_with_damaged_later_frames_is_usable(folder: Path) -> None:
    frames = [photo(60, 60), photo(60, 60).rotate(90)]
    path = folder / "a" / "pages.tif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    data = path.read_bytes()
    # The directory of the second page is truncated.
    path.write_bytes(data[:-200])
    manifest = probed(folder)
    record = next(record for record in manifest if record.path == "a/pages.tif")
    assert record.probe is not None
    assert (record.probe.height, record.probe.format) == (60, "TIFF")


# Unusable files


def test_all_bad_files_are_named_with_the_fix(folder: Path) -> None:
    spoil(folder / "a" / "00.jpg")
    (folder / "b" / "01.jpg").write_bytes(b"")
    (folder / "b" / "03.jpg").write_bytes(b"no image")
    with pytest.raises(augseq.errors.DecodeError) as caught:
        probed(folder)
    message = str(caught.value)
    assert "3 of the images" in message
    assert "'a/00.jpg' (index 0): its JPEG data is truncated" in message
    assert "'b/01.jpg' (index 6): the file is empty" in message
    assert "'b/03.jpg' (index 7)" in message
    assert 'unreadable="exclude"' in message
    assert (caught.value.path, caught.value.index) == ("a/00.jpg", 0)


def test_only_ten_of_many_bad_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for number in range(13):
        (tmp_path / "a" / f"{number:02}.jpg").write_bytes(b"no image")
    with pytest.raises(
        augseq.errors.DecodeError, match=r"13 of the images.*'a/09.jpg'.*and 3 more"
    ):
        probed(tmp_path)


def test_excluded_records_keep_their_index_and_a_reason_without_the_root(folder: Path) -> None:
    plain = augseq.index_folder(folder, progress=False)
    spoil(folder / "a" / "00.jpg")
    with pytest.warns(augseq.AugseqWarning, match=r"1 of 12 images.*'a/00.jpg' \(index 0\)"):
        manifest = augseq.index_folder(folder, unreadable="exclude", progress=False)
    assert [record.index for record in manifest] == [record.index for record in plain][1:]
    (row,) = manifest.excluded.to_pylist()
    assert (row["index"], row["path"], row["target"]) == (0, "a/00.jpg", 0)
    assert row["reason"].startswith("cannot be used: its JPEG data is truncated")
    assert str(folder) not in row["reason"]
    assert row["probe"]["num_bytes"] == os.path.getsize(folder / "a" / "00.jpg")
    assert row["probe"]["height"] is None


def test_the_warning_points_to_the_calling_line(folder: Path) -> None:
    spoil(folder / "a" / "00.jpg")
    with pytest.warns(augseq.AugseqWarning) as first:
        manifest = augseq.index_folder(folder, unreadable="exclude", progress=False)
    with pytest.warns(augseq.AugseqWarning) as second:
        augseq.probe_manifest(manifest, progress=False)
    assert [warning.filename for warning in [*first, *second]] == [__file__] * 2


def test_files_are_judged_by_their_pixels_not_by_their_header(folder: Path) -> None:
    """Training reads every file that probing accepts, and fails on every other."""
    paths = sorted(folder.rglob("*.jpg"))
    for path in paths[::2]:
        spoil(path)
    with pytest.warns(augseq.AugseqWarning):
        manifest = probed(folder, unreadable="exclude")
    everything = augseq.index_folder(folder, progress=False)
    source = FileSource(root=str(folder), options=DecodeOptions())
    usable = []
    for record in everything:
        try:
            source.open(record).read(WHOLE)
        except augseq.errors.DecodeError:
            continue
        usable.append(record.index)
    assert [record.index for record in manifest] == usable
    assert 0 < len(usable) < 12


def test_a_file_without_permission_is_excluded_with_that_reason(
    public_folder: Path, unprivileged: object
) -> None:
    for name in ("0.png", "1.png"):
        photo(8, 8).save(public_folder / name)
    (public_folder / "1.png").chmod(0)
    with unprivileged(), pytest.warns(augseq.AugseqWarning, match="1 of 2"):  # type: ignore[operator]
        manifest = augseq.index_folder(
            public_folder, labels=None, unreadable="exclude", progress=False
        )
    (public_folder / "1.png").chmod(0o644)
    assert manifest.excluded.column("reason").to_pylist() == ["cannot be used: Permission denied"]


def test_a_storage_that_denies_access_excludes_no_file(
    public_folder: Path, unprivileged: object
) -> None:
    """Expired credentials do not make files unusable."""
    for name in ("0.png", "1.png"):
        photo(8, 8).save(public_folder / name)
    address = f"local://{public_folder}"
    # Also imports modules that a user without permissions could not read.
    assert len(augseq.index_folder(address, labels=None, probe=True, progress=False)) == 2
    (public_folder / "1.png").chmod(0)
    with unprivileged(), pytest.raises(augseq.errors.UnreadableError, match=r"1\.png"):  # type: ignore[operator]
        augseq.index_folder(address, labels=None, unreadable="exclude", progress=False)


def test_an_unknown_policy_is_refused_before_anything_is_read(folder: Path) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match="unreadable"):
        probed(folder, unreadable="skip")


@pytest.mark.parametrize("was_probed", [False, True])
def test_a_file_replaced_by_a_link_out_of_the_folder_is_excluded(
    folder: Path, tmp_path: Path, was_probed: bool
) -> None:
    images = augseq.index_folder(folder, probe=was_probed, progress=False)
    path = folder / "a" / "00.jpg"
    path.replace(tmp_path / "outside.jpg")
    path.symlink_to(tmp_path / "outside.jpg")
    with pytest.warns(augseq.AugseqWarning, match=r"1 of 12 images.*'a/00.jpg' \(index 0\)"):
        manifest = augseq.probe_manifest(images, unreadable="exclude", progress=False)
    assert [record.index for record in manifest] == list(range(1, 12))
    with pytest.raises(augseq.errors.DecodeError, match=r"1 of the images.*'a/00.jpg'.*link"):
        augseq.probe_manifest(images, progress=False)


# Probing again, and after an interruption


def set_time(path: Path, modified_ns: int) -> None:
    os.utime(path, ns=(modified_ns, modified_ns))


def same_size_and_time(path: Path) -> None:
    """Make a file unusable so that only reading it shows it."""
    status = path.stat()
    path.write_bytes(b"x" * status.st_size)
    set_time(path, status.st_mtime_ns)


def test_probed_files_are_not_read_again(folder: Path) -> None:
    manifest = probed(folder)
    for record in manifest:
        same_size_and_time(folder / record.path)
    assert augseq.probe_manifest(manifest, progress=False) == manifest


@pytest.mark.parametrize("moved_by_ns", [1, -5_000_000_000])
def test_a_file_with_a_new_modification_time_is_read_again(folder: Path, moved_by_ns: int) -> None:
    manifest = probed(folder)
    path = folder / manifest[3].path
    path.write_bytes(encoded(photo(99, 7), "PNG"))
    set_time(path, manifest[3].probe.modified_ns + moved_by_ns)  # type: ignore[union-attr]
    again = augseq.probe_manifest(manifest, progress=False)
    assert again[3].probe == known(path)
    assert [r.probe for r in again if r.index != 3] == [r.probe for r in manifest if r.index != 3]


def test_a_repaired_file_is_included_again(folder: Path) -> None:
    path = folder / "a" / "00.jpg"
    whole = path.read_bytes()
    spoil(path)
    with pytest.warns(augseq.AugseqWarning):
        manifest = probed(folder, unreadable="exclude")
    path.write_bytes(whole)
    again = augseq.probe_manifest(manifest, progress=False)
    assert again.excluded.num_rows == 0
    assert again.record_of(0).path == "a/00.jpg"


def test_a_file_excluded_before_is_not_an_error(folder: Path) -> None:
    spoil(folder / "a" / "00.jpg")
    with pytest.warns(augseq.AugseqWarning):
        manifest = probed(folder, unreadable="exclude")
    with pytest.warns(augseq.AugseqWarning, match="1 of 12"):
        assert augseq.probe_manifest(manifest, progress=False) == manifest


def test_after_an_error_the_checkpoint_contains_the_probes(folder: Path, tmp_path: Path) -> None:
    path, checkpoint = folder / "b" / "03.jpg", tmp_path / "kept.parquet"
    whole = path.read_bytes()
    spoil(path)
    with pytest.raises(augseq.errors.DecodeError):
        probed(folder, checkpoint=checkpoint)
    path.write_bytes(whole)
    for other in folder.rglob("*.jpg"):
        if other != path:
            same_size_and_time(other)
    manifest = probed(folder, checkpoint=checkpoint)
    assert manifest.record_of(7).probe == known(path)
    assert all(record.probe and record.probe.height for record in manifest)


def test_a_checkpoint_never_changes_the_result(folder: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "kept.parquet"
    probed(folder, checkpoint=checkpoint)
    (folder / "a" / "00.jpg").write_bytes(encoded(photo(7, 9), "JPEG"))
    (folder / "a" / "02.jpg").unlink()
    (folder / "b" / "99.jpg").write_bytes(encoded(photo(8, 9), "JPEG"))
    assert probed(folder, checkpoint=checkpoint) == probed(folder)


def test_a_file_that_is_not_a_checkpoint_of_these_images_is_left_unchanged(
    folder: Path, tmp_path: Path
) -> None:
    """Passing a manifest or another checkpoint by mistake overwrites nothing."""
    images = probed(folder)
    mine, kept = tmp_path / "photos.parquet", tmp_path / "kept.parquet"
    augseq.write_manifest(images.with_column("patient", range(12)), mine)
    other = tmp_path / "other" / "c"
    other.mkdir(parents=True)
    (other / "1.jpg").write_bytes(encoded(photo(8, 9), "JPEG"))
    probed(other, labels=None, checkpoint=kept)
    part, rest = images[:6], images[6:]
    half = tmp_path / "half.parquet"
    augseq.probe_manifest(part, checkpoint=half, progress=False)
    for file, reason in (
        (mine, "is a manifest, not a checkpoint"),
        (kept, r"is a checkpoint of 1 image in '.*other.c'"),
        (half, r"is a checkpoint of 6 images in '.*photos', none of which is among the 6"),
    ):
        before = file.read_bytes()
        with pytest.raises(
            augseq.errors.ManifestError, match=rf"{file.name}.*{reason}.*`checkpoint`"
        ):
            augseq.probe_manifest(rest, checkpoint=file, progress=False)
        assert file.read_bytes() == before


def test_a_wrong_checkpoint_path_fails_before_anything_is_read(folder: Path) -> None:
    spoil(folder / "a" / "00.jpg")
    with pytest.raises(augseq.errors.MissingFileError, match="its folder does not exist"):
        probed(folder, checkpoint=folder / "nowhere" / "kept.parquet")


INTERRUPTED = """
import sys, time
import augseq
from augseq.indexing import probe_checkpoint, probing

probe_checkpoint._SAVE_EVERY_S, probe_checkpoint._PORTION = 0, 4
look_at = probing.look_at

def slow(source, record, **options):
    # The last image never arrives: waiting for it is interrupted.
    if record.path.endswith("199.png"):
        print("waiting", flush=True)
        time.sleep(60 if sys.argv[3] == "SIGKILL" else 1)
    return look_at(source, record, **options)

probing.look_at = slow
augseq.index_folder(sys.argv[1], labels=None, probe=True, checkpoint=sys.argv[2], progress=False)
"""


def paths_in(checkpoint: Path) -> list[str]:
    return [record.path for record in augseq.read_manifest(checkpoint) if record.probe]


@pytest.mark.parametrize("name", ["SIGKILL", "SIGINT"])
def test_a_killed_or_interrupted_run_continues(name: str, tmp_path: Path) -> None:
    images, checkpoint = tmp_path / "images", tmp_path / "kept.parquet"
    images.mkdir()
    data = encoded(photo(8, 8))
    for number in range(200):
        (images / f"{number:03}.png").write_bytes(data)
    command = [sys.executable, "-c", INTERRUPTED, str(images), str(checkpoint), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"waiting\n"
        assert wait_until(lambda: len(paths_in(checkpoint)) >= 180, limit_s=60)
        process.send_signal(getattr(signal, name))
        assert process.wait(timeout=60) != 0
    kept = paths_in(checkpoint)
    assert 180 <= len(kept) < 200
    for path in kept:
        same_size_and_time(images / path)
    manifest = augseq.index_folder(
        images, labels=None, probe=True, checkpoint=checkpoint, progress=False
    )
    assert len(manifest) == 200
    assert all(record.probe and record.probe.height == 8 for record in manifest)
    if name == "SIGINT":
        # A kill while the checkpoint is being written leaves a temporary file.
        assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "kept.parquet"]
