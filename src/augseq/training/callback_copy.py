"""Deep copies of callbacks, such as tuners make for each trial."""

import copy
from collections.abc import Sequence
from typing import Any, TypeVar

_Callback = TypeVar("_Callback")


def copy_for_sequences(
    callback: _Callback, memo: dict[int, Any], sequences: Sequence[Any]
) -> _Callback:
    """Deep-copy a callback, except for its sequences and its model.

    If a sequence was already copied in the same `deepcopy` call, the callback uses that copy. If
    the callback comes first, the sequence is not copied at all. So both always match.

    Args:
        callback: What to copy.
        memo: The argument of `__deepcopy__`.
        sequences: The sequences of the callback.
    """
    for sequence in sequences:
        memo.setdefault(id(sequence), sequence)
    kind = type(callback)
    twin = kind.__new__(kind)
    memo[id(callback)] = twin
    # `fit` sets the model again.
    vars(twin).update(copy.deepcopy({**vars(callback), "_model": None}, memo))
    return twin
