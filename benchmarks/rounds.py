"""Run the rows of a table in alternation, each run in its own process."""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psutil

from benchmarks import report
from benchmarks.tables import Row, Table
from benchmarks.work import Job

_ROOT = Path(__file__).parents[1]
# Ten times as long as the slowest row takes. Keras' process pool forks a process that has threads,
# which can hang.
_TIMEOUT_S = 300

# One thread per worker: a thread pool inside a worker would use the cores of other workers.
_PINNED = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
    "CUDA_VISIBLE_DEVICES": "-1",
    "JAX_PLATFORMS": "cpu",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "NO_ALBUMENTATIONS_UPDATE": "1",
}


def run_rounds(table: Table, job: Job) -> list[dict[str, Any]]:
    """Run all rows, round by round; a row that cannot run is tried once.

    Returns:
        The results of `measure_row`, with `round` and `contender`, the row's label.
    """
    runs = []
    out: set[str] = set()
    for round_ in range(table.num_rounds):
        for row in table.rows:
            if row.label in out:
                continue
            found = measure_row(row, job, kind=row.kind or table.kind, num_passes=table.num_passes)
            if report.states(found):
                out.add(row.label)
            runs.append({"round": round_, "contender": row.label, **found})
            print(report.progress_line(runs[-1]), flush=True)
    return runs


def measure_row(row: Row, job: Job, *, kind: str, num_passes: int) -> dict[str, Any]:
    """Measure one contender in its own process.

    Returns:
        The fields of `Throughput` or `Memory`, or {"skipped": reason}, or {"failed": reason}.
    """
    job = replace(job, workers=row.workers or job.workers)
    request = {
        "kind": kind,
        "contender": row.contender,
        "options": row.options,
        "job": {**asdict(job), "folder": str(job.folder)},
        "num_passes": num_passes,
    }
    # Caches are deleted with the run that created them.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        return _ask(request, {"KERAS_BACKEND": row.backend, "TMPDIR": scratch})


def _ask(request: dict[str, Any], variables: dict[str, str]) -> dict[str, Any]:
    path = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.measure", json.dumps(request)],
        env={**os.environ, **_PINNED, **variables, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        output, errors = child.communicate(timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        _end(child)
        return {"failed": f"timed out after {_TIMEOUT_S} s"}
    if child.returncode:
        tail = errors.strip().splitlines()[-10:]
        return {"failed": "\n".join([f"exit code {child.returncode}", *tail])}
    found: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    return found


def _end(child: subprocess.Popen[str]) -> None:
    """Kill a process and its workers, which would otherwise disturb the next run."""
    with suppress(psutil.NoSuchProcess):
        for worker in psutil.Process(child.pid).children(recursive=True):
            worker.kill()
    child.kill()
    child.communicate()
