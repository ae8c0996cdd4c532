"""Copies of remote files on this machine, byte for byte as they came."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from augseq.remote.url import without_secrets
from augseq.storage.cache_files import CacheFiles, default_max_bytes, make_cache_folder
from augseq.storage.content_hash import content_hash
from augseq.storage.quota import COPIES

_WAYS_OUT = (
    "The other files are fetched each time, with the same bytes. For more room give "
    "RemoteOptions another `cache_dir`, or a higher `cache_max_bytes`."
)
# The hash tells a copy that is not whole: where the power fails, data may be lost that a file
# system has already given a length and a name.
_MAGIC = b"augseq\0\2"
_HEADER_BYTES = len(_MAGIC) + len(content_hash(b""))
# Options that say where files are. Secrets are none of them: they change, and files do not.
_PLACES = frozenset({"account_name", "endpoint", "endpoint_url", "fo", "host", "port"})


class Copies:
    """Copies of the files below an address, for all threads and processes that share a folder.

    Args:
        address: Of the remote folder.
        storage_options: What its file system takes.
        cache_dir: Folder of the copies, an absolute path.
        max_bytes: What they may take together; None for half of what is free.

    Raises:
        ArgumentError: The folder cannot be made.
    """

    def __init__(
        self,
        address: str,
        storage_options: Mapping[str, Any],
        cache_dir: str,
        max_bytes: int | None,
    ) -> None:
        make_cache_folder(cache_dir, "cache_dir")
        if max_bytes is None:
            max_bytes = default_max_bytes(cache_dir)
        self._files = CacheFiles(cache_dir, f"{COPIES}1", max_bytes, _WAYS_OUT)
        self._from = [address, *sorted(_places(storage_options))]

    def find(self, path: str, wanted_hash: bytes | None) -> bytes | None:
        """Return all bytes of a file; None where no copy is there, whole and as wanted.

        Args:
            path: Below the address, with `/`.
            wanted_hash: Of the content that it must have; None where any will do.
        """
        try:
            with open(self._files.path(self._name(path)), "rb", buffering=0) as file:
                header, data = file.read(_HEADER_BYTES), file.read()
        except OSError:
            return None
        found_hash = content_hash(data)
        is_whole = header == _MAGIC + found_hash
        return data if is_whole and wanted_hash in (None, found_hash) else None

    def keep(self, path: str, data: bytes) -> None:
        """Keep a copy of a file, if there is room; warn once where there is none any more."""

        def write(file: BinaryIO) -> None:
            file.write(_MAGIC + content_hash(data))
            file.write(data)

        self._files.keep(self._name(path), write)

    def _name(self, path: str) -> str:
        text = repr([*self._from, path])
        return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def _places(options: Mapping[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _places(value)
        elif name in _PLACES and isinstance(value, str | int | os.PathLike):
            yield f"{name}={without_secrets(str(value))}"
