"""A record of which images the model really trained on, and the proof that each came once."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from augseq.errors import ArgumentError
from augseq.manifest.manifest import Manifest
from augseq.training.planned_sequence import PlannedSequence
from augseq.training.trained_batches import TrainedBatches
from augseq.types import PathLike


class Audit(TrainedBatches):
    """Writes down the records of each batch, when its training step is done.

    The file gets one line of JSON for each batch and is flushed with it, so that a crash loses
    nothing. A run that goes on after a crash goes on writing; `verify_audit` reads it.

    Args:
        sequence: The sequence that `fit` trains on, with `shuffle=False`.
        path: The file; what it holds is kept.

    Example:
        `model.fit(batches, shuffle=False, callbacks=[augseq.EpochSync(batches),
        augseq.Audit(batches, "audit.jsonl")])`
    """

    def __init__(self, sequence: PlannedSequence, path: PathLike) -> None:
        super().__init__(sequence)
        self._path = Path(path)
        self._file: TextIOWrapper | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Open the file."""
        self._file = self._path.open("a", encoding="utf-8")

    def _note(self, trained: range, logs: dict[str, Any]) -> None:
        assert self._file is not None
        for number in trained:
            line = {
                "epoch": self._sequence.epoch,
                "place": self._sequence.progress(number).num_records,
                "indices": [record.index for record in self._sequence.records(number)],
            }
            self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What an audit proves.

    Attributes:
        num_epochs: Epochs that were trained whole.
        missing: Indices that an epoch never gave, by epoch; of whole epochs only.
        repeated: Indices that an epoch gave more than once, by epoch.
        unfinished: How many records the last epoch gave, where the run did not end it; else 0.
    """

    num_epochs: int
    missing: dict[int, list[int]]
    repeated: dict[int, list[int]]
    unfinished: int

    @property
    def holds(self) -> bool:
        """Whether each record came exactly once in every epoch that was trained whole."""
        return not self.missing and not self.repeated

    def __str__(self) -> str:
        rest = f", and {self.unfinished} records of one more" if self.unfinished else ""
        title = f"{self.num_epochs} whole epochs{rest}: "
        if self.holds:
            return title + "each record was trained exactly once in each."
        lines = [
            f"  epoch {epoch}: {len(indices)} records {what}: {_some(indices)}"
            for what, found in (("missing", self.missing), ("repeated", self.repeated))
            for epoch, indices in sorted(found.items())
        ]
        return "\n".join([title + "not each record was trained exactly once.", *lines])


def verify_audit(path: PathLike, manifest: Manifest) -> AuditReport:
    """Prove that a run trained each record exactly once an epoch.

    What a crash undid does not count: where a run went on from a backup, what was written
    before for the same place is dropped, as it is in the weights.

    Args:
        path: What `Audit` wrote.
        manifest: The images that were trained on.

    Raises:
        ArgumentError: The file is no audit.
    """
    expected = set(manifest.table.column("index").to_pylist())
    epochs = _epochs(Path(path))
    missing, repeated, unfinished = {}, {}, 0
    for epoch, batches in epochs.items():
        counts = Counter(index for _, indices in batches for index in indices)
        twice = sorted(index for index, count in counts.items() if count > 1)
        if twice:
            repeated[epoch] = twice
        absent = sorted(expected - counts.keys())
        if absent and epoch == max(epochs):
            unfinished = len(expected) - len(absent)
        elif absent:
            missing[epoch] = absent
    num_whole = len(epochs) - bool(unfinished)
    return AuditReport(
        num_epochs=num_whole, missing=missing, repeated=repeated, unfinished=unfinished
    )


def _epochs(path: Path) -> dict[int, list[tuple[int, list[int]]]]:
    """Return the batches of each epoch that count, as (place, indices)."""
    epochs: dict[int, list[tuple[int, list[int]]]] = {}
    for epoch, place, indices in _lines(path):
        for later in [known for known in epochs if known > epoch]:
            del epochs[later]
        batches = epochs.setdefault(epoch, [])
        while batches and batches[-1][0] >= place:
            batches.pop()
        batches.append((place, indices))
    return epochs


def _lines(path: Path) -> Iterator[tuple[int, int, list[int]]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, text in enumerate(lines, 1):
        try:
            line = json.loads(text)
            yield line["epoch"], line["place"], line["indices"]
        except (ValueError, KeyError, TypeError) as error:
            # The last line of a process that was killed while it wrote.
            if number < len(lines):
                raise ArgumentError(
                    f"Line {number} of {str(path)!r} is not of an audit."
                ) from error


def _some(indices: list[int]) -> str:
    more = f" and {len(indices) - 10} more" if len(indices) > 10 else ""
    return ", ".join(map(str, indices[:10])) + more
