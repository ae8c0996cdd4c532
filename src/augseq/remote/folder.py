"""List and read a remote folder, with retries and no secrets in errors."""

import hashlib
import os
import time
import traceback
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from augseq.errors import (
    AugseqError,
    MissingFileError,
    NotAFolderError,
    RemoteError,
    UnreadableError,
)
from augseq.remote.connection import Connection, Place, Request
from augseq.remote.local_cache import LocalCache
from augseq.remote.options import RemoteOptions
from augseq.remote.retry_policy import is_denied, is_out_of_range, is_transient
from augseq.remote.url import is_web, scrubbed
from augseq.storage.member_path import parse_member

UNLISTED = (
    " Many web servers do not list their folders; if so, use a table of the images: "
    "index_table(table, root=..., check_files=False), at the shell: augseq index table.csv "
    "--images-root ADDRESS."
)
"""Advice for a web server that does not list its folders."""

# Keys under which storages report a value that changes with a file's content, best first.
_MARKS = (
    "ETag", "etag", "md5Hash", "content_md5", "Content-MD5", "blob_id", "CRC", "mtime",
    "LastModified", "last_modified", "Last-Modified", "updated", "modified", "modify", "created",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a folder.

    Attributes:
        name: Path relative to the folder.
        kind: "file", "directory", or another type as fsspec names it.
    """

    name: str
    kind: str


class _NoByteError(RemoteError):
    """A file is empty: the storage rejects a range that begins at its first byte."""


class RemoteFolder:
    """Lists and reads the files below an address, from any thread and process.

    Args:
        root: The address, without password or query.
        options: Access, retries, and local copies.

    Raises:
        ArgumentError: The folder for copies does not exist and cannot be created.
    """

    def __init__(self, root: str, options: RemoteOptions) -> None:
        self.root = root
        self.options = options
        self._connection = Connection(root, options.storage_options)
        self._cache: LocalCache | None = None
        if options.cache_dir is not None:
            self._cache = LocalCache(
                root,
                options.storage_options,
                os.fspath(options.cache_dir),
                options.cache_max_bytes,
            )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.root, self.options)

    def __repr__(self) -> str:
        return f"RemoteFolder({self.root!r}, {self.options!r})"

    def read(
        self,
        path: str,
        name: str | None = None,
        *,
        wanted_hash: bytes | None = None,
        anew: bool = False,
        max_bytes: int | None = None,
    ) -> bytes:
        """Return all bytes of a file, from the local copy if there is one.

        Args:
            path: Path relative to the folder, with `/`; of a file inside a tar file, only its part
                of the tar file is read.
            name: Name of the file in messages; its path if None.
            wanted_hash: Content hash that a copy must have; None accepts any copy. A fetched file
                is not compared with it.
            anew: Whether to fetch the file even if there is a copy, and replace the copy.
            max_bytes: Longer files are not cached. Of these, object stores, web servers and
                archives return one byte more than this; other storages can return all bytes.

        Raises:
            MissingFileError: There is no such file.
            UnreadableError: The storage denies access.
            RemoteError: The storage does not answer, or its answer is unusable.
            ChangedFileError: A tar file is not the one that was indexed.
        """
        copy = None if self._cache is None or anew else self._cache.find(path, wanted_hash)
        if copy is not None:
            return copy
        data = self._fetch(f"read {name or repr(path)} in", path, max_bytes)
        if self._cache is not None and (max_bytes is None or len(data) <= max_bytes):
            self._cache.keep(path, data)
        return data

    def read_range(self, path: str, start: int, end: int) -> bytes:
        """Return the bytes of a file from `start` to before `end`, or to its end.

        Raises:
            MissingFileError: There is no such file.
            UnreadableError: The storage denies access.
            RemoteError: The storage does not answer, or its answer is unusable.
        """
        return self._bytes(f"read {path!r} in", path, start=start, end=end)

    def _fetch(self, what: str, path: str, max_bytes: int | None) -> bytes:
        member = parse_member(path)
        if member is not None:
            start, end = member.header_start, member.start + member.num_bytes
            return member.checked(self._bytes(what, member.tar_path, start=start, end=end))
        # Some other storages would split a range into many small requests.
        takes_ranges = self._connection.takes_ranges
        cut = {"end": max_bytes + 1} if takes_ranges and max_bytes is not None else {}
        return self._bytes(what, path, **cut)

    def _bytes(self, what: str, path: str, **cut: int) -> bytes:
        try:
            _, data = self._ask(what, lambda place: ("cat_file", place.at(path)), **cut)
        except _NoByteError:
            return b""
        return bytes(data)

    def identity(self, path: str, name: str | None = None) -> tuple[int, int]:
        """Return a file's size and a hash of its ETag, or the equivalent.

        Args:
            path: Path relative to the folder, with `/`; of a file inside a tar file, the ETag is
                that of the tar file.
            name: Name of the file in messages; its path if None.

        Raises:
            MissingFileError: There is no such file.
            UnreadableError: The storage denies access.
            RemoteError: The storage does not answer, or reports neither an ETag nor a time.
        """
        member = parse_member(path)
        if member is not None:
            return member.num_bytes, self.identity(member.tar_path, name)[1]
        what = f"look up {name or repr(path)} in"
        _, info = self._ask(what, lambda place: ("info", place.at(path)))
        mark = next((str(info[key]) for key in _MARKS if info.get(key) is not None), None)
        if mark is None:
            raise RemoteError(
                f"The storage reports neither an ETag nor a modification time of "
                f"{name or repr(path)} in {self.root!r}, so changes cannot be detected. Pass "
                "neither `cache` nor `probe`; RemoteOptions(cache_dir=...) keeps copies without "
                "checking for changes."
            )
        digest = hashlib.blake2b(mark.encode(), digest_size=8).digest()
        return info.get("size") or 0, int.from_bytes(digest, "big", signed=True)

    @property
    def is_archive(self) -> bool:
        """Whether the folder is in an archive, so that listing everything is cheap."""
        return self._connection.is_archive

    def entries(self, path: str = "") -> list[Entry]:
        """Return the direct contents of a folder, in the storage's order.

        Args:
            path: Path relative to this folder, with `/` between parts but not at the end.

        Raises:
            MissingFileError: There is no such folder.
            NotAFolderError: It is a file.
            UnreadableError: The storage denies access.
            RemoteError: The storage does not answer, or its answer is unusable.
        """

        def request(place: Place) -> tuple[str, str]:
            # A web server redirects to the address with a trailing slash anyway.
            return "ls", place.at(path) + ("/" if place.is_web else "")

        what = f"list {path!r} in" if path else "list"
        entries = self._entries(*self._ask(what, request, detail=True), path)
        return [entry for entry in entries if "/" not in entry.name]

    def all_entries(self) -> list[Entry]:
        """Return the contents of the folder at any depth; raise as `entries` does."""
        place, rows = self._ask(
            "list", lambda place: ("find", place.at("")), withdirs=True, detail=True
        )
        return self._entries(place, rows.values(), "")

    def _entries(self, place: Place, rows: Any, path: str) -> list[Entry]:
        here = place.at(path).strip("/")
        if here and any(row["type"] == "file" and row["name"].strip("/") == here for row in rows):
            raise NotAFolderError(f"{self.root!r} must be a folder of images, but is a file.")
        return [entry for row in rows if (entry := _entry(row, here, is_web=place.is_web))]

    def _ask(self, what: str, request: Request, **more: Any) -> tuple[Place, Any]:
        """Send a request, and retry it after transient errors."""
        options, start = self.options, time.monotonic()
        for num_tries in range(1, options.num_tries + 1):
            left_s = options.total_s - (time.monotonic() - start)
            try:
                return self._connection.ask(request, min(options.try_s, left_s), **more)
            except AugseqError:
                raise
            except Exception as error:
                failure = error
            if not is_transient(failure):
                raise self._refusal(what, failure) from self._safe_cause(failure)
            if not self._connection.repairs_itself:
                self._connection.renew()
            delay_s, spent_s = options.delay_s(num_tries), time.monotonic() - start
            if num_tries == options.num_tries or spent_s + delay_s >= options.total_s:
                break
            time.sleep(delay_s)
        raise RemoteError(
            f"Cannot {what} {self.root!r}: {num_tries} tries in {spent_s:.0f} s failed, the last "
            f"with {self._describe(failure)}. Run again when the storage answers, or allow more "
            "time: remote=augseq.RemoteOptions(num_tries=..., try_s=..., total_s=...)."
        ) from self._safe_cause(failure)

    def _refusal(self, what: str, error: Exception) -> AugseqError:
        reason = self._describe(error)
        hint = UNLISTED if is_web(self.root) and what.startswith("list") else ""
        if is_denied(error):
            return UnreadableError(
                f"Cannot {what} {self.root!r}: access denied ({reason}). Set credentials in the "
                "environment, as for the storage's own tools, or pass "
                f"remote=augseq.RemoteOptions(storage_options={{...}}).{hint}"
            )
        if is_out_of_range(error):
            return _NoByteError(f"Cannot {what} {self.root!r}: {reason}.")
        if isinstance(error, FileNotFoundError):
            return MissingFileError(f"Cannot {what} {self.root!r}: not found ({reason}).{hint}")
        if isinstance(error, IsADirectoryError):
            return MissingFileError(f"Cannot {what} {self.root!r}: it is a folder.")
        return RemoteError(f"Cannot {what} {self.root!r}: {reason}.{hint}")

    def _describe(self, error: BaseException) -> str:
        text = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(" .:")
        return scrubbed(text, self.options.storage_options)

    def _safe_cause(self, error: BaseException) -> BaseException | None:
        """Return an error as the cause; None if its traceback would reveal a secret."""
        text = "".join(traceback.format_exception(error))
        return error if scrubbed(text, self.options.storage_options) == text else None


def _entry(row: dict[str, Any], here: str, *, is_web: bool) -> Entry | None:
    """Return the entry in a row of a listing; None if it is not below `here`."""
    name = row["name"].strip("/")
    if here:
        if not name.startswith(f"{here}/"):
            return None
        name = name[len(here) + 1 :]
    # Index pages also link to sorted versions of themselves and to parent folders.
    if not name or (is_web and set(name) & set("?#")):
        return None
    return Entry(unquote(name) if is_web else name, row["type"])
