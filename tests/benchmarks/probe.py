"""Take two epochs from each contender named on the command line; print what came, as JSON.

In a process of its own: contenders fork and spawn, which a process full of tests should not.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.work import Job


def look_at(name: str, job: Job) -> dict[str, Any]:
    try:
        contender = import_module(f"benchmarks.contenders.{name}")
    except ModuleNotFoundError as error:
        return {"skipped": str(error)}
    epochs = contender.epochs(job)
    seen = []
    for _ in range(2):
        batches = [(np.asarray(images), np.asarray(labels)) for images, labels in next(epochs)]
        seen.append(
            {
                "shapes": [images.shape for images, _ in batches],
                "dtypes": sorted({str(images.dtype) for images, _ in batches}),
                "spread": [float(np.ptp(images)) for images, _ in batches],
                "labels": np.concatenate([labels for _, labels in batches]).tolist(),
            }
        )
    return {"once_per_epoch": contender.ONCE_PER_EPOCH, "epochs": seen}


def main() -> None:
    folder, *names = sys.argv[1:]
    job = Job(folder=Path(folder), image_size=(32, 40), batch_size=20, workers=2)
    for name in names:
        print(json.dumps({"contender": name, **look_at(name, job)}), flush=True)


if __name__ == "__main__":
    main()
