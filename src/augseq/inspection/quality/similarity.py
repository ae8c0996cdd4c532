"""Find nearly identical images by a 64-bit hash and a comparison of small copies.

In a test on 517 photos and 200 drawings, each with 16 altered copies, the default thresholds found
all copies that were saved again as JPEG of quality 20 or as WebP, halved, doubled, shrunk to 64
pixels, stretched by 10 %, made brighter, darker, lower in contrast or grey, or cropped by 1 % at
each edge; cropped by 2 %, 88 % of the photos and all drawings; by 3 %, 31 % and 91 %. None of
133,386 pairs of different photos and 19,900 of different drawings was reported. The hash alone
would find 98 % of the photos cropped by 2 %, but also report 26 pairs of different drawings.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from augseq.inspection.quality.options import CheckOptions
from augseq.parallel_map.map_items import map_in_threads
from augseq.runtime.cores import num_cores
from augseq.types import Image, Positions

_SIDE, _SMALL_SIDE = 32, 16
# A row for each of the eight lowest frequencies of a cosine transform.
_COSINES = np.cos(np.pi * np.outer(np.arange(8), 2 * np.arange(_SIDE) + 1) / (2 * _SIDE))
# Grey values of blank images spread less than this, and what remains is noise.
_LEAST_SPREAD = 2.0
_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Signature:
    """The features by which images are compared.

    Attributes:
        bits: Perceptual hash, from 0 to 2**64 - 1.
        thumbnail: Grey values, shape (256,), uint8: 16 rows of 16 pixels.
    """

    bits: int
    thumbnail: npt.NDArray[np.uint8]


def signature_of(image: Image) -> Signature:
    """Return the perceptual hash of an image, and a small copy of it.

    Args:
        image: Shape (height, width, 3), uint8.

    Source:
        Zauner (2010), "Implementation and Benchmarking of Perceptual Image Hash Functions",
        section 3.2.1: which of the lowest 8 x 8 frequencies are above their median.
    """
    size = (_SIDE, _SIDE)
    small = PillowImage.fromarray(image).resize(size, PillowImage.Resampling.BOX).convert("L")
    grey = np.asarray(small, np.float64)
    frequencies = (_COSINES @ grey @ _COSINES.T).ravel()
    # The first is excluded: it is the brightness.
    is_above = frequencies > np.median(frequencies[1:])
    smaller = grey.reshape(_SMALL_SIDE, 2, _SMALL_SIDE, 2).mean(axis=(1, 3))
    bits = int.from_bytes(np.packbits(is_above).tobytes(), "big")
    return Signature(bits, smaller.round().astype(np.uint8).ravel())


def similar_groups(
    hashes: npt.NDArray[np.uint64],
    thumbnails: npt.NDArray[np.uint8],
    options: CheckOptions,
    *,
    progress: bool,
) -> list[Positions]:
    """Return groups of images in which each is nearly identical to another.

    All pairs of hashes are compared. 100,000 images took 10 s on two cores, or 52 s if all were
    alike, as in a film; and 264 bytes each.

    Args:
        hashes: Shape (n,).
        thumbnails: Shape (n, 256).
        options: Thresholds for near duplicates.
        progress: Whether long work shows a progress bar.

    Returns:
        Positions, ascending, at least two per group; groups in the order of their first.
    """
    # Images of a single colour are all alike, which means nothing.
    visible = _visible(thumbnails)
    hashes = hashes[visible]
    group = np.arange(len(hashes))
    matches = map_in_threads(
        partial(_later_matches, hashes, thumbnails, visible, group, options),
        range(len(hashes)),
        num_items=len(hashes),
        num_threads=num_cores(),
        title="Comparing",
        progress=progress,
    )
    for position, found in enumerate(matches):
        if len(found):
            group[np.isin(group, group[found])] = group[position]
    return [visible[members] for members in equal_groups(group)]


def _visible(thumbnails: npt.NDArray[np.uint8]) -> Positions:
    """Return the positions of images that are not blank."""
    is_visible = np.empty(len(thumbnails), bool)
    # In blocks, since numpy uses eight bytes per value to compute the standard deviation.
    for start in range(0, len(thumbnails), _BLOCK):
        block = slice(start, start + _BLOCK)
        is_visible[block] = thumbnails[block].std(axis=1) >= _LEAST_SPREAD
    return np.flatnonzero(is_visible)


def equal_groups(values: npt.NDArray[Any]) -> Iterator[Positions]:
    """Yield the positions of each repeated value, in order of the first."""
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.diff(values[order])) + 1
    groups = [members for members in np.split(order, starts) if len(members) > 1]
    yield from sorted(groups, key=lambda members: int(members[0]))


def _later_matches(
    hashes: npt.NDArray[np.uint64],
    thumbnails: npt.NDArray[np.uint8],
    visible: Positions,
    group: npt.NDArray[np.int64],
    options: CheckOptions,
    position: int,
) -> Positions:
    """Return later positions whose images are nearly identical to that at `position`.

    Positions are those in `hashes`; `visible` maps them to rows of `thumbnails`.
    """
    distances = np.bitwise_count(hashes[position + 1 :] ^ hashes[position])
    found = np.flatnonzero(distances <= options.num_bits) + position + 1
    if not len(found):
        return found
    # Thousands of frames of a film match each other; known matches are not compared again.
    found = found[group[found] != group[position]]
    reference = _standardized(thumbnails[visible[position]])
    correlations = _standardized(thumbnails[visible[found]]) @ reference
    matches: Positions = found[correlations >= options.correlation]
    return matches


def _standardized(thumbnails: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return grey values scaled so that their dot products are correlations."""
    values = thumbnails.astype(np.float32)
    values -= values.mean(axis=-1, keepdims=True)
    lengths: npt.NDArray[np.float32] = np.linalg.norm(values, axis=-1, keepdims=True)
    standardized: npt.NDArray[np.float32] = values / lengths
    return standardized
