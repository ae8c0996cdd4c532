"""Find the transforms of a list that are not pure, with evidence."""

import json
import os
import pickle
import subprocess
import sys
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from importlib.machinery import PathFinder
from typing import Any

import cloudpickle

from augseq.augment.augmentation import Augmentation
from augseq.augment.augmentation_list import AugmentationList
from augseq.augment.laws import LAWS
from augseq.errors import (
    AugmentationError,
    DecodeError,
    MissingFileError,
    UnreadableError,
    WorkerError,
)
from augseq.inspection.reports.explanation import explain_sample
from augseq.inspection.reports.purity_process import ERROR, answer, digest_job
from augseq.loading.pipeline import Pipeline
from augseq.loading.sample import load_sample
from augseq.manifest.record import Record
from augseq.terminal_text import ending, first_lines, options_text
from augseq.types import Image

# Hashes of text, and every order that depends on them, differ between these two.
_HASH_SEEDS = (1, 2)
_CHILD_TIMEOUT_S = 120
_NUM_LINES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Impurity:
    """A rule of purity that a transform breaks.

    Attributes:
        number: The transform's position in the list, from 1.
        name: Its name.
        evidence: What was observed.
    """

    number: int
    name: str
    evidence: str

    def __repr__(self) -> str:
        return options_text(self)

    def __str__(self) -> str:
        return f"augmentation {self.number}, {self.name!r}: {self.evidence}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PurityReport:
    """The result of a purity check.

    Attributes:
        names: The transforms that were checked, in order.
        impurities: The rules that were broken; empty for a pure list.
    """

    names: tuple[str, ...]
    impurities: tuple[Impurity, ...]

    @property
    def is_pure(self) -> bool:
        """Whether all transforms are pure."""
        return not self.impurities

    def __repr__(self) -> str:
        return first_lines(f"PurityReport: {self}")

    def __str__(self) -> str:
        if self.is_pure:
            count = len(self.names)
            subject = "The augmentation is" if count == 1 else f"All {count} augmentations are"
            return f"{subject} pure: {', '.join(self.names) or 'there are none'}."
        num_impure = len({impurity.number for impurity in self.impurities})
        title = f"{num_impure} of {len(self.names)} augmentations are not pure:"
        return "\n".join([title, *(f"  {impurity}" for impurity in self.impurities)])


def check_purity(pipeline: Pipeline, records: Sequence[Record], *, seed: int = 0) -> PurityReport:
    """Test each transform of a pipeline's list against the contract of an augmentation.

    Each one runs on the images that it receives in the pipeline: twice, in a different order, in
    threads, and in two new processes with different hash seeds.

    Args:
        pipeline: The pipeline to test.
        records: A few records to test with; each takes up to a second per transform.
        seed: Random seed of the test.

    Raises:
        AugseqError: A file cannot be decoded.
        WorkerError: The system cannot start a process.
    """
    steps, names = pipeline.augment.steps, tuple(pipeline.augment.names)
    images = [_inputs(pipeline, record, seed) for record in records]
    found: list[Impurity] = []
    for number, (step, name) in enumerate(zip(steps, names, strict=True), 1):
        given = [inputs[number - 1] for inputs in images]
        found += [
            Impurity(number=number, name=name, evidence=evidence)
            for evidence in _broken_laws(step, given, seed)
        ]
    # A transform that keeps state would also differ between processes, which is not news.
    rest = {
        number: (step, [inputs[number - 1] for inputs in images])
        for number, step in enumerate(steps, 1)
        if number not in {impurity.number for impurity in found}
    }
    found += [
        Impurity(number=number, name=names[number - 1], evidence=evidence)
        for number, evidence in _differences_of_processes(rest, seed)
    ]
    impurities = tuple(sorted(found, key=lambda impurity: impurity.number))
    return PurityReport(names=names, impurities=impurities)


def _inputs(pipeline: Pipeline, record: Record, seed: int) -> list[Image]:
    """Return the input image of each transform."""
    num_steps = len(pipeline.augment.steps)
    try:
        stages = explain_sample(record, pipeline, seed=seed, epoch=0).stages
    except (DecodeError, MissingFileError, UnreadableError):
        raise
    # A transform that raises is reported later; use the image without augmentations for all.
    except Exception:
        plain = replace(pipeline, augment=AugmentationList())
        return [load_sample(record, plain, seed=seed, epoch=0).image] * num_steps
    images = [stage.image for stage in stages]
    first = 1 if pipeline.resizes_first else 0
    return images[first : first + num_steps]


def _broken_laws(step: Augmentation, images: Sequence[Image], seed: int) -> Iterator[str]:
    alone = AugmentationList((step,))
    for law in LAWS:
        try:
            for image in images:
                law(alone, image, seed)
        except AugmentationError as error:
            yield str(error).removeprefix("The augmentation ")
        except Exception as error:
            yield f"raises {type(error).__name__}: {error}"
            return


def _differences_of_processes(
    steps: Mapping[int, tuple[Augmentation, list[Image]]], seed: int
) -> Iterator[tuple[int, str]]:
    """Compare new processes with this one; yield transform numbers and differences."""
    if not steps:
        return
    jobs = {number: cloudpickle.dumps(job) for number, job in steps.items()}
    here = {number: digest_job(job, seed) for number, job in jobs.items()}
    question = {
        "path": sys.path,
        "modules": _private_modules([step for step, _ in steps.values()]),
        "jobs": jobs,
        "seed": seed,
    }
    with ThreadPoolExecutor(len(_HASH_SEEDS)) as pool:
        there = list(pool.map(partial(_answers, question), _HASH_SEEDS))
    for number, digest in here.items():
        answers = [answer[number] for answer in there]
        errors = [answer for answer in answers if answer.startswith(ERROR)]
        if errors:
            yield number, f"cannot run in another process ({errors[0].removeprefix(ERROR)})"
        elif answers[0] != answers[1]:
            seeds = " and ".join(map(str, _HASH_SEEDS))
            yield (
                number,
                f"returns different pixels in two processes with PYTHONHASHSEED={seeds}: it "
                "depends on hashes of text, on the process, or on the time",
            )
        elif answers[0] != digest:
            yield number, "returns different pixels in a new process: it depends on what ran before"


class _NoAnswerError(Exception):
    """A process exits or hangs before it answers."""


def _answers(question: Mapping[str, Any], hash_seed: int) -> dict[int, str]:
    """Return the answers of a new process, one per job.

    Raises:
        WorkerError: A new process does not answer even without jobs.
    """
    try:
        return _ask_process(question, hash_seed)
    except _NoAnswerError as error:
        reason = error
    jobs = question["jobs"]
    if not jobs:
        raise WorkerError(f"The purity check must run Python in a new process, but {reason}.")
    if len(jobs) == 1:
        _answers({**question, "jobs": {}}, hash_seed)
        return dict.fromkeys(jobs, f"{ERROR}{reason}")
    # One of the jobs is the cause: run each in a separate process.
    alone = [_answers({**question, "jobs": {number: jobs[number]}}, hash_seed) for number in jobs]
    return dict(ChainMap(*alone))


def _ask_process(question: Mapping[str, Any], hash_seed: int) -> dict[int, str]:
    try:
        answered = subprocess.run(
            [sys.executable, "-c", f"from {answer.__module__} import answer; answer()"],
            input=pickle.dumps(question),
            env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
            capture_output=True,
            timeout=_CHILD_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        words = f"its process takes longer than {_CHILD_TIMEOUT_S} s"
        raise _NoAnswerError(words + _last_lines(error.stderr)) from error
    # Output printed by transforms comes before the last line.
    *_, last_line = b"", *answered.stdout.splitlines()
    if answered.returncode or not last_line.startswith(b"{"):
        words = f"its process {ending(answered.returncode)}"
        raise _NoAnswerError(words + _last_lines(answered.stderr))
    digests: dict[str, str] = json.loads(last_line)
    return {int(number): digest for number, digest in digests.items()}


def _last_lines(printed: bytes | None) -> str:
    lines = (printed or b"").decode(errors="replace").splitlines()[-_NUM_LINES:]
    return ": " * bool(lines) + "; ".join(line.strip() for line in lines)


def _private_modules(steps: Sequence[Augmentation]) -> dict[str, str]:
    """Return files of modules outside the import path, such as a shell argument."""
    names = {getattr(step, "__module__", "") for step in steps}
    files = {}
    for name in names - {"__main__"}:
        spec = getattr(sys.modules.get(name), "__spec__", None)
        if spec and spec.origin and "." not in name and PathFinder.find_spec(name) is None:
            files[name] = spec.origin
    return files
