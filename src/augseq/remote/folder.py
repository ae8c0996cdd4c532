"""A remote folder: listed and read with patience, and with errors that tell no secret."""

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
from augseq.remote.local_cache import Copies
from augseq.remote.options import RemoteOptions
from augseq.remote.retry_policy import is_denied, is_out_of_range, may_pass
from augseq.remote.url import is_web, scrubbed

UNLISTED = (
    " A web server need not list what it holds; if it does not, give a table of the images: "
    "index_table(table, root=..., check_files=False), at the shell: augseq index table.csv "
    "--images-root ADDRESS."
)
"""What helps where the folder of a web server cannot be listed."""

# How storages call what changes with a file's content, the best first.
_MARKS = (
    "ETag", "etag", "md5Hash", "content_md5", "Content-MD5", "blob_id", "CRC", "mtime",
    "LastModified", "last_modified", "Last-Modified", "updated", "modified", "modify", "created",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """What a folder holds.

    Attributes:
        name: Its path below the folder.
        kind: "file", "directory", or fsspec's word for something else.
    """

    name: str
    kind: str


class _NoByteError(RemoteError):
    """A file does not even have its first byte: a storage refuses a range that begins with it."""


class RemoteFolder:
    """Lists and reads what is below an address, in any thread and process.

    Args:
        root: The address, without password or query.
        options: How to reach it, how long to try, and where to keep copies.

    Raises:
        ArgumentError: There is no such folder for copies, and none can be made.
    """

    def __init__(self, root: str, options: RemoteOptions) -> None:
        self.root = root
        self.options = options
        self._connection = Connection(root, options.storage_options)
        self._copies: Copies | None = None
        if options.cache_dir is not None:
            where = options.storage_options, os.fspath(options.cache_dir)
            self._copies = Copies(root, *where, options.cache_max_bytes)

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
        """Return all bytes of a file, from its copy where there is one.

        Args:
            path: Below the folder, with `/`.
            name: How messages call it; its path if None.
            wanted_hash: Of the content that a copy must have; None where any will do. What is
                fetched may have another.
            anew: Whether to fetch it even if there is a copy, which is then replaced.
            max_bytes: A longer file is not kept. Of one, object stores, web servers and archives
                give a byte more than this; others may give it whole.

        Raises:
            MissingFileError: There is no such file.
            UnreadableError: The storage refuses to give it.
            RemoteError: The storage does not answer, or not usefully.
        """
        kept = None if self._copies is None or anew else self._copies.find(path, wanted_hash)
        if kept is not None:
            return kept
        data = self._fetch(f"read {name or repr(path)} in", path, max_bytes)
        if self._copies is not None and (max_bytes is None or len(data) <= max_bytes):
            self._copies.keep(path, data)
        return data

    def _fetch(self, what: str, path: str, max_bytes: int | None) -> bytes:
        # Not of other storages, some of which answer many small requests instead of one.
        takes_ranges = self._connection.takes_ranges
        cut = {"end": max_bytes + 1} if takes_ranges and max_bytes is not None else {}
        try:
            _, data = self._ask(what, lambda place: ("cat_file", place.at(path)), **cut)
        except _NoByteError:
            return b""
        return bytes(data)

    def identity(self, path: str, name: str | None = None) -> tuple[int, int]:
        """Return what tells one content of a file from another: its size, and a hash of its mark.

        Args:
            path: Below the folder, with `/`.
            name: How messages call it; its path if None.

        Raises:
            MissingFileError: There is no such file.
            UnreadableError: The storage refuses to tell.
            RemoteError: The storage does not answer, or gives a file neither an ETag nor a time.
        """
        what = f"look up {name or repr(path)} in"
        _, info = self._ask(what, lambda place: ("info", place.at(path)))
        mark = next((str(info[key]) for key in _MARKS if info.get(key) is not None), None)
        if mark is None:
            raise RemoteError(
                f"The storage tells neither an ETag nor a time of change of {name or repr(path)} "
                f"in {self.root!r}, so that a change would go unseen. Pass neither `cache` nor "
                "`probe`; RemoteOptions(cache_dir=...) keeps files without asking for changes."
            )
        digest = hashlib.blake2b(mark.encode(), digest_size=8).digest()
        return info.get("size") or 0, int.from_bytes(digest, "big", signed=True)

    @property
    def is_archive(self) -> bool:
        """Whether the folder is inside one file, so that a list of all is as quick as of some."""
        return self._connection.is_archive

    def entries(self, path: str = "") -> list[Entry]:
        """Return the direct contents of a folder, in the storage's order.

        Args:
            path: Below this folder, with `/`, without one at the end.

        Raises:
            MissingFileError: There is no such folder.
            NotAFolderError: It is a file.
            UnreadableError: The storage refuses to list it.
            RemoteError: The storage does not answer, or not usefully.
        """

        def request(place: Place) -> tuple[str, str]:
            # A web server sends to the address with a slash at the end anyway.
            return "ls", place.at(path) + ("/" if place.is_web else "")

        what = f"list {path!r} in" if path else "list"
        entries = self._entries(*self._ask(what, request, detail=True), path)
        return [entry for entry in entries if "/" not in entry.name]

    def all_entries(self) -> list[Entry]:
        """Return what is in the folder at any depth, as `entries` does."""
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
        """Ask until there is an answer, a refusal, or no patience left."""
        options, start = self.options, time.monotonic()
        for num_tries in range(1, options.num_tries + 1):
            left_s = options.total_s - (time.monotonic() - start)
            try:
                return self._connection.ask(request, min(options.try_s, left_s), **more)
            except AugseqError:
                raise
            except Exception as error:
                failure = error
            if not may_pass(failure):
                raise self._refusal(what, failure) from self._harmless(failure)
            if not self._connection.repairs_itself:
                self._connection.renew()
            delay_s, spent_s = options.delay_s(num_tries), time.monotonic() - start
            if num_tries == options.num_tries or spent_s + delay_s >= options.total_s:
                break
            time.sleep(delay_s)
        raise RemoteError(
            f"Cannot {what} {self.root!r}: {num_tries} tries in {spent_s:.0f} s failed, the last "
            f"with {self._told(failure)}. Run again when the storage answers, or give it more "
            "time: remote=augseq.RemoteOptions(num_tries=..., try_s=..., total_s=...)."
        ) from self._harmless(failure)

    def _refusal(self, what: str, error: Exception) -> AugseqError:
        told = self._told(error)
        hint = UNLISTED if is_web(self.root) and what.startswith("list") else ""
        if is_denied(error):
            return UnreadableError(
                f"Cannot {what} {self.root!r}: the storage refuses ({told}). Credentials come "
                "from the environment, as for the storage's own tools, or from "
                f"remote=augseq.RemoteOptions(storage_options={{...}}).{hint}"
            )
        if is_out_of_range(error):
            return _NoByteError(f"Cannot {what} {self.root!r}: {told}.")
        if isinstance(error, FileNotFoundError):
            return MissingFileError(f"Cannot {what} {self.root!r}: it is not there ({told}).{hint}")
        if isinstance(error, IsADirectoryError):
            return MissingFileError(f"Cannot {what} {self.root!r}: it is a folder.")
        return RemoteError(f"Cannot {what} {self.root!r}: {told}.{hint}")

    def _told(self, error: BaseException) -> str:
        text = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(" .:")
        return scrubbed(text, self.options.storage_options)

    def _harmless(self, error: BaseException) -> BaseException | None:
        """Return an error as a cause to show; None where its traceback would tell a secret."""
        text = "".join(traceback.format_exception(error))
        return error if scrubbed(text, self.options.storage_options) == text else None


def _entry(row: dict[str, Any], here: str, *, is_web: bool) -> Entry | None:
    """Return what a row of a listing names; None for the folder itself and for links elsewhere."""
    name = row["name"].strip("/")
    if here:
        if not name.startswith(f"{here}/"):
            return None
        name = name[len(here) + 1 :]
    # Web pages also link to their own columns, sorted, and to folders above.
    if not name or (is_web and set(name) & set("?#")):
        return None
    return Entry(unquote(name) if is_web else name, row["type"])
