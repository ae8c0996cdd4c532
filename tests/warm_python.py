"""Starts programs as forks of a process that has imported what they need: Keras takes seconds.

python -m tests.warm_python SOCKET MODULE...

Each program is a process of its own, which can be killed, and in which nothing of an earlier
program is remembered: it gets arguments, variables, files and `__main__` as a new interpreter
would. Only what must be known when an interpreter starts cannot be chosen: the backend, the seed of
hashes, the encoding.

`start_warm` in `backends` connects to the socket, a listening one, which is given by its number.
"""

import gc
import importlib
import importlib.util
import json
import multiprocessing.process
import os
import select
import signal
import socket
import sys
import tempfile
import types
import warnings
from pathlib import Path
from typing import Any, cast

Request = dict[str, Any]


# For the first connection, if the process that was to make it is killed.
_PATIENCE_S = 100


def serve(listener: socket.socket) -> Request | None:
    """Fork a process for each request, until all who have connected are gone.

    Returns:
        The request, in the process that is to run its program; None at the end, in this process.
    """
    # Each program would look through all that the imports made, and copy it, when it ends.
    gc.collect()
    gc.freeze()
    watchers: set[int] = set()
    sockets = [listener]
    while ready := select.select(sockets, [], [], _PATIENCE_S if len(sockets) == 1 else None)[0]:
        if listener in ready:
            sockets.append(listener.accept()[0])
            continue
        (connection, *_) = ready
        length, files, _, _ = socket.recv_fds(connection, 4, 4)
        watchers -= {process for process in watchers if os.waitpid(process, os.WNOHANG)[0]}
        if not length:
            sockets.remove(connection)
            connection.close()
            if len(sockets) == 1:
                break
            continue
        text = connection.recv(int.from_bytes(length, "big"), socket.MSG_WAITALL)
        *standard, status = files
        watcher = _fork()
        if not watcher:
            for one in sockets:
                one.close()
            program = _fork()
            if not program:
                os.close(status)
                for number, file in enumerate(standard):
                    os.dup2(file, number)
                    os.close(file)
                return cast(Request, json.loads(text))
            for file in standard:
                os.close(file)
            _watch(program, status)
        watchers.add(watcher)
        for file in files:
            os.close(file)
    Path(listener.getsockname()).unlink(missing_ok=True)
    return None


def _fork() -> int:
    with warnings.catch_warnings():
        # JAX warns of threads whenever a process forks; it has none yet.
        warnings.simplefilter("ignore")
        return os.fork()


def _watch(program: int, status: int) -> None:
    """Tell the number of a process and, when it has ended, its exit code; end this process."""
    os.write(status, f"{program}\n".encode())
    os.write(status, f"{os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])}\n".encode())
    os._exit(0)


def become(request: Request) -> None:
    """Run the program of a request as a new interpreter would."""
    if request["is_new_session"]:
        os.setsid()
    os.chdir(request["cwd"])
    ours, theirs = (_folders(variables) for variables in (os.environ, request["env"]))
    sys.path[:] = [*theirs, *(folder for folder in sys.path[1:] if folder not in ours)]
    os.environ.clear()
    os.environ.update(request["env"])
    # A shell keeps it from what it starts in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    multiprocessing.process.ORIGINAL_DIR = request["cwd"]  # type: ignore[attr-defined]
    tempfile.tempdir = None
    numpy: Any = sys.modules["numpy"]
    numpy.random.seed()
    arguments = request["arguments"]
    while arguments[0] == "-W":
        warnings.simplefilter(arguments[1])
        arguments = arguments[2:]
    _run(*arguments)


def _folders(variables: Any) -> list[str]:
    return [folder for folder in variables.get("PYTHONPATH", "").split(os.pathsep) if folder]


def _run(way: str, *arguments: str) -> None:
    """Run the code after -c, the module after -m, or a file."""
    main: Any = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    sys.argv = [way, *arguments]
    if way == "-c":
        code, *sys.argv[1:] = arguments
        sys.path.insert(0, "")
        code = compile(code, "<string>", "exec")
    elif way == "-m":
        sys.path.insert(0, os.getcwd())
        main.__spec__ = spec = _spec(arguments[0])
        main.__file__, main.__package__ = spec.origin, spec.parent
        sys.argv = [spec.origin, *arguments[1:]]
        code = spec.loader.get_code(spec.name)
    else:
        sys.path.insert(0, os.path.dirname(os.path.abspath(way)))
        main.__file__ = way
        code = compile(Path(way).read_bytes(), way, "exec")
    exec(code, main.__dict__)


def _spec(name: str) -> Any:
    spec = importlib.util.find_spec(name)
    is_package = spec is not None and spec.submodule_search_locations is not None
    return importlib.util.find_spec(f"{name}.__main__") if is_package else spec


if __name__ == "__main__":
    for module in sys.argv[2:]:
        importlib.import_module(module)
    found = serve(socket.socket(fileno=int(sys.argv[1])))
    if found is not None:
        become(found)
