"""Measure the pixels of a manifest, exactly and in parallel."""

from fractions import Fraction
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from augseq.augment.augmentation_list import make_augmentation_list
from augseq.errors import ArgumentError
from augseq.indexing.look import num_readers
from augseq.loading.pipeline import Pipeline
from augseq.loading.sample import IMAGE, load_sample
from augseq.manifest.manifest import Manifest
from augseq.manifest.pixel_statistics import PixelStatistics
from augseq.manifest.record import Record
from augseq.parallel_map.map_items import map_items
from augseq.parallel_map.map_options import MapOptions
from augseq.pixels.options import (
    MAX_FILE_BYTES,
    MAX_PIXELS,
    DecodeOptions,
    Interpolation,
    ResizeMode,
    resize_options,
)
from augseq.pixels.source import files_of, with_bands
from augseq.types import Image

_Sums: TypeAlias = npt.NDArray[np.object_]
"""Sums of the pixels and of their squares, as fractions, shape (2, channels)."""

# Converted to float64 together, to limit memory.
_PIXELS_AT_ONCE = 1 << 16


def measure_pixels(
    manifest: Manifest,
    *,
    image_size: tuple[int, int] | None,
    resize_mode: ResizeMode,
    interpolation: Interpolation,
    max_pixels: int | None,
    max_file_bytes: int | None,
    options: MapOptions,
    **decoding: Any,
) -> PixelStatistics:
    """Do what `Manifest.statistics` does, with the same arguments.

    Sums are exact, so the order and the number of threads do not matter.
    """
    if not len(manifest):
        raise ArgumentError("`statistics` requires at least one image. Received: none")
    decode = DecodeOptions(
        max_pixels=MAX_PIXELS if max_pixels is None else max_pixels,
        max_file_bytes=MAX_FILE_BYTES if max_file_bytes is None else max_file_bytes,
        **decoding,
    )
    decode = with_bands(decode, manifest)
    pipeline = Pipeline(
        source=files_of(manifest, decode),
        augment=make_augmentation_list(None),
        resize=resize_options(image_size, resize_mode, interpolation),
        dtype="float32",
    )
    sums = map_items(
        partial(_sums, pipeline),
        manifest,
        options,
        num_items=len(manifest),
        num_threads=num_readers(manifest.root),
        title="Measuring",
    )
    totals = np.full((2, decode.num_channels), Fraction(0), object)
    num_pixels = 0
    for of_image, size in sums:
        totals += of_image
        num_pixels += size
    first, second = totals / num_pixels
    return PixelStatistics(
        mean=tuple(map(float, first)),
        # In fractions: a difference of floats would lose digits.
        variance=tuple(map(float, second - first * first)),
        num_images=len(manifest),
        num_pixels=num_pixels,
        white=1.0 if decode.full_depth else 255.0,
    )


def _sums(pipeline: Pipeline, record: Record) -> tuple[_Sums, int]:
    """Return the sums of an image, and the number of its pixels."""
    image = load_sample(record, pipeline, seed=0, epoch=0).inputs[IMAGE]
    return _exact_sums(image), image.shape[0] * image.shape[1]


def _exact_sums(image: Image) -> _Sums:
    channels = image.shape[2]
    flat = image.reshape(-1, channels)
    sums = np.zeros((2, channels))
    for start in range(0, len(flat), _PIXELS_AT_ONCE):
        # Integers in float64: products and sums are exact below 2 ** 53.
        piece = flat[start : start + _PIXELS_AT_ONCE].astype(np.float64)
        sums += piece.sum(axis=0), np.einsum("pc,pc->c", piece, piece)
    return np.array([[Fraction(value) for value in row] for row in sums.tolist()], object)
