"""Which `fit` a backup belongs to, and how far that has come."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from augseq.errors import BackupError
from augseq.training.fit_conditions import Tree, differences, tree_digest
from augseq.training.resume_state import condition_differences

_FORMAT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FitIdentity:
    """What tells one `fit` from another.

    Attributes:
        data: What decides the stream of samples.
        fit: Model, loss and optimizer when it began.
        number: Which one it was of those with these very conditions in its program, from 1.
        weights: Hash of the weights that it began with; empty where they were not made yet.
    """

    data: Mapping[str, Any]
    fit: Tree
    number: int
    weights: str

    @property
    def conditions(self) -> str:
        """Name data and fit, as 32 hexadecimal digits."""
        return tree_digest({"data": self.data, "fit": self.fit})


@dataclass(frozen=True, slots=True, kw_only=True)
class FitRecord:
    """What a backup says about its `fit`.

    Attributes:
        identity: Which `fit` it is.
        data: What `sequence.state_dict` returned.
        epochs: The argument of `fit`.
        history: Of each metric, a number for each epoch; and "epoch", their numbers.
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
        """Return all of it as what JSON can hold."""
        return {"format": _FORMAT, **asdict(self)}

    def ends_within(self, epochs: int) -> bool:
        """Whether a `fit` of so many epochs has nothing left to train."""
        return self.is_finished and (self.was_stopped or self.epochs >= epochs)


def read_record(
    state: Mapping[str, Any], now: FitIdentity, *, epochs: int, folder: Path, force: bool
) -> FitRecord:
    """Read what a backup says about its `fit`, which must be the one that begins now.

    Args:
        state: What `FitRecord.state` returned, perhaps after JSON.
        now: The `fit` that begins.
        epochs: The argument of that `fit`.
        folder: Where the backup is, for the message.
        force: Whether another `fit` may go on from it too.

    Raises:
        BackupError: The backup belongs to another `fit`; the message spells out the difference.
    """
    if state.get("format") == 1 and force:
        return FitRecord(identity=now, data=state, epochs=epochs)
    if state.get("format") != _FORMAT:
        age = "an earlier" if state.get("format") == 1 else "a later"
        raise BackupError(
            f"The backups in {str(folder)!r} were written by {age} version of augseq, and cannot "
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
            f"The backups in {str(folder)!r} belong to another `fit` and were not changed: "
            f"resuming from them would not give the weights of an uninterrupted run. "
            f"{'; '.join(different)}. {_ways_out(folder, 'with the settings of this run')}"
        )
    return found


def _differences(found: FitRecord, now: FitIdentity, epochs: int) -> list[str]:
    then = found.identity
    different = [*condition_differences(then.data, now.data), *differences(then.fit, now.fit)]
    if not different and then.weights != now.weights and then.number != now.number:
        different = [
            f"this is `fit` number {now.number} with these settings in this program, the backups "
            f"belong to number {then.number}, which began with other weights"
        ]
    done = (found.data["epoch"], found.data["num_records"])
    if done > (epochs, 0):
        different.append(f"epochs: {found.epochs} then, of which {done[0]} are done, {epochs} now")
    return different


def _ways_out(folder: Path, when: str) -> str:
    return (
        "Give each `fit` of a program backups of its own: another folder, or a name, such as "
        f'BackupAndResume(..., name="head"). Delete {str(folder)!r} if you no longer need it. '
        f"To resume from it all the same, {when}, pass force=True."
    )
