"""Check masks as run lengths, in both forms that COCO files have."""

from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.validation import is_whole

# Each character of the short form has 5 bits of a number, and whether more follow.
_FIRST_CHARACTER, _BITS, _MORE, _SIGN = 48, 5, 0x20, 0x10
# Those of a number of 60 bits.
_MOST_CHARACTERS = 12


def mask_problem(mask: dict[str, Any], image_size: list[int]) -> str | None:
    """Return what is wrong with a mask, in words; None if it is valid.

    Args:
        mask: `size`, [height, width], and `counts`: the lengths of runs of 0 and 1 in turn, column
            after column, as a list or as the text of pycocotools.
        image_size: [height, width] of its image; -1 if unknown.
    """
    size, counts = mask.get("size"), mask.get("counts")
    if type(size) is not list or len(size) != 2 or not all(map(is_whole, size)) or min(size) < 1:
        return "its `size` must be [height, width]"
    if size != image_size and min(image_size) >= 0:
        return f"its `size` must be that of its image, {image_size}"
    runs = _decoded(counts) if type(counts) is str else _listed(counts)
    if runs is None or runs.min(initial=0) < 0:
        return "its `counts` must be a list of run lengths of at least 0, or their text"
    # In float64, since a sum of damaged numbers could wrap around.
    total, area = runs.sum(dtype=np.float64), size[0] * size[1]
    if total != area:
        return f"its `counts` must add up to the {area} pixels of its `size`, not {total:.0f}"
    return None


def _listed(counts: Any) -> npt.NDArray[np.int64] | None:
    if type(counts) is not list or not all(map(is_whole, counts)):
        return None
    try:
        return np.array(counts, np.int64)
    except OverflowError:
        return None


def _decoded(text: str) -> npt.NDArray[np.int64] | None:
    """Return the run lengths in a text; None if it cannot be one.

    From the fourth on, a number is the difference to the run two before.
    """
    if not text.isascii():
        return None
    codes = np.frombuffer(text.encode(), np.uint8).astype(np.int64) - _FIRST_CHARACTER
    if ((codes < 0) | (codes >= 2 * _MORE)).any() or (len(codes) and codes[-1] & _MORE):
        return None
    ends = np.flatnonzero(codes & _MORE == 0)
    starts = np.concatenate([[0], ends[:-1] + 1])[: len(ends)]
    lengths = ends - starts + 1
    if (lengths > _MOST_CHARACTERS).any():
        return None
    places = np.arange(len(codes)) - np.repeat(starts, lengths)
    shifted = (codes & (_MORE - 1)) << (_BITS * places)
    runs = np.add.reduceat(shifted, starts) if len(starts) else shifted
    runs -= np.where(codes[ends] & _SIGN, 1 << (_BITS * lengths), 0)
    runs[1::2] = runs[1::2].cumsum()
    runs[2::2] = runs[2::2].cumsum()
    return runs
