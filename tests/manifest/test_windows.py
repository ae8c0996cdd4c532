"""Tiles along one side of an image: they cover it, and share it without gaps."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from augseq.manifest.windows import own_parts, tile_starts


@given(st.integers(1, 60), st.integers(1, 20), st.data())
def test_tiles_cover_a_side_and_share_it(length: int, size: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, size - 1))
    starts = tile_starts(length, size, overlap).tolist()
    assert starts == sorted(set(starts))
    covered = {pixel for start in starts for pixel in range(start, start + size)}
    assert covered >= set(range(length))
    assert starts[-1] + size == max(length, size), "the last one ends at the edge"
    assert all(after - before <= size - overlap for before, after in pairwise(starts))
    ends = own_parts(np.array(starts), size, length).tolist()
    assert (ends[0], ends[-1]) == (0, length)
    for start, first, stop in zip(starts, ends, ends[1:], strict=False):
        assert start <= first < stop <= start + size
        # As far from the edge of the tile as the overlap allows, except at the edges of the image.
        assert first == 0 or first - start >= overlap // 2
        assert stop == length or start + size - stop >= overlap // 2
