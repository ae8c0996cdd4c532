"""Limits on pixels, bytes and memory: each refusal names the option that reads the file."""

import re
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.pixels.options import is_right_file
from tests.cli.test_main import Run, run  # noqa: F401

from .conftest import encoded, photo

# Format, ending, and how many pixels of `max_pixels` each of its pixels counts as.
KINDS = [
    ("JPEG", "jpg", 1), ("PNG", "png", 1), ("BMP", "bmp", 1), ("TIFF", "tif", 1), ("GIF", "gif", 1),
    ("PPM", "ppm", 1), ("WEBP", "webp", 2), ("JPEG2000", "jp2", 2), ("AVIF", "avif", 1.5),
]  # fmt: skip


def image_folder(root: Path, data: bytes, ending: str) -> Path:
    """Make a folder of two classes with a small image each, and the given one in one of them."""
    small, other = encoded(photo(4, 5)), encoded(photo(6, 4))
    for place, content in (("big/1.png", small), (f"big/2.{ending}", data), ("small/3.png", other)):
        path = root / "photos" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root / "photos"


def option_of(error: augseq.errors.DecodeError) -> dict[str, Any]:
    """Return the option that a message names, which is the same at the shell."""
    name, value, shell = re.search(
        r"to read it, pass (\w+)=(\d+) \(at the shell: (--[\w-]+ \d+)\)", str(error)
    ).groups()
    assert shell == f"--{name.replace('_', '-')} {value}"
    return {name: int(value)}


@pytest.mark.parametrize(("file_format", "ending", "weight"), KINDS)
def test_the_number_that_an_error_names_is_the_smallest_that_reads_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file_format: str, ending: str, weight: float
) -> None:
    """With lower limits, so that small files suffice."""
    monkeypatch.setattr("augseq.pixels.options.MAX_PIXELS", 200)
    folder = image_folder(tmp_path, encoded(photo(21, 33), file_format), ending)
    with pytest.raises(augseq.errors.DecodeError) as caught:
        augseq.read_image(folder / f"big/2.{ending}", max_pixels=200)
    needed = option_of(caught.value)
    assert needed == {"max_pixels": round(21 * 33 * weight + 0.49)}
    assert augseq.read_image(folder / f"big/2.{ending}", **needed).shape == (21, 33, 3)
    with pytest.raises(augseq.errors.DecodeError):
        augseq.read_image(folder / f"big/2.{ending}", max_pixels=needed["max_pixels"] - 1)


@pytest.mark.parametrize(("file_format", "ending", "weight"), KINDS[::3])
def test_indexing_and_checking_exclude_what_training_refuses_and_nothing_else(
    tmp_path: Path, file_format: str, ending: str, weight: float
) -> None:
    folder = image_folder(tmp_path, encoded(photo(21, 33), file_format), ending)
    for num_pixels, count in ((21 * 33 - 1, 2), (21 * 33, 3)):
        options = {"max_pixels": num_pixels}
        with pytest.warns(augseq.AugseqWarning) if count == 2 else nullcontext():
            images = augseq.index_folder(folder, unreadable="exclude", progress=False, **options)
        assert len(images) == count
        everything = augseq.index_folder(folder, progress=False)
        report = augseq.check_images(everything, progress=False, **options)
        unreadable = [found for found in report.findings if found.kind == "unreadable"]
        bad = [file.path for found in unreadable for file in found.files]
        assert bad == [f"big/2.{ending}"][count - 2 :]
        sequence = {"image_size": (4, 4), "batch_size": 3, **options}
        assert len(augseq.ImageSequence(images, **sequence)[0][0]) == count
        if count == 2:
            with pytest.raises(augseq.errors.DecodeError, match="max_pixels=693"):
                augseq.ImageSequence(everything, **sequence)[0]


def test_a_manifest_probed_with_other_limits_is_checked_again(tmp_path: Path) -> None:
    folder = image_folder(tmp_path, encoded(photo(21, 33)), "png")
    with pytest.warns(augseq.AugseqWarning, match="max_pixels=693"):
        images = augseq.index_folder(folder, unreadable="exclude", max_pixels=99, progress=False)
    assert len(images) == 2
    images = augseq.probe_manifest(images, max_pixels=693, progress=False)
    assert len(images) == 3
    with pytest.raises(augseq.errors.DecodeError, match="max_pixels=693"):
        augseq.probe_manifest(images, max_pixels=692, progress=False)


@pytest.mark.parametrize(
    ("data", "ending", "options"),
    [
        (encoded(photo(21, 33)), "png", {"max_file_bytes": 10**4}),
        (encoded(photo(21, 33), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\1"), "jpg",
         {"exif_orientation": False}),
        (encoded(Image.fromarray(np.ones((3, 4), np.float32)), "TIFF"), "tif",
         {"full_depth": True}),
    ],
)  # fmt: skip
def test_other_decoding_options_also_apply_to_indexing_and_checking(
    tmp_path: Path, data: bytes, ending: str, options: dict[str, Any]
) -> None:
    folder = image_folder(tmp_path, data, ending)
    limit = {"max_file_bytes": 999} if "max_file_bytes" in options else {}
    with pytest.raises(augseq.errors.DecodeError, match=next(iter(options))) as caught:
        augseq.index_folder(folder, probe=True, progress=False, **limit)
    assert "Repair or delete" not in str(caught.value)
    images = augseq.index_folder(folder, unreadable="exclude", progress=False, **options)
    report = augseq.check_images(images, progress=False, **options)
    assert "unreadable" not in {finding.kind for finding in report.findings}
    sequence = augseq.ImageSequence(images, image_size=(4, 4), batch_size=3, **options)
    assert sequence[0][0].shape == (3, 4, 4, 3)


def test_only_a_damaged_file_gets_the_advice_to_repair_it(tmp_path: Path) -> None:
    folder = image_folder(tmp_path, encoded(photo(21, 33))[:-60], "png")
    options = {"image_size": (4, 4), "batch_size": 3}
    images = augseq.index_folder(folder, progress=False)
    with pytest.raises(augseq.errors.DecodeError) as damaged:
        augseq.ImageSequence(images, **options)[0]
    with pytest.raises(augseq.errors.DecodeError) as large:
        augseq.ImageSequence(images, **options, max_pixels=9)[0]
    for caught in (damaged, large):
        assert f"augseq check {folder}" in str(caught.value)
        assert "--unreadable exclude" in str(caught.value)
        assert 'unreadable="exclude"' in str(caught.value)
    assert "Repair or delete the file" in str(damaged.value)
    assert "delete" not in str(large.value)
    assert is_right_file(str(large.value))


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("index", ["--probe"]),
        ("check", []),
        ("show", ["--image-size", "8", "--augment", "none", "--output", "x.png"]),
    ],
)
def test_the_shell_accepts_the_option_that_the_error_names(
    run: Run,  # noqa: F811
    tmp_path: Path,
    command: str,
    options: list[str],
) -> None:
    folder = image_folder(tmp_path, encoded(photo(21, 33)), "png")
    refused = run(command, folder, *options, "--max-pixels", 400)
    assert refused.code == 1
    assert "max-pixels 693)" in refused.err + refused.out
    assert run(command, folder, *options, "--max-pixels", 693).code == 0


@pytest.mark.parametrize(
    "options",
    [
        {"image_size": (5_000_000, 5_000_000)},
        {"image_size": (1, 10**13)},
        {"image_size": (10**13, 1), "color_mode": "grayscale", "dtype": "uint8"},
        {"image_size": (10**6, 10**6), "color_mode": "rgba"},
        {"image_size": (10**7, 10**7), "resize_mode": "pad"},
        {"image_size": (10**7, 10**7), "resize_mode": "crop"},
        {"image_size": (10**30, 2)},
        {"image_size": (2_000_000, 2_000_000), "batch_size": 1},
        {"image_size": (300_000, 400_000), "batch_size": 50},
        {"image_size": (300_000, 400_000), "dtype": "uint8", "batch_size": 50},
    ],
)
def test_an_image_size_beyond_memory_is_refused_before_memory_is_allocated(
    options: dict[str, Any],
) -> None:
    images = augseq.index_folder(Path(__file__).parents[2] / "sample_images", progress=False)
    with pytest.raises(
        augseq.errors.ArgumentError, match=r"must fit in memory: .* bytes.*image_size"
    ):
        augseq.ImageSequence(images, **options)


def test_a_large_image_size_that_fits_is_accepted_and_a_batch_has_no_extra_images() -> None:
    x = np.zeros((2, 4, 4, 3), np.uint8)
    assert augseq.ImageSequence.from_arrays(x, image_size=(64, 64), batch_size=10**9)
    assert augseq.ImageSequence.from_arrays(x, image_size=(9000, 9000), batch_size=2)
    with pytest.raises(augseq.errors.ArgumentError, match="must fit in memory"):
        augseq.read_image("no.jpg", image_size=(10**7, 10**7))


def test_the_shell_and_a_training_run_refuse_such_a_size(
    run: Run,  # noqa: F811
    tmp_path: Path,
) -> None:
    with pytest.raises(
        augseq.errors.ArgumentError, match=r"25,000,000,000,000 bytes.*--image-size"
    ):
        augseq.RunOptions(image_size=(5_000_000, 5_000_000))
    folder = image_folder(tmp_path, encoded(photo(4, 5)), "png")
    ended = run("show", folder, "--image-size", 5000000)
    assert ended.code == 1
    assert "25,000,000,000,000 bytes" in ended.err
    assert "--image-size" in ended.err
