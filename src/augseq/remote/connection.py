"""Open fsspec file systems once per process or thread; time out every request."""

import asyncio
import gzip
import os
import threading
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote

from augseq.errors import ArgumentError, UnreadableError, install_command
from augseq.remote.archive_files import DAMAGE, ArchiveFiles
from augseq.remote.archives import check_names_archive, describe_broken, tar_compression

Answer = TypeVar("Answer")

# The extra that a protocol requires.
_EXTRAS = {
    "gcs": "gcs", "gs": "gcs", "hf": "hf", "http": "http", "https": "http", "s3": "s3",
    "s3a": "s3",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """An open fsspec file system, and the path of a folder in it.

    Attributes:
        files: The file system.
        base: The folder's path in it.
    """

    files: Any
    base: str

    @property
    def is_web(self) -> bool:
        """Whether paths are web addresses, with special characters percent-encoded."""
        return "http" in self.files.protocol

    def at(self, path: str) -> str:
        """Return the file system's path of a file or folder below the folder."""
        path = quote(path) if self.is_web else path
        return "/".join(part for part in (self.base.rstrip("/"), path) if part)


Request = Callable[[Place], tuple[str, str]]
"""Returns the name of a file system method, and the path to call it with."""


@dataclass(slots=True)
class _Slot:
    """Holds an open file system, or None before it is opened."""

    lock: Any = field(default_factory=threading.Lock)
    place: Place | None = None


class Connection:
    """Sends requests to a file system, which is opened on the first request.

    A file system has sockets, threads and locks, so it only works in the process that opened it.
    Asynchronous file systems are opened once per process; so are archives, which serve one request
    at a time. For all others, each thread opens its own.

    Args:
        root: The address.
        storage_options: Arguments of the file system.
    """

    def __init__(self, root: str, storage_options: Mapping[str, Any]) -> None:
        self.root = root
        self.storage_options = storage_options
        self.renew()
        _ALL.add(self)

    def renew(self) -> None:
        """Drop all open file systems, and the locks that a stuck thread may hold."""
        self._shared = _Slot()
        self._own = threading.local()

    def ask(self, request: Request, seconds: float, **more: Any) -> tuple[Place, Any]:
        """Call a method of the file system; return the file system and the result.

        Args:
            request: Returns the method and the path.
            seconds: Timeout.
            **more: Further arguments of the method.

        Raises:
            TimeoutError: There is no answer in time.
            ArgumentError: A package is missing, or the options are invalid.
            Exception: Any error that the file system raises.
        """
        kind = self._kind()
        slot = self._slot(kind)
        if kind == "async":
            place = slot.place or self._open_in_time(slot, seconds)
            method, path = request(place)
            coroutine = getattr(place.files, f"_{method}")(path, **more)
            answer = asyncio.run_coroutine_threadsafe(coroutine, place.files.loop)
            return place, _wait(answer, seconds)

        def call() -> tuple[Place, Any]:
            place = self._open(slot)
            method, path = request(place)
            with slot.lock:
                return place, getattr(place.files, method)(path, **more)

        return _wait(_in_thread(call), seconds)

    @property
    def repairs_itself(self) -> bool:
        """Whether a broken connection is replaced without `renew`."""
        return self._kind() == "async"

    @property
    def takes_ranges(self) -> bool:
        """Whether a part of a file can be read in a single request."""
        return self._kind() != "other"

    @property
    def is_archive(self) -> bool:
        """Whether the folder is inside one file."""
        return self._kind() == "archive"

    def _slot(self, kind: str) -> _Slot:
        if kind != "other":
            return self._shared
        slot: _Slot | None = getattr(self._own, "slot", None)
        if slot is None:
            slot = self._own.slot = _Slot()
        return slot

    def _kind(self) -> str:
        """Return "async", "archive" or "other", without opening anything."""
        # Imported here, since local folders need no fsspec.
        import fsspec
        from fsspec.archive import AbstractArchiveFileSystem
        from fsspec.asyn import AsyncFileSystem

        protocol = self.root.split("::")[0].split("://")[0]
        try:
            kind = fsspec.get_filesystem_class(protocol)
        except ImportError as error:
            extra = _EXTRAS.get(protocol)
            hint = f" With pip: {install_command(extra)}" if extra else ""
            raise ArgumentError(
                f"{self.root!r} requires a package that is not installed: {error}.{hint}"
            ) from error
        except ValueError as error:
            raise ArgumentError(
                f"{self.root!r} begins with a protocol that fsspec does not know: {protocol!r}. "
                "Archives have addresses such as zip://::photos.zip and tar://::photos.tar.gz."
            ) from error
        if issubclass(kind, AsyncFileSystem) and kind.async_impl:
            return "async"
        return "archive" if issubclass(kind, AbstractArchiveFileSystem) else "other"

    def _open(self, slot: _Slot) -> Place:
        with slot.lock:
            if slot.place is None:
                slot.place = self._new_place()
            return slot.place

    def _open_in_time(self, slot: _Slot, seconds: float) -> Place:
        try:
            return _wait(_in_thread(lambda: self._open(slot)), seconds)
        except TimeoutError:
            # The stuck thread never releases the lock. Another thread that waited for it may
            # have replaced the slot already.
            if self._shared is slot:
                self._shared = _Slot()
            raise

    def _new_place(self) -> Place:
        import fsspec

        options = dict(self.storage_options)
        if self.root.startswith(("s3://", "s3a://")):
            # Otherwise botocore retries five times within each of our tries, with random delays,
            config = {"retries": {"max_attempts": 0}} | options.get("config_kwargs", {})
            options["config_kwargs"] = config
            # and s3fs asks for the length of each file first: two requests instead of one.
            options.setdefault("max_concurrency", 1)
        if self.is_archive:
            return self._new_archive(options)
        # A cached instance of fsspec would have outdated listings.
        files, base = fsspec.url_to_fs(self.root, **options, skip_instance_cache=True)
        if hasattr(files, "retries"):  # s3fs retries five times as well.
            files.retries = 1
        return Place(files, base)

    def _new_archive(self, options: dict[str, Any]) -> Place:
        import fsspec

        message = check_names_archive(self.root, options)
        if message is not None:
            raise ArgumentError(message)
        compression = tar_compression(self.root) if self.root.startswith("tar://") else None
        if compression is not None:
            options["tar"] = {"compression": compression} | options.get("tar", {})
        try:
            files, base = fsspec.url_to_fs(self.root, **options, skip_instance_cache=True)
        except (*DAMAGE, KeyError, gzip.BadGzipFile) as error:
            raise UnreadableError(describe_broken(self.root, error)) from error
        if hasattr(files, "zip") or hasattr(files, "tar"):
            files = ArchiveFiles(files, self.root)
            base = "/".join(part for part in base.split("/") if part not in ("", "."))
        return Place(files, base)


_ALL: "weakref.WeakSet[Connection]" = weakref.WeakSet()


def _renew_all() -> None:
    for connection in list(_ALL):
        connection.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)


def _wait(answer: "Future[Answer]", seconds: float) -> Answer:
    try:
        return answer.result(seconds)
    except TimeoutError:
        if answer.done() and not answer.cancelled():
            raise  # Raised by the file system itself.
        answer.cancel()
        raise TimeoutError(f"no answer within {seconds:.3g} s") from None


def _in_thread(call: Callable[[], Answer]) -> "Future[Answer]":
    """Run an uninterruptible call in a daemon thread, so that waits can time out."""
    future: Future[Answer] = Future()
    # A running future cannot be cancelled.
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="augseq remote", daemon=True).start()
    return future
