"""The main loop of a decoder process; loads neither Keras nor pyarrow."""

import contextlib
import faulthandler
import os
import pickle
import sys
from typing import Any

from augseq.pixels.decoders.isolated.decoder_messages import receive, send


def serve() -> None:
    """Answer calls from standard input until the parent closes the pipe or dies."""
    calls, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    # Output of libraries must not get between the answers. Closing the error pipe lets the parent
    # finish reading startup errors.
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    _leave_no_core()
    with contextlib.suppress(EOFError, OSError), open(nothing, "wb", 0) as log:
        send(answers, None)
        while True:
            limit_s, call = receive(calls)
            # A C thread: it also ends a decoder that never releases the interpreter lock, or
            # whose parent was killed meanwhile.
            faulthandler.dump_traceback_later(limit_s, exit=True, file=log)
            answer = _answer(call)
            faulthandler.cancel_dump_traceback_later()
            send(answers, answer)
    os._exit(0)


def _answer(call: bytes) -> tuple[bool, Any]:
    """Return whether a call succeeded, and its result or exception."""
    try:
        # Imports the decoder, the first time.
        function, arguments = pickle.loads(call)
        return True, function(*arguments)
    except Exception as error:
        return False, _picklable(error)


def _picklable(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _leave_no_core() -> None:
    # A crash is expected here, and writing a core file takes seconds.
    if sys.platform != "win32":
        import resource

        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
