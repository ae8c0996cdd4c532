"""Folders of files to test with."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

MakeFolder = Callable[..., Path]
NOBODY = 65534


def fill(folder: Path, *paths: str) -> Path:
    """Make empty files in a folder, and folders where a path ends in `/`."""
    for path in paths:
        place = folder / path
        (place if path.endswith("/") else place.parent).mkdir(parents=True, exist_ok=True)
        if not path.endswith("/"):
            place.touch()
    return folder


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """Make a folder `photos` of empty files, which do: nothing here opens an image."""
    return lambda *paths: fill(tmp_path / "photos", "./", *paths)


@contextmanager
def _unprivileged() -> Iterator[None]:
    # Permission bits do not stop root.
    if not hasattr(os, "geteuid"):
        pytest.skip("this system has no user ids")
    if os.geteuid() != 0:
        yield
        return
    try:
        os.seteuid(NOBODY)
    except OSError:
        pytest.skip("this root may not become another user")
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def unprivileged() -> Callable[[], AbstractContextManager[None]]:
    """A context in which permissions count, whoever runs the tests."""
    return _unprivileged


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user can reach, which `tmp_path` is not."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        for inner in [folder, *folder.rglob("*")]:
            inner.chmod(0o755)
