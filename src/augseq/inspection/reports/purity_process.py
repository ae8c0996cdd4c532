"""The code that a purity check runs in new processes; small, for a quick start."""

import hashlib
import importlib.util
import json
import pickle
import sys
from collections.abc import Sequence

import numpy as np

from augseq.augment.albumentations_import import import_albumentations
from augseq.augment.augmentation import Augmentation
from augseq.types import Image

_NUM_DRAWS = 12

ERROR = "error: "
"""Prefix of an answer that is not a digest."""

# A pickled pair of a transform and the images to run it on.
Job = bytes


def answer() -> None:
    """Run the jobs that another process requests, and print a digest of each result."""
    question = pickle.load(sys.stdin.buffer)
    sys.path[:] = question["path"]
    if any(b"albumentations" in job for job in question["jobs"].values()):
        import_albumentations()
    for name, origin in question["modules"].items():
        spec = importlib.util.spec_from_file_location(name, origin)
        if spec is not None and spec.loader is not None:
            sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[name])
    digests = {}
    for number, job in question["jobs"].items():
        try:
            digests[number] = digest_job(job, question["seed"])
        except Exception as error:
            digests[number] = f"{ERROR}{type(error).__name__}: {error}"
    print("\n" + json.dumps(digests))


def digest_job(job: Job, seed: int) -> str:
    """Run a transform on images with a dozen generators each, and hash all results."""
    step: Augmentation
    images: Sequence[Image]
    step, images = pickle.loads(job)
    digest = hashlib.blake2b(digest_size=16)
    for image in images:
        for draw in range(_NUM_DRAWS):
            rng = np.random.Generator(np.random.Philox(key=seed + draw))
            digest.update(step(image.copy(), rng).tobytes())
    return digest.hexdigest()
