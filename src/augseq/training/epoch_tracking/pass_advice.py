"""Warnings for passes over the data whose epoch a sequence cannot know."""

import sys
import warnings

from augseq.errors import AugseqWarning

# Code is on separate lines, so that it can be copied.
EPOCH_SYNC = (
    "The epochs of this sequence differ from those of `fit`: without the EpochSync callback, the "
    "sequence continues to count from one `fit` to the next, so that no augmentation is repeated. "
    "But a `fit` that is resumed later (such as with initial_epoch) then has a different order and "
    "different augmentations. To use Keras' epochs, add the callback, with your sequence:\n"
    "    model.fit(batches, epochs=10, shuffle=False, callbacks=[augseq.EpochSync(batches)])"
)
SECOND_PASS = (
    "A second pass over epoch {epoch} begins, with the same order and augmentations as the first, "
    "because batches[i] does not specify an epoch. Set it before each pass:\n"
    "    batches.set_epoch(epoch)\n"
    "A loop `for images, labels in batches` counts epochs itself. If `fit` trains on an object "
    "that gets its batches from this sequence, pass the callback:\n"
    "    callbacks=[augseq.EpochSync(batches)]"
)
FIT_EPOCH = (
    "`fit` trains epoch {other}, with the order and augmentations of epoch {epoch}, because it "
    "trains on an object that gets its batches from this sequence. Pass the callback:\n"
    "    callbacks=[augseq.EpochSync(batches)]"
)
REPEATED = (
    "`fit` begins with a later epoch (initial_epoch), but without the EpochSync callback, it "
    "begins at the first step of the repeated sequence, with the order and augmentations of "
    "epoch 0. Add the callback, with your repeated sequence:\n"
    "    model.fit(endless, steps_per_epoch=100, epochs=10, callbacks=[augseq.EpochSync(endless)])"
)
SAME_BATCHES = (
    "Two passes over epoch {epoch} ended early and yielded the same batches: each loop starts at "
    "the first batch of the epoch, and the next epoch begins only after a complete pass. To start "
    "the next epoch, call this before each pass:\n"
    "    batches.set_epoch(epoch)\n"
    "To continue where the previous loop ended, take all batches from one iterator:\n"
    "    steps = iter(batches.repeat())"
)
SAME_STEPS = (
    "Two loops over a repeated sequence yielded the same batches: each loop starts at the first "
    "one. To continue where the previous loop ended, take all batches from one iterator:\n"
    "    steps = iter(batches)"
)
OTHER_EPOCH = (
    "`fit` trains epoch {other} of another sequence, but this one is used in the same `fit` and "
    "stays in epoch {epoch}, so their batches do not match. Pass all sequences to one callback:\n"
    "    callbacks=[augseq.EpochSync(images, masks)]"
)
WORKER_PROCESS = (
    "This worker process has a copy of the sequence that stays in epoch {epoch}. Call "
    "batches.set_epoch(epoch) in the main process before each pass, and start new worker "
    "processes for each pass (DataLoader: persistent_workers=False). Or pass the DataLoader "
    "batches.to_torch(epochs=10), which has all epochs; or use the workers of the sequence "
    "instead: ImageSequence(..., workers=4)."
)


def advise(text: str, **values: int | None) -> None:
    """Warn at the line outside this package that uses the sequence."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back and str(frame.f_globals.get("__name__")).startswith("augseq."):
        level, frame = level + 1, frame.f_back
    warnings.warn(text.format(**values), AugseqWarning, stacklevel=level)
