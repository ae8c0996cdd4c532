"""Trains on epochs of all recipes, alone and in two shards, killed and resumed; prints problems.

python -m tests.training.recipe_fits FOLDER [RECIPE...]

Keras is loaded once. The runs that are killed are forks of that process, before it has trained:
JAX starts threads when it computes, which a fork does not have.
"""

import json
import os
import signal
import sys
import traceback
import warnings
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

import keras
import numpy as np

import augseq
from tests.laws.epoch_recipes import RECIPES, Recipe, digests, make_images

EPOCHS = 2
Steps = list[list[str]]
"""The digests of the samples of each batch."""


class Notes(keras.callbacks.Callback):
    """Writes a line with the digests of each trained batch; kills the process after one of them."""

    def __init__(self, path: Path, kill_after: int = 0) -> None:
        super().__init__()
        self.path = path
        self.kill_after = kill_after
        self.arrays: list[Any] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        with self.path.open("a") as file:
            file.writelines(f"{json.dumps(digests(arrays))}\n" for arrays in self.arrays)
        self.arrays.clear()
        self.kill_after -= 1
        if self.kill_after == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class NotingModel(keras.Model):
    """Hands each batch that `fit` trains on to a callback, and trains nothing."""

    def __init__(self, notes: Notes) -> None:
        super().__init__()
        self.notes = notes
        self.dense = keras.layers.Dense(1)

    def call(self, x: Any) -> Any:
        images = x["image"] if isinstance(x, dict) else x
        return self.dense(keras.ops.mean(images, (1, 2)))

    def train_step(self, *arguments: Any) -> Any:
        arrays = arguments[-1]
        self.notes.arrays.append(keras.tree.map_structure(keras.ops.convert_to_numpy, arrays))
        logs = {"loss": keras.ops.convert_to_tensor(0.0)}
        # JAX passes the state first, and expects it back.
        return logs if len(arguments) == 1 else (logs, arguments[0])


def fit(batches: augseq.ImageSequence, folder: Path, name: str, *, kill_after: int = 0) -> None:
    """Train, with backups after each batch, a log of the records, and one of the arrays."""
    notes = Notes(folder / f"{name}.trained", kill_after)
    model = NotingModel(notes)
    model(np.zeros((1, 8, 8, 3), np.float32))
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    callbacks = [
        augseq.Audit(batches, folder / f"{name}.audit"),
        augseq.BackupAndResume(batches, folder / f"{name}.backups", every_batches=1),
        notes,
    ]
    model.fit(batches, epochs=EPOCHS, shuffle=False, verbose=0, callbacks=callbacks)


def trained(folder: Path, name: str) -> Steps:
    return [json.loads(line) for line in (folder / f"{name}.trained").read_text().splitlines()]


def expected_epochs(recipe: Recipe, images: augseq.Manifest) -> list[Steps]:
    """Return what must be trained, by a sequence that never saw Keras."""
    twin, found = recipe.sequence(images), []
    for epoch in range(EPOCHS):
        twin.set_epoch(epoch)
        found.append([digests(twin[number]) for number in range(len(twin))])
    return found


def runs_of(
    recipe: Recipe, images: augseq.Manifest, **options: Any
) -> dict[str, augseq.ImageSequence]:
    """Return the sequences of a run of one process, and of both processes of another one."""
    batches = recipe.sequence(images, **options)
    return {"run": batches, "shard 0": batches.shard(0, 2), "shard 1": batches.shard(1, 2)}


def kill(recipe: Recipe, images: augseq.Manifest, folder: Path) -> None:
    """Run each fit in a fork, which is killed after the first batch of the second epoch."""
    for name, batches in runs_of(recipe, images, workers=2, worker_kind="threads").items():
        process = os.fork()
        if not process:
            try:
                fit(batches, folder, name, kill_after=len(batches) + 1)
            finally:
                os._exit(1)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        assert code == -signal.SIGKILL, code


def resumed(batches: augseq.ImageSequence, folder: Path, name: str, total: int) -> list[str]:
    """Run a fit again; return the digests of all samples that its weights come from, in order.

    Args:
        batches: The sequence.
        folder: Where the run writes.
        name: Its name.
        total: Number of samples in all epochs.
    """
    before = trained(folder, name)
    fit(batches, folder, name)
    after = [*chain(*trained(folder, name)[len(before) :])]
    num_kept, num_before = total - len(after), sum(map(len, before))
    # The batch that was not saved any more is trained again.
    assert num_kept in (num_before, num_before - len(before[-1])), (num_kept, num_before)
    return [*chain(*before)][:num_kept] + after


def resume(recipe: Recipe, images: augseq.Manifest, folder: Path) -> None:
    """Require that all records came their quota, with the bits of a run that was not killed."""
    expected = [*chain(*chain(*expected_epochs(recipe, images)))]
    # Only with buckets does the order depend on the batch size.
    size = {} if recipe.has_buckets else {"batch_size": 12}
    batches = recipe.sequence(images, **size)
    assert resumed(batches, folder, "run", len(expected)) == expected
    require_audit(recipe, images, [folder / "run.audit"])


def resume_shards(recipe: Recipe, images: augseq.Manifest, folder: Path) -> None:
    """Require the same of two shards together."""
    runs = runs_of(recipe, images)
    whole = runs.pop("run")
    size, length = whole.batch_size, len(runs["shard 0"])
    rows = [
        resumed(batches, folder, name, EPOCHS * length * size) for name, batches in runs.items()
    ]
    # By epoch, batch, shard and row.
    starts = range(0, EPOCHS * length * size, size)
    found = [row for start in starts for own in rows for row in own[start : start + size]]
    expected = expected_epochs(recipe, images)
    wanted = Counter(chain(*chain(*expected)))
    assert set(found) == set(wanted)
    assert Counter(found) >= wanted
    if not recipe.has_buckets:
        for epoch, steps in enumerate(expected):
            samples, first = [*chain(*steps)], epoch * length * size * 2
            assert found[first : first + len(samples)] == samples
    require_audit(recipe, images, [folder / f"{name}.audit" for name in runs])


def require_audit(recipe: Recipe, images: augseq.Manifest, paths: list[Path]) -> None:
    """Require that the log holds, tells of quotas where there are some, and proves them."""
    batches = recipe.sequence(images)
    report = augseq.verify_audit(paths, batches)
    assert report.holds, str(report)
    assert report.num_epochs == EPOCHS, str(report)
    has_quota = "sampling" in recipe.options or recipe.times > 1
    assert ("as often as its quota" if has_quota else "once") in str(report), str(report)
    for epoch in range(EPOCHS):
        batches.set_epoch(epoch)
        records = [batches.records(number) for number in range(len(batches))]
        recipe.require_quotas(images, Counter(record.index for record in chain(*records)))
    # A log that lacks the last batch, or has one twice, is found out.
    lines = paths[0].read_text().splitlines(keepends=True)
    batch = next(k for k in reversed(range(len(lines))) if '"indices"' in lines[k])
    for name, changed in (
        ("missing", lines[:batch] + lines[batch + 1 :]),
        ("repeated", [*lines[:batch], lines[batch], _moved(lines[batch]), *lines[batch + 1 :]]),
    ):
        changed_path = paths[0].with_name(f"changed {paths[0].name}")
        changed_path.write_text("".join(changed))
        wrong = augseq.verify_audit([changed_path, *paths[1:]], batches)
        assert not wrong.holds, (name, str(wrong))
        assert getattr(wrong, name).keys() == {EPOCHS - 1}, (name, str(wrong))


def _moved(line: str) -> str:
    batch = json.loads(line)
    return json.dumps({**batch, "place": batch["place"] + 1}) + "\n"


def main(folder: Path, names: list[str]) -> None:
    images = make_images(folder)
    problems: dict[str, str] = {}
    for step in (kill, resume, resume_shards):
        for number, name in enumerate(names):
            place = folder / str(number)
            place.mkdir(exist_ok=True)
            try:
                with warnings.catch_warnings():
                    # JAX warns of threads whenever a process forks; it has none yet.
                    warnings.simplefilter("ignore")
                    step(RECIPES[name], images, place)
            except Exception:
                problems.setdefault(name, f"{step.__name__}: {traceback.format_exc()}")
    print(json.dumps({name: problems.get(name) for name in names}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or list(RECIPES))
