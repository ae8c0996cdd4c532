"""What a user chose about a remote folder: frozen, checked when made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from augseq.checks import check_whole
from augseq.errors import ArgumentError

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

    Example:
        >>> import augseq
        >>> augseq.RemoteOptions(storage_options={"key": "me", "secret": "hush"}, num_tries=3)
        RemoteOptions(num_tries=3, try_s=30.0, total_s=120.0)
    """

    storage_options: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    num_tries: int = 8
    try_s: float = 30.0
    total_s: float = 120.0

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
            seconds = getattr(self, name)
            is_number = isinstance(seconds, int | float | np.number)
            if not is_number or not 0 < seconds < float("inf"):
                raise ArgumentError(
                    f"`{name}` must be a number of seconds above 0. Received: {name}={seconds!r}"
                )

    def delay_s(self, failures: int) -> float:
        """Return how long to wait after so many `failures` in a row, in seconds."""
        return float(min(_FIRST_DELAY_S * 2 ** min(failures - 1, 16), _LONGEST_DELAY_S))
