"""Save a training run while it lasts, and go on with it as if nothing had happened."""

import os
import signal
import sys
import threading
import time
import warnings
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

from augseq.checks import check_number, check_whole
from augseq.errors import ArgumentError
from augseq.training.backup_file import Backup, read_latest_backup, remove_backups, write_backup
from augseq.training.callbacks import EpochSync
from augseq.training.model_state import (
    Arrays,
    build_state,
    read_generators,
    read_state,
    write_generators,
    write_state,
)
from augseq.training.sequence import ImageSequence
from augseq.types import PathLike


class BackupAndResume(EpochSync):
    """Saves a whole training run, and goes on with it after a crash.

    Model, optimizer, metrics, seeds of layers and the place in the data are saved together. Run
    the same program again after a crash: `fit` then goes on with the very batch that would have
    come next, inside an epoch too, and ends with the weights that an unbroken run ends with.
    Batch size and workers may change in between. It is an `EpochSync` too; use one of them.

    A backup is written aside and then renamed, so that one is whole or not there. What other
    callbacks remember, such as the patience of `EarlyStopping`, is not saved.

    Args:
        sequence: The sequence that `fit` trains on, with `shuffle=False`.
        folder: Where backups lie; made if it is not there.
        every_batches: Save after so many batches; None for not at all inside an epoch.
        every_s: Save at the first end of a batch after so many seconds.
        keep: How many backups to keep.
        delete_at_end: Whether to remove the backups when training has ended.
        force: Whether to go on although manifest, pipeline or seed are others now.

    Raises:
        ArgumentError: An option is wrong, or `sequence` is none; while training, `fit` was given
            `steps_per_epoch`, a repeated sequence, another object, or `shuffle=True`.
        BackupError: While training begins: the latest backup belongs to another run. While it
            lasts: a backup cannot be written; the earlier ones are whole.

    Example:
        `model.fit(batches, epochs=90, shuffle=False,
        callbacks=[augseq.BackupAndResume(batches, "backups", every_s=300)])`
    """

    def __init__(
        self,
        sequence: ImageSequence,
        folder: PathLike,
        *,
        every_batches: int | None = None,
        every_s: float | None = None,
        keep: int = 2,
        delete_at_end: bool = True,
        force: bool = False,
    ) -> None:
        super().__init__(sequence)
        if every_batches is not None:
            check_whole("every_batches", every_batches, least=1)
        if every_s is not None:
            check_number("every_s", every_s, above=0)
        self._folder = Path(folder)
        self._every_batches = every_batches
        self._every_s = every_s
        self._keep = check_whole("keep", keep, least=1)
        self._delete_at_end = delete_at_end
        self._force = force
        self._restored: Backup | None = None
        self._has_begun = False
        self._silence = ExitStack()
        self._end_of_epoch: Arrays | None = None
        self._generators: Arrays = {}
        self._saved_at_s = 0.0
        self._terminated = threading.Event()
        self._former_handler: Any = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Restore the latest backup, if there is one."""
        super().on_train_begin(logs)
        if self.params["steps"] != self._sequence.num_batches:
            raise ArgumentError(
                "BackupAndResume needs Keras' epochs to be whole passes over the data; drop "
                "steps_per_epoch and repeat()."
            )
        self._has_begun, self._generators, self._end_of_epoch = False, {}, None
        self._restored = read_latest_backup(self._folder)
        if self._restored is not None:
            self._sequence.load_state_dict(self._restored.state, force=self._force)
            build_state(self.model, self._sequence[0])
            write_state(self.model, self._restored.arrays, metrics=False)
            self.model._initial_epoch = self._sequence.epoch
        self._saved_at_s = time.monotonic()
        self._catch_sigterm()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Tell the sequence the epoch; save what the epoch before has left."""
        super().on_epoch_begin(epoch, logs)
        # Keras has read it, and another `fit` must not find it there if this one fails.
        self.model._initial_epoch = None
        write_generators(self._generators)
        # Only now has every other callback done what it does at the end of an epoch.
        if self._has_begun:
            self._save(0)
        self._has_begun = True
        if self._terminated.is_set():
            self._hand_sigterm_on()
        if len(self._sequence) < self.params["steps"]:
            self._expect_early_end()

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Restore what beginning an epoch has changed."""
        # Keras resets the metrics, also those of an epoch that goes on; and on torch, making a
        # data loader draws from the generator that layers draw from too.
        restored, self._restored = self._restored, None
        if restored is not None:
            goes_on = bool(restored.state["num_records"])
            write_state(self.model, restored.arrays, metrics=goes_on)
        elif batch == 0:
            write_generators(self._generators)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Save if it is time to."""
        num_before = self._pass.num_trained
        super().on_train_batch_end(batch, logs)
        num_batches = self._pass.num_trained
        if self._terminated.is_set():
            self._save(num_batches)
            self._hand_sigterm_on()
        if self._pass.is_over:
            self._generators = read_generators()
        if self._pass.is_over and len(self._sequence) < self.params["steps"]:
            # Keras, which has counted a whole epoch, begins one step more. On TensorFlow that
            # draws from the generators of layers before it finds that there is no data.
            self._end_of_epoch = read_state(self.model)
        # The end of an epoch is saved when the next one begins.
        if not self._pass.is_over and self._is_due(num_before, num_batches):
            self._save(num_batches)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Undo what ending an epoch early has changed."""
        super().on_epoch_end(epoch, logs)
        self._silence.close()
        if self._end_of_epoch is not None:
            write_state(self.model, self._end_of_epoch, metrics=True)
            self._end_of_epoch = None

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Remove the backups, which a finished run does not need."""
        self.model._initial_epoch = None
        if self._terminated.is_set():
            # Nobody has the trained model yet.
            is_over = self._pass.is_over
            self._save(len(self._sequence) if is_over else self._pass.num_trained)
            self._hand_sigterm_on()
        self._release_sigterm()
        if self._delete_at_end:
            remove_backups(self._folder)

    def _expect_early_end(self) -> None:
        """Keep Keras from warning that the epoch of which a part was trained before is shorter."""
        self._silence.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", message="Your input ran out of data")

    def _is_due(self, num_before: int, num_batches: int) -> bool:
        """Whether to save after these batches; `steps_per_execution` may have made them several."""
        every = self._every_batches
        if every is not None and num_batches // every > num_before // every:
            return True
        return self._every_s is not None and time.monotonic() - self._saved_at_s >= self._every_s

    def _save(self, num_batches: int) -> None:
        state = self._sequence.state_dict(num_batches=num_batches)
        number = state["epoch"] * (len(self._sequence.manifest) + 1) + state["num_records"]
        backup = Backup(state=state, arrays=read_state(self.model))
        write_backup(self._folder, number, backup, keep=self._keep)
        self._saved_at_s = time.monotonic()

    def _catch_sigterm(self) -> None:
        # Python lets only its main thread set handlers.
        if threading.current_thread() is not threading.main_thread():
            return
        former = signal.getsignal(signal.SIGTERM)
        # Keras does not tell a callback that `fit` failed, so one may have left its handler.
        while isinstance(owner := getattr(former, "__self__", None), BackupAndResume):
            if owner is not self and owner._is_training(sys._getframe()):
                break
            former = owner._former_handler
        # None stands for one that is not of Python, and cannot be set again.
        self._former_handler = former or signal.SIG_DFL
        signal.signal(signal.SIGTERM, self._note_sigterm)

    def _note_sigterm(self, number: int, frame: FrameType | None) -> None:
        if self._is_training(frame):
            self._terminated.set()
        else:
            self._hand_sigterm_on()

    def _is_training(self, frame: FrameType | None) -> bool:
        """Whether `fit` runs with this callback, as far as the frames from this one out tell."""
        while frame is not None:
            if frame.f_code.co_name == "fit" and frame.f_locals.get("self") is self._model:
                callbacks = frame.f_locals.get("callbacks")
                if self in getattr(callbacks, "callbacks", []):
                    return True
            frame = frame.f_back
        return False

    def _release_sigterm(self) -> None:
        if self._former_handler is not None:
            signal.signal(signal.SIGTERM, self._former_handler)
            self._former_handler = None

    def _hand_sigterm_on(self) -> None:
        self._release_sigterm()
        self._terminated.clear()
        os.kill(os.getpid(), signal.SIGTERM)
