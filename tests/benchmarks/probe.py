"""Run two epochs of some rows of the tables; print a summary, one line of JSON per row and dtype.

python -m tests.benchmarks.probe FOLDER [[DTYPE, NAME], ...]

A separate process, since contenders fork and spawn, which the test process should not do.
"""

import json
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.tables import Row, all_tables
from benchmarks.work import Job, UnavailableError


def distinct_rows(dtype: str) -> dict[str, Row]:
    """Return the rows of tables of a dtype that differ in contender or options, by both."""
    tables = [table for table in all_tables(2) if (table.kind, table.dtype) == ("passes", dtype)]
    rows = [row for table in tables for row in table.rows]
    return {f"{row.contender} {json.dumps(row.options)}": row for row in rows}


def look_at(row: Row, job: Job) -> dict[str, Any]:
    try:
        contender = import_module(f"benchmarks.contenders.{row.contender}")
        epochs = contender.epochs(job, **row.options)
        first = next(epochs)
    except (ModuleNotFoundError, UnavailableError) as error:
        return {"skipped": str(error)}
    return {
        "once_per_epoch": contender.ONCE_PER_EPOCH,
        "epochs": [_summary(first), _summary(next(epochs))],
    }


def _summary(epoch: Any) -> dict[str, Any]:
    batches = [(np.asarray(images), np.asarray(labels)) for images, labels in epoch]
    return {
        "shapes": [images.shape for images, _ in batches],
        "dtypes": sorted({str(images.dtype) for images, _ in batches}),
        "lowest": [float(images.min()) for images, _ in batches],
        "highest": [float(images.max()) for images, _ in batches],
        "labels": np.concatenate([labels for _, labels in batches]).tolist(),
    }


def main() -> None:
    job = Job(folder=Path(sys.argv[1]), image_size=(32, 40), batch_size=20, workers=2)
    wanted = json.loads(sys.argv[2])
    for dtype in ("uint8", "float32"):
        for name, row in distinct_rows(dtype).items():
            if [dtype, name] not in wanted:
                continue
            found = look_at(row, replace(job, dtype=dtype))
            print(json.dumps({"name": name, "dtype": dtype, **found}), flush=True)


if __name__ == "__main__":
    main()
