"""Real local servers, each behind a connection that can be cut."""

import contextlib
import http.server
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

_HOST = "127.0.0.1"
_START_S = 60


def free_port() -> int:
    """Return an unused port."""
    with socket.create_server((_HOST, 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def running(*arguments: str, port: int, path: str) -> Iterator[None]:
    """Run a Python module as a server for the duration of the block."""
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    try:
        _await_answer(process, f"http://{_HOST}:{port}{path}")
        yield
    finally:
        process.kill()
        process.wait()


def _await_answer(process: "subprocess.Popen[bytes]", address: str) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):
            return
        time.sleep(0.05)
    raise RuntimeError(f"{address} does not answer")


@contextmanager
def s3_server() -> Iterator[int]:
    """Run an S3 server; yield its port."""
    port = free_port()
    with running("moto.server", "-H", _HOST, "-p", str(port), port=port, path="/moto-api/"):
        yield port


@contextmanager
def web_server(folder: Path) -> Iterator[int]:
    """Serve a folder as web pages; yield the port."""
    port = free_port()
    served = ["--bind", _HOST, "--directory", str(folder), str(port)]
    with running("http.server", *served, port=port, path="/"):
        yield port


class FileHandler(http.server.SimpleHTTPRequestHandler):
    """Serves the files of a folder without logging."""

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def serving(handler: type[FileHandler], folder: Path) -> Iterator[int]:
    """Serve a folder in a thread of this process; yield the port."""
    made = partial(handler, directory=str(folder))
    with http.server.ThreadingHTTPServer((_HOST, 0), made) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@contextmanager
def unlisted_web_server(folder: Path, status: int) -> Iterator[int]:
    """Serve the files of a folder, but answer listings with a status."""

    class Unlisted(FileHandler):
        def list_directory(self, path: object) -> None:
            self.send_error(status)

    with serving(Unlisted, folder) as port:
        yield port


class Wire:
    """Forwards connections to a port until it is cut.

    While it is cut, its own port refuses connections, as that of a server does that is down.

    Args:
        target: The port of the server.

    Attributes:
        port: Its own.
        requests: The first line of whatever was asked for.
        num_bytes: What went through it, in both directions.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self.port = free_port()
        self.requests: list[bytes] = []
        self.num_bytes = 0
        self._server: socket.socket | None = None
        self._ends: list[socket.socket] = []

    def __enter__(self) -> "Wire":
        self.mend()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def mend(self) -> None:
        """Accept connections again."""
        self._server = socket.create_server((_HOST, self.port))
        threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()

    def cut(self) -> None:
        """Close all connections and accept no more."""
        server, self._server = self._server, None
        if server is not None:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
        ends, self._ends = self._ends, []
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                ours, _ = server.accept()
                theirs = socket.create_connection((_HOST, self._target))
                self._ends += [ours, theirs]
                for pair in [(ours, theirs), (theirs, ours)]:
                    threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if data.startswith((b"GET ", b"HEAD ")):  # Such a request comes in one piece.
                    self.requests.append(data.split(b"\r\n", 1)[0])
                self.num_bytes += len(data)
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@contextmanager
def answering(*answers: bytes | None) -> Iterator[int]:
    """Answer each request with the next of some raw responses; None never answers.

    The last one is for all further requests too.
    """
    left = list(answers)
    held: list[socket.socket] = []

    def serve(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                connection.recv(65536)
                answer = left.pop(0) if len(left) > 1 else left[0]
                if answer is None:
                    held.append(connection)
                    continue
                connection.sendall(answer)
                connection.close()

    with socket.create_server((_HOST, 0)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        yield int(server.getsockname()[1])
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
    for connection in held:
        connection.close()
