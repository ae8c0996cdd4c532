"""Measure one contender in this process: `rounds.py` starts one process per measurement.

Reads a request as JSON from the command line, and prints the result as its last line of output.
"""

import json
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.indexing import measure_indexing
from benchmarks.memory import measure_memory
from benchmarks.processes import leave, use_cores
from benchmarks.throughput import measure_fit, measure_passes
from benchmarks.work import Job, UnavailableError

_MEASURES = {
    "passes": measure_passes,
    "waiting": measure_passes,
    "fit": measure_fit,
    "memory": measure_memory,
}


def measure(request: dict[str, Any]) -> dict[str, Any]:
    """Return figures, or {"skipped": reason} if the contender lacks a library or option."""
    given = request["job"]
    height, width = given["image_size"]
    job = Job(**{**given, "folder": Path(given["folder"]), "image_size": (height, width)})
    use_cores(job.workers)
    name, num_passes = request["contender"], request["num_passes"]
    try:
        if request["kind"] == "index":
            return measure_indexing(name, job, num_passes)
        contender = import_module(f"benchmarks.contenders.{name}")
        found = _MEASURES[request["kind"]](contender, request["options"], job, num_passes)
        return asdict(found)
    except (ModuleNotFoundError, UnavailableError) as error:
        if (getattr(error, "name", None) or "").startswith("benchmarks"):
            raise
        return {"skipped": str(error)}


def main() -> None:
    print(json.dumps(measure(json.loads(sys.argv[1]))), flush=True)
    leave()


if __name__ == "__main__":
    main()
