"""Stand-ins for decoders; a decoder process imports them by name."""

import os
import re
import signal
import sys
from typing import Any, NoReturn

import numpy as np

from augseq.errors import DecodeError
from augseq.pixels.options import DecodeOptions

_calls: list[bytes] = []


def end_by_signal(data: bytes, options: DecodeOptions) -> NoReturn:
    os.kill(os.getpid(), int(data))
    signal.pause()
    raise AssertionError


def abort(data: bytes, options: DecodeOptions) -> NoReturn:
    os.abort()


def end_with_code(data: bytes, options: DecodeOptions) -> NoReturn:
    os._exit(int(data))


def hold_the_interpreter(data: bytes, options: DecodeOptions) -> object:
    return re.fullmatch(r"(a|aa)+b", "a" * 200)


def wait_for_ever(data: bytes, options: DecodeOptions) -> NoReturn:
    while True:
        signal.pause()


def die_if_used(data: bytes, options: DecodeOptions) -> bytes:
    """Crash in a process that had another file before, as after memory was overwritten."""
    _calls.append(data)
    if len(_calls) > 1:
        os.abort()
    return data


def print_much(data: bytes, options: DecodeOptions) -> str:
    os.write(1, b"x" * 100_000)
    os.write(2, b"x" * 100_000)
    print("also", flush=True)
    return "done"


def read_keyboard(data: bytes, options: DecodeOptions) -> str:
    return sys.stdin.read()


def raise_what_does_not_pickle(data: bytes, options: DecodeOptions) -> NoReturn:
    class LocalError(Exception):
        pass

    raise LocalError("only here")


def refuse(data: bytes, options: DecodeOptions) -> NoReturn:
    raise DecodeError(f"its {len(data)} bytes are odd")


def own_number(data: bytes, options: DecodeOptions) -> int:
    return os.getpid()


def loaded_modules(data: bytes, options: DecodeOptions) -> set[str]:
    return {name.partition(".")[0] for name in sys.modules}


def repeat(data: bytes, options: DecodeOptions) -> np.ndarray[Any, Any]:
    """Return an array of the number of megabytes in the data."""
    return np.arange(int(data) << 17, dtype=np.float64).reshape(-1, 1 << 10, 2)
