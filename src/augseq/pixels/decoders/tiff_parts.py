"""Cut a small TIFF file out of a large one: the strips or tiles that a window touches.

The small file is decoded by whatever decodes the large one, so its pixels are the same bit for bit,
and no byte beyond it is read or sent to a decoder process.
"""

import itertools
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from augseq.errors import DecodeError
from augseq.pixels.decoders.orientation import ORIENTATION
from augseq.pixels.decoders.tiff_layout import BYTE_COMPRESSIONS, YCBCR, TiffLayout
from augseq.pixels.decoders.tiff_strips import NONE
from augseq.pixels.decoders.tiff_tags import Directory, Entry, read_directory
from augseq.pixels.local_file import FileContent, Part, read_parts
from augseq.pixels.region import Box, cut
from augseq.types import Array

_JPEG = 7
_WIDTH, _HEIGHT, _ROWS_PER_STRIP, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 278, 322, 323
_STRIPS, _TILES = (273, 279), (324, 325)
_PREDICTOR = 317
# Bits, compression, colours, bit order, samples, planes, palette, options of fax, predictor, ink,
# kinds of samples, tables of JPEG, YCbCr.
_COPIED = (258, 259, 262, 266, 277, 284, 292, 293, _PREDICTOR, 320, 332, 334, 338, 339, 347, 529,
           530, 531, 532)  # fmt: skip
# Not two-dimensional: depths of images and tiles.
_REFUSED = (32997, 32998)
_SHORT, _LONG, _LONG8 = 3, 4, 16
_MAX_COPIED = 1 << 20
_MAX_BYTES = (1 << 32) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TiffParts:
    """The strips or tiles of the first image in a TIFF file.

    Attributes:
        data: The whole file.
        layout: Its layout.
        directory: Its first directory.
        size: (height, width) in pixels of a tile, or of a strip.
        tags: Tags of the offsets and lengths of the parts.
        predictor: Number of the predictor; 1 for none.
    """

    data: FileContent
    layout: TiffLayout
    directory: Directory
    size: tuple[int, int]
    tags: tuple[int, int]
    predictor: int

    @property
    def box(self) -> Box:
        """The whole image."""
        return 0, 0, self.layout.height, self.layout.width

    @property
    def num_planes(self) -> int:
        """How often each pixel occurs, with other samples."""
        return len(self.layout.bits) if self.layout.is_planar else 1

    @property
    def pixel_bytes(self) -> int | None:
        """Bytes of a pixel in strips that are plain rows of pixels; None for all other files."""
        bits = self.layout.bits[0]
        is_plain = self.layout.compression == NONE and self.tags == _STRIPS and bits % 8 == 0
        if not is_plain or self.predictor != 1:
            return None
        return bits // 8 * len(self.layout.bits) // self.num_planes

    def cut(self, box: Box) -> tuple[bytes, Box] | None:
        """Return a file with a part of the image that contains a box, without its orientation.

        Args:
            box: In pixels of the image as stored.

        Returns:
            The file, and the part of the image that it holds; None if a strip or tile is missing,
            or the file would be too large.
        """
        grid = [
            range(start // size, -(-(start + length) // size))
            for start, length, size in zip(box[:2], box[2:], self.size, strict=True)
        ]
        planes = [self._places(plane, *grid) for plane in range(self.num_planes)]
        if not all(map(self._is_there, [place for plane in planes for place in plane])):
            return None
        if self.pixel_bytes is not None:
            if not self._are_whole(planes, grid[0]):
                return None
            rows = [self._rows(plane, box, grid[0].start) for plane in planes]
            contents = [b"".join(read_parts(self.data, plane)) for plane in rows]
            return _small_file(self, box, (box[2], box[3]), contents), box
        top, left = (grid[axis].start * self.size[axis] for axis in (0, 1))
        bottom = min(grid[0].stop * self.size[0], self.layout.height)
        right = min(grid[1].stop * self.size[1], self.layout.width)
        part = top, left, bottom - top, right - left
        contents = read_parts(self.data, [place for plane in planes for place in plane])
        if sum(map(len, contents)) > _MAX_BYTES - 2 * _MAX_COPIED:
            return None
        return _small_file(self, part, self.size, contents), part

    def _places(self, plane: int, down: range, across: range) -> list[Part]:
        """Return offset and length of some strips or tiles of a plane."""
        num_down, num_across = (
            -(-length // size) for length, size in zip(self.box[2:], self.size, strict=True)
        )
        first = (plane * num_down + down.start) * num_across + across.start
        count = (len(down) - 1) * num_across + len(across)
        starts, lengths = (self._numbers(tag, first, count) for tag in self.tags)
        wanted = [
            row * num_across + column for row in range(len(down)) for column in range(len(across))
        ]
        return [(starts[k], lengths[k]) for k in wanted]

    def _numbers(self, tag: int, first: int, count: int) -> tuple[int, ...]:
        entry = self.directory.find(tag)
        assert entry is not None
        return self.directory.values(entry, first, count)

    def _is_there(self, place: Part) -> bool:
        start, length = place
        return start > 0 < length and start + length <= len(self.data)

    def _are_whole(self, planes: list[list[Part]], strips: range) -> bool:
        """Return whether some strips that are plain rows of pixels have all their bytes."""
        height, width = self.layout.height, self.layout.width
        ends = [min((strip + 1) * self.size[0], height) for strip in strips]
        rows = [end - strip * self.size[0] for end, strip in zip(ends, strips, strict=True)]
        return all(
            length >= num_rows * width * (self.pixel_bytes or 0)
            for places in planes
            for (_, length), num_rows in zip(places, rows, strict=True)
        )

    def _rows(self, places: list[Part], box: Box, first: int) -> Iterator[Part]:
        """Yield the pixels of each row of a box, of strips that are plain rows of pixels."""
        top, left, height, width = box
        pixel_bytes = self.pixel_bytes or 0
        for row in range(top, top + height):
            strip, below = divmod(row, self.size[0])
            start = places[strip - first][0] + below * self.layout.width * pixel_bytes
            yield start + left * pixel_bytes, width * pixel_bytes


def find_parts(data: FileContent, layout: TiffLayout) -> TiffParts | None:
    """Return the strips or tiles of a file; None for one that must be decoded whole.

    Those are damaged, or of a kind whose parts cannot be decoded one by one.

    Args:
        data: The whole file.
        layout: Its layout.
    """
    try:
        return _find(read_directory(data), layout)
    except (struct.error, ValueError):
        return None


def _find(directory: Directory, layout: TiffLayout) -> TiffParts | None:
    tags = [entry.tag for entry in directory.entries]
    is_odd = len(set(tags)) < directory.num_claimed or any(tag in tags for tag in _REFUSED)
    is_raw_ycbcr = layout.photometric == YCBCR and layout.compression != _JPEG
    if is_odd or is_raw_ycbcr or layout.compression not in (*BYTE_COMPRESSIONS, _JPEG):
        return None
    turned = directory.find(ORIENTATION)
    if turned is not None and (turned.kind, turned.num_values) != (_SHORT, 1):
        return None

    def number(tag: int, default: int) -> int:
        return (directory.numbers(tag) or (default,))[0]

    is_tiled = _TILE_WIDTH in tags
    places = _TILES if is_tiled else _STRIPS
    if any(tag in tags for tag in (_STRIPS if is_tiled else (*_TILES, _TILE_HEIGHT))):
        return None
    rows = number(_TILE_HEIGHT, 0) if is_tiled else number(_ROWS_PER_STRIP, layout.height)
    size = rows if is_tiled else min(rows, layout.height), number(_TILE_WIDTH, layout.width)
    if min(size) < 1:
        return None
    parts = TiffParts(
        data=directory.block,
        layout=layout,
        directory=directory,
        size=size,
        tags=places,
        predictor=number(_PREDICTOR, 1),
    )
    count = parts.num_planes * -(-layout.height // size[0]) * -(-layout.width // size[1])
    entries = [directory.find(tag) for tag in places]
    if any(
        entry is None or entry.num_values != count or entry.kind not in (_SHORT, _LONG, _LONG8)
        for entry in entries
    ):
        return None
    copied = [entry for entry in directory.entries if entry.tag in _COPIED]
    for entry in (*filter(None, entries), *copied):
        # Raises if its values are beyond the end of the file.
        directory.content(entry, 0, 0)
    if any(entry.kind > 12 and entry.kind != _LONG8 for entry in copied):
        return None
    return parts if sum(entry.num_bytes for entry in copied) <= _MAX_COPIED else None


def _small_file(parts: TiffParts, box: Box, size: tuple[int, int], contents: list[bytes]) -> bytes:
    """Return a file with a part of an image.

    Args:
        parts: The parts of the image.
        box: The part that `contents` make up.
        size: (height, width) in pixels of each of them.
        contents: Strips or tiles, plane by plane and row by row.
    """
    directory = parts.directory
    lengths = [len(content) for content in contents]
    numbers = {_WIDTH: [box[3]], _HEIGHT: [box[2]], parts.tags[1]: lengths}
    if parts.tags == _TILES:
        numbers |= {_TILE_HEIGHT: [size[0]], _TILE_WIDTH: [size[1]]}
    else:
        numbers[_ROWS_PER_STRIP] = [size[0]]
    copied = (entry for entry in directory.entries if entry.tag in _COPIED)
    values = {entry.tag: _copied(directory, entry) for entry in copied}
    values |= {tag: _longs(directory.order, some) for tag, some in numbers.items()}
    # The length of the directory does not depend on the offsets, which begin after it.
    values[parts.tags[0]] = _longs(directory.order, lengths)
    start = len(_packed(directory.order, values))
    starts = list(itertools.accumulate(lengths, initial=start))[:-1]
    values[parts.tags[0]] = _longs(directory.order, starts)
    return b"".join([_packed(directory.order, values), *contents])


# Type of the values of a tag, how many they are, and their bytes.
_Values: TypeAlias = tuple[int, int, bytes]


def _longs(order: str, numbers: list[int]) -> _Values:
    return _LONG, len(numbers), struct.pack(f"{order}{len(numbers)}I", *numbers)


def _copied(directory: Directory, entry: Entry) -> _Values:
    if entry.kind == _LONG8:
        # Only a BigTIFF has this type.
        return _longs(directory.order, list(directory.values(entry)))
    return entry.kind, entry.num_values, directory.content(entry)


def _packed(order: str, tags: dict[int, _Values]) -> bytes:
    """Return the header of a file, its only directory, and the values of the tags."""
    start = 8 + 2 + 12 * len(tags) + 4
    entries, beyond = [], b""
    for tag, (kind, count, values) in sorted(tags.items()):
        field = values.ljust(4, b"\0")
        if len(values) > 4:
            field = struct.pack(f"{order}I", start + len(beyond))
            beyond += values + b"\0" * (len(values) % 2)
        entries.append(struct.pack(f"{order}HHI4s", tag, kind, count, field))
    magic = b"II*\0" if order == "<" else b"MM\0*"
    head = struct.pack(f"{order}4sIH", magic, 8, len(tags))
    return head + b"".join(entries) + bytes(4) + beyond


class TiffReader:
    """Reads boxes of the first image in a TIFF file, in any number of threads.

    It holds the part that it has decoded last: tiles of one row share their strips.
    """

    def __init__(self, parts: TiffParts, decode: Callable[[bytes], Array]) -> None:
        """Read the image of a file.

        Args:
            parts: The parts of the image.
            decode: Decodes a TIFF file to pixels as stored, without applying an orientation.
        """
        self._parts = parts
        self._decode = decode
        # One value, since several threads can read tiles of the same image.
        self._last: tuple[Array, Box] | None = None

    def read(self, box: Box) -> Array:
        """Return the pixels in a box of the image as stored, as a view."""
        whole = self._parts.box
        if box == whole:
            return self._decode(self._parts.data[:])
        last = self._last
        if last is None or not _is_inside(box, last[1]):
            # Before the next part is decoded, so that both are not in memory.
            self._last = last = None
            self._last = last = self._decode_part(box) or (
                self._decode(self._parts.data[:]),
                whole,
            )
        pixels, part = last
        return cut(pixels, (box[0] - part[0], box[1] - part[1], *box[2:]))

    def _decode_part(self, box: Box) -> tuple[Array, Box] | None:
        """Decode the strips or tiles of a box; None if the whole file must be decoded.

        The error of the whole file names the damaged strip; and some damage matters only in parts.
        """
        # A damaged BigTIFF can have numbers of more than 32 bits.
        with suppress(DecodeError, struct.error):
            found = self._parts.cut(box)
            return None if found is None else (self._decode(found[0]), found[1])
        return None


def _is_inside(box: Box, other: Box) -> bool:
    return all(
        other[axis] <= box[axis] and box[axis] + box[axis + 2] <= other[axis] + other[axis + 2]
        for axis in (0, 1)
    )
