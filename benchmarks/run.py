"""Measure augseq beside its peers, all on the same work.

python benchmarks/run.py --workload small-jpeg --output results.json
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import data, report
from benchmarks.contenders import CONTENDERS, REFERENCE
from benchmarks.machine import describe_machine, list_versions
from benchmarks.work import Job

_ROOT = Path(__file__).parents[1]
_TIMEOUT_S = 600

# One thread for each worker: a pool inside of a worker would take the others' cores.
_PINNED = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
    "KERAS_BACKEND": "tensorflow",
    "CUDA_VISIBLE_DEVICES": "-1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "NO_ALBUMENTATIONS_UPDATE": "1",
}


def measure(name: str, job: Job, *, num_passes: int, fit: bool) -> dict[str, Any]:
    """Measure one contender in a process of its own.

    Returns:
        The fields of `measure.Result`, or {"skipped": why}, or {"failed": why}.
    """
    request = {
        "contender": name,
        "job": {**asdict(job), "folder": str(job.folder)},
        "num_passes": num_passes,
        "fit": fit,
    }
    path = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "benchmarks.measure", json.dumps(request)]
    child = subprocess.Popen(
        command,
        env={**os.environ, **_PINNED, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        output, errors = child.communicate(timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        _end(child)
        return {"failed": f"not ready after {_TIMEOUT_S} s"}
    if child.returncode:
        tail = errors.strip().splitlines()[-10:]
        return {"failed": "\n".join([f"exit code {child.returncode}", *tail])}
    found: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    return found


def _end(child: subprocess.Popen[str]) -> None:
    """End a process and its workers, which would else outlive it and disturb what comes next."""
    with suppress(psutil.NoSuchProcess):
        for worker in psutil.Process(child.pid).children(recursive=True):
            worker.kill()
    child.kill()
    child.communicate()


def run_rounds(
    names: list[str], job: Job, *, num_rounds: int, num_passes: int, fit: bool
) -> list[dict[str, Any]]:
    """Let all contenders take their turns, round by round; one that cannot run is asked once."""
    runs = []
    out: set[str] = set()
    for round_ in range(num_rounds):
        for name in names:
            if name in out:
                continue
            found = measure(name, job, num_passes=num_passes, fit=fit)
            if "num_images" not in found:
                out.add(name)
            runs.append({"round": round_, "contender": name, **found})
            print(report.progress_line(runs[-1]), flush=True)
    return runs


def find_folder(options: argparse.Namespace) -> Path:
    """Return the folder to measure on; draw its images if none was given."""
    if options.folder is not None:
        return Path(options.folder).resolve()
    workload = data.WORKLOADS[options.workload]
    num_images = options.num_images or workload.num_images
    name = f"augseq-benchmark-{options.workload}-{num_images}"
    folder = Path(tempfile.gettempdir()) / name
    print(f"Images: {folder}", flush=True)
    data.generate(folder, workload, num_images)
    return folder


def choose_contenders(only: list[str] | None) -> list[str]:
    """Return the contenders to run, the reference among them."""
    return [name for name in CONTENDERS if only is None or name in {REFERENCE, *only}]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--folder", type=Path, help="your own images in class folders; drawn if not given")
    add("--workload", choices=data.WORKLOADS, default="small-jpeg", help="what to draw")
    add("--num-images", type=int, help="how many to draw [1000; 100 photos]")
    add("--rounds", type=int, default=5, help="how often each contender runs [%(default)s]")
    add("--passes", type=int, default=2, help="timed passes in a round [%(default)s]")
    add("--only", nargs="+", choices=CONTENDERS, metavar="NAME", help="beside the reference")
    add("--fit", action="store_true", help="measure inside `fit` of a model that does nothing")
    add("--dtype", choices=["uint8", "float32"], default="uint8", help="[%(default)s]")
    add("--batch-size", type=int, default=64, help="[%(default)s]")
    add("--image-size", type=int, default=224, help="side in pixels [%(default)s]")
    add("--cores", type=int, default=os.cpu_count() or 1, help="and workers [all]")
    add("--output", type=Path, default=Path("results.json"), help="[%(default)s]")
    return parser.parse_args()


def main() -> int:
    options = parse_arguments()
    folder = find_folder(options)
    job = Job(
        folder=folder,
        image_size=(options.image_size, options.image_size),
        batch_size=options.batch_size,
        workers=options.cores,
        dtype=options.dtype,
    )
    machine = describe_machine()
    runs = run_rounds(
        choose_contenders(options.only),
        job,
        num_rounds=options.rounds,
        num_passes=options.passes,
        fit=options.fit,
    )
    results: dict[str, Any] = {
        "machine": machine,
        "versions": list_versions(),
        "options": {k: str(v) if isinstance(v, Path) else v for k, v in vars(options).items()},
        "data": data.statistics(folder),
        "real_data": None if options.folder else data.WORKLOADS[options.workload].real,
        "reference": REFERENCE,
        "runs": runs,
        "summary": report.summarize(runs, REFERENCE),
    }
    options.output.write_text(json.dumps(results, indent=2))
    report.write_markdown(results, options.output.with_suffix(".md"))
    report.draw_ratios(results, options.output.with_suffix(".png"))
    print("\n" + report.text_table(results["summary"]))
    return int(any("failed" in run for run in runs))


if __name__ == "__main__":
    sys.exit(main())
