"""Law 2: threads, processes and other interpreters give the same bits."""

import hashlib
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import albumentations as A
import pytest

import augseq
from augseq.augment.augmentation_list import make_augmentation_list
from augseq.augment.presets import preset
from augseq.loading.batch import load_batch
from augseq.loading.pipeline import Pipeline
from augseq.loading.plan import BatchPlan
from augseq.loading.targets.label import label_target
from augseq.pixels.options import DecodeOptions, ResizeOptions
from augseq.pixels.source import FileSource
from augseq.sampling.order import EachOnce
from augseq.sampling.schedule import Schedule, Step

STEPS = [Step(0, 0), Step(0, 5), Step(1, 0)]

# Each child loads the pickled plan, makes some batches, and tells what it loaded on the way.
CHILD = """
import functools, hashlib, json, pickle, sys, socket
from augseq.loading.batch import load_batch
from augseq.sampling.schedule import Step
for name in ("jax", "keras", "tensorflow", "torch"):
    sys.modules[name] = None  # an import of it fails; workers must do without

asked = []
socket.getaddrinfo = lambda *a, **k: asked.append(a) or (_ for _ in ()).throw(OSError("none"))

plan = pickle.load(open(sys.argv[1], "rb"))
load = functools.partial(load_batch, plan)
if "cv2" in sys.modules:
    sys.modules["cv2"].setNumThreads(int(sys.argv[2]))

def digest(batch):
    return hashlib.sha256(batch.images.tobytes() + batch.y.tobytes()).hexdigest()

if len(sys.argv) > 3:
    import concurrent.futures, multiprocessing
    context = multiprocessing.get_context(sys.argv[3])
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        batches = list(pool.map(load, STEPS))
else:
    batches = [load(step) for step in STEPS]
loaded = sorted({name.split(".")[0] for name, module in sys.modules.items() if module})
print(json.dumps([[digest(batch) for batch in batches], loaded, len(asked)]))
""".replace("STEPS", str(STEPS))


def plan_of(manifest: augseq.Manifest, augment: list[Any] | None) -> BatchPlan:
    return BatchPlan(
        manifest=manifest,
        schedule=Schedule(
            order=EachOnce(len(manifest), shuffle=True), batch_size=24, drop_remainder=False, seed=3
        ),
        pipeline=Pipeline(
            source=FileSource(root=manifest.root, options=DecodeOptions()),
            augment=make_augmentation_list(augment),
            resize=ResizeOptions(image_size=(32, 32)),
            dtype="uint8",
            targets={"label": label_target(manifest, "int")},
        ),
    )


def digests(plan: BatchPlan) -> list[str]:
    batches = (load_batch(plan, step) for step in STEPS)
    return [hashlib.sha256(b.images.tobytes() + b.y.tobytes()).hexdigest() for b in batches]


def start(path: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if k != "NO_ALBUMENTATIONS_UPDATE"}
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path), *arguments],
        env={**environment, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer_of(child: subprocess.Popen[str]) -> tuple[list[str], list[str], int]:
    output, errors = child.communicate(timeout=120)
    assert child.returncode == 0, errors
    found, loaded, num_asked = json.loads(output.splitlines()[-1])
    return found, loaded, num_asked


@pytest.fixture(scope="module")
def plan(samples: augseq.Manifest) -> BatchPlan:
    """A plan with every kind of augmentation that a file of its own can hold."""
    return plan_of(samples, [*preset("strong"), A.Compose([A.ElasticTransform(p=1)], seed=1)])


@pytest.fixture(scope="module")
def answers(
    plan: BatchPlan, samples: augseq.Manifest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[list[str], list[str], int]]:
    """What children said, two at a time."""
    folder = tmp_path_factory.mktemp("plans")
    augmented, plain = folder / "augmented.pickle", folder / "plain.pickle"
    augmented.write_bytes(pickle.dumps(plan))
    plain.write_bytes(pickle.dumps(plan_of(samples, None)))
    found = {}
    for pair in (
        {"hash seed 1": (augmented, "1"), "hash seed 2, fork": (augmented, "4", "fork")},
        {"hash seed 3, spawn": (plain, "1", "spawn"), "forkserver": (plain, "1", "forkserver")},
    ):
        children = {
            name: start(*arguments, PYTHONHASHSEED=name[10] if "seed" in name else "random")
            for name, arguments in pair.items()
        }
        found |= {name: answer_of(child) for name, child in children.items()}
    return found


@pytest.mark.parametrize("kind", ["hash seed 1", "hash seed 2, fork"])
def test_another_process_gives_the_same_augmented_bits(
    plan: BatchPlan, answers: dict[str, Any], kind: str
) -> None:
    assert answers[kind][0] == digests(plan)


@pytest.mark.parametrize("kind", ["hash seed 3, spawn", "forkserver"])
def test_another_process_gives_the_same_plain_bits(
    samples: augseq.Manifest, answers: dict[str, Any], kind: str
) -> None:
    assert answers[kind][0] == digests(plan_of(samples, None))


def test_a_worker_process_without_augmentations_is_light(answers: dict[str, Any]) -> None:
    for kind in ("hash seed 3, spawn", "forkserver"):
        assert {"albumentations", "cv2", "matplotlib"} & set(answers[kind][1]) == set()


def test_a_worker_process_asks_no_network(answers: dict[str, Any]) -> None:
    assert [kind for kind, (_, _, num_asked) in answers.items() if num_asked] == []


@pytest.mark.parametrize(
    "augment",
    [
        None,
        [],
        preset("light"),
        [A.Compose([A.OneOf([A.HorizontalFlip(), A.Rotate()])])],
        [A.ReplayCompose([A.RandomCrop(32, 32)])],
    ],
)
def test_a_plan_pickles_small_and_gives_the_same_bits(
    samples: augseq.Manifest, augment: list[Any] | None
) -> None:
    plan = plan_of(samples, augment)
    pickled = pickle.dumps(plan)
    assert len(pickled) < 100_000
    assert digests(pickle.loads(pickled)) == digests(plan)
