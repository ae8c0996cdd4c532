"""A log of trained images, to verify that each was trained exactly once."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from augseq.errors import ArgumentError, MissingFileError
from augseq.manifest.manifest import Manifest
from augseq.sampling.order import Order
from augseq.terminal_text import call_text, counted, first_few, first_lines
from augseq.training.sequence import ImageSequence
from augseq.training.trained_batches import TrainedBatches
from augseq.types import PathLike
from augseq.validation import briefly

# Limits memory.
_MOST_PLACES = 2**16

# Start of each line.
_BEGINNING = '{"epoch": '


class Audit(TrainedBatches):
    """Logs the records of each batch after its training step.

    The file gets one line of JSON per batch and one per end of an epoch, and is closed after
    each, so that a crash loses nothing. A resumed run appends to the file; `verify_audit` reads
    it. With `BackupAndResume`, list the audit first, so that it is never behind a backup.
    If several processes train together, each needs a separate file.

    Args:
        sequence: The sequence that `fit` trains on, with `shuffle=False`.
        path: The file; existing content is kept.

    Raises:
        ArgumentError: `sequence` is not an `ImageSequence`; while training, `fit` has
            `shuffle=True`.
        OSError: While training, the file cannot be written.

    Example:
        `model.fit(batches, shuffle=False, callbacks=[augseq.EpochSync(batches),
        augseq.Audit(batches, "audit.jsonl")])`
    """

    def __init__(self, sequence: ImageSequence, path: PathLike) -> None:
        super().__init__(sequence)
        self._path = Path(path).absolute()

    def __repr__(self) -> str:
        return call_text("Audit", repr(str(self._path)))

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Create the file, or end the incomplete line of a process that was killed."""
        super().on_train_begin(logs)
        with self._path.open("a+b") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read() != b"\n":
                    file.write(b"\n")

    def _note(self, trained: range, logs: dict[str, Any]) -> None:
        text = "".join(
            f"{json.dumps(line)}\n" for number in trained for line in self._lines(number)
        )
        # Keras does not notify callbacks when `fit` fails. Opening and closing takes 0.01 ms.
        with self._path.open("a", encoding="utf-8") as file:
            file.write(text)

    def _lines(self, number: int) -> Iterator[dict[str, Any]]:
        """Yield the lines of a batch."""
        before, after = (
            self._sequence.position.progress(number),
            self._sequence.position.progress(number + 1),
        )
        yield {
            "epoch": before.epoch,
            "place": before.num_records,
            "indices": [record.index for record in self._sequence.records(number)],
            "num_padding": self._sequence.num_padding(number),
        }
        if after.epoch > before.epoch:
            yield {"epoch": before.epoch, "ended": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """The result of `verify_audit`.

    Attributes:
        num_epochs: Number of complete epochs.
        missing: By epoch, the indices that were not trained, or too rarely; for complete epochs
            only.
        repeated: By epoch, the indices that were trained too often, except as padding.
        num_padding: Number of times, over all epochs, that a record was repeated to fill up the
            last batches of several processes.
        unfinished: Number of records trained in the last epoch if it is incomplete, 0 otherwise.
        by_quota: Whether the sampling sets how often each record is used; otherwise that is once.
    """

    num_epochs: int
    missing: dict[int, list[int]]
    repeated: dict[int, list[int]]
    num_padding: int
    unfinished: int
    by_quota: bool = False

    @property
    def holds(self) -> bool:
        """Whether each complete epoch, at least one, trained each record as it should."""
        return self.num_epochs > 0 and not self.missing and not self.repeated

    def __repr__(self) -> str:
        return first_lines(f"AuditReport: {self}")

    def __str__(self) -> str:
        rest = f", and {self.unfinished} records of the next one" if self.unfinished else ""
        title = f"{counted(self.num_epochs, 'complete epoch')}{rest}: "
        often = "as often as its quota" if self.by_quota else "once"
        if self.holds:
            padding = f", plus {self.num_padding} as padding" if self.num_padding else ""
            return title + f"each record was trained exactly {often} in each{padding}."
        if not self.num_epochs and not self.repeated:
            return title + "nothing can be verified."
        lines = [
            f"  epoch {epoch}: {len(indices)} records {what}: {first_few(map(str, indices), 10)}"
            for what, by_epoch in (("missing", self.missing), ("repeated", self.repeated))
            for epoch, indices in sorted(by_epoch.items())
        ]
        if self.repeated and not self.by_quota:
            lines.append(
                "  If `sampling` or `repeats` set how often, pass the sequence that has them."
            )
        return "\n".join([title + f"some records were not trained exactly {often}.", *lines])


def verify_audit(
    paths: PathLike | Sequence[PathLike], manifest: Manifest | ImageSequence
) -> AuditReport:
    """Verify that a run trained each record exactly once per epoch, or by its quota.

    Batches lost in a crash do not count: if a run was resumed from a backup, earlier lines for
    the same position are ignored, since the backup undid them in the weights too.

    Args:
        paths: A file that `Audit` wrote, or the files of all processes that trained together.
        manifest: The images that were trained on. With `sampling` or `repeats`, the sequence, which
            tells how often each record is used in each epoch.

    Raises:
        ArgumentError: There are no files, one was not written by `Audit`, or `manifest` is neither
            a manifest nor a sequence.
        MissingFileError: There is no such file.
    """
    if not isinstance(manifest, Manifest | ImageSequence):
        raise ArgumentError(
            "`manifest` must be the Manifest that was trained on, or the ImageSequence. "
            f"Received: {type(manifest).__name__}"
        )
    quotas = _Quotas(manifest)
    files: Any = [paths] if isinstance(paths, str | os.PathLike) else paths
    is_list = isinstance(files, Sequence) and len(files) > 0
    if not is_list or not all(isinstance(path, str | os.PathLike) for path in files):
        raise ArgumentError(
            "`paths` must be a file that augseq.Audit wrote, or a list of the files of all "
            f"processes that trained together. Received: paths={briefly(paths)}"
        )
    audits = [_epochs(Path(path)) for path in files]
    epochs = {epoch for audit in audits for epoch in audit.batches}
    missing, repeated, num_padding, unfinished = {}, {}, 0, 0
    for epoch in sorted(epochs):
        batches = [batch for audit in audits for batch in audit.batches.get(epoch, [])]
        counts = Counter(index for batch in batches for index in batch.indices)
        num_padding += sum(batch.num_padding for batch in batches)
        expected = quotas.of(epoch)
        twice = sorted((counts - expected).keys() & expected.keys())
        if twice:
            repeated[epoch] = twice
        absent = sorted((expected - counts).keys())
        # Audits of earlier versions do not record the end of an epoch.
        has_ended = epoch < max(epochs) or all(epoch in audit.ended for audit in audits)
        if absent and not has_ended:
            unfinished = (expected & counts).total()
        elif absent:
            missing[epoch] = absent
    return AuditReport(
        num_epochs=len(epochs) - bool(unfinished),
        missing=missing,
        repeated=repeated,
        num_padding=num_padding,
        unfinished=unfinished,
        by_quota=quotas.order is not None,
    )


class _Quotas:
    """How often each record is used in each epoch, by index.

    Args:
        data: A sequence, or a manifest whose records are used once.
    """

    def __init__(self, data: Manifest | ImageSequence) -> None:
        manifest = data.manifest if isinstance(data, ImageSequence) else data
        self._indices = manifest.table.column("index").to_pylist()
        self._once = Counter(self._indices)
        self.order: Order | None = None
        if isinstance(data, ImageSequence) and data._plan.schedule.order.frequency.text:
            self.order, self._seed = data._plan.schedule.order, data.seed

    def of(self, epoch: int) -> Counter[int]:
        """Return the number of times by index."""
        if self.order is None:
            return self._once
        counts = np.zeros(len(self._indices), np.int64)
        for first in range(0, self.order.length, _MOST_PLACES):
            places = np.arange(first, min(first + _MOST_PLACES, self.order.length))
            found = self.order.turns(places, seed=self._seed, epoch=epoch).positions
            counts += np.bincount(found, minlength=len(counts))
        return Counter(dict(zip(self._indices, counts.tolist(), strict=True)))


class _Trained(NamedTuple):
    place: int
    indices: list[int]
    num_padding: int


class _Epochs(NamedTuple):
    batches: dict[int, list[_Trained]]
    ended: set[int]


def _epochs(path: Path) -> _Epochs:
    """Return the batches of each epoch, without lost ones, and the ended epochs."""
    epochs = _Epochs({}, set())
    for epoch, batch in _read_lines(path):
        for later in [known for known in epochs.batches if known > epoch]:
            del epochs.batches[later]
        batches = epochs.batches.setdefault(epoch, [])
        if batch is None:
            epochs.ended.add(epoch)
            continue
        epochs.ended.difference_update([known for known in epochs.ended if known >= epoch])
        while batches and batches[-1].place >= batch.place:
            batches.pop()
        batches.append(batch)
    return epochs


def _read_lines(path: Path) -> Iterator[tuple[int, _Trained | None]]:
    """Yield epoch and batch of each line; the batch is None for the end of an epoch."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError as error:
        raise MissingFileError(
            f"There is no audit file {str(path)!r}. Pass the path that augseq.Audit received."
        ) from error
    except IsADirectoryError as error:
        raise ArgumentError(
            f"Pass the file that Audit wrote, not a folder. Received: {str(path)!r}"
        ) from error
    for number, text in enumerate(lines, 1):
        try:
            line = json.loads(text)
            if "ended" in line:
                yield line["epoch"], None
                continue
            indices, num_padding = line["indices"], line.get("num_padding", 0)
            trained = indices[: len(indices) - num_padding]
            yield line["epoch"], _Trained(line["place"], trained, num_padding)
        except (ValueError, KeyError, TypeError) as error:
            # A process that was killed while writing leaves an incomplete line.
            if not text or not _BEGINNING.startswith(text[: len(_BEGINNING)]):
                raise ArgumentError(
                    f"Line {number} of {str(path)!r} was not written by augseq.Audit. Pass the "
                    "path that Audit received."
                ) from error
