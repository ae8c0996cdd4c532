"""The machine and the library versions, on which the figures depend."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = (
    "albumentations",
    "augseq",
    "grain",
    "jax",
    "keras",
    "numpy",
    "nvidia-dali-cuda120",
    "opencv-python-headless",
    "pillow",
    "simplejpeg",
    "tensorflow",
    "torch",
)


def describe_machine() -> dict[str, Any]:
    """Return processor, cores, memory, system, date, and the current load."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _cpu_model(),
        "num_cores": os.cpu_count(),
        "memory_gb": _memory_gb(),
        "system": platform.platform(),
        # Average number of busy processes in the last minute; near 0 on a quiet machine.
        "load_at_start": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def _memory_gb() -> float | None:
    """Return the memory of a POSIX system; None on other systems."""
    if not hasattr(os, "sysconf"):
        return None
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), "unknown")


def list_versions() -> dict[str, str | None]:
    """Return the version of each library; None if it is missing."""
    return {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
