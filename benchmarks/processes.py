"""CPU time and memory of this process and its descendants."""

import os
from contextlib import suppress

import psutil


def cpu_seconds() -> float:
    """Return user and system time of this process and its descendants, including ended ones."""
    total = 0.0
    for process in _processes():
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
        total += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return total


def memory_mb() -> float:
    """Return the memory of this process and its descendants, in units of 10**6 bytes."""
    total = 0
    for process in _processes():
        try:
            memory = process.memory_full_info()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        # Only Linux reports a process's share of shared pages.
        total += getattr(memory, "pss", memory.uss)
    return total / 1e6


def _processes() -> list[psutil.Process]:
    this = psutil.Process()
    return [this, *this.children(recursive=True)]


def own_mb() -> float:
    """Return the unshared memory of this process, in units of 10**6 bytes."""
    return float(psutil.Process().memory_full_info().uss) / 1e6


def worker_mb(num_workers: int) -> float | None:
    """Return the mean unshared memory of the worker processes; None if there are none.

    Only the largest processes count, since `multiprocessing` also starts small helpers.
    """
    held = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            held.append(process.memory_full_info().uss / 1e6)
    workers = sorted(held)[-num_workers:]
    return sum(workers) / len(workers) if workers else None


def use_cores(num_cores: int) -> None:
    """Pin this process and its children to some cores, if the system supports it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:num_cores])


def leave() -> None:
    """Exit immediately: some contenders take seconds, or forever, to stop their workers."""
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.kill()
    os._exit(0)
