"""Programs that train and are interrupted, one after the other.

python -m tests.training.interrupted FOLDER

Reads a `Trial` from each line of standard input and writes an `End` for it to standard output, both
as JSON. Keras is imported once: each program is a fork of this one, made before the backend has
started threads, and ends like any script, at the end of `__main__`.
"""

import contextlib
import dataclasses
import gc
import json
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import psutil

import augseq
from augseq.training.backup.backup_file import read_latest_backup
from augseq.workers import auto
from tests.workers.transforms import NoteEnd

BATCH_SIZE, NUM_BATCHES, EPOCHS = 4, 6, 3
# Far more than a busy machine takes to end a program.
HUNG_S = 60.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trial:
    """A program that trains, and how it is interrupted.

    Attributes:
        data: "threads", "processes", "auto" whose processes start with the second batch,
            "serial", or "keras" for a plain `PyDataset`.
        moment: "start", "batch", "between" (epochs) or "validation".
        ending: "SIGINT", "SIGINT SIGINT" or "SIGTERM" from outside; "exit" or "error" in a
            callback; "none" to let it train to its end.
        to_group: Whether signals go to all processes of the program, as at a terminal.
        has_backup: Whether it trains with `BackupAndResume`.
        is_busy: Whether four other processes keep the processors busy.
        sample_s: Seconds that a sample takes.
        holds_the_lock: Whether it takes them in Python code, or waiting.
        seed: Fixes how long after the moment the signals come.
    """

    data: str = "processes"
    moment: str = "batch"
    ending: str = "SIGINT"
    to_group: bool = True
    has_backup: bool = False
    is_busy: bool = False
    sample_s: float = 0.03
    holds_the_lock: bool = False
    seed: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class End:
    """How a program ended.

    Attributes:
        code: Its exit code, as in `subprocess`; None if it had to be killed.
        seconds: From the last signal or the end of the last sample, the later of the two, to the
            end of the program.
        trained: Whether it had trained to its end.
        left: What it left behind: processes, damaged backups.
        errors: What it wrote to standard error.
    """

    code: int | None
    seconds: float
    trained: bool
    left: list[str]
    errors: str


class Plain(keras.utils.PyDataset):
    """The same images without augseq."""

    def __init__(self, x: Any, y: Any, transform: NoteEnd) -> None:
        super().__init__()
        self.x, self.y, self.transform = x, y, transform

    def __len__(self) -> int:
        return len(self.x) // BATCH_SIZE

    def __getitem__(self, index: int) -> Any:
        part = slice(index * BATCH_SIZE, (index + 1) * BATCH_SIZE)
        rng = np.random.default_rng(index)
        return np.stack([self.transform(image, rng) for image in self.x[part]]), self.y[part]


class At(keras.callbacks.Callback):
    """Notifies the server of the moment; ends the program if the trial requires it."""

    def __init__(self, trial: Trial, pipe: int) -> None:
        super().__init__()
        self.trial, self.pipe = trial, pipe

    def happen(self, moment: str) -> None:
        if moment == self.trial.moment and self.pipe:
            os.write(self.pipe, b"!")
            self.pipe = 0
            if self.trial.ending == "exit":
                sys.exit(3)
            if self.trial.ending == "error":
                raise RuntimeError("a callback failed")

    def on_train_begin(self, logs: Any = None) -> None:
        self.happen("start")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == 1:
            self.happen("batch")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.happen("between")

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self.happen("validation")


def train(trial: Trial, folder: Path, pipe: int) -> None:
    x = np.random.default_rng(3).random((BATCH_SIZE * NUM_BATCHES, 4, 4, 3)).astype(np.float32)
    y = np.arange(len(x)).astype(np.float32)
    transform = NoteEnd(str(folder / "last"), trial.sample_s, trial.holds_the_lock)

    def data(num_batches: int) -> Any:
        end = num_batches * BATCH_SIZE
        if trial.data == "keras":
            return Plain(x[:end], y[:end], transform)
        return augseq.ImageSequence.from_arrays(
            x[:end],
            y[:end],
            batch_size=BATCH_SIZE,
            augment=[transform],
            workers=0 if trial.data == "serial" else 2,
            worker_kind="threads" if trial.data == "serial" else trial.data,
        )

    auto._START_S = auto._LEAST_SAMPLE_S = 0.0
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(1))
    model.compile("sgd", "mse", jit_compile=False)
    batches, validation = data(NUM_BATCHES), data(3)
    callbacks = [At(trial, pipe)]
    if trial.has_backup:
        callbacks.insert(0, augseq.BackupAndResume(batches, folder / "backups", every_batches=1))
    model.fit(
        batches,
        validation_data=validation,
        epochs=EPOCHS,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
    )
    (folder / "trained").touch()


# The server


def interrupt(trial: Trial, process: int) -> None:
    """Send the signals of a trial."""
    rng = random.Random(trial.seed)
    most_s = {"start": 1.5, "batch": 0.4, "between": 0.1, "validation": 0.4}[trial.moment]
    for name in trial.ending.split():
        time.sleep(rng.uniform(0, most_s))
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if trial.to_group else os.kill)(process, getattr(signal, name))
        most_s = 0.6


def await_end(process: int) -> int | None:
    """Return the exit code of a process; None if it does not end, and then kill it."""
    end = time.monotonic() + HUNG_S
    while time.monotonic() < end:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return None


def members(session: int) -> list[psutil.Process]:
    """Return the processes of a session that run."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, PermissionError, psutil.NoSuchProcess):
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def leftovers(session: int, folder: Path) -> list[str]:
    """Return what a program left behind; end its processes.

    A worker that was about to start when the program was killed starts first, and then ends.
    """
    end = time.monotonic() + 20
    while members(session) and time.monotonic() < end:
        time.sleep(0.02)
    left = []
    for process in members(session):
        left.append(f"process {process.pid}")
        process.kill()
    if (folder / "backups").is_dir():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            read_latest_backup(folder / "backups")
        left += [str(warning.message) for warning in caught]
    return left


def watch(trial: Trial, process: int, pipe: int, folder: Path) -> End:
    """Interrupt a program and wait for its end."""
    happened = os.read(pipe, 1) == b"!"
    os.close(pipe)
    if happened and trial.ending.startswith("SIG"):
        interrupt(trial, process)
    start = time.time()
    code = await_end(process)
    seconds = time.time() - max(start, (folder / "last").stat().st_mtime)
    left = leftovers(process, folder)
    if not happened:
        left.append("the moment never came")
    errors = (folder / "errors").read_text()
    trained = (folder / "trained").exists()
    return End(code=code, seconds=seconds, trained=trained, left=left, errors=errors)


@contextlib.contextmanager
def busy(is_busy: bool) -> Iterator[None]:
    """Keep the CPUs busy."""
    loop = [sys.executable, "-S", "-c", "while True: pass"]
    others = [subprocess.Popen(loop) for _ in range(4 * is_busy)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def fork(folder: Path) -> tuple[int, int]:
    """Start a process in a new session; return it (0 inside it) and the end of a pipe."""
    ours, theirs = os.pipe()
    with warnings.catch_warnings():
        # JAX warns of threads whenever a process forks; it has none yet.
        warnings.simplefilter("ignore")
        process = os.fork()
    os.close(theirs if process else ours)
    if process:
        return process, ours
    os.setsid()
    # A shell keeps it from what it starts in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    errors = os.open(folder / "errors", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), errors, errors)):
        os.dup2(file, number)
    return 0, theirs


def serve(folder: Path) -> tuple[Trial, Path, int] | None:
    """Serve trials; return what to do in the program of each, and None at the end."""
    # Each program would look through all that the imports made, and copy it, when it ends.
    gc.freeze()
    for number, line in enumerate(sys.stdin):
        trial, place = Trial(**json.loads(line)), folder / str(number)
        place.mkdir()
        (place / "last").touch()
        process, pipe = fork(place)
        if not process:
            return trial, place, pipe
        with busy(trial.is_busy):
            end = watch(trial, process, pipe, place)
        print(json.dumps(dataclasses.asdict(end)), flush=True)
    return None


if __name__ == "__main__":
    task = serve(Path(sys.argv[1]))
    if task is not None:
        train(*task)
