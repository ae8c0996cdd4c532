"""Options for remote folders: frozen, validated on creation."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from augseq.errors import ArgumentError
from augseq.terminal_text import options_text
from augseq.types import PathLike
from augseq.validation import check_number, check_whole

_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteOptions:
    """How to access a remote folder, and how long to retry.

    Requests are retried after connection errors, when the server is busy, and after timeouts,
    with delays of 0.5, 1, 2, 4 and then 8 seconds; denied access and missing files are not retried.

    Attributes:
        storage_options: Arguments of fsspec's file system for the address, such as `key` and
            `secret`. They are held in memory only: no manifest, message or `repr` contains them.
            Others come from the environment, as with the storage's own tools.
        num_tries: Maximum number of tries for a file or folder, 1 or more.
        try_s: Timeout of one try, in seconds.
        total_s: Timeout of all tries for a file or folder together, in seconds.
        cache_dir: Local folder, such as "~/.cache/photos", for copies of fetched files, so that
            later epochs send no requests. Several processes can share it, and you can delete it
            at any time. Copies do not expire. With a probed manifest, a copy whose content differs
            from the probe is fetched again; so if files may be replaced, probe them
            (`index_folder(..., probe=True)`, which also fills the folder). None keeps no copies.
        cache_max_bytes: Maximum total size of the copies; None for half of the free space on the
            disk. Once this limit or the disk is full, a warning is issued and all other files are
            fetched each time. No copy is evicted: each epoch reads every file once, so a new copy
            would only replace one that is needed sooner.

    Example:
        >>> import augseq
        >>> augseq.RemoteOptions(storage_options={"key": "me", "secret": "hush"}, num_tries=3)
        RemoteOptions(num_tries=3)
    """

    storage_options: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    num_tries: int = 8
    try_s: float = 30.0
    total_s: float = 120.0
    cache_dir: PathLike | None = None
    cache_max_bytes: int | None = None

    def __repr__(self) -> str:
        return options_text(self)

    def __post_init__(self) -> None:
        options = self.storage_options
        if not isinstance(options, Mapping) or not all(isinstance(key, str) for key in options):
            # The value itself may contain a secret.
            raise ArgumentError(
                "`storage_options` must be a dict with strings as keys. "
                f"Received: a {type(options).__name__}"
            )
        object.__setattr__(self, "storage_options", dict(options))
        check_whole("num_tries", self.num_tries, least=1)
        for name in ("try_s", "total_s"):
            check_number(name, getattr(self, name), above=0)
        if self.cache_max_bytes is not None:
            check_whole("cache_max_bytes", self.cache_max_bytes, least=1)
        if self.cache_dir is not None:
            # Absolute, since worker processes can have another working directory.
            object.__setattr__(self, "cache_dir", _absolute(self.cache_dir))

    def delay_s(self, failures: int) -> float:
        """Return the delay after a number of consecutive `failures`, in seconds."""
        return float(min(_FIRST_DELAY_S * 2 ** min(failures - 1, 16), _LONGEST_DELAY_S))


def _absolute(folder: Any) -> str:
    if not isinstance(folder, str | os.PathLike) or not os.fspath(folder):
        raise ArgumentError(f"`cache_dir` must be a local path. Received: cache_dir={folder!r}")
    return os.path.abspath(os.path.expanduser(os.fspath(folder)))
