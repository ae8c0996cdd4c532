"""Back up a training run while it trains, and resume it after a crash."""

import copy
import re
import time
import warnings
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self
from weakref import WeakKeyDictionary

import keras
import numpy as np

from augseq.errors import ArgumentError, AugseqWarning, BackupError
from augseq.terminal_text import call_text
from augseq.training.backup.backup_checks import check_can_resume
from augseq.training.backup.backup_file import (
    Backup,
    list_backups,
    read_latest_backup,
    remove_backups,
    write_backup,
)
from augseq.training.backup.fit_conditions import Tree, fit_conditions, weights_digest
from augseq.training.backup.fit_record import FitIdentity, FitRecord, read_record
from augseq.training.backup.sigterm import SigtermWatch
from augseq.training.callbacks import EpochSync
from augseq.training.epoch_tracking.keras_calls import FitCall, find_fit
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
from augseq.validation import check_number, check_whole, explains_names

# State of this process: number of completed `fit` calls by folder and conditions; the conditions
# of the last one by folder; folders with a warning; initial settings of interrupted optimizers.
_NUM_ENDED: Counter[tuple[Path, str]] = Counter()
_LAST_ENDED: dict[Path, str] = {}
_WARNED: set[Path] = set()
_BEGUN: WeakKeyDictionary[Any, tuple[Path, Tree, set[float]]] = WeakKeyDictionary()

# Prefix of values that the end of `fit` changed, such as weights that `EarlyStopping` restored:
# their earlier values are saved too, to train more epochs from.
_BEFORE_END = "before the end: "


class BackupAndResume(EpochSync):
    """Backs up a whole training run, and resumes it after a crash.

    A backup contains model, optimizer, metrics, history, seeds of layers and position in the
    data. Run the same program again after a crash: `fit` continues with the next batch, even in
    the middle of an epoch, and ends with the same weights as an uninterrupted run. Batch size and
    workers can change in between, and `epochs` can increase. It includes `EpochSync`; do not use
    both.

    Backups belong to one call of `fit`. A call with different data, augmentations, model, loss or
    optimizer settings raises an error and leaves them unchanged. So if a program calls `fit`
    several times, give each call a name. When the program runs again, a named `fit` that has
    completed is not trained again: it loads its final weights.

    Backups are written atomically, and never with weights that are not finite. The state of other
    callbacks, such as the patience of `EarlyStopping`, is not saved.

    Args:
        sequence: The sequence that `fit` trains on, with `shuffle=False`. Its images and
            augmentations are fingerprinted, to detect a backup of a different run.
        folder: Folder of the backups; created if it does not exist.
        name: Name of this call of `fit`, if there are several. Its backups are in the subfolder
            of this name. Letters, digits, spaces, ".", "-" and "_".
        every_batches: Number of batches between backups within an epoch. None: no such backups.
        every_s: Minimum seconds between backups within an epoch. None: no such backups.
        keep: Number of backups to keep.
        delete_at_end: Whether to delete the backups when training ends. If False, a final one is
            kept, and running the program again trains nothing. None: delete them, unless `name`
            is given.
        force: Whether to resume even from the backups of a different `fit`, with the settings of
            this one.

    Raises:
        ArgumentError: An option is invalid, or `sequence` is not an `ImageSequence`; when training
            begins, `fit` has `steps_per_epoch`, a repeated sequence, a different object (such as
            a wrapper around the sequence), or `shuffle=True`.
        BackupError: When training begins, the latest backup belongs to a different `fit`; during
            training, a backup cannot be written (earlier ones stay intact).

    Warns:
        AugseqWarning: Weights or loss are not finite; several calls of `fit` share a folder; or
            an augmentation cannot be compared between runs.

    Example:
        `model.fit(batches, epochs=90, shuffle=False,
        callbacks=[augseq.BackupAndResume(batches, "backups", every_s=300)])`
    """

    @explains_names
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
        self._sigterm = SigtermWatch(self)
        self._reset()
        if sequence.length is not None:
            # Before training, which can change the attributes of augmentations.
            sequence.state_dict()

    def __repr__(self) -> str:
        return call_text(type(self).__name__, repr(str(self._folder)))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copy the settings; the copy, such as a tuner makes, uses the same sequence."""
        twin = memo[id(self)] = type(self).__new__(type(self))
        twin._sigterm = SigtermWatch(twin)
        twin._reset()
        fit_state = {"_model", *vars(twin)}
        memo.setdefault(id(self._sequence), self._sequence)
        settings = {name: value for name, value in vars(self).items() if name not in fit_state}
        twin.__dict__ |= {**copy.deepcopy(settings, memo), "_model": None}
        return twin

    def _reset(self) -> None:
        """Reset the state of an earlier `fit`."""
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
        self._sigterm.has_come = False

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Restore the latest backup, if there is one."""
        self._reset()
        super().on_train_begin(logs)
        self._call = find_fit(self)
        check_can_resume(self.model, self._call, self._sequence, self.params["steps"])
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
        self._sigterm.begin()

    def _build(self) -> None:
        """Create the weights that TensorFlow would create in the first step, to compare them."""
        try:
            build_state(self.model, self._sequence[0])
        except Exception:
            # Some models can be called only with real images; their weights are not compared.
            return

    def _identify(self) -> FitIdentity:
        fit = dict(fit_conditions(self.model, self._call))
        folder, begun, rates = _BEGUN.get(self.model.optimizer, (None, {}, set()))
        if folder == self._folder and fit["optimizer"].get("learning_rate") in rates:
            # Callbacks of a `fit` that was interrupted in this process changed it.
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
            # Includes the digest of the initial weights, which only the record still has.
            self._identity = record.identity
        self._sequence.load_state_dict(record.data, force=True)
        build_state(self.model, self._sequence[0])
        rate = self._forced_rate(record.identity.fit, now.fit)
        write_state(self.model, arrays, metrics=is_over)
        if rate is not None:
            self.model.optimizer.learning_rate = rate
            state = read_state(self.model)
            arrays = {**arrays, **{k: v for k, v in state.items() if k.startswith("optimizer")}}
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
        if place not in _WARNED and _LAST_ENDED.get(place, now.conditions) != now.conditions:
            _WARNED.add(place)
            warnings.warn(
                f"Two calls of `fit` with different settings share the backup folder "
                f"{str(self._folder)!r}. If the program is interrupted now and run again, the "
                "first call cannot resume from the backups of the second. Give each call a name, "
                'such as BackupAndResume(..., name="head").',
                AugseqWarning,
                stacklevel=2,
            )

    def _after_train_begin(self) -> None:
        """Restore the history after `on_train_begin` of all callbacks."""
        history = self._history
        if self._history_callback is not None and history:
            self._history_callback.epoch = list(history["epoch"])
            self._history_callback.history = {
                name: list(values) for name, values in history["metrics"].items()
            }

    @property
    def _history_callback(self) -> Any:
        # Outside `fit`, in a custom loop, the model still has the history of an earlier `fit`.
        history = None if self._call is None else getattr(self.model, "history", None)
        return history if isinstance(history, keras.callbacks.History) else None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Set the epoch; in a custom loop, save the end of the previous epoch."""
        super().on_epoch_begin(epoch, logs)
        # Keras has read it; if this `fit` fails, the next one must not start from it.
        self.model._initial_epoch = None
        write_generators(self._generators)
        if self._has_begun and self._call is None:
            self._save(self._sequence.state_dict())
        self._has_begun = True
        if self._sigterm.has_come:
            self._sigterm.hand_on()
        if len(self._sequence) < self.params["steps"]:
            self._expect_early_end()

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Restore what Keras changed at the beginning of the epoch."""
        # Keras resets the metrics, even of a resumed epoch; and on torch, creating a data loader
        # draws from the same generator as layers.
        restored, self._restored = self._restored, None
        if restored is not None and restored.state["num_records"]:
            write_state(self.model, restored.arrays, metrics=True)
        elif restored is not None:
            # Do not undo what other callbacks did at the beginning of this epoch.
            write_seeds(self.model, restored.arrays)
        elif batch == 0:
            write_generators(self._generators)
        if batch == 0:
            self._note_rate()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Save if a backup is due."""
        num_before = self._pass.num_trained
        super().on_train_batch_end(batch, logs)
        num_batches = self._pass.num_trained
        # Before an evaluation, which can use the same sequence.
        self._done = self._sequence.state_dict(num_batches=num_batches)
        if self._sigterm.has_come:
            self._save(self._done)
            self._sigterm.hand_on()
        if self._pass.is_over:
            self._generators = read_generators()
        if self._pass.is_over and len(self._sequence) < self.params["steps"]:
            # Keras expects a complete epoch and starts one more step. On TensorFlow that step
            # draws from the generators of layers and increments the optimizer's step counter
            # before it runs out of data.
            self._end_of_epoch = read_state(self.model)
        # The end of an epoch is saved after `on_epoch_end` of all other callbacks.
        if not self._pass.is_over and self._is_due(num_before, num_batches):
            self._save(self._done)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Undo what Keras changed when it ended a shorter epoch."""
        super().on_epoch_end(epoch, logs)
        self._silence.close()
        if self._end_of_epoch is not None:
            # Earlier callbacks in the list may have set it.
            rate = self._rate()
            write_state(self.model, self._end_of_epoch, metrics=True)
            if rate is not None:
                self.model.optimizer.learning_rate = rate
            self._end_of_epoch = None

    def _after_epoch_end(self, epoch: int) -> None:
        """Save the end of an epoch after `on_epoch_end` of all callbacks."""
        self._note_rate()
        self._was_stopped = bool(self.model.stop_training) and epoch + 1 < self.params["epochs"]
        if epoch + 1 < self.params["epochs"] and not self.model.stop_training:
            self._save(self._done)
            if self._sigterm.has_come:
                self._sigterm.hand_on()
        elif not self._delete_at_end:
            self._before_end = {**read_state(self.model), **self._generators}

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Save on SIGTERM; the rest follows after `on_train_end` of the other callbacks."""
        super().on_train_end(logs)
        self.model._initial_epoch = None
        if self._sigterm.has_come:
            # The program has not received the trained model yet.
            self._save(self._done or self._sequence.state_dict())
            self._sigterm.hand_on()
        self._sigterm.end()
        if self._call is None:
            self._after_train_end(logs)

    def _after_train_end(self, logs: dict[str, Any] | None) -> None:
        """Delete the backups of the completed run, or write the final one."""
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
        """Suppress Keras' warning that the remainder of a resumed epoch is shorter."""
        self._silence.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", message="Your input ran out of data")

    def _is_due(self, num_before: int, num_batches: int) -> bool:
        """Whether to save after these batches: several, with `steps_per_execution`."""
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
                f"Another `fit` is writing backups to {str(self._folder)!r} at the same time: "
                f"{foreign[0].name!r}. It was not changed, and this `fit` cannot be saved. Give "
                'each `fit` its own folder or a name: BackupAndResume(..., name="head").'
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
        outcome = (
            f"The last good one, {str(kept[-1])!r}, is kept, and the next run resumes from it. To "
            "resume with different settings, such as a smaller learning rate, pass force=True; "
            "to start over, delete it"
            if kept
            else "There is no earlier one to resume from"
        )
        warnings.warn(
            f"{why}, so no backup is written or deleted. {outcome}.", AugseqWarning, stacklevel=3
        )

    def _note_rate(self) -> None:
        """Record the learning rate that callbacks have set, for a retry in this process."""
        rate = self._rate()
        if rate is not None:
            _BEGUN[self.model.optimizer][2].add(rate)

    def _rate(self) -> float | None:
        """Return the learning rate; None if it comes from a schedule."""
        if not isinstance(_BEGUN[self.model.optimizer][1].get("learning_rate"), float):
            return None
        return float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))

    def _forced_rate(self, then: Tree, now: Tree) -> float | None:
        """Return the learning rate to resume with; None for that of the backup."""
        rates = [tree.get("optimizer", {}).get("learning_rate") for tree in (then, now)]
        has_changed = rates[0] != rates[1] and isinstance(rates[1], float)
        return rates[1] if has_changed else None


class _AfterOthers(keras.callbacks.Callback):  # type: ignore[misc]
    """The last callback of a `fit`, which calls its owner after all other callbacks."""

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
        "`name` must be a folder name: 1 to 100 letters, digits, spaces, '.', '-' and '_', with a "
        f"letter or digit at both ends. Received: name={name!r}"
    )


def _without_end(arrays: Arrays) -> Arrays:
    return {name: array for name, array in arrays.items() if not name.startswith(_BEFORE_END)}


def _before_end(arrays: Arrays) -> Arrays:
    """Return the values to train more epochs from: those before the end of `fit`."""
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
