"""How one record becomes one sample, from start to end."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from augseq.errors import AugmentationError, AugseqError
from augseq.loading.mixed import Mixed
from augseq.loading.pipeline import Pipeline, check_dtype
from augseq.loading.targets.target import Target
from augseq.manifest import display
from augseq.manifest.record import Record
from augseq.pixels.options import Bands
from augseq.progress_note import THIS_THREAD
from augseq.sampling.randomness import Stream, lent_rng
from augseq.terminal_text import array_rows, table_text
from augseq.types import Array, Image, Value

IMAGE = "image"
"""The name of the input that holds the pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One record, with its arrays for the model.

    Attributes:
        record: The record.
        inputs: Arrays by name; the pixels are "image".
        targets: Target arrays by name, or a dict of several arrays for boxes; empty for prediction.
        kinds: What targets, and inputs other than the image, are: by name, to draw them.
        mixed: With which record it was mixed, and how; None if it was not.
        bands: What images of bands are alike in, to draw them; None for colours.
    """

    record: Record
    inputs: Mapping[str, Array]
    targets: Mapping[str, Value]
    kinds: Mapping[str, Target] = field(default_factory=dict)
    mixed: Mixed | None = None
    bands: Bands | None = None

    @property
    def image(self) -> Image:
        """The pixels, shape (height, width, channels), uint8 or float32."""
        return self.inputs[IMAGE]

    def __repr__(self) -> str:
        rows = array_rows({**self.inputs, **self.targets})
        return table_text(f"Sample of {self.record}", rows)

    def _repr_html_(self) -> str:
        return display.sample_html(self)


def load_sample(
    record: Record,
    pipeline: Pipeline,
    *,
    seed: int,
    epoch: int,
    repeat: int = 0,
    number: int = 0,
    attempt: int = 0,
) -> Sample:
    """Load the sample of a record in an epoch, which depends only on the arguments.

    Args:
        record: The record.
        pipeline: How to load it.
        seed: Random seed of the augmentations.
        epoch: From 0.
        repeat: How many times the record was used earlier in the epoch.
        number: Number of the image that draws; from 1 for further images of the record.
        attempt: From 1 for further attempts, after those before have lost all objects.

    Raises:
        AugseqError: The file or an augmentation failed; the message names the record.
        Exception: Any exception of an augmentation, with a note on how to replay it.
    """
    own = {
        key: load_sample(record, other, seed=seed, epoch=epoch, repeat=repeat, number=k).image
        for k, (key, other) in enumerate((pipeline.own_images or {}).items(), 1)
    }
    # Lets the timeout error say which record and transform this thread is stuck on.
    note = THIS_THREAD.note
    note[0], note[1] = record.index, 0
    lent = lent_rng(
        seed,
        Stream.AUGMENT,
        epoch=epoch,
        index=record.index,
        repeat=repeat,
        number=number,
        attempt=attempt,
    )
    with _naming(record, seed, epoch, repeat), lent as rng:
        opened = pipeline.source.open(record)
        pipeline = pipeline.fitted(opened.shape)
        crop = pipeline.draw_crop(opened.shape, rng)
        region = pipeline.region(opened, crop)
        image = opened.read(region)
        maps = pipeline.read_maps(record, opened.shape, region, image)
        if pipeline.resizes_first:
            image = pipeline.resized(image, maps)
        image = pipeline.augment(image, rng, crop, maps.values())
        image = pipeline.resized(image, maps)
        check_dtype(image, pipeline.dtype)
        moved = {**own, **{key: moving.values for key, moving in maps.items()}}
        inputs: dict[str, Any] = {IMAGE: image}
        for name, value in pipeline.inputs.items():
            source = moved.get(("inputs", name))
            inputs[name] = pipeline.load_value(value, record, source, maps)
        targets = pipeline.load_targets(record, image, maps, own)
    if attempt + 1 < pipeline.attempts and pipeline.has_lost_objects(record, targets):
        draws = {"repeat": repeat, "attempt": attempt + 1}
        return load_sample(record, pipeline, seed=seed, epoch=epoch, **draws)
    return Sample(
        record=record,
        inputs=inputs,
        targets=targets,
        kinds=pipeline.kinds,
        bands=pipeline.bands,
    )


@contextmanager
def _naming(record: Record, seed: int, epoch: int, repeat: int) -> Iterator[None]:
    try:
        yield
    except AugmentationError as error:
        # In the message, not in a note, since a backend may keep only the message.
        where = replay_text(record, seed, epoch, repeat)
        raise AugmentationError(f"{error} {where}") from error.__cause__
    except AugseqError:
        raise
    except Exception as error:
        error.add_note(replay_text(record, seed, epoch, repeat))
        raise


def replay_text(record: Record, seed: int, epoch: int, repeat: int = 0) -> str:
    """Return a text that names a sample and the call that reproduces it."""
    which = f", repeat={repeat}" if repeat else ""
    return (
        f"While loading {record}, epoch {epoch}, seed {seed}. "
        f"To replay: sequence.sample(epoch={epoch}, index={record.index}{which})"
    )
