"""Deep copies of callbacks, such as tuners make for each trial."""

import copy
from collections.abc import Sequence
from typing import Any, TypeVar

_Callback = TypeVar("_Callback")


def copy_for_sequences(
    callback: _Callback, memo: dict[int, Any], sequences: Sequence[Any]
) -> _Callback:
    """Copy a callback deeply, but let it follow the same sequences, and forget its model.

    Where a sequence is copied in the same call before, the callback follows the copy. Where the
    callback comes first, the sequence itself takes the place of its copy. So both always fit.

    Args:
        callback: What to copy.
        memo: What `__deepcopy__` was given.
        sequences: What the callback follows.
    """
    for sequence in sequences:
        memo.setdefault(id(sequence), sequence)
    kind = type(callback)
    twin = kind.__new__(kind)
    memo[id(callback)] = twin
    # `fit` sets the model anew.
    vars(twin).update(copy.deepcopy({**vars(callback), "_model": None}, memo))
    return twin
