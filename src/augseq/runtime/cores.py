"""How many processor cores this process may use."""

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

# Set by torchrun for each of the processes that it starts on one machine.
_PROCESSES_VARIABLE = "LOCAL_WORLD_SIZE"


def num_cores(root: Path = Path("/")) -> int:
    """Return the number of cores that this process may use, at least 1.

    Counts the cores that the process is bound to (`taskset`, a batch system), no more than the CPU
    quota of its container allows, rounded up. The processes that torchrun starts on a machine get
    equal parts, unless they are bound to cores of their own.

    Args:
        root: Where the file systems of the kernel are mounted.
    """
    bound, installed = _num_bound(), os.cpu_count() or 1
    cores = min([bound, *(math.ceil(quota) for quota in _quotas(root))])
    if bound == installed:
        cores //= _num_processes()
    return max(1, cores)


def _num_bound() -> int:
    # From Python 3.13 on, which also respects PYTHON_CPU_COUNT.
    count = getattr(os, "process_cpu_count", None)
    if count is not None:
        return count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _num_processes() -> int:
    text = os.environ.get(_PROCESSES_VARIABLE, "")
    return max(1, int(text)) if text.isdecimal() else 1


def _quotas(root: Path) -> Iterator[float]:
    """Yield the CPU quotas, in cores, of the control groups of this process."""
    # Absent on other systems than Linux.
    with suppress(OSError, ValueError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            number, controllers, path = line.split(":", 2)
            if number == "0":
                yield from _quotas_below(root / "sys/fs/cgroup", path)
            elif "cpu" in controllers.split(","):
                for name in dict.fromkeys([controllers, "cpu"]):
                    yield from _quotas_below(root / "sys/fs/cgroup" / name, path)


def _quotas_below(mount: Path, path: str) -> Iterator[float]:
    """Yield the quotas of a control group and of all above it, each of which applies."""
    # Inside a container the path can be that of the host, of which only the mount itself exists.
    for group in [PurePosixPath(path), *PurePosixPath(path).parents]:
        folder = mount / str(group).lstrip("/")
        # Version 2, such as "150000 100000" or "max 100000".
        with suppress(OSError, ValueError):
            quota, period = (folder / "cpu.max").read_text().split()
            yield int(quota) / int(period)
        # Version 1; -1 for no limit.
        with suppress(OSError, ValueError):
            quota = (folder / "cpu.cfs_quota_us").read_text()
            if int(quota) > 0:
                yield int(quota) / int((folder / "cpu.cfs_period_us").read_text())
