"""A record of which images the model really trained on, and the proof that each came once."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NamedTuple

from augseq.errors import ArgumentError
from augseq.manifest.manifest import Manifest
from augseq.training.planned_sequence import PlannedSequence
from augseq.training.trained_batches import TrainedBatches
from augseq.types import PathLike


class Audit(TrainedBatches):
    """Writes down the records of each batch, when its training step is done.

    The file gets one line of JSON for each batch and is flushed with it, so that a crash loses
    nothing. A run that goes on after a crash goes on writing; `verify_audit` reads it.
    Of several processes that train together, each needs a file of its own.

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
        super().on_train_begin(logs)
        self._file = self._path.open("a", encoding="utf-8")

    def _note(self, trained: range, logs: dict[str, Any]) -> None:
        assert self._file is not None
        for number in trained:
            before = self._sequence.progress(number)
            line = {
                "epoch": before.epoch,
                "place": before.num_records,
                "indices": [record.index for record in self._sequence.records(number)],
                "num_padding": self._sequence.num_padding(number),
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
        repeated: Indices that an epoch gave more than once, by epoch; but for padding.
        num_padding: How often records were trained once more, in all epochs, to fill up the last
            batches of several processes.
        unfinished: How many records the last epoch gave, where the run did not end it; else 0.
    """

    num_epochs: int
    missing: dict[int, list[int]]
    repeated: dict[int, list[int]]
    num_padding: int
    unfinished: int

    @property
    def holds(self) -> bool:
        """Whether each record came exactly once in every epoch that was trained whole."""
        return not self.missing and not self.repeated

    def __str__(self) -> str:
        rest = f", and {self.unfinished} records of one more" if self.unfinished else ""
        title = f"{self.num_epochs} whole epochs{rest}: "
        if self.holds:
            padding = f", and {self.num_padding} times as padding" if self.num_padding else ""
            return title + f"each record was trained exactly once in each{padding}."
        lines = [
            f"  epoch {epoch}: {len(indices)} records {what}: {_some(indices)}"
            for what, found in (("missing", self.missing), ("repeated", self.repeated))
            for epoch, indices in sorted(found.items())
        ]
        return "\n".join([title + "not each record was trained exactly once.", *lines])


def verify_audit(paths: PathLike | Sequence[PathLike], manifest: Manifest) -> AuditReport:
    """Prove that a run trained each record exactly once an epoch.

    What a crash undid does not count: where a run went on from a backup, what was written
    before for the same place is dropped, as it is in the weights.

    Args:
        paths: What `Audit` wrote: a file, or those of all processes that trained together.
        manifest: The images that were trained on.

    Raises:
        ArgumentError: A file is no audit.
    """
    expected = set(manifest.table.column("index").to_pylist())
    files = [paths] if isinstance(paths, str | os.PathLike) else paths
    found = [_epochs(Path(path)) for path in files]
    epochs = {epoch for one in found for epoch in one}
    missing, repeated, num_padding, unfinished = {}, {}, 0, 0
    for epoch in sorted(epochs):
        batches = [batch for one in found for batch in one.get(epoch, [])]
        counts = Counter(index for batch in batches for index in batch.indices)
        num_padding += sum(batch.num_padding for batch in batches)
        twice = sorted(index for index, count in counts.items() if count > 1)
        if twice:
            repeated[epoch] = twice
        absent = sorted(expected - counts.keys())
        if absent and epoch == max(epochs):
            unfinished = len(expected) - len(absent)
        elif absent:
            missing[epoch] = absent
    return AuditReport(
        num_epochs=len(epochs) - bool(unfinished),
        missing=missing,
        repeated=repeated,
        num_padding=num_padding,
        unfinished=unfinished,
    )


class _Trained(NamedTuple):
    place: int
    indices: list[int]
    num_padding: int


def _epochs(path: Path) -> dict[int, list[_Trained]]:
    """Return the batches of each epoch that count."""
    epochs: dict[int, list[_Trained]] = {}
    for epoch, batch in _lines(path):
        for later in [known for known in epochs if known > epoch]:
            del epochs[later]
        batches = epochs.setdefault(epoch, [])
        while batches and batches[-1].place >= batch.place:
            batches.pop()
        batches.append(batch)
    return epochs


def _lines(path: Path) -> Iterator[tuple[int, _Trained]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, text in enumerate(lines, 1):
        try:
            line = json.loads(text)
            indices, num_padding = line["indices"], line.get("num_padding", 0)
            trained = indices[: len(indices) - num_padding]
            yield line["epoch"], _Trained(line["place"], trained, num_padding)
        except (ValueError, KeyError, TypeError) as error:
            # The last line of a process that was killed while it wrote.
            if number < len(lines):
                raise ArgumentError(
                    f"Line {number} of {str(path)!r} is not of an audit."
                ) from error


def _some(indices: list[int]) -> str:
    more = f" and {len(indices) - 10} more" if len(indices) > 10 else ""
    return ", ".join(map(str, indices[:10])) + more
