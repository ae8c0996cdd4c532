"""JupyterLab and a headless browser, for as long as a test needs them."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.remote.servers import free_port

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_SETTINGS = {
    # No prompt about fetching news.
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    # Cells outside the viewport stay in the page.
    "notebook-extension/tracker": {"windowingMode": "none"},
}


@contextmanager
def jupyter_lab(folder: Path, scratch: Path) -> Iterator[str]:
    """Serve a folder on this machine only.

    Afterwards all is gone that it started, kernels too.

    Args:
        folder: With notebooks.
        scratch: For settings and the log.

    Yields:
        The address of a file in the folder, with {path} for its path.
    """
    for name, values in _SETTINGS.items():
        file = scratch / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values), "utf-8")
    port = free_port()
    token = secrets.token_hex(16)
    with (scratch / "server.log").open("wb") as log:
        server = subprocess.Popen(
            _command(folder, port, token), env=_environment(scratch), stdout=log, stderr=log
        )
    try:
        _wait_for(server, port, scratch / "server.log")
        yield f"http://127.0.0.1:{port}/lab/tree/{{path}}?token={token}"
    finally:
        _end(server)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a headless browser; skip the test if there is none."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
        if path is None and not own.exists():
            pytest.skip("there is no browser: python -m playwright install chromium")
        # root, as in a container, cannot use the sandbox.
        options = ["--no-sandbox"] if getattr(os, "geteuid", lambda: 1)() == 0 else []
        browser = playwright.chromium.launch(executable_path=path, args=options)
        try:
            yield browser
        finally:
            browser.close()


def _command(folder: Path, port: int, token: str) -> list[str]:
    return [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        # The theme is switched, and cells are run, by JupyterLab's commands.
        *("--expose-app-in-browser", "--ip=127.0.0.1", f"--port={port}"),
        *(f"--ServerApp.root_dir={folder}", f"--IdentityProvider.token={token}"),
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]


def _environment(scratch: Path) -> dict[str, str]:
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    own = {name: str(scratch / name) for name in names}
    own["JUPYTERLAB_SETTINGS_DIR"] = str(scratch / "settings")
    own["JUPYTERLAB_WORKSPACES_DIR"] = str(scratch / "workspaces")
    # The backend that loads fastest; the panel needs none.
    own["KERAS_BACKEND"] = "jax"
    # A kernel must draw into the notebook.
    return {**{k: v for k, v in os.environ.items() if k != "MPLBACKEND"}, **own}


def _wait_for(server: subprocess.Popen[Any], port: int, log: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"no server: {log.read_text('utf-8', 'replace')}")


def _end(server: subprocess.Popen[Any]) -> None:
    started = psutil.Process(server.pid).children(recursive=True)
    server.terminate()
    server.wait(60)
    _, alive = psutil.wait_procs(started, timeout=20)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=20)
    assert not alive or os.name == "nt", f"left behind: {alive}"
