"""The plan of a sequence of image files, from the options of its constructor."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from augseq.augment.augmentation_list import make_augmentation_list
from augseq.augment.mixing import Method, make_mixing
from augseq.errors import AugseqWarning
from augseq.indexing.tiles import check_tiles
from augseq.loading.bucketed import bucket_numbers
from augseq.loading.pipeline import Pipeline
from augseq.loading.plan import BatchPlan
from augseq.loading.sampling_options import OrderOptions, make_schedule
from augseq.loading.targets.image_view import with_views
from augseq.loading.targets.label import LabelMode
from augseq.loading.targets.make_targets import (
    TargetOptions,
    make_inputs,
    make_targets,
    make_weights,
)
from augseq.loading.targets.target import ImageOptions, TargetOption
from augseq.manifest.manifest import Manifest
from augseq.pixels.buckets import Buckets
from augseq.pixels.cache.image_cache import CacheChoice, make_image_cache
from augseq.pixels.options import (
    DecodeOptions,
    Interpolation,
    PixelDtype,
    ResizeMode,
    check_batch_memory,
    check_depth,
    resize_options,
)
from augseq.pixels.source import files_of, with_bands
from augseq.validation import check_bool

DEFAULT_SIZE = (256, 256)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleOptions:
    """What becomes of a record; all but `decode` are the options of `ImageSequence`."""

    decode: DecodeOptions
    scaled_decode: bool
    cache: CacheChoice
    image_size: tuple[int, int] | Buckets | None
    resize_mode: ResizeMode
    interpolation: Interpolation
    dtype: PixelDtype
    augment: Sequence[Any] | None
    views: int
    mix: Method | Sequence[Method] | None
    label_mode: LabelMode | None
    targets: TargetOptions | None
    inputs: Mapping[str, TargetOption] | None
    weights: str | None

    def __post_init__(self) -> None:
        check_bool("scaled_decode", self.scaled_decode)


def make_plan(manifest: Manifest, samples: SampleOptions, order: OrderOptions) -> BatchPlan:
    """Return the plan of the batches of image files.

    Raises:
        ArgumentError: An option is invalid.
        LabelError: A value of a target, input or weight is missing or does not fit.
        AugseqError: The header of a file cannot be read.

    Warns:
        AugseqWarning: Images are enlarged after the augmentations.
    """
    decode = with_bands(samples.decode, manifest)
    pipeline = _make_pipeline(manifest, samples, decode, shuffle=order.shuffle)
    _warn_if_enlarged(pipeline)
    buckets = bucket_numbers(manifest, pipeline, upright=decode.exif_orientation)
    schedule = make_schedule(manifest, pipeline.targets, order, buckets)
    num_loaded = samples.views * min(schedule.batch_size, schedule.order.length)
    check_batch_memory(pipeline.resize, decode, pipeline.dtype, num_loaded)
    return BatchPlan(
        manifest=manifest,
        schedule=schedule,
        pipeline=pipeline,
        sample_weight=make_weights(manifest, samples.weights, pipeline.targets),
    )


def _make_pipeline(
    manifest: Manifest, options: SampleOptions, decode: DecodeOptions, *, shuffle: bool
) -> Pipeline:
    check_depth(decode, options.dtype)
    augment = make_augmentation_list(options.augment)
    augment.require_channels(decode.num_channels)
    size: Any = options.image_size
    buckets = size if isinstance(size, Buckets) else None
    if buckets is not None:
        # The largest is that of the memory that a batch takes.
        size = max(buckets.sizes, key=math.prod)
    resize = resize_options(size, options.resize_mode, options.interpolation)
    cache = None if options.cache is None else make_image_cache(options.cache)
    shorter_side_px = None if cache is None else cache.shorter_side_px
    check_tiles(manifest, exif_orientation=decode.exif_orientation, shorter_side_px=shorter_side_px)
    images = ImageOptions(
        dtype=options.dtype,
        decode=decode,
        shorter_side_px=shorter_side_px,
    )
    pipeline = Pipeline(
        source=files_of(manifest, decode),
        augment=augment,
        resize=resize,
        dtype=options.dtype,
        scaled_decode=options.scaled_decode,
        targets=make_targets(manifest, options.targets, options.label_mode, images),
        inputs=make_inputs(manifest, options.inputs, images),
        mix=make_mixing(options.mix, shuffle=shuffle),
        buckets=buckets,
        bands=decode.alike,
    )
    if cache is not None:
        pipeline = pipeline.with_cache(cache)
    return with_views(pipeline, options.views)


def _warn_if_enlarged(pipeline: Pipeline) -> None:
    """Warn if the default `image_size` enlarges what the augmentations crop or resize."""
    size = pipeline.augment.result_size
    if size is None or pipeline.resize is None or pipeline.resize.image_size != DEFAULT_SIZE:
        return
    if size[0] < DEFAULT_SIZE[0] and size[1] < DEFAULT_SIZE[1]:
        warnings.warn(
            f"The augmentations return images of {size}, which are then enlarged to the default "
            f"image_size={DEFAULT_SIZE}: extra work without extra detail. "
            f"Pass image_size={size}.",
            AugseqWarning,
            stacklevel=5,  # The caller of ImageSequence, and of the wrapper of `explains_names`.
        )
