import os
from pathlib import Path

import pytest

from augseq.errors import MissingFileError, UnreadableError
from augseq.pixels.read import read_bytes


def test_all_bytes_of_a_file_come_back(tmp_path: Path) -> None:
    content = bytes(range(256)) * 9
    (tmp_path / "ä b.bin").write_bytes(content)
    assert read_bytes(str(tmp_path / "ä b.bin")) == content


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"gone\.jpg"):
        read_bytes(str(tmp_path / "gone.jpg"))


def test_a_missing_file_can_be_caught_as_the_builtin(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_bytes(str(tmp_path / "gone.jpg"))


def test_a_folder_is_no_image_file(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="it is a folder"):
        read_bytes(str(tmp_path))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_file_without_permission_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "locked.jpg"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(UnreadableError, match=r"locked\.jpg"):
        read_bytes(str(path))


def test_a_refusal_of_the_system_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(UnreadableError, match=r"'locked\.jpg': Permission denied"):
        read_bytes("locked.jpg")
