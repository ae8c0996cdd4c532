"""Find the transforms of a list that are not pure, and say how one can see it."""

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
from augseq.inspection.explanation import explain_sample
from augseq.inspection.purity_process import ERROR, answer, digest_job
from augseq.loading.pipeline import Pipeline
from augseq.loading.sample import load_sample
from augseq.manifest.record import Record
from augseq.terminal_text import ending, first_lines, options_text
from augseq.types import Image

# Text hashes differ between these two, and so does every order that depends on them.
_HASH_SEEDS = (1, 2)
_CHILD_TIMEOUT_S = 120
_NUM_LINES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Impurity:
    """A law that a transform breaks.

    Attributes:
        number: The transform's place in the list, from 1.
        name: Its name.
        evidence: What was seen.
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
    """What a purity check found.

    Attributes:
        names: The transforms that were checked, in order.
        impurities: What was found; empty for a pure list.
    """

    names: tuple[str, ...]
    impurities: tuple[Impurity, ...]

    @property
    def is_pure(self) -> bool:
        """Whether nothing was found."""
        return not self.impurities

    def __repr__(self) -> str:
        return first_lines(f"PurityReport: {self}")

    def __str__(self) -> str:
        if self.is_pure:
            count = len(self.names)
            subject = "The augmentation is" if count == 1 else f"All {count} augmentations are"
            return f"{subject} pure: {', '.join(self.names) or 'there are none'}."
        guilty = len({found.number for found in self.impurities})
        title = f"{guilty} of {len(self.names)} augmentations are not pure:"
        return "\n".join([title, *(f"  {found}" for found in self.impurities)])


def check_purity(pipeline: Pipeline, records: Sequence[Record], *, seed: int = 0) -> PurityReport:
    """Test each transform of a pipeline's list against the contract of an augmentation.

    Each one runs on the images that it gets in the pipeline: twice, in another order, in
    threads, and in two new processes with other hash seeds.

    Args:
        pipeline: Whose list to test.
        records: A few records whose images to test with; each takes up to a second for each
            transform.
        seed: For the draws of the test.

    Raises:
        AugseqError: A file cannot be decoded.
        WorkerError: The system starts no process.
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
    # One that keeps a memory would differ between processes too, which tells nothing new.
    rest = {
        number: (step, [inputs[number - 1] for inputs in images])
        for number, step in enumerate(steps, 1)
        if number not in {impurity.number for impurity in found}
    }
    found += [
        Impurity(number=number, name=names[number - 1], evidence=evidence)
        for number, evidence in _differences_of_processes(rest, seed)
    ]
    return PurityReport(names=names, impurities=tuple(sorted(found, key=lambda one: one.number)))


def _inputs(pipeline: Pipeline, record: Record, seed: int) -> list[Image]:
    """Return the image that each step is given."""
    num_steps = len(pipeline.augment.steps)
    try:
        stages = explain_sample(record, pipeline, seed=seed, epoch=0).stages
    except (DecodeError, MissingFileError, UnreadableError):
        raise
    # A step that raises is found below; until then all get the image as it is without them.
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
    """Compare new processes with this one; yields the number of a step and what differs."""
    if not steps:
        return
    jobs = {number: pickle.dumps(job) for number, job in steps.items()}
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
            cause = "it depends on hashes of text, on the process, or on the time"
            yield number, f"gives other pixels in two processes, PYTHONHASHSEED={seeds}: {cause}"
        elif answers[0] != digest:
            yield number, "gives other pixels in a new process: it depends on what ran before"


class _NoAnswerError(Exception):
    """A process ends or hangs before it answers."""


def _answers(question: Mapping[str, Any], hash_seed: int) -> dict[int, str]:
    """Return what a new process answers for each job.

    Raises:
        WorkerError: There is no process that answers, whatever it is asked.
    """
    try:
        return _ask_process(question, hash_seed)
    except _NoAnswerError as error:
        reason = error
    jobs = question["jobs"]
    if not jobs:
        raise WorkerError(f"A new process must run Python to check purity, but {reason}.")
    if len(jobs) == 1:
        _answers({**question, "jobs": {}}, hash_seed)
        return dict.fromkeys(jobs, f"{ERROR}{reason}")
    # One of them is to blame: each in a process of its own.
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
    # Whatever a transform prints comes before the last line.
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
    """Return files of modules that no import finds, such as a list given to the command line."""
    names = {getattr(step, "__module__", "") for step in steps}
    files = {}
    for name in names - {"__main__"}:
        spec = getattr(sys.modules.get(name), "__spec__", None)
        if spec and spec.origin and "." not in name and PathFinder.find_spec(name) is None:
            files[name] = spec.origin
    return files
