"""Save a training run while it lasts, and go on with it as if nothing had happened."""

import copy
import os
import re
import signal
import sys
import threading
import time
import warnings
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any, Self
from weakref import WeakKeyDictionary

import keras
import numpy as np

from augseq.errors import ArgumentError, AugseqWarning, BackupError
from augseq.terminal_text import call_text
from augseq.training.backup_file import (
    Backup,
    list_backups,
    read_latest_backup,
    remove_backups,
    write_backup,
)
from augseq.training.callbacks import EpochSync
from augseq.training.fit_conditions import Tree, fit_conditions, weights_digest
from augseq.training.fit_record import FitIdentity, FitRecord, read_record
from augseq.training.keras_calls import FitCall, find_fit
from augseq.training.model_state import (
    Arrays,
    build_state,
    has_finite_weights,
    read_generators,
    read_state,
    write_generators,
    write_seeds,
    write_state,
)
from augseq.training.sequence import ImageSequence
from augseq.types import PathLike
from augseq.validation import check_number, check_whole

# Of this process. How many calls of `fit` have ended, by folder and conditions; which one ended
# last in a folder; and what optimizers of calls that did not end began with.
_NUM_ENDED: Counter[tuple[Path, str]] = Counter()
_LAST_ENDED: dict[Path, str] = {}
_TOLD: set[Path] = set()
_BEGUN: WeakKeyDictionary[Any, tuple[Path, Tree, set[float]]] = WeakKeyDictionary()

# What the end of `fit` has changed, such as weights that `EarlyStopping` brought back, is saved
# beside what training more epochs would go on with.
_BEFORE_END = "before the end: "


class BackupAndResume(EpochSync):
    """Saves a whole training run, and goes on with it after a crash.

    Model, optimizer, metrics, history, seeds of layers and the place in the data are saved
    together. Run the same program again after a crash: `fit` then goes on with the very batch that
    would have come next, inside an epoch too, and ends with the weights that an unbroken run ends
    with. Batch size and workers may change in between, and `epochs` may grow. It is an `EpochSync`
    too; use one of them.

    Backups belong to one `fit`. Another one, with other data, augmentations, model, loss or
    optimizer settings, refuses them and leaves them as they are. So where a program calls `fit`
    several times, give each call a name. With a name, a `fit` that has ended is not trained
    again when the program is run again: it gets its final weights at once.

    A backup is written aside and then renamed, so that one is whole or not there. One whose weights
    are not finite is not written. What other callbacks remember, such as the patience of
    `EarlyStopping`, is not saved.

    Args:
        sequence: The sequence that `fit` trains on, with `shuffle=False`; its images and
            augmentations are read to tell it from others.
        folder: Where backups are; made if it is not there.
        name: Names one `fit` among several; its backups are in the folder of this name
            inside `folder`. Letters, digits, spaces, ".", "-" and "_".
        every_batches: Save after so many batches; None for not at all inside an epoch.
        every_s: Save at the first end of a batch after so many seconds.
        keep: How many backups to keep.
        delete_at_end: Whether to remove the backups when training has ended. If not, a final one
            is kept, and running the program again trains nothing. None: remove them, unless there
            is a name.
        force: Whether to go on from the backups of another `fit` too, with the settings of this
            one.

    Raises:
        ArgumentError: An option is wrong, or `sequence` is none; when training begins, `fit` was
            given `steps_per_epoch`, a repeated sequence, another object (such as one that wraps
            the sequence), or `shuffle=True`.
        BackupError: When training begins: the latest backup belongs to another `fit`. While it
            lasts: a backup cannot be written; the earlier ones are whole.

    Warns:
        AugseqWarning: Weights or loss are not finite; several calls of `fit` share a folder; or
            an augmentation cannot be compared between runs.

    Example:
        `model.fit(batches, epochs=90, shuffle=False,
        callbacks=[augseq.BackupAndResume(batches, "backups", every_s=300)])`
    """

    def __init__(
        self,
        sequence: ImageSequence,
        folder: PathLike,
        *,
        name: str | None = None,
        every_batches: int | None = None,
        every_s: float | None = None,
        keep: int = 2,
        delete_at_end: bool | None = None,
        force: bool = False,
    ) -> None:
        super().__init__(sequence)
        if every_batches is not None:
            check_whole("every_batches", every_batches, least=1)
        if every_s is not None:
            check_number("every_s", every_s, above=0)
        self._folder = Path(folder) if name is None else Path(folder, _check_name(name))
        self._every_batches = every_batches
        self._every_s = every_s
        self._keep = check_whole("keep", keep, least=1)
        self._delete_at_end = name is None if delete_at_end is None else delete_at_end
        self._force = force
        self._reset()
        if sequence.length is not None:
            # Before training, which may change what augmentations remember.
            sequence.state_dict()

    def __repr__(self) -> str:
        return call_text(type(self).__name__, repr(str(self._folder)))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copy the settings: the copy, such as a tuner makes, follows the same sequence."""
        twin = memo[id(self)] = type(self).__new__(type(self))
        twin._reset()
        of_a_fit = {"_model", *vars(twin)}
        memo.setdefault(id(self._sequence), self._sequence)
        settings = {name: value for name, value in vars(self).items() if name not in of_a_fit}
        twin.__dict__ |= {**copy.deepcopy(settings, memo), "_model": None}
        return twin

    def _reset(self) -> None:
        """Forget all about an earlier `fit`."""
        self._call: FitCall | None = None
        self._identity: FitIdentity | None = None
        self._restored: Backup | None = None
        self._ended: Backup | None = None
        self._before_end: Arrays | None = None
        self._history: dict[str, Any] = {}
        self._was_stopped = False
        self._has_begun = self._has_warned = False
        self._silence = ExitStack()
        self._end_of_epoch: Arrays | None = None
        self._generators: Arrays = {}
        self._done: dict[str, Any] = {}
        self._own: set[Path] = set()
        self._saved_at_s = 0.0
        # The handler of a signal runs in the thread that trains.
        self._terminated = False
        self._former_handler: Any = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Restore the latest backup, if there is one."""
        former_handler = self._former_handler
        self._reset()
        self._former_handler = former_handler
        super().on_train_begin(logs)
        self._call = find_fit(self)
        self._check_call()
        if not self.model.built:
            self._build()
        backup = read_latest_backup(self._folder)
        self._own = set(list_backups(self._folder))
        self._identity = self._identify()
        if backup is not None:
            self._restore(backup, self._identity)
        elif self._delete_at_end:
            self._warn_of_second_fit(self._identity)
        if self._call is not None:
            self._call.callbacks.append(_AfterOthers(self))
            self._call.callbacks[-1].set_model(self._model)
            self._call.callbacks[-1].set_params(self.params)
        self._saved_at_s = time.monotonic()
        self._catch_sigterm()

    def _check_call(self) -> None:
        """Refuse what could not be resumed, before anything is trained."""
        call = self._call
        data = self._sequence if call is None else call.data
        if data is not self._sequence and not isinstance(data, ImageSequence):
            name = type(data).__name__
            raise ArgumentError(
                "BackupAndResume saves the place in the data, so `fit` must train on the sequence "
                f"itself, and not on an object around it. Received: fit(x={name}(...)). Pass the "
                "sequence that BackupAndResume got to `fit`; or save whole epochs with "
                "keras.callbacks.BackupAndRestore, together with EpochSync."
            )
        if self.params["steps"] != self._sequence.num_batches:
            raise ArgumentError(
                "BackupAndResume needs Keras' epochs to be whole passes over the data; drop "
                "steps_per_epoch and repeat()."
            )
        if data is not self._sequence:
            raise ArgumentError(
                "`fit` trains on another ImageSequence than the one that BackupAndResume got. Pass "
                "the same object to both: fit(batches, callbacks=[BackupAndResume(batches, ...)])."
            )
        if call is not None and call.shuffle and self.params["steps"] > 1:
            raise ArgumentError(
                "BackupAndResume can resume only if Keras asks for the batches in their order: "
                "pass shuffle=False to fit; the sequence shuffles by itself. Received: "
                f"shuffle={call.shuffle!r}"
            )
        optimizers = [one for one in vars(self.model).values() if _is_optimizer(one)]
        if len({id(one) for one in optimizers}) != 1 or self.model.optimizer is None:
            raise ArgumentError(
                "BackupAndResume saves the one optimizer that a model was compiled with. "
                f"Received: a model with {len(optimizers)} optimizers. Save such a model with "
                "keras.callbacks.BackupAndRestore, and pass EpochSync."
            )

    def _build(self) -> None:
        """Make the weights that TensorFlow would make in the first step, to compare them."""
        try:
            build_state(self.model, self._sequence[0])
        except Exception:
            # Some models can only be called with real images; theirs are then not compared.
            return

    def _identify(self) -> FitIdentity:
        fit = dict(fit_conditions(self.model, self._call))
        folder, begun, rates = _BEGUN.get(self.model.optimizer, (None, {}, set()))
        if folder == self._folder and fit["optimizer"].get("learning_rate") in rates:
            # Callbacks of a `fit` that was interrupted in this process have changed it.
            fit["optimizer"] |= {"learning_rate": begun.get("learning_rate")}
        _BEGUN[self.model.optimizer] = self._folder, fit["optimizer"], set()
        data = self._sequence.state_dict()["depends_on"]
        weights = weights_digest(self.model) if self.model.built else ""
        identity = FitIdentity(data=data, fit=fit, number=1, weights=weights)
        number = 1 + _NUM_ENDED[self._folder.absolute(), identity.conditions]
        return FitIdentity(data=data, fit=fit, number=number, weights=weights)

    def _restore(self, backup: Backup, now: FitIdentity) -> None:
        epochs = int(self.params["epochs"])
        record = read_record(
            backup.state, now, epochs=epochs, folder=self._folder, force=self._force
        )
        self._history = dict(record.history)
        is_over = record.ends_within(epochs)
        arrays = _without_end(backup.arrays) if is_over else _before_end(backup.arrays)
        if not self._force:
            # Also the weights that it once began with, which nothing else knows by now.
            self._identity = record.identity
        self._sequence.load_state_dict(record.data, force=True)
        build_state(self.model, self._sequence[0])
        rate = self._forced_rate(record.identity.fit, now.fit)
        write_state(self.model, arrays, metrics=is_over)
        if rate is not None:
            self.model.optimizer.learning_rate = rate
            found = read_state(self.model)
            arrays = {**arrays, **{k: v for k, v in found.items() if k.startswith("optimizer")}}
        restored = Backup(state=record.data, arrays=arrays)
        self._done = dict(record.data)
        if is_over:
            self._ended = restored
            self.model._initial_epoch = epochs
            self._sequence.set_epoch(max(0, epochs - 1))
        else:
            self._restored = restored
            self.model._initial_epoch = self._sequence.epoch

    def _warn_of_second_fit(self, now: FitIdentity) -> None:
        place = self._folder.absolute()
        if place not in _TOLD and _LAST_ENDED.get(place, now.conditions) != now.conditions:
            _TOLD.add(place)
            warnings.warn(
                f"Two calls of `fit` with other settings keep their backups in "
                f"{str(self._folder)!r}. If the program is interrupted now and run again, the "
                "first one will refuse the backups of the second. Give each a name, such as "
                'BackupAndResume(..., name="head").',
                AugseqWarning,
                stacklevel=2,
            )

    def _after_train_begin(self) -> None:
        """Restore the history, once all callbacks have begun."""
        history = self._history
        if self._history_callback is not None and history:
            self._history_callback.epoch = list(history["epoch"])
            self._history_callback.history = {
                name: list(values) for name, values in history["metrics"].items()
            }

    @property
    def _history_callback(self) -> Any:
        # Another loop than that of `fit` leaves the history of a `fit` before.
        found = None if self._call is None else getattr(self.model, "history", None)
        return found if isinstance(found, keras.callbacks.History) else None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Tell the sequence the epoch; save what the epoch before has left."""
        super().on_epoch_begin(epoch, logs)
        # Keras has read it, and another `fit` must not find it there if this one fails.
        self.model._initial_epoch = None
        write_generators(self._generators)
        if self._has_begun and self._call is None:
            self._save(self._sequence.state_dict())
        self._has_begun = True
        if self._terminated:
            self._hand_sigterm_on()
        if len(self._sequence) < self.params["steps"]:
            self._expect_early_end()

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Restore what beginning an epoch has changed."""
        # Keras resets the metrics, also those of an epoch that goes on; and on torch, making a
        # data loader draws from the generator that layers draw from too.
        restored, self._restored = self._restored, None
        if restored is not None and restored.state["num_records"]:
            write_state(self.model, restored.arrays, metrics=True)
        elif restored is not None:
            # What other callbacks do when an epoch begins, they had not done yet.
            write_seeds(self.model, restored.arrays)
        elif batch == 0:
            write_generators(self._generators)
        if batch == 0:
            self._note_rate()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Save if it is time to."""
        num_before = self._pass.num_trained
        super().on_train_batch_end(batch, logs)
        num_batches = self._pass.num_trained
        # Before an evaluation, which may take the same sequence.
        self._done = self._sequence.state_dict(num_batches=num_batches)
        if self._terminated:
            self._save(self._done)
            self._hand_sigterm_on()
        if self._pass.is_over:
            self._generators = read_generators()
        if self._pass.is_over and len(self._sequence) < self.params["steps"]:
            # Keras, which has counted a whole epoch, begins one step more. On TensorFlow that
            # draws from the generators of layers, and counts a step of the optimizer, before it
            # finds that there is no data.
            self._end_of_epoch = read_state(self.model)
        # The end of an epoch is saved when all other callbacks have seen it.
        if not self._pass.is_over and self._is_due(num_before, num_batches):
            self._save(self._done)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Undo what ending an epoch early has changed."""
        super().on_epoch_end(epoch, logs)
        self._silence.close()
        if self._end_of_epoch is not None:
            # Callbacks before this one may have set it.
            rate = self._rate()
            write_state(self.model, self._end_of_epoch, metrics=True)
            if rate is not None:
                self.model.optimizer.learning_rate = rate
            self._end_of_epoch = None

    def _after_epoch_end(self, epoch: int) -> None:
        """Save the end of an epoch, once all callbacks have done what they do then."""
        self._note_rate()
        self._was_stopped = bool(self.model.stop_training) and epoch + 1 < self.params["epochs"]
        if epoch + 1 < self.params["epochs"] and not self.model.stop_training:
            self._save(self._done)
            if self._terminated:
                self._hand_sigterm_on()
        elif not self._delete_at_end:
            self._before_end = {**read_state(self.model), **self._generators}

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Save on SIGTERM; all else is done once the other callbacks have ended."""
        super().on_train_end(logs)
        self.model._initial_epoch = None
        if self._terminated:
            # Nobody has the trained model yet.
            self._save(self._done or self._sequence.state_dict())
            self._hand_sigterm_on()
        self._release_sigterm()
        if self._call is None:
            self._after_train_end(logs)

    def _after_train_end(self, logs: dict[str, Any] | None) -> None:
        """Remove the backups, which a finished run does not need, or write the final one."""
        if self._ended is not None:
            write_state(self.model, self._ended.arrays, metrics=True)
        loss, arrays = (logs or {}).get("loss", 0.0), read_state(self.model)
        if not np.isfinite(np.asarray(loss, float)).all():
            self._warn_of_no_backup(f"`fit` ended with a loss of {loss}")
            return
        if not has_finite_weights(self.model, arrays):
            self._warn_of_no_backup("`fit` ended with weights that are not finite")
            return
        _BEGUN.pop(self.model.optimizer, None)
        if self._identity is not None:
            _NUM_ENDED[self._folder.absolute(), self._identity.conditions] += 1
        if self._delete_at_end:
            remove_backups(self._folder, self._own)
            if self._identity is not None:
                _LAST_ENDED[self._folder.absolute()] = self._identity.conditions
        elif self._ended is None:
            before = {
                f"{_BEFORE_END}{name}": values
                for name, values in (self._before_end or {}).items()
                if not np.array_equal(values, arrays[name], equal_nan=values.dtype.kind == "f")
            }
            done = self._done or self._sequence.state_dict()
            self._write(self._record(done, is_finished=True), {**arrays, **before}, keep=1)

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

    def _save(self, done: dict[str, Any]) -> None:
        arrays = read_state(self.model)
        self._saved_at_s = time.monotonic()
        if not has_finite_weights(self.model, arrays):
            self._warn_of_no_backup("The weights of the model are no longer finite")
            return
        if self._pass.is_over:
            arrays |= self._generators
        self._write(self._record(done), arrays, keep=self._keep)

    def _record(self, done: dict[str, Any], *, is_finished: bool = False) -> FitRecord:
        assert self._identity is not None
        history = self._history_callback
        return FitRecord(
            identity=self._identity,
            data=done,
            epochs=int(self.params["epochs"]),
            history={} if history is None else _plain_history(history),
            is_finished=is_finished,
            was_stopped=is_finished and self._was_stopped,
        )

    def _write(self, record: FitRecord, arrays: Arrays, *, keep: int) -> None:
        foreign = [path for path in list_backups(self._folder) if path not in self._own]
        if foreign:
            raise BackupError(
                f"Another `fit` that runs at the same time writes backups into "
                f"{str(self._folder)!r}: {foreign[0].name!r}. It was not changed, and this `fit` "
                'cannot be saved. Give each a folder or a name: BackupAndResume(..., name="head").'
            )
        done = record.data
        number = done["epoch"] * (len(self._sequence.manifest) + 1) + done["num_records"]
        backup = Backup(state=record.state(), arrays=arrays)
        self._own.add(write_backup(self._folder, number, backup, keep=keep))

    def _warn_of_no_backup(self, why: str) -> None:
        if self._has_warned:
            return
        self._has_warned = True
        kept = list_backups(self._folder)
        what = (
            f"the last good one, {str(kept[-1])!r}, is kept, and the next run resumes from it. To "
            "train on from it with other settings, such as a smaller learning rate, pass "
            "force=True; to begin anew, delete it"
            if kept
            else "there is none to resume from"
        )
        warnings.warn(
            f"{why}, so no backup is written or removed: {what}.", AugseqWarning, stacklevel=3
        )

    def _note_rate(self) -> None:
        """Remember a learning rate that callbacks have set, for a retry in this process."""
        rate = self._rate()
        if rate is not None:
            _BEGUN[self.model.optimizer][2].add(rate)

    def _rate(self) -> float | None:
        """Return the learning rate; None where a schedule gives it."""
        if not isinstance(_BEGUN[self.model.optimizer][1].get("learning_rate"), float):
            return None
        return float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))

    def _forced_rate(self, then: Tree, now: Tree) -> float | None:
        """Return the learning rate to train on with where it is not that of the backup."""
        rates = [tree.get("optimizer", {}).get("learning_rate") for tree in (then, now)]
        is_other = rates[0] != rates[1] and isinstance(rates[1], float)
        return rates[1] if is_other else None

    def _catch_sigterm(self) -> None:
        # Python lets only its main thread set handlers.
        if threading.current_thread() is not threading.main_thread():
            return
        former = signal.getsignal(signal.SIGTERM)
        # Keras does not tell a callback that `fit` failed, so one may have left its handler.
        while isinstance(owner := getattr(former, "__self__", None), BackupAndResume):
            if owner is not self and find_fit(owner, sys._getframe()) is not None:
                break
            former = owner._former_handler
        # None stands for one that is not of Python, and cannot be set again.
        self._former_handler = former or signal.SIG_DFL
        signal.signal(signal.SIGTERM, self._note_sigterm)

    def _note_sigterm(self, number: int, frame: FrameType | None) -> None:
        if frame is not None and find_fit(self, frame) is not None:
            self._terminated = True
        else:
            self._hand_sigterm_on()

    def _release_sigterm(self) -> None:
        if self._former_handler is not None:
            signal.signal(signal.SIGTERM, self._former_handler)
            self._former_handler = None

    def _hand_sigterm_on(self) -> None:
        self._release_sigterm()
        self._terminated = False
        os.kill(os.getpid(), signal.SIGTERM)


class _AfterOthers(keras.callbacks.Callback):  # type: ignore[misc]
    """Stands behind all callbacks of a `fit`, and tells when they have done their part."""

    def __init__(self, owner: BackupAndResume) -> None:
        super().__init__()
        self._owner = owner

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._owner._after_train_begin()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._owner._after_epoch_end(epoch)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._owner._after_train_end(logs)


def _check_name(name: Any) -> str:
    if isinstance(name, str) and re.fullmatch(r"\w([\w .-]{0,98}\w)?", name):
        return name
    raise ArgumentError(
        "`name` must name a folder: 1 to 100 letters, digits, spaces, '.', '-' and '_', with a "
        f"letter or digit at both ends. Received: name={name!r}"
    )


def _is_optimizer(value: Any) -> bool:
    return isinstance(value, keras.optimizers.Optimizer)


def _without_end(arrays: Arrays) -> Arrays:
    return {name: array for name, array in arrays.items() if not name.startswith(_BEFORE_END)}


def _before_end(arrays: Arrays) -> Arrays:
    """Return what training more epochs goes on with, as if it had not ended."""
    before = {
        name.removeprefix(_BEFORE_END): array
        for name, array in arrays.items()
        if name.startswith(_BEFORE_END)
    }
    return {**_without_end(arrays), **before}


def _plain_history(history: keras.callbacks.History) -> dict[str, Any]:
    metrics = {
        name: [float(value) for value in values if np.ndim(value) == 0]
        for name, values in history.history.items()
    }
    return {"epoch": [int(epoch) for epoch in getattr(history, "epoch", [])], "metrics": metrics}
