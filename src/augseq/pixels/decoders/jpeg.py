"""JPEG: the same pixels as Pillow, but faster, and with errors for damaged files.

libjpeg repairs what it can and only warns, and Pillow drops the warning; here it is an error.
TensorFlow's decoder can also crop while decoding, but it filled in all of 150 damaged files with
grey without an error, so it is not used.

For a file of 500 x 375 pixels and 114 kB, Pillow's decoder takes 2.1 ms, simplejpeg 1.34 ms.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import numpy as np
import simplejpeg
from PIL import Image as PillowImage

from augseq.errors import DecodeError
from augseq.pixels import native
from augseq.pixels.decoded_image import DecodedImage, OpenImage
from augseq.pixels.decoders.color_modes import convert_bands
from augseq.pixels.decoders.decoder_errors import UnidentifiedError
from augseq.pixels.decoders.image_format import ImageFormat, begins_with
from augseq.pixels.decoders.jpeg_header import jpeg_orientation, read_jpeg_header, tidy_header
from augseq.pixels.decoders.orientation import check_tags, stored_box, turn
from augseq.pixels.decoders.pillow import PillowDecoder
from augseq.pixels.options import DecodeOptions
from augseq.pixels.region import Box, Region, cut, scaled_box
from augseq.types import Image

# By the colours of a file: the colours to decode to so that simplejpeg returns Pillow's pixels.
_DECODED = {"YCbCr": "RGB", "RGB": "RGB", "Gray": "GRAY", "CMYK": "CMYK", "YCCK": "CMYK"}
_AS_WANTED = {("rgb", "RGB"), ("grayscale", "GRAY")}
# Warnings that mean wrong pixels.
_DAMAGE = ("premature end", "bad huffman", "bad arithmetic", "found marker", "inconsistent")
# Cameras pad files before the end marker; extra bytes before any other marker mean damage.
_LEFT_OVER = re.compile(r"extraneous bytes before marker 0x(?!d9)")
# Real files have about ten. Each scan covers the whole image: a file of 1 MB can have thousands,
# and take minutes.
_MAX_SCANS = 100
# Memory that Pillow takes for CMYK: see `ImageFormat.weight`.
_CMYK_WEIGHT = 1.5
_UNSUPPORTED_PROCESSES = {
    0xC5: "hierarchical", 0xC6: "hierarchical", 0xC7: "hierarchical",
    0xCD: "hierarchical", 0xCE: "hierarchical", 0xCF: "hierarchical",
    0xC3: "lossless", 0xCB: "lossless with arithmetic coding",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class JpegFile:
    """An 8-bit JPEG file whose header has been read.

    Attributes:
        data: The whole file.
        options: Colour mode, orientation, background, limit.
        colorspace: simplejpeg's name for the colours to decode to: "RGB", "GRAY" or "CMYK".
        orientation: From the EXIF data, 1 (upright) to 8.
        shape: (height, width, channels) of the upright image.
    """

    data: bytes
    options: DecodeOptions
    colorspace: str
    orientation: int
    shape: tuple[int, int, int]

    @property
    def scales(self) -> bool:
        """True: JPEG files can be decoded at a smaller scale."""
        return True

    def read(self, region: Region) -> Image:
        """Decode a part of the image; see `OpenImage`."""
        scale = region.scale(self.shape)
        box = scaled_box(region.box, self.shape, scale)
        pixels = self._read_box(box, scale)
        if pixels is None:
            pixels = cut(decode_with_pillow(self.data, self.options, scale), box)
        return np.ascontiguousarray(pixels)

    def _read_box(self, box: Box, scale: int) -> Image | None:
        """Decode a part of the image downscaled by `scale`; None to fall back to Pillow."""
        # `_read_whole` decides whether a warning means damage.
        with suppress(ValueError):
            pixels = self._read_natively(box, scale)
            if pixels is not None:
                return self._converted(pixels)
        whole = self._read_whole(scale)
        if whole is None:
            return None
        return self._converted(cut(turn(whole, self.orientation), box))

    def _read_natively(self, box: Box, scale: int) -> Image | None:
        """Decode a part as `_read_box` does; None if it must be done in Python.

        Raises:
            ValueError: libjpeg fails or warns.
        """
        if native.module is None or not native.decodes_jpeg() or self.colorspace == "CMYK":
            return None
        shape = scaled_box(None, self.shape, scale)[2:]
        stored = stored_box(box, shape, self.orientation)
        is_gray = self.colorspace == "GRAY"
        pixels: Image = np.empty((*stored[2:], 1 if is_gray else 3), np.uint8)
        native.module.decode_jpeg(self.data, pixels, is_gray, *stored, scale)
        return turn(pixels, self.orientation)

    def _converted(self, pixels: Image) -> Image:
        """Convert upright pixels to the colour mode."""
        if (self.options.color_mode, self.colorspace) in _AS_WANTED:
            return pixels
        return convert_bands(pixels.shape[:2], partial(_band, pixels), self.options, 1)

    def _read_whole(self, scale: int) -> Image | None:
        """Decode the whole image as stored; None to fall back to Pillow."""
        try:
            return self._decode(self.data, scale)
        except ValueError as error:
            tidy = tidy_header(self.data)
            if _is_damage(error) or tidy == self.data:
                _raise_if_damaged(error)
                return None
        try:
            return self._decode(tidy, scale)
        except ValueError as error:
            _raise_if_damaged(error)
            return None

    def _decode(self, data: bytes, scale: int) -> Image:
        stored = self.shape[:2] if self.orientation < 5 else self.shape[1::-1]
        height, width = scaled_box(None, stored, scale)[2:]
        pixels: Image = simplejpeg.decode_jpeg(
            data,
            self.colorspace,
            min_height=height,
            min_width=width,
            min_factor=scale,
            strict=True,
        )
        return pixels


def open_jpeg(data: bytes, options: DecodeOptions) -> JpegFile | None:
    """Read the header of a JPEG file.

    Returns:
        The file; None to fall back to Pillow, if it is unusual or too large.

    Raises:
        DecodeError: The EXIF data is damaged, or the image has too many scans.
    """
    plain = None if native.module is None else native.module.read_jpeg_header(data)
    if plain is None:
        return _open_unusual(data, options)
    height, width, num_channels, orientation = plain
    if height * width > options.max_pixels:
        return None
    colors = "Gray" if num_channels == 1 else "RGB"
    return _jpeg_file(data, options, (height, width), colors, orientation)


def _open_unusual(data: bytes, options: DecodeOptions) -> JpegFile | None:
    header = read_jpeg_header(data)
    if header.is_lossless:
        # Such files cannot be scaled; simplejpeg would write past the end of its buffer.
        return None
    try:
        height, width, colors = _read_shape(data)
    except ValueError:
        return None
    if colors not in _DECODED or height * width > options.max_pixels:
        return None
    if _DECODED[colors] == "CMYK":
        options.check_size(width, height, "JPEG in CMYK", _CMYK_WEIGHT)
    if header.num_scans > _MAX_SCANS:
        raise DecodeError(f"it has {header.num_scans} scans, more than {_MAX_SCANS}")
    orientation = jpeg_orientation(header) if options.exif_orientation else 1
    return _jpeg_file(data, options, (height, width), colors, orientation)


def _jpeg_file(
    data: bytes, options: DecodeOptions, stored: tuple[int, int], colors: str, orientation: int
) -> JpegFile:
    if not options.exif_orientation:
        orientation = 1
    height, width = stored if orientation < 5 else stored[::-1]
    is_repeated = colors == "Gray" and options.color_mode != "grayscale"
    return JpegFile(
        data=data,
        options=options,
        colorspace="RGB" if is_repeated else _DECODED[colors],
        orientation=orientation,
        shape=(height, width, options.num_channels),
    )


def _read_shape(data: bytes) -> tuple[int, int, str]:
    """Return height, width and colours of a JPEG file, even if its header is untidy.

    Raises:
        ValueError: It is damaged, or simplejpeg does not know its chroma subsampling.
    """
    try:
        return _read_tidy_shape(data)
    except ValueError:
        return _read_tidy_shape(tidy_header(data))


def _read_tidy_shape(data: bytes) -> tuple[int, int, str]:
    try:
        height, width, colors, _ = simplejpeg.decode_jpeg_header(data)
    except KeyError as error:
        # For 4:4:1, which the library reports by a number that simplejpeg has no name for.
        raise ValueError(f"subsampling of kind {error}") from error
    return height, width, colors


def _band(pixels: Image, top: int, bottom: int) -> PillowImage.Image:
    rows = np.ascontiguousarray(pixels[top:bottom])
    if rows.shape[2] < 4:
        return PillowImage.fromarray(rows[:, :, 0] if rows.shape[2] == 1 else rows)
    # CMYK is stored inverted in JPEG files, a convention that Adobe started.
    return PillowImage.frombytes("CMYK", rows.shape[1::-1], (~rows).tobytes())


def _is_damage(error: ValueError) -> bool:
    text = str(error).lower()
    return any(damage in text for damage in _DAMAGE)


def _raise_if_damaged(error: ValueError) -> None:
    """Raise if a decoder stopped at damage; otherwise Pillow is tried.

    Not `strict=False`, which treats real errors as warnings too.
    """
    if _is_damage(error) or _LEFT_OVER.search(str(error)):
        raise DecodeError(f"its JPEG data is truncated or damaged ({error})") from error


def decode_with_pillow(data: bytes, options: DecodeOptions, scale: int = 1) -> Image:
    """Decode a whole JPEG file with Pillow, which supports more kinds.

    Args:
        data: The whole file.
        options: How to decode it.
        scale: 1, 2, 4 or 8, to decode it at a fraction of its size.

    Raises:
        DecodeError: It is damaged, or of a kind that Pillow does not support either.
    """
    try:
        with _PILLOW.opened(data, options) as file:
            if scale > 1:
                width, height = file.picture.size
                file.picture.draft(None, (width // scale, height // scale))
            return _PILLOW.decode(file)
    except UnidentifiedError as error:
        reason = _why_unsupported(data)
        if reason is None:
            raise
        raise DecodeError(reason) from error.__cause__


def _why_unsupported(data: bytes) -> str | None:
    header = read_jpeg_header(data)
    if header.bits and header.bits != 8:
        return f"it is a JPEG file of {header.bits} bits, and only 8 bits are supported"
    if header.process in _UNSUPPORTED_PROCESSES:
        return f"it is a {_UNSUPPORTED_PROCESSES[header.process]} JPEG file, which is not supported"
    return None


def _open(data: bytes, options: DecodeOptions) -> OpenImage:
    jpeg = open_jpeg(data, options)
    return DecodedImage(decode_with_pillow(data, options)) if jpeg is None else jpeg


_PILLOW = PillowDecoder(
    name="JPEG",
    prepare=lambda data: check_tags(read_jpeg_header(data).exif),
    orientation=lambda file: jpeg_orientation(read_jpeg_header(file.data)),
)

JPEG = ImageFormat(
    name=_PILLOW.name,
    title="JPEG",
    # Phones append a second picture, which is ignored.
    aliases=("MPO",),
    endings=(".jfif", ".jpe", ".jpeg", ".jpg", ".mpo", ".pjp", ".pjpeg"),
    matches=begins_with(b"\xff\xd8"),
    is_certain=begins_with(b"\xff\xd8\xff"),
    open=_open,
    describe=_PILLOW.describe,
)
