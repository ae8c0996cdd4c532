"""Processor time and memory of this process and of all that it started."""

import os
from contextlib import suppress

import psutil


def cpu_seconds() -> float:
    """Return the user and system time of this process and all it started, ended ones included."""
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
    """Return the memory of this process and all it started, in units of 10**6 bytes."""
    total = 0
    for process in _processes():
        try:
            memory = process.memory_full_info()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        # Only Linux knows the share of a process in shared pages.
        total += getattr(memory, "pss", memory.uss)
    return total / 1e6


def _processes() -> list[psutil.Process]:
    this = psutil.Process()
    return [this, *this.children(recursive=True)]


def own_mb() -> float:
    """Return the memory that this process shares with no other."""
    return float(psutil.Process().memory_full_info().uss) / 1e6


def worker_mb(num_workers: int) -> float | None:
    """Return what a worker process holds for itself, the mean; None where there is none.

    The largest ones count: `multiprocessing` has small helpers of its own beside the workers.
    """
    held = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            held.append(process.memory_full_info().uss / 1e6)
    workers = sorted(held)[-num_workers:]
    return sum(workers) / len(workers) if workers else None


def use_cores(num_cores: int) -> None:
    """Keep this process and all it starts on some cores, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:num_cores])


def leave() -> None:
    """End at once: some contenders take seconds, or for ever, to end their workers."""
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.kill()
    os._exit(0)
