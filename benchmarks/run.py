"""Compare augseq with other data loaders on the same work.

python benchmarks/run.py --all
"""

import argparse
import json
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import data, many_files, plots, report
from benchmarks.file_statistics import decode_ms, measure_files
from benchmarks.machine import describe_machine, list_versions
from benchmarks.rounds import run_rounds
from benchmarks.tables import Table, all_tables
from benchmarks.work import Job, list_files


def choose_tables(options: argparse.Namespace) -> list[Table]:
    """Return the tables to measure, reduced as the options say."""
    tables = all_tables(options.cores)
    known = [table.name for table in tables]
    names = known if options.all else options.tables
    if unknown := set(names) - set(known):
        raise SystemExit(f"Unknown tables: {sorted(unknown)}. Available: {', '.join(known)}")
    return [_shortened(table, options) for table in tables if table.name in names]


def _shortened(table: Table, options: argparse.Namespace) -> Table:
    only = options.only
    return replace(
        table,
        rows=tuple(
            row
            for row in table.rows
            if only is None or row.contender in only or row.label == table.reference
        ),
        num_rounds=options.rounds or table.num_rounds,
        num_passes=options.passes or table.num_passes,
        num_images=options.num_images or table.num_images,
    )


def find_folder(table: Table, folder: Path | None) -> Path:
    """Return the folder of a table's images; create its files if needed."""
    if table.images in data.WORKLOADS:
        found = folder or data.find_images(table.images, table.num_images)
        if any(row.contender.endswith("_masks") for row in table.rows):
            # Now, so that no contender has to draw them.
            data.find_masks(found)
        return found
    num_files = table.num_images or 0
    num_folders = 1 if table.images == "flat" else min(1000, num_files)
    if table.images == "links":
        images = folder or data.find_images("small-jpeg", min(1000, num_files))
        return many_files.find_links(images, num_folders, num_files)
    return many_files.find_empty_files(num_folders, num_files)


def measure_table(table: Table, options: argparse.Namespace) -> dict[str, Any]:
    """Return the table's fields, statistics of its images, all runs and their summary."""
    print(f"\n{table.name}: {table.title}", flush=True)
    folder = find_folder(table, options.folder)
    size = (options.image_size, options.image_size)
    job = Job(
        folder=folder,
        image_size=size,
        batch_size=options.batch_size or table.batch_size,
        workers=options.cores,
        dtype=table.dtype,
        warm_up_s=options.warm_up_s,
    )
    runs = run_rounds(table, job)
    own = {name: value for name, value in asdict(table).items() if name != "rows"}
    drawn = options.folder is None and table.images in data.WORKLOADS
    return {
        **own,
        "batch_size": job.batch_size,
        "reference": table.reference,
        "data": _describe(folder) if table.images in data.WORKLOADS else None,
        "real_data": data.WORKLOADS[table.images].real if drawn else None,
        "runs": runs,
        "summary": report.summarize(runs, table.reference),
    }


def _describe(folder: Path) -> dict[str, Any]:
    return {**measure_files(folder), "decode_ms": decode_ms(folder)}


def write(results: dict[str, Any], output: Path) -> None:
    """Write results, tables and plots to the same folder."""
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(results, indent=2), "utf-8")
    output.with_suffix(".md").write_text(report.markdown(results) + "\n", "utf-8")
    plots.draw_all(results, output.parent)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--all", action="store_true", help="measure all tables: about 25 minutes")
    add("--tables", nargs="+", default=["small-jpeg"], metavar="NAME", help="%(default)s")
    add("--only", nargs="+", metavar="MODULE", help="contenders to measure, besides the reference")
    add("--folder", type=Path, help="your own images in class folders [drawn images]")
    add("--num-images", type=int, help="files to create, in every table")
    add("--rounds", type=int, help="how often each row runs")
    add("--passes", type=int, help="timed passes in a round")
    add("--warm-up-s", type=float, default=5, help="seconds before the timed passes [%(default)s]")
    add("--batch-size", type=int, help="images in a batch, in every table")
    add("--image-size", type=int, default=224, help="side in pixels [%(default)s]")
    add("--cores", type=int, default=os.cpu_count() or 1, help="number of cores and workers [all]")
    add("--output", type=Path, default=Path("results/results.json"), help="[%(default)s]")
    options = parser.parse_args()
    if options.folder is not None and not list_files(options.folder)[0]:
        parser.error(f"there are no images in the sub-folders of {str(options.folder)!r}")
    return options


def main() -> int:
    options = parse_arguments()
    results: dict[str, Any] = {
        "machine": describe_machine(),
        "versions": list_versions(),
        "options": {k: str(v) if isinstance(v, Path) else v for k, v in vars(options).items()},
        "tables": [],
    }
    for table in choose_tables(options):
        results["tables"].append(measure_table(table, options))
        # After each table, so that an interruption loses only one.
        write(results, options.output)
    print("\n" + report.markdown(results))
    runs = [run for table in results["tables"] for run in table["runs"]]
    return int(any("failed" in run for run in runs))


if __name__ == "__main__":
    sys.exit(main())
