import os
import pickle
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import augseq
from augseq.errors import (
    ArgumentError,
    AugseqWarning,
    ChangedFileError,
    DecodeError,
    MissingFileError,
)
from augseq.manifest.record import Record
from augseq.pixels import native
from augseq.pixels.cache.image_cache import ImageCache
from augseq.pixels.cache.source import make_source
from augseq.pixels.options import DecodeOptions, ResizeOptions
from augseq.pixels.region import WHOLE, Region
from augseq.storage.atomic_file import SUFFIX, temporary_file
from tests.pixels.conftest import encoded, photo

from .conftest import RECORDS, cached, check_pixels, entries, leftovers, num_bytes, pixels


def test_an_image_is_decoded_once_and_then_mapped(root: Path, tmp_path: Path) -> None:
    source = cached(root, tmp_path / "cache")
    first = pixels(source)
    assert len(entries(tmp_path / "cache")) == len(RECORDS)
    for record in RECORDS:
        # Same length and time, but not an image: decoding it again would fail.
        status = os.stat(root / record.path)
        (root / record.path).write_bytes(b"x" * status.st_size)
        os.utime(root / record.path, ns=(status.st_atime_ns, status.st_mtime_ns))
    for image, expected in zip(pixels(source), first, strict=True):
        np.testing.assert_array_equal(image, expected)
        assert not image.flags.writeable


def test_a_box_of_a_mapped_image_is_a_view(root: Path, tmp_path: Path) -> None:
    source = cached(root, tmp_path / "cache")
    pixels(source)
    opened = source.open(RECORDS[3])
    part, whole = opened.read(Region(box=(3, 4, 10, 20))), opened.read(WHOLE)
    assert opened.shape == whole.shape
    assert np.shares_memory(part, whole)
    np.testing.assert_array_equal(part, whole[3:13, 4:24])


@pytest.mark.parametrize("moved_by_ns", [1, -1_000_000_000])
def test_a_file_with_another_time_is_decoded_again(
    root: Path, tmp_path: Path, moved_by_ns: int
) -> None:
    source = cached(root, tmp_path / "cache")
    pixels(source)
    path = root / RECORDS[0].path
    status = os.stat(path)
    data = encoded(photo(33, 40).rotate(180), "PNG")
    path.write_bytes(data)
    os.utime(path, ns=(0, status.st_mtime_ns + moved_by_ns))
    check_pixels(root, source)
    assert len(entries(tmp_path / "cache")) == len(RECORDS)
    assert source.folder.usage.num_bytes == num_bytes(tmp_path / "cache")


def test_a_file_with_another_size_is_decoded_again(root: Path, tmp_path: Path) -> None:
    source = cached(root, tmp_path / "cache")
    pixels(source)
    path = root / RECORDS[0].path
    status = os.stat(path)
    path.write_bytes(encoded(photo(90, 90), "PNG"))
    os.utime(path, ns=(0, status.st_mtime_ns))
    check_pixels(root, source)
    assert source.folder.usage.num_bytes == num_bytes(tmp_path / "cache")


def test_a_probed_record_does_not_get_pixels_cached_after_a_change(
    root: Path, tmp_path: Path
) -> None:
    probed = augseq.index_folder(root, labels=None, probe=True, progress=False)[0]
    (root / probed.path).write_bytes(encoded(photo(99, 99)))
    source = cached(root, tmp_path / "cache")
    new = source.open(replace(probed, probe=None)).read(WHOLE)
    np.testing.assert_array_equal(new, np.asarray(photo(99, 99)))
    with pytest.raises(ChangedFileError, match=r"'0\.png' \(index 0\)"):
        source.open(probed)


def test_records_with_and_without_a_probe_share_cached_pixels(root: Path, tmp_path: Path) -> None:
    probed = augseq.index_folder(root, labels=None, probe=True, progress=False)[0]
    source = cached(root, tmp_path / "cache")
    written = []
    for record in [replace(probed, probe=None), probed, replace(probed, probe=None), probed]:
        source.open(record)
        (entry,) = entries(tmp_path / "cache")
        written.append(entry.stat().st_ino)
    # Only the source that knows the content writes it again, once.
    assert written[1:] == [written[1]] * 3


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def keep_the_header(path: Path) -> None:
    os.truncate(path, 64)


def fill_with_garbage(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(path.stat().st_size))


def take_another_image(path: Path) -> None:
    path.write_bytes(next(p for p in entries(path.parents[2]) if p != path).read_bytes())


def forbid(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent / "nowhere")


@pytest.mark.parametrize(
    "damage",
    [
        cut_short,
        empty,
        lengthen,
        keep_the_header,
        fill_with_garbage,
        take_another_image,
        forbid,
        os.unlink,
    ],
)
@pytest.mark.parametrize("resize", [None, ResizeOptions(image_size=(15, 20))])
@pytest.mark.parametrize("compiled", [True, False])
def test_an_invalid_cache_file_is_written_again(
    root: Path,
    tmp_path: Path,
    damage: Callable[[Path], None],
    resize: ResizeOptions | None,
    compiled: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not compiled:
        monkeypatch.setattr(native, "module", None)
    folder = tmp_path / "cache"
    source = cached(root, folder, resize=resize)
    pixels(source)
    sizes = {path: path.stat().st_size for path in entries(folder)}
    for path in entries(folder)[::2]:
        damage(path)
    check_pixels(root, source)
    assert {path: path.stat().st_size for path in entries(folder)} == sizes
    assert leftovers(folder) == []


def test_the_limit_holds_and_is_reported_once(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    source = cached(root, folder, max_bytes=20_000)
    with pytest.warns(AugseqWarning, match=r"its limit is 0\.0 MB.*max_bytes"):
        check_pixels(root, source)
    # No second warning, which would be an error here.
    check_pixels(root, source)
    assert 10_000 < num_bytes(folder) <= 20_000
    assert leftovers(folder) == []


def test_room_that_was_freed_by_hand_is_used(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    limit = sum(64 + image.size for image in pixels(cached(root, folder)))
    for path in entries(folder)[:4]:
        path.unlink()
    source = cached(root, folder, max_bytes=limit)
    assert source.folder.usage.num_files == 12
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_pixels(root, source)
    assert source.folder.usage.num_files == len(entries(folder)) == 12
    assert source.folder.usage.num_bytes == num_bytes(folder) == limit


def test_a_lost_count_is_restored(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    pixels(cached(root, folder))
    (folder / "tally").write_bytes(b"lost")
    entries(folder)[0].unlink()
    source = cached(root, folder)
    check_pixels(root, source)
    assert source.folder.usage.num_files == 12
    assert source.folder.usage.num_bytes == num_bytes(folder)


def test_a_cache_that_is_removed_meanwhile_changes_no_pixels(root: Path, tmp_path: Path) -> None:
    source = cached(root, tmp_path / "cache")
    held = source.open(RECORDS[0]).read(WHOLE), source.open(RECORDS[0]).read(WHOLE)
    for path in [*entries(tmp_path / "cache"), tmp_path / "cache" / "tally"]:
        path.unlink()
    check_pixels(root, source)
    np.testing.assert_array_equal(*held)
    os.rename(tmp_path / "cache", tmp_path / "gone")
    check_pixels(root, source)
    assert not (tmp_path / "cache").exists()


def test_different_options_have_different_entries(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    for color_mode, channels in {"rgb": 3, "grayscale": 1, "rgba": 4}.items():
        options = DecodeOptions(color_mode=color_mode)  # type: ignore[arg-type]
        for _ in range(2):
            source = make_source(str(root), options, folder, scaled_decode=False)
            assert source.open(RECORDS[0]).shape == (30, 40, channels)
    for side in (20, 25, 20):
        assert cached(root, folder, shorter_side_px=side).open(RECORDS[0]).shape[0] == side
    assert len(entries(folder)) == 5


@pytest.mark.parametrize("name", ["pi_heif", "imagecodecs"])
def test_different_decoder_versions_have_different_entries(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder, installed = tmp_path / "cache", tmp_path / f"{name}-0.9.dist-info"
    check_pixels(root, cached(root, folder))
    installed.mkdir()
    (installed / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.9\n")
    monkeypatch.syspath_prepend(tmp_path)
    for _ in range(2):
        check_pixels(root, cached(root, folder))
        assert len(entries(folder)) == 24


def test_the_folder_can_be_relative_to_the_home_folder(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))
    for given in ("~/pixels", Path("~/pixels")):
        assert cached(root, given).folder.root == str(tmp_path / "home" / "pixels")
    assert not (tmp_path / "~").exists()


def test_two_folders_of_images_share_a_cache(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for record in RECORDS:
        (other / record.path).write_bytes(encoded(photo(20, 20 + record.index), "PNG"))
    for folder in (root, other, root):
        check_pixels(folder, cached(folder, tmp_path / "cache"))
    assert len(entries(tmp_path / "cache")) == 24


def test_a_broken_file_is_named_and_not_cached(root: Path, tmp_path: Path) -> None:
    (root / "half.jpg").write_bytes(encoded(photo(64, 64), "JPEG")[:-90])
    source = cached(root, tmp_path / "cache")
    for _ in range(2):
        with pytest.raises(DecodeError, match=r"'half\.jpg' \(index 17\)"):
            source.open(Record(index=17, path="half.jpg"))
    assert entries(tmp_path / "cache") == []


def test_a_missing_file_is_an_error_even_if_its_pixels_are_cached(
    root: Path, tmp_path: Path
) -> None:
    source = cached(root, tmp_path / "cache")
    pixels(source)
    (root / RECORDS[2].path).unlink()
    with pytest.raises(MissingFileError, match="index 2"):
        source.open(RECORDS[2])


def test_threads_fill_a_cache_together(root: Path, tmp_path: Path) -> None:
    source = cached(root, tmp_path / "cache")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(source.open, RECORDS * 8))
    check_pixels(root, source)
    assert source.folder.usage.num_files == 12
    assert source.folder.usage.num_bytes == num_bytes(tmp_path / "cache")
    assert leftovers(tmp_path / "cache") == []


@pytest.mark.parametrize("in_memory", [False, True])
def test_a_copy_of_a_source_finds_cached_images(
    root: Path, tmp_path: Path, in_memory: bool
) -> None:
    source = cached(root, "memory" if in_memory else tmp_path / "cache")
    pixels(source)
    copy = pickle.loads(pickle.dumps(source))
    assert all(copy.find(record) is not None for record in RECORDS)
    check_pixels(root, copy)


def test_a_cache_inside_the_folder_of_the_images_is_refused(root: Path) -> None:
    for folder in (root, root / "cache", root / "a" / "b"):
        with pytest.raises(ArgumentError, match="inside the folder of the images"):
            cached(root, folder)
    for folder in (root / ".cache", root.parent, root.parent / "images-2"):
        cached(root, folder)


def test_a_file_in_the_place_of_the_folder_is_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "cache"):
        with pytest.raises(ArgumentError, match="exists or can be created"):
            cached(root, folder)


@pytest.mark.parametrize("wrong", [True, 3, "", b"x", ["memory"]])
def test_an_invalid_cache_is_refused(root: Path, wrong: object) -> None:
    with pytest.raises(ArgumentError, match=r"`cache` must be .*Received: cache="):
        make_source(str(root), DecodeOptions(), wrong, scaled_decode=False)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        {"folder": None},
        {"folder": ""},
        *({"shorter_side_px": value} for value in (0, -1, 1.5, True)),
        *({"max_bytes": value} for value in (0, -1, 1e9, True)),
    ],
)
def test_an_invalid_option_is_named_with_its_value(wrong: dict[str, object]) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(ArgumentError, match=f"`{name}`.*{name}={value!r}"):
        ImageCache(**wrong)  # type: ignore[arg-type]


def test_opening_a_cache_keeps_files_that_others_are_writing(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    cached(root, folder)
    (folder / f"left{SUFFIX}").touch()
    with temporary_file(str(folder)) as file:
        cached(root, folder)
        assert leftovers(folder) == [os.path.basename(file.name)]
    assert leftovers(folder) == []
