"""File extensions at the shell."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.test_main import Run, run  # noqa: F401


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes of three images: one .png, one without an extension, one .png_1."""
    for level, name in enumerate(["cat", "dog"]):
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        for number, ending in enumerate([".png", "", ".png_1"]):
            pixels = np.full((16, 16, 3), 90 * level + number, np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}{ending}", "PNG")
    return tmp_path / "photos"


@pytest.mark.parametrize(
    ("endings", "count"),
    [
        ("default", 2),
        ("none", 2),
        ("default,none", 4),
        (".png_1", 2),
        ("png_1,none", 4),
        ("PNG_1,png", 4),
        (".png*", 4),
        ("*", 6),
        (",png", 4),
        ("default,none,.png_1", 6),
    ],
)
def test_every_extension_can_be_passed_on_the_command_line(
    run: Run,  # noqa: F811
    photos: Path,
    endings: str,
    count: int,
) -> None:
    outcome = run("index", photos, "--extensions", endings)
    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith(f"{count} images in 2 classes")


def test_files_that_are_not_indexed_cause_a_warning_with_the_option(run: Run, photos: Path) -> None:  # noqa: F811
    outcome = run("index", photos)
    assert outcome.out.startswith("2 images in 2 classes")
    assert "2 x no extension, 2 x .png_1" in outcome.err
    assert "--extensions default,none,.png_1)" in outcome.err


def test_other_commands_accept_extensions_but_not_for_manifests_and_tables(
    run: Run,  # noqa: F811
    photos: Path,
) -> None:
    assert run("check", photos, "--extensions", "*").out.startswith("6 images, ")
    run("index", photos, "-o", "m.parquet")
    run("index", photos, "-o", "t.csv")
    refused = "Only for folders: --extensions"
    assert refused in run("show", "m.parquet", "--extensions", "*").err
    assert refused in run("index", "t.csv", "--extensions", "*").err


def test_numeric_class_order_is_reported(run: Run, tmp_path: Path) -> None:  # noqa: F811
    for name in range(11):
        (tmp_path / "photos" / str(name)).mkdir(parents=True)
        (tmp_path / "photos" / str(name) / "1.png").touch()
    out = run("index", "photos").out
    assert out.startswith("11 images in 11 classes, in numeric order\n  0 ")
    assert "\n  10 " in out
    assert out.index("\n  2 ") < out.index("\n  10 ")
