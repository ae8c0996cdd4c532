import contextlib
import os
import re
import socket
from pathlib import Path

import pytest

from augseq.errors import DecodeError, MissingFileError, UnreadableError
from augseq.pixels.read import read_bytes


def test_all_bytes_of_a_file_are_returned(tmp_path: Path) -> None:
    content = bytes(range(256)) * 9
    (tmp_path / "ä b.bin").write_bytes(content)
    assert read_bytes(str(tmp_path / "ä b.bin")) == content


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"gone\.jpg"):
        read_bytes(str(tmp_path / "gone.jpg"))


def test_a_missing_file_can_be_caught_as_the_builtin(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_bytes(str(tmp_path / "gone.jpg"))


def test_a_folder_is_not_an_image_file(tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match=r"is not a regular file \(folder\)"):
        read_bytes(str(tmp_path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_a_socket_and_a_device_are_refused_unopened(tmp_path: Path) -> None:
    """Opening the pipe, or the device of a terminal, would block forever."""
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "device.jpg").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        # By its short name: the path of a socket is limited to about a hundred bytes.
        with contextlib.chdir(tmp_path):
            server.bind("socket.jpg")
        for name, kind in (("pipe", "named pipe"), ("device", "device"), ("socket", "socket")):
            with pytest.raises(DecodeError, match=rf"not a regular file \({kind}\)"):
                read_bytes(str(tmp_path / f"{name}.jpg"))


def test_a_file_above_the_limit_is_not_read(tmp_path: Path) -> None:
    with open(tmp_path / "long.jpg", "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(DecodeError, match=r"1099511627776 bytes, more than max_file_bytes=107"):
        read_bytes(str(tmp_path / "long.jpg"))
    (tmp_path / "short.jpg").write_bytes(b"12345")
    assert read_bytes(str(tmp_path / "short.jpg"), 5) == b"12345"
    with pytest.raises(DecodeError, match="5 bytes, more than max_file_bytes=4"):
        read_bytes(str(tmp_path / "short.jpg"), 4)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("a\0b.jpg", MissingFileError),
        ("file.txt/a.jpg", MissingFileError),
        ("x" * 300, UnreadableError),
        ("loop.jpg", UnreadableError),
    ],
)
def test_a_name_that_cannot_be_opened_is_one_of_our_errors(
    tmp_path: Path, name: str, error: type[Exception]
) -> None:
    (tmp_path / "file.txt").touch()
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    with pytest.raises(error, match=re.escape(repr(name)[1:20])):
        read_bytes(f"{tmp_path}/{name}")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_file_without_permission_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "locked.jpg"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(UnreadableError, match=r"locked\.jpg"):
        read_bytes(str(path))


def test_a_refusal_of_the_system_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "locked.jpg").touch()
    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(UnreadableError, match=r"locked\.jpg': Permission denied"):
        read_bytes(str(tmp_path / "locked.jpg"))
