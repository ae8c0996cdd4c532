"""Local copies of remote files, byte for byte."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from augseq.remote.url import without_secrets
from augseq.storage.cache_files import CacheFiles, default_max_bytes, make_cache_folder
from augseq.storage.content_hash import content_hash
from augseq.storage.quota import COPIES

_WAYS_OUT = (
    "All other files are fetched each time, with the same bytes. For more room, pass RemoteOptions "
    "another `cache_dir` or a larger `cache_max_bytes`."
)
# The hash detects incomplete copies: after a power failure, a file can have its name and length
# but not its data.
_MAGIC = b"augseq\0\2"
_HEADER_BYTES = len(_MAGIC) + len(content_hash(b""))
# Options that locate files. Secrets are not among them, since they change and files do not.
_LOCATION_OPTIONS = frozenset({"account_name", "endpoint", "endpoint_url", "fo", "host", "port"})


class LocalCache:
    """Copies of the files below an address, shared by all threads and processes.

    Args:
        address: Address of the remote folder.
        storage_options: Arguments of its file system.
        cache_dir: Folder of the copies, an absolute path.
        max_bytes: Maximum total size; None for half of the free space.

    Raises:
        ArgumentError: The folder cannot be created.
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
        self._location = [address, *sorted(_location(storage_options))]

    def find(self, path: str, wanted_hash: bytes | None) -> bytes | None:
        """Return all bytes of a copy; None if there is no complete, matching copy.

        Args:
            path: Path relative to the address, with `/`.
            wanted_hash: Content hash that it must have; None accepts any copy.
        """
        try:
            with open(self._files.path(self._name(path)), "rb", buffering=0) as file:
                header, data = file.read(_HEADER_BYTES), file.read()
        except OSError:
            return None
        actual_hash = content_hash(data)
        is_complete = header == _MAGIC + actual_hash
        return data if is_complete and wanted_hash in (None, actual_hash) else None

    def keep(self, path: str, data: bytes) -> None:
        """Keep a copy of a file if there is room; warn once when the cache is full."""

        def write(file: BinaryIO) -> None:
            file.write(_MAGIC + content_hash(data))
            file.write(data)

        self._files.keep(self._name(path), write)

    def _name(self, path: str) -> str:
        text = repr([*self._location, path])
        return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def _location(options: Mapping[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _location(value)
        elif name in _LOCATION_OPTIONS and isinstance(value, str | int | os.PathLike):
            yield f"{name}={without_secrets(str(value))}"
