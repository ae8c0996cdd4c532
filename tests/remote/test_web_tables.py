"""Web servers that do not list folders: the images come from a table of paths or addresses."""

import csv
from pathlib import Path

import pytest

import augseq

from .servers import unlisted_web_server

SMALL = {"image_size": (24, 24), "batch_size": 6, "workers": 0}
NAMES = ["a b/1 ä.jpg", "a b/50%.jpg", "leaf/#1.jpg"]


@pytest.fixture
def folder(tmp_path: Path, sample_images: Path) -> Path:
    """Three images with names that are escaped in addresses."""
    images = sorted(sample_images.rglob("*.jpg"))
    for name, image in zip(NAMES, images, strict=False):
        (tmp_path / "web" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "web" / name).write_bytes(image.read_bytes())
    return tmp_path / "web"


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_server_that_does_not_list_is_reported_with_the_fix(folder: Path, status: int) -> None:
    remote = augseq.RemoteOptions(num_tries=1)
    with unlisted_web_server(folder, status) as port, pytest.raises(augseq.AugseqError) as caught:
        augseq.index_folder(f"http://127.0.0.1:{port}", remote=remote, progress=False)
    assert ("index_table(table" in str(caught.value)) == (status != 500)


def test_a_page_instead_of_a_listing_is_reported(folder: Path) -> None:
    (folder / "index.html").write_text("Welcome")
    with (
        unlisted_web_server(folder, 404) as port,
        pytest.raises(augseq.errors.MissingFileError, match=r"No images found.*index_table\(table"),
    ):
        augseq.index_folder(f"http://127.0.0.1:{port}", progress=False)


def test_a_table_of_addresses_or_paths_indexes_the_images_of_the_folder(
    folder: Path, tmp_path: Path
) -> None:
    local = augseq.index_folder(folder, progress=False)
    expected = augseq.ImageSequence(local, **SMALL)[0][0].tobytes()  # type: ignore[arg-type]
    with unlisted_web_server(folder, 403) as port:
        root = f"http://127.0.0.1:{port}"
        written = {
            "paths": NAMES,
            "addresses": [f"{root}/a%20b/1%20%C3%A4.jpg", f"{root}/a%20b/50%25.jpg",
                          f"{root}/leaf/%231.jpg"],
        }  # fmt: skip
        for kind, paths in written.items():
            table = tmp_path / f"{kind}.csv"
            with table.open("w", encoding="utf-8", newline="") as file:
                rows = zip(paths, ["a b", "a b", "leaf"], strict=True)
                csv.writer(file).writerows([("path", "label"), *rows])
            remote = augseq.RemoteOptions(num_tries=2)
            manifest = augseq.index_table(table, root=root, check_files=False, remote=remote)
            assert manifest.remote == remote
            assert [record.path for record in manifest] == NAMES
            assert manifest.fingerprint() == local.fingerprint()
            found = augseq.ImageSequence(manifest, **SMALL)[0][0].tobytes()  # type: ignore[arg-type]
            assert found == expected


@pytest.mark.parametrize(
    "path", ["http://host/a/../../b.jpg", "http://other/a.jpg", "http://host/a.jpg?sig=canary"]
)
def test_an_address_that_is_not_below_the_root_is_refused(path: str, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text(f"path,label\n{path},x\n")
    with pytest.raises(augseq.errors.ArgumentError, match="must be below the root 'http://host'"):
        augseq.index_table(table, root="http://host", check_files=False)
