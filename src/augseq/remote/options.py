"""What a user chose about a remote folder: frozen, checked when made."""

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
    """How to reach a remote folder, and how long to try.

    A connection that breaks, a server that is busy, and one that does not answer are tried
    again, after 0.5, 1, 2, 4 and then every 8 seconds; a refusal and a missing file are not.

    Attributes:
        storage_options: What fsspec's file system for the address takes, such as `key` and
            `secret`. It is kept in memory alone: no manifest, message or `repr` shows it. What
            is not given comes from the environment, as with the storage's own tools.
        num_tries: How often a file or folder is asked for, 1 or more.
        try_s: How long one try may take, in seconds.
        total_s: How long all tries of a file or folder may take together, in seconds.
        cache_dir: Folder of this machine, such as "~/.cache/photos", where each file is kept as it
            was fetched and read from then on, so that later epochs ask the storage for nothing.
            All processes may share it, and it may be removed at any time. A copy counts as long
            as it is there; of a manifest that was probed, it must have the content of the probe,
            or it is fetched again. So probe (`index_folder(..., probe=True)`, which fills the
            folder too) where files may be replaced. None keeps nothing.
        cache_max_bytes: What the copies may take together; None for half of what is free on the
            disk. Files beyond it are fetched each time, and so are those for which a disk is too
            full; a warning says so. Nothing is thrown out for others: as each epoch reads every
            file once, the newest would only push out what is read next.

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
            # Not what came: it may be a secret.
            raise ArgumentError(
                "`storage_options` must be a dict with names as keys. "
                f"Received: a {type(options).__name__}"
            )
        object.__setattr__(self, "storage_options", dict(options))
        check_whole("num_tries", self.num_tries, least=1)
        for name in ("try_s", "total_s"):
            check_number(name, getattr(self, name), above=0)
        if self.cache_max_bytes is not None:
            check_whole("cache_max_bytes", self.cache_max_bytes, least=1)
        if self.cache_dir is not None:
            # Absolute, since worker processes may be in another folder.
            object.__setattr__(self, "cache_dir", _absolute(self.cache_dir))

    def delay_s(self, failures: int) -> float:
        """Return how long to wait after so many `failures` in a row, in seconds."""
        return float(min(_FIRST_DELAY_S * 2 ** min(failures - 1, 16), _LONGEST_DELAY_S))


def _absolute(folder: Any) -> str:
    if not isinstance(folder, str | os.PathLike) or not os.fspath(folder):
        raise ArgumentError(
            f"`cache_dir` must be a path of this machine. Received: cache_dir={folder!r}"
        )
    return os.path.abspath(os.path.expanduser(os.fspath(folder)))
