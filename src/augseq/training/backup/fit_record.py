"""Which `fit` a backup belongs to, and how far it had trained."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from augseq.errors import BackupError
from augseq.training.backup.fit_conditions import Tree, differences, tree_digest
from augseq.training.resume_state import condition_differences

_FORMAT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FitIdentity:
    """What distinguishes one call of `fit` from another.

    Attributes:
        data: Everything that determines the samples and their order.
        fit: Model, loss and optimizer at the beginning.
        number: Counts the calls with the same conditions in the program, from 1.
        weights: Hash of the initial weights; empty if they were not created yet.
    """

    data: Mapping[str, Any]
    fit: Tree
    number: int
    weights: str

    @property
    def conditions(self) -> str:
        """Hash of data and fit, 32 hexadecimal digits."""
        return tree_digest({"data": self.data, "fit": self.fit})


@dataclass(frozen=True, slots=True, kw_only=True)
class FitRecord:
    """What a backup records about its `fit`.

    Attributes:
        identity: Identifies the `fit`.
        data: The result of `sequence.state_dict`.
        epochs: The argument of `fit`.
        history: "metrics", with one value per epoch for each metric, and "epoch", their numbers.
        is_finished: Whether `fit` returned.
        was_stopped: Whether a callback ended it before its last epoch.
    """

    identity: FitIdentity
    data: Mapping[str, Any]
    epochs: int
    history: Mapping[str, Any] = field(default_factory=dict)
    is_finished: bool = False
    was_stopped: bool = False

    def state(self) -> dict[str, Any]:
        """Return the record as a dict that can be stored as JSON."""
        return {"format": _FORMAT, **asdict(self)}

    def ends_within(self, epochs: int) -> bool:
        """Return whether a `fit` with this number of epochs has nothing left to train."""
        return self.is_finished and (self.was_stopped or self.epochs >= epochs)


def read_record(
    state: Mapping[str, Any], now: FitIdentity, *, epochs: int, folder: Path, force: bool
) -> FitRecord:
    """Read the record of a backup, which must belong to the `fit` that begins now.

    Args:
        state: The result of `FitRecord.state`, or the same after a round trip through JSON.
        now: The `fit` that begins.
        epochs: The argument of that `fit`.
        folder: Folder of the backup, for the message.
        force: Whether to accept the backup of a different `fit`.

    Raises:
        BackupError: The backup belongs to a different `fit`; the message lists the differences.
    """
    if state.get("format") == 1 and force:
        return FitRecord(identity=now, data=state, epochs=epochs)
    if state.get("format") != _FORMAT:
        age = "an earlier" if state.get("format") == 1 else "a later"
        raise BackupError(
            f"The backups in {str(folder)!r} were written by {age} version of augseq and cannot "
            "be compared with this `fit`; they were not changed. "
            + _ways_out(folder, "if they belong to this `fit`")
        )
    found = FitRecord(
        identity=FitIdentity(**state["identity"]),
        **{name: state[name] for name in ("data", "epochs", "history")},
        **{name: state[name] for name in ("is_finished", "was_stopped")},
    )
    different = _differences(found, now, epochs)
    if different and not force:
        raise BackupError(
            f"The backups in {str(folder)!r} belong to a different `fit` and were not changed: "
            f"resuming from them would not give the weights of an uninterrupted run. "
            f"{'; '.join(different)}. {_ways_out(folder, 'with the settings of this run')}"
        )
    return found


def _differences(found: FitRecord, now: FitIdentity, epochs: int) -> list[str]:
    then = found.identity
    different = [*condition_differences(then.data, now.data), *differences(then.fit, now.fit)]
    if not different and then.weights != now.weights and then.number != now.number:
        different = [
            f"this is `fit` number {now.number} with these settings in this program, but the "
            f"backups belong to number {then.number}, which began with different weights"
        ]
    done = (found.data["epoch"], found.data["num_records"])
    if done > (epochs, 0):
        different.append(f"epochs: {found.epochs} then, of which {done[0]} are done, {epochs} now")
    return different


def _ways_out(folder: Path, when: str) -> str:
    return (
        "Give each `fit` of a program its own folder, or a name, such as "
        f'BackupAndResume(..., name="head"). Delete {str(folder)!r} if you no longer need it. '
        f"To resume from it anyway, {when}, pass force=True."
    )
