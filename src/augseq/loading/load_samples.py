"""The samples of a batch, one after the other, each mixed with its partner if they are mixed."""

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from dataclasses import replace
from typing import Any

from augseq.augment.mixing import Mixing
from augseq.errors import ArgumentError
from augseq.loading.mixed import Mixed, Mixtures
from augseq.loading.pipeline import Pipeline
from augseq.loading.sample import IMAGE, Sample, load_sample
from augseq.loading.targets.target import Target
from augseq.loading.turns import RecordTurns, Turn

# Set when the process exits: loading then stops before the next sample.
PROCESS_ENDS = threading.Event()


def load_samples(
    turns: RecordTurns, pipeline: Pipeline, *, seed: int, epoch: int
) -> Iterator[Sample]:
    """Yield the samples of a batch, each loaded when it is asked for.

    Args:
        turns: The records.
        pipeline: How to load a record.
        seed: Random seed of the augmentations.
        epoch: From 0.

    Raises:
        ArgumentError: Two images that are mixed differ in size.
        AugseqError: A file or an augmentation failed; the message names the record.
        CancelledError: The process is exiting.
    """

    def load(turn: Turn) -> Sample:
        if PROCESS_ENDS.is_set():
            raise CancelledError
        return load_sample(turn.record, pipeline, seed=seed, epoch=epoch, repeat=turn.repeat)

    if turns.partners is None or pipeline.mix is None:
        yield from map(load, turns.own)
        return
    # By identity: hashing a record takes as long as drawing a mixture.
    loaded: dict[int, Sample] = {}
    drawn: list[Mixed | None] = []
    for row, (own, partner) in enumerate(zip(turns.own, turns.partners, strict=True)):
        # Kept for the next turn, since two neighbours are each other's partners.
        mine = loaded.get(id(own)) or load(own)
        other = mine if partner is own else loaded.get(id(partner)) or load(partner)
        loaded = {id(own): mine, id(partner): other}
        # All at once, as soon as the size of the images is known, which is that of the batch: code
        # that runs after each decoded image takes several times as long.
        drawn = drawn or _draw_all(turns, pipeline.mix, mine, seed=seed, epoch=epoch)
        mixed = drawn[row]
        yield mine if mixed is None else mix_samples(mine, other, mixed, pipeline)


def _draw_all(
    turns: RecordTurns, mix: Mixing, first: Sample, *, seed: int, epoch: int
) -> list[Mixed | None]:
    height, width = first.image.shape[:2]
    return Mixtures(mix, turns, (height, width), seed, epoch).drawn()


def mix_samples(own: Sample, other: Sample, mixed: Mixed, pipeline: Pipeline) -> Sample:
    """Return a sample mixed with another one.

    Args:
        own: The sample.
        other: The other one.
        mixed: How they are mixed.
        pipeline: How both were loaded.

    Raises:
        ArgumentError: Their images differ in size.
    """
    if own.image.shape != other.image.shape:
        raise ArgumentError(
            "Images that are mixed must have the same size; set `image_size`. Received: "
            f"{own.image.shape} from {own.record} and {other.image.shape} from {other.record}"
        )
    image = mixed.mix.pixels(own.image, other.image)

    def mix(
        kinds: Mapping[str, Target], mine: Mapping[str, Any], others: Mapping[str, Any]
    ) -> dict[str, Any]:
        return {
            name: kind.mixed(mine[name], others[name], mixed.mix, image)
            for name, kind in kinds.items()
        }

    inputs = {IMAGE: image, **mix(pipeline.inputs, own.inputs, other.inputs)}
    targets = mix(pipeline.targets, own.targets, other.targets)
    return replace(own, inputs=inputs, targets=targets, mixed=mixed)
