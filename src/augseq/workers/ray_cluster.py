"""Connect to a Ray cluster, and compare the software of its nodes."""

import logging
import os
import platform
import threading
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from augseq.errors import MissingExtraError, WorkerError, install_command
from augseq.runtime.at_exit import clean_up_first
from augseq.terminal_text import shortened

# What the pixels depend on. OpenCV comes in four packages with the same content.
_PACKAGES = ("augseq", "albumentations", "numpy", "pillow", "simplejpeg", "deflate")
_OPENCV_PACKAGES = [
    f"opencv{contrib}-python{headless}"
    for contrib in ("", "-contrib")
    for headless in ("-headless", "")
]


def import_ray() -> Any:
    """Import Ray.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError(
            f'worker_kind="ray" requires Ray, which is not installed: {install_command("ray")}'
        ) from error
    return ray


# The process that is connected, since a forked child inherits a connection that does not work.
_CONNECTED: set[int] = set()
# The same process, if it has started a cluster for itself.
_OWN_CLUSTER: set[int] = set()


def connect(num_workers: int) -> None:
    """Connect this process to a cluster, unless it already is.

    Uses the cluster of the environment variable RAY_ADDRESS, or one that runs on this machine, or
    starts a local one, which ends with this process.

    Args:
        num_workers: How many workers a local cluster is for.

    Raises:
        MissingExtraError: Ray is not installed.
        WorkerError: This process cannot be connected.
    """
    ray = import_ray()
    if _CONNECTED - {os.getpid()}:
        raise WorkerError(
            'A process forked from one that uses worker_kind="ray" cannot use Ray. Start it with '
            "the method spawn, or use another kind of workers in it."
        )
    # Threads that still waited for an actor after Ray's own cleanup would start a new cluster.
    clean_up_first()
    if not ray.is_initialized():
        try:
            _join_or_start(ray, num_workers)
        except WorkerError:
            raise
        except Exception as error:
            raise WorkerError(
                f"Ray could not be started: {last_line(error)}. Start a cluster at the shell with "
                "`ray start --head`, or use another kind of workers."
            ) from error
    _CONNECTED.add(os.getpid())


def _join_or_start(ray: Any, num_workers: int) -> None:
    # The library itself prints nothing.
    quiet = {"logging_level": logging.WARNING}
    try:
        ray.init(address="auto", **quiet)
    except ConnectionError as error:
        address = os.environ.get("RAY_ADDRESS")
        if address is not None:
            raise WorkerError(
                f"No Ray cluster answers at RAY_ADDRESS={address!r}: {error}. Start it, or unset "
                "the variable to use a local one."
            ) from error
        if threading.current_thread() is not threading.main_thread():
            # Its processes end with the thread that starts them.
            raise WorkerError(
                "A local Ray cluster can only be started in the main thread of a program. Call "
                "ray.init() there first."
            ) from error
        # It reports to its makers otherwise.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(address="local", num_cpus=num_workers, include_dashboard=False, **quiet)
        _OWN_CLUSTER.add(os.getpid())


def is_own_cluster() -> bool:
    """Return whether this process has started a cluster for itself."""
    return os.getpid() in _OWN_CLUSTER


def free_cpus_text() -> str:
    """Describe the size of the cluster, as a sentence."""
    ray = import_ray()
    alive = [node for node in ray.nodes() if node["Alive"]]
    every, free = ray.cluster_resources().get("CPU", 0), ray.available_resources().get("CPU", 0)
    return f"The Ray cluster has {every:g} CPUs on {len(alive)} nodes, {free:g} of them free."


def start_advice(num_workers: int) -> str:
    """Say what to do if workers do not start in time, as sentences."""
    if import_ray().cluster_resources().get("CPU", 0) < num_workers:
        return "Use fewer `workers`, or add nodes."
    return (
        "Other programs use these CPUs, or the nodes are too busy to start workers in time, since "
        "Ray starts them at low priority. Use fewer `workers`, try again later, or set "
        "RAY_worker_niceness=0 where the nodes are started."
    )


def last_line(error: Exception) -> str:
    """Return the last line of the message of an exception of Ray, which says why."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # What follows lists all causes that there can be.
    reason = lines[-1].split(" Worker exit ")[0] if lines else type(error).__name__
    return shortened(reason.rstrip("."), 160)


def software_versions() -> dict[str, str]:
    """Return the versions of what the pixels depend on, on this machine."""
    versions = {"Python": platform.python_version(), "machine": platform.machine()}
    for name in _PACKAGES:
        versions[name] = _version(name)
    found = [_version(name) for name in _OPENCV_PACKAGES]
    versions["OpenCV"] = next((one for one in found if one != _NONE), _NONE)
    return versions


_NONE = "not installed"


def _version(package: str) -> str:
    with suppress(PackageNotFoundError):
        return version(package)
    return _NONE


def version_differences(theirs: Mapping[str, str]) -> str:
    """Describe how the versions of a node differ from those here; empty if they do not."""
    ours = software_versions()
    return ", ".join(
        f"{name} {theirs.get(name, _NONE)} instead of {ours[name]}"
        for name in ours
        if theirs.get(name) != ours[name]
    )
