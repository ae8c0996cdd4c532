"""TIFF files whose layout Pillow supports."""

from collections.abc import Callable

from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    PHOTOMETRIC_INTERPRETATION,
    TILELENGTH,
    TILEWIDTH,
    TiffImageFile,
)

from augseq.errors import DecodeError
from augseq.pixels.decoders.orientation import (
    ORIENTATION,
    check_tags,
    read_tiff_orientation,
    turn_back,
)
from augseq.pixels.decoders.pillow import PillowDecoder, PillowFile, Values
from augseq.pixels.options import to_read_it


def _tiff_picture(file: PillowFile) -> TiffImageFile:
    assert isinstance(file.picture, TiffImageFile)
    return file.picture


def _check_stored(file: PillowFile) -> None:
    """Raise for missing pixels, which Pillow leaves black, and for huge tiles."""
    picture = _tiff_picture(file)
    boxes = {tile.extents for tile in picture.tile if tile.extents}
    there = sum((right - left) * (bottom - top) for left, top, right, bottom in boxes)
    if there < picture.width * picture.height:
        raise DecodeError(
            f"its strips hold only {there} of {picture.width * picture.height} pixels"
        )
    tags = picture.tag_v2
    width, height = tags.get(TILEWIDTH, 1), tags.get(TILELENGTH, 1)
    # A whole tile is decoded, however small the image is.
    if width * height > file.options.max_pixels:
        raise DecodeError(
            f"its header declares tiles of {width} x {height} pixels, more than "
            f"max_pixels={file.options.max_pixels}{to_read_it('max_pixels', width * height)}"
        )


def _remaining_turn(file: PillowFile) -> int:
    """Return the orientation left after Pillow turns a picture, as only for TIFF."""
    picture = _tiff_picture(file)
    # Before loading, when Pillow drops the tag. Pillow ignores numbers of rare types.
    turned = picture.tag_v2.get(ORIENTATION, 1)
    turned = turned if turned in range(1, 9) else 1
    # In which Pillow finds the orientation only in some spellings.
    picture.info.pop("xmp", None)
    if not file.options.exif_orientation:
        return turn_back(turned)
    orientation = read_tiff_orientation(file.data)
    if turned == 1:
        return orientation
    if orientation != turned:
        raise DecodeError("its directory is damaged, so its orientation is unknown")
    return 1


def _channel_bits(file: PillowFile) -> int:
    picture = _tiff_picture(file)
    return int(max(picture.tag_v2.get(BITSPERSAMPLE, (8,))))


def _full_range(file: PillowFile) -> Callable[[Values], Values]:
    """Return a function that scales stored grey values to 16 bits with black at 0."""
    picture = _tiff_picture(file)
    (bits,) = picture.tag_v2[BITSPERSAMPLE]
    white_is_0 = picture.tag_v2.get(PHOTOMETRIC_INTERPRETATION) == 0

    def scale(values: Values) -> Values:
        values = values << (16 - bits)
        return ~values if white_is_0 else values

    return scale


PILLOW = PillowDecoder(
    name="TIFF",
    prepare=check_tags,
    check_stored=_check_stored,
    orientation=lambda file: read_tiff_orientation(file.data),
    remaining_turn=_remaining_turn,
    channel_bits=_channel_bits,
    has_deep_colors=True,
    full_range=_full_range,
)
