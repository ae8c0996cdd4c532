import importlib.util
import multiprocessing
import pickle
import re
import time
import traceback
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pytest

from augseq.errors import (
    ArgumentError,
    MissingFileError,
    NotAFolderError,
    RemoteError,
    install_command,
)
from augseq.remote.folder import RemoteFolder
from augseq.remote.options import RemoteOptions

from .servers import answering, web_server
from .storages import HangingFiles, ResettingFiles

BUSY = b"HTTP/1.0 503 Busy\r\nContent-Length: 0\r\n\r\n"
CUT = b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\nabc"
GOOD = b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc"
DENIED = b"HTTP/1.0 403 Forbidden\r\nContent-Length: 0\r\n\r\n"


def web(port: int, **options: object) -> RemoteFolder:
    return RemoteFolder(f"http://127.0.0.1:{port}", RemoteOptions(**options))  # type: ignore[arg-type]


def test_a_busy_server_and_a_truncated_file_are_retried() -> None:
    with answering(BUSY, CUT, GOOD) as port:
        assert web(port).read("a.jpg") == b"abc"


def test_a_failing_server_is_not_reported_as_a_missing_file() -> None:
    with answering(BUSY) as port, pytest.raises(RemoteError, match="2 tries"):
        web(port, num_tries=2).identity("a.jpg")


def test_a_server_that_does_not_report_changes_is_refused_with_the_fix() -> None:
    with answering(GOOD) as port:
        assert web(port).read("a.jpg") == b"abc"
        with pytest.raises(
            RemoteError, match=r"neither an ETag nor a modification time.*cache_dir"
        ):
            web(port).identity("a.jpg")


def test_denied_access_is_not_retried() -> None:
    with answering(DENIED, GOOD) as port, pytest.raises(PermissionError, match="403") as caught:
        web(port).read("a.jpg", "'a.jpg' (index 3)")
    assert "'a.jpg' (index 3)" in str(caught.value)
    assert "storage_options" in str(caught.value)


def test_a_server_that_never_answers_is_an_error_within_the_limits() -> None:
    start = time.monotonic()
    with (
        answering(None) as port,
        pytest.raises(RemoteError, match=r"2 tries.*no answer within 0\.3"),
    ):
        web(port, num_tries=2, try_s=0.3).read("a.jpg")
    assert 1.0 < time.monotonic() - start < 5


def test_all_tries_together_respect_the_total_timeout() -> None:
    start = time.monotonic()
    with answering(None) as port, pytest.raises(RemoteError, match="2 tries"):
        web(port, try_s=0.4, total_s=1.2).read("a.jpg")
    assert time.monotonic() - start < 5


def test_requests_in_a_thread_time_out(tmp_path: Path) -> None:
    with answering(None) as port:
        root = f"zip://::http://127.0.0.1:{port}/a.zip"
        folder = RemoteFolder(root, RemoteOptions(num_tries=2, try_s=0.3))
        with pytest.raises(RemoteError, match="no answer within"):
            folder.read("a.jpg")


def test_no_error_contains_a_secret_even_in_its_traceback() -> None:
    with answering(DENIED) as port:
        address = f"http://me:canary@127.0.0.1:{port}/a.zip"
        folder = RemoteFolder("zip://", RemoteOptions(storage_options={"fo": address}))
        with pytest.raises(PermissionError) as caught:
            folder.read("a.jpg")
    assert "canary" not in "".join(traceback.format_exception(caught.value)) + repr(folder)


def test_opening_a_file_system_times_out_and_is_retried() -> None:
    HangingFiles.opened = 0
    folder = RemoteFolder("hanging://photos", RemoteOptions(num_tries=2, try_s=0.5))
    with ThreadPoolExecutor(4) as pool:
        names = [f"{number}.jpg" for number in range(4)]
        assert list(pool.map(folder.read, names)) == [f"photos/{name}".encode() for name in names]
    # One that hung, and one for all threads.
    assert HangingFiles.opened == 2


def test_concurrent_listings_that_break_off_are_all_retried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("augseq.remote.options._FIRST_DELAY_S", 0.001)
    ResettingFiles.asked.clear()
    files = fsspec.filesystem("memory")
    names = [f"{number:02}" for number in range(30)]
    for name in names:
        files.pipe(f"/breaking/{name}/1.jpg", b"x")
    folder = RemoteFolder("resetting://breaking", RemoteOptions())
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            ResettingFiles.asked.clear()
            listings = list(pool.map(folder.entries, names))
            assert [[entry.name for entry in listing] for listing in listings] == [["1.jpg"]] * 30


def test_a_missing_package_and_an_unknown_protocol_are_named() -> None:
    with pytest.raises(ArgumentError, match="does not know: 'nowhere'"):
        RemoteFolder("nowhere://x", RemoteOptions()).entries()
    for root, extra in [("gs://x", "gcs"), ("gcs://x/a", "gcs"), ("hf://datasets/a/b/c", "hf")]:
        if importlib.util.find_spec({"gcs": "gcsfs", "hf": "huggingface_hub"}[extra]) is None:
            with pytest.raises(ArgumentError, match=re.escape(install_command(extra))):
                RemoteFolder(root, RemoteOptions()).entries()


def test_names_with_any_characters_are_read_from_a_web_server(tmp_path: Path) -> None:
    names = ["a b.jpg", "ä#1.jpg", "50%25?.jpg", "c&d;e.jpg"]
    (tmp_path / "in ner").mkdir()
    for name in names:
        (tmp_path / "in ner" / name).write_bytes(name.encode())
    with web_server(tmp_path) as port:
        folder = web(port)
        assert [(entry.name, entry.kind) for entry in folder.entries()] == [("in ner", "directory")]
        assert sorted(entry.name for entry in folder.entries("in ner")) == sorted(names)
        for name in names:
            assert folder.read(f"in ner/{name}") == name.encode()
        with pytest.raises(MissingFileError, match=r"'gone\.jpg'"):
            folder.read("gone.jpg")
        (tmp_path / "in ner" / names[0]).write_bytes(b"longer than it was")
        before = folder.identity(f"in ner/{names[1]}")
        assert before == folder.identity(f"in ner/{names[1]}")
        assert folder.identity(f"in ner/{names[0]}") != before


def _archive(path: Path) -> dict[str, bytes]:
    content = {f"c/{number}.jpg": bytes([number]) * 20_000 for number in range(40)}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return content


def test_threads_read_one_archive_concurrently(tmp_path: Path) -> None:
    content = _archive(tmp_path / "a.zip")
    folder = RemoteFolder(f"zip://::{tmp_path / 'a.zip'}", RemoteOptions())
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(folder.read, [*content] * 5)) == [*content.values()] * 5
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def _reads(folder: RemoteFolder, content: dict[str, bytes]) -> None:
    assert all(folder.read(name) == data for name, data in content.items())


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*fork:RuntimeWarning")
def test_a_folder_in_use_can_be_sent_to_other_processes(tmp_path: Path, method: str) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("this system cannot fork")
    content = _archive(tmp_path / "a.zip")
    (tmp_path / "c").mkdir()
    for name, data in content.items():
        (tmp_path / name).write_bytes(data)
    with web_server(tmp_path) as port:
        for folder in (web(port), RemoteFolder(f"zip://::{tmp_path / 'a.zip'}", RemoteOptions())):
            _reads(folder, content)
            context = multiprocessing.get_context(method)
            process = context.Process(target=_reads, args=(folder, content))
            process.start()
            process.join(60)
            assert process.exitcode == 0
            _reads(pickle.loads(pickle.dumps(folder)), content)


def test_a_file_is_not_accepted_as_a_folder() -> None:
    files = fsspec.filesystem("memory")
    files.pipe("/lone/photo.jpg", b"x")
    with pytest.raises(NotAFolderError, match="is a file"):
        RemoteFolder("memory://lone/photo.jpg", RemoteOptions()).entries()
    with pytest.raises(MissingFileError):
        RemoteFolder("memory://lone/gone", RemoteOptions()).entries()
