"""What a sequence says where it cannot know which epoch a pass over the data belongs to."""

import sys
import warnings

from augseq.errors import AugseqWarning

# Each line of code stands alone, so that it can be copied.
EPOCH_SYNC = (
    "`fit` was called without the EpochSync callback, so the sequence counts its epochs itself. "
    "That works within one run, but a run that goes on later (with initial_epoch, say) begins "
    "again with the order and augmentations of epoch 0. To give each epoch its own, add the "
    "callback, with your name for the sequence:\n"
    "    model.fit(batches, epochs=10, shuffle=False, callbacks=[augseq.EpochSync(batches)])"
)
SECOND_PASS = (
    "A second pass over epoch {epoch} begins, with the same order and augmentations as the first: "
    "batches[i] does not tell which epoch is meant. Say it before each pass:\n"
    "    batches.set_epoch(epoch)\n"
    "A loop `for images, labels in batches` counts epochs itself. Where `fit` trains on an object "
    "that takes its batches from this sequence, pass the callback:\n"
    "    callbacks=[augseq.EpochSync(batches)]"
)
SAME_BATCHES = (
    "Two passes over epoch {epoch} ended early, and gave the same batches: each loop begins at the "
    "first batch of the epoch, and the next epoch comes only after a whole pass. For the next "
    "epoch, call this before each pass:\n"
    "    batches.set_epoch(epoch)\n"
    "To go on where the loop before ended, take all batches from one iterator:\n"
    "    steps = iter(batches.repeat())"
)
SAME_STEPS = (
    "Two loops over a repeated sequence gave the same batches: each loop begins at the first one. "
    "To go on where the loop before ended, take all batches from one iterator:\n"
    "    steps = iter(batches)"
)
OTHER_EPOCH = (
    "`fit` trains epoch {other} of another sequence, but this one is used in the same `fit` and "
    "stays in epoch {epoch}, so that their batches do not belong together. Pass all sequences to "
    "one callback:\n"
    "    callbacks=[augseq.EpochSync(images, masks)]"
)
WORKER_PROCESS = (
    "This worker process has a copy of the sequence that stays in epoch {epoch}. Call "
    "batches.set_epoch(epoch) in the main process before each pass, and start new worker "
    "processes for each one (DataLoader: persistent_workers=False). Or use no processes but the "
    "sequence's own: ImageSequence(..., workers=4)."
)


def advise(text: str, **values: int | None) -> None:
    """Warn with the place outside of this package that uses the sequence."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back and str(frame.f_globals.get("__name__")).startswith("augseq."):
        level, frame = level + 1, frame.f_back
    warnings.warn(text.format(**values), AugseqWarning, stacklevel=level)
