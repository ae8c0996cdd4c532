"""What Pillow would decode to other pixels than a file holds, or than any file can hold.

It raises nothing of its own here: the colours of a palette that has too few are grey, lost strips
are black, and white of 16 bits becomes black.
"""

from PIL import Image as PillowImage
from PIL import ImageFile
from PIL.TiffImagePlugin import TILELENGTH, TILEWIDTH, TiffImageFile

from augseq.errors import DecodeError
from augseq.pixels.options import DecodeOptions, to_read_it


def check_tiff(picture: TiffImageFile, options: DecodeOptions) -> None:
    """Raise for a TIFF that is not loaded yet and lacks pixels, or has huge tiles."""
    _check_strips(picture)
    tags = picture.tag_v2
    width, height = tags.get(TILEWIDTH, 1), tags.get(TILELENGTH, 1)
    # However small the image is, a whole tile is unpacked.
    if width * height > options.max_pixels:
        raise DecodeError(
            f"its tiles claim {width} x {height} pixels, more than max_pixels={options.max_pixels}"
            f"{to_read_it('max_pixels', width * height)}"
        )


def _check_strips(picture: TiffImageFile) -> None:
    """Raise where strips or tiles are missing; Pillow leaves their pixels black."""
    boxes = {tile.extents for tile in picture.tile if tile.extents}
    there = sum((right - left) * (bottom - top) for left, top, right, bottom in boxes)
    if there < picture.width * picture.height:
        raise DecodeError(
            f"its strips hold {there} of {picture.width * picture.height} pixels, so some are lost"
        )


def check_first_frame(picture: ImageFile.ImageFile) -> None:
    """Raise for a GIF that is not loaded yet and whose first frame leaves pixels without colour."""
    left, top, right, bottom = picture.tile[0].extents or (0, 0, 0, 0)
    frame, screen = (right - left, bottom - top), picture.size
    if frame != screen and "transparency" not in picture.info:
        raise DecodeError(
            f"its first frame has {frame[0]} x {frame[1]} of {screen[0]} x {screen[1]} pixels, and "
            "what colour the others have is not said"
        )


def show_zero_alpha(picture: PillowImage.Image) -> None:
    """Make a loaded BMP opaque whose alpha is 0 everywhere, as all viewers do.

    Programs that write 32 bits often leave the fourth byte empty.
    """
    is_deep_bmp = picture.format == "BMP" and picture.mode == "RGBA"
    if is_deep_bmp and picture.getchannel("A").getextrema() == (0, 0):
        picture.putalpha(255)


def palette_length(picture: ImageFile.ImageFile) -> int:
    """Return how many colours the palette of a picture has that is not loaded yet."""
    palette = picture.palette
    if picture.mode != "P" or palette is None or picture.format not in ("BMP", "GIF", "PNG"):
        return 256
    return len(palette.palette) // len(palette.rawmode or palette.mode)


def check_palette(picture: PillowImage.Image, num_colors: int) -> None:
    """Raise where pixels have a colour that the palette has not."""
    if picture.mode != "P" or num_colors >= 256:
        return
    counts = enumerate(picture.histogram())
    beyond = {index for index, count in counts if count and index >= num_colors}
    # Of the transparent one, no colour is needed.
    beyond.discard(picture.info.get("transparency"))
    if beyond:
        raise DecodeError(
            f"it has pixels of colour {max(beyond)}, and a palette of {num_colors} colours"
        )


def jpeg2000_bits(data: bytes) -> int:
    """Return the bits of the deepest channel of a JPEG 2000 file."""
    start = data.index(b"\xff\x4f\xff\x51") + 40
    num_channels = int.from_bytes(data[start : start + 2], "big")
    return max((depth & 0x7F) + 1 for depth in data[start + 2 : start + 2 + 3 * num_channels : 3])


def check_jpeg2000(picture: ImageFile.ImageFile, data: bytes) -> None:
    """Raise for colours of more than 8 bits: Pillow rounds them up, and white beyond to black."""
    bits = jpeg2000_bits(data)
    if bits > 8 and not picture.mode.startswith("I"):
        raise DecodeError(
            f"it is a JPEG 2000 file of {bits} bits a channel, which are read of grey ones only"
        )
