"""How many cores a process may use: its binding, the quota of its container, its share."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from augseq.runtime.cores import num_cores


@pytest.fixture(autouse=True)
def _on_a_large_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the machine have 16 cores, none of them out of bounds."""
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 16)
    if hasattr(os, "process_cpu_count"):
        monkeypatch.setattr("os.process_cpu_count", lambda: 16)
    if hasattr(os, "sched_getaffinity"):
        monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(16)))


def machine(root: Path, groups: str, files: dict[str, str]) -> Path:
    """Write what a kernel shows of control groups."""
    for name, text in {"proc/self/cgroup": groups, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


CGROUP = "sys/fs/cgroup"


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        # Version 2: in a container, no limit, a part of a core, a limit further up.
        ("0::/\n", {f"{CGROUP}/cpu.max": "400000 100000\n"}, 4),
        ("0::/\n", {f"{CGROUP}/cpu.max": "max 100000\n"}, 16),
        ("0::/\n", {f"{CGROUP}/cpu.max": "20000 100000\n"}, 1),
        ("0::/\n", {f"{CGROUP}/cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {f"{CGROUP}/cpu.max": "6400000 100000\n"}, 16),
        (
            "0::/pods/a/b\n",
            {f"{CGROUP}/pods/a/b/cpu.max": "max 1000", f"{CGROUP}/pods/cpu.max": "5000 1000"},
            5,
        ),
        (
            "0::/pods/a\n",
            {f"{CGROUP}/pods/a/cpu.max": "3000 1000", f"{CGROUP}/pods/cpu.max": "5000 1000"},
            3,
        ),
        ("0::/../../elsewhere\n", {f"{CGROUP}/cpu.max": "7000 1000"}, 7),
        # Version 1: by the name of the controllers, with the path of the host, without a limit.
        (
            "7:memory:/\n3:cpu,cpuacct:/docker/ab\n",
            {
                f"{CGROUP}/cpu,cpuacct/cpu.cfs_quota_us": "250000\n",
                f"{CGROUP}/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            3,
        ),
        (
            "1:cpu:/job\n0::/\n",
            {
                f"{CGROUP}/cpu/job/cpu.cfs_quota_us": "200000",
                f"{CGROUP}/cpu/job/cpu.cfs_period_us": "100000",
            },
            2,
        ),
        (
            "1:cpu:/\n",
            {f"{CGROUP}/cpu/cpu.cfs_quota_us": "-1", f"{CGROUP}/cpu/cpu.cfs_period_us": "100000"},
            16,
        ),
        # Nothing usable.
        ("", {}, 16),
        ("what is this\n", {}, 16),
        ("0::/\n", {f"{CGROUP}/cpu.max": "many cores"}, 16),
    ],
)
def test_the_quota_of_a_container_limits_the_cores(
    groups: str, files: dict[str, str], expected: int, tmp_path: Path
) -> None:
    assert num_cores(machine(tmp_path, groups, files)) == expected


def test_a_system_without_control_groups_has_no_quota(tmp_path: Path) -> None:
    assert num_cores(tmp_path) == 16


@pytest.mark.parametrize(
    ("size", "expected"), [("1", 16), ("4", 4), ("3", 5), ("40", 1), ("0", 16), ("x", 16)]
)
def test_the_processes_of_torchrun_share_the_cores(
    size: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_WORLD_SIZE", size)
    assert num_cores(tmp_path) == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cannot bind a process to cores")
def test_a_process_that_is_bound_to_a_core_uses_this_one() -> None:
    code = (
        "import os; from augseq.runtime.cores import num_cores;"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); print(num_cores())"
    )
    environment = {**os.environ, "LOCAL_WORLD_SIZE": "1"}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout == "1\n"
