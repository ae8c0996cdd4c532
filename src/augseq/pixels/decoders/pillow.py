"""Strict decoding with Pillow: what the formats that Pillow reads have in common."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import ImageFile

from augseq.errors import DecodeError
from augseq.pixels.decoded_image import DecodedImage, OpenImage
from augseq.pixels.decoders.color_modes import convert_bands
from augseq.pixels.decoders.decoder_errors import explaining
from augseq.pixels.decoders.extra import Extra
from augseq.pixels.decoders.full_depth import finish_deep, read_deep_colors, with_key
from augseq.pixels.decoders.image_format import ImageFormat
from augseq.pixels.decoders.orientation import check_tags, read_orientation
from augseq.pixels.decoders.palette import check_palette, palette_length
from augseq.pixels.options import DecodeOptions, to_read_it
from augseq.types import Image

Values: TypeAlias = npt.NDArray[Any]
_SIXTEEN_BIT_MODES = ("I;16", "I;16L", "I;16B", "I;16N")


@dataclass(frozen=True, slots=True)
class PillowFile:
    """A file whose header Pillow has read.

    Attributes:
        data: The whole file.
        options: How to decode it.
        picture: Pillow's image, with or without its pixels.
    """

    data: bytes
    options: DecodeOptions
    picture: ImageFile.ImageFile


def tagged_orientation(file: PillowFile, exif: bytes = b"") -> int:
    """Return the orientation in the metadata of a file.

    Args:
        file: The file, with the EXIF data and XMP that Pillow found.
        exif: EXIF data that Pillow did not find.
    """
    info = file.picture.info
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    return read_orientation(info.get("exif") or exif, xmp.encode() if isinstance(xmp, str) else xmp)


def _accept(_: PillowFile) -> None: ...


def _load(file: PillowFile) -> None:
    file.picture.load()


def _bits_in_info(file: PillowFile) -> int:
    return int(file.picture.info.get("bit_depth", 8))


def _as_stored(_: PillowFile) -> Callable[[Values], Values]:
    return lambda values: values


@dataclass(frozen=True, slots=True, kw_only=True)
class PillowDecoder:
    """Decoder of one format with Pillow, which corrects what Pillow gets wrong.

    Attributes:
        name: Pillow's name of the format.
        weight: As in `ImageFormat`.
        prepare: Called with the whole file before Pillow opens it.
        check_header: Raises `DecodeError` for files that can be refused by their header.
        check_stored: The same, just before the pixels are decoded.
        load: Decodes the pixels of a picture.
        finish: Repairs or refuses a picture after its pixels are decoded.
        orientation: Returns the orientation, 1 to 8, of a picture after its pixels are decoded or,
            to describe a file, without them.
        remaining_turn: For formats that Pillow turns upright: returns the orientation that the
            decoded picture will have. Called before the pixels are decoded.
        channel_bits: Returns the bits per channel of a picture whose colours Pillow reads in 8.
        has_deep_colors: Whether OpenCV reads colours of more than 8 bits; otherwise they are
            refused.
        has_palette: Whether pixels can have colours that the palette lacks.
        wide_mode_is_grey: Whether Pillow's 32-bit integer mode means 16-bit grey: for PNG in
            older Pillow, for PGM in all versions.
        full_range: Returns a function that scales grey values to 16 bits with black at 0.
    """

    name: str
    weight: float = 1
    prepare: Callable[[bytes], object] = len
    check_header: Callable[[PillowFile], None] = _accept
    check_stored: Callable[[PillowFile], None] = _accept
    load: Callable[[PillowFile], None] = _load
    finish: Callable[[PillowFile], None] = _accept
    orientation: Callable[[PillowFile], int] = tagged_orientation
    remaining_turn: Callable[[PillowFile], int] | None = None
    channel_bits: Callable[[PillowFile], int] = _bits_in_info
    has_deep_colors: bool = False
    has_palette: bool = False
    wide_mode_is_grey: bool = False
    full_range: Callable[[PillowFile], Callable[[Values], Values]] = _as_stored

    def open(self, data: bytes, options: DecodeOptions) -> OpenImage:
        """Decode a file; see `ImageFormat`."""
        with self.opened(data, options) as file:
            return DecodedImage(self.decode(file))

    def describe(self, data: bytes, options: DecodeOptions) -> dict[str, Any]:
        """Describe a file; see `ImageFormat`. Empty for a file that Pillow cannot read."""
        found: dict[str, Any] = {}
        with suppress(DecodeError), self.opened(data, options) as file:
            found |= {"format": file.picture.format, "mode": file.picture.mode}
            check_tags(file.picture.info.get("exif") or b"")
            found["orientation"] = self.orientation(file)
            # Last, since counting the frames of an animation reads all of them.
            num_frames = getattr(file.picture, "n_frames", 1)
            # A PNG only declares a number, and each frame takes some bytes.
            found["num_frames"] = num_frames if num_frames <= len(data) else None
        return found

    def find_losses(self, data: bytes, options: DecodeOptions) -> frozenset[str]:
        """Return what a file loses when converted to 8-bit RGB; see `ImageFormat`."""
        losses = set()
        with suppress(DecodeError), self.opened(data, options) as file:
            # Pillow's mode is "RGB" for colours of 8 and of 16 bits; the tiles tell them apart.
            stored = str(getattr(file.picture, "tile", ""))
            if file.picture.mode.startswith("I;16") or ";16" in stored:
                losses.add("16 bit")
            if file.picture.has_transparency_data:
                losses.add("transparency")
        return frozenset(losses)

    @contextmanager
    def opened(self, data: bytes, options: DecodeOptions) -> Iterator[PillowFile]:
        """Open a file without decoding its pixels, and close it on exit.

        Raises:
            DecodeError: Its header is refused; or any exception is raised while it is open.
        """
        with explaining():
            self.prepare(data)
            with _open_picture(self.name, data, options.max_pixels) as picture:
                file = PillowFile(data, options, picture)
                options.check_size(*picture.size, self.name, self.weight)
                self.check_header(file)
                yield file

    def decode(self, file: PillowFile) -> Image:
        """Decode the pixels of an open file, in 8 bits or at full depth."""
        kind = self._deep_kind(file) if file.options.full_depth else None
        if kind is not None:
            return self._decode_deep(file, kind)
        orientation = self._load(file)
        as_8_bits = self._bits_reducer(file)
        picture = file.picture
        return convert_bands(
            (picture.height, picture.width),
            lambda top, bottom: as_8_bits(_rows(picture, top, bottom)),
            file.options,
            orientation,
        )

    def _load(self, file: PillowFile) -> int:
        """Decode the pixels of a picture, strictly.

        Returns:
            The orientation that its pixels still have, 1 (upright) to 8.
        """
        picture, options = file.picture, file.options
        orientation = 1 if self.remaining_turn is None else self.remaining_turn(file)
        self.check_stored(file)
        num_colors = palette_length(picture) if self.has_palette else None
        self.load(file)
        if num_colors is not None:
            check_palette(picture, num_colors)
        # Some decoders find a different size than the header declares.
        options.check_size(*picture.size, self.name, self.weight)
        self.finish(file)
        if options.exif_orientation and self.remaining_turn is None:
            orientation = self.orientation(file)
        return orientation

    def _bits_reducer(self, file: PillowFile) -> Callable[[PillowImage.Image], PillowImage.Image]:
        """Return a function that converts rows of a picture to 8 bits per channel."""
        mode = file.picture.mode
        if mode in _SIXTEEN_BIT_MODES or (mode == "I" and self.wide_mode_is_grey):
            return partial(_upper_bytes, full_range=self.full_range(file))
        if mode in ("I", "F"):
            kind = "32-bit integers" if mode == "I" else "floating-point numbers"
            raise DecodeError(
                f"its pixels are {kind}, which have no fixed range to scale from"
                + "; full_depth=True keeps them" * (mode == "F")
            )
        return lambda rows: rows

    def _deep_kind(self, file: PillowFile) -> str | None:
        """Return "grey", "float", "colour", "unsupported", or None for a file of 8 bits."""
        mode = file.picture.mode
        if mode == "F":
            return "float"
        if mode.startswith("I;16"):
            return "grey"
        if mode == "I":
            return "grey" if self.wide_mode_is_grey else None
        if self.channel_bits(file) <= 8:
            return None
        return "colour" if self.has_deep_colors else "unsupported"

    def _decode_deep(self, file: PillowFile, kind: str) -> Image:
        if kind == "unsupported":
            raise DecodeError(
                f"only 8 bits per channel can be read from this kind of {file.picture.format}; "
                "full_depth=False reads them"
            )
        # Even if Pillow reads only 8 bits of it: this is strict about damage.
        orientation = self._load(file)
        if kind == "colour":
            return finish_deep(read_deep_colors(file.data), file.options, orientation)
        pixels: Values = np.asarray(file.picture)[:, :, np.newaxis]
        if kind == "grey":
            # Pillow scales PGM text files to 16 bits, in 32-bit numbers.
            pixels = self.full_range(file)(pixels).astype(np.uint16)
            pixels = with_key(pixels, file.picture.info.get("transparency"))
        return finish_deep(pixels, file.options, orientation)


def pillow_format(
    decoder: PillowDecoder,
    *,
    title: str,
    endings: tuple[str, ...],
    matches: Callable[[bytes], bool],
    is_certain: Callable[[bytes], object] | None = None,
    extra: Extra | None = None,
    may_crash: bool = False,
) -> ImageFormat:
    """Return the registry row of a format that Pillow decodes; see `ImageFormat`."""
    return ImageFormat(
        name=decoder.name,
        title=title,
        endings=endings,
        matches=matches,
        is_certain=is_certain,
        weight=decoder.weight,
        extra=extra,
        may_crash=may_crash,
        open=decoder.open,
        describe=decoder.describe,
        find_losses=decoder.find_losses,
    )


def _open_picture(name: str, data: bytes, max_pixels: int) -> ImageFile.ImageFile:
    if PillowImage.MAX_IMAGE_PIXELS is not None and max_pixels > PillowImage.MAX_IMAGE_PIXELS:
        # Pillow warns above its limit, and refuses above twice the limit. Warnings cannot be
        # caught in threads, so its process-wide limit follows ours, but only upwards.
        PillowImage.MAX_IMAGE_PIXELS = max_pixels
    try:
        return PillowImage.open(io.BytesIO(data), formats=(name,))
    except (PillowImage.DecompressionBombError, PillowImage.DecompressionBombWarning) as error:
        claim = str(error).partition(" exceeds")[0]
        needed = int("".join(filter(str.isdecimal, claim)) or max_pixels)
        raise DecodeError(
            f"{claim} exceeds max_pixels={max_pixels}{to_read_it('max_pixels', needed)}"
        ) from error


def _rows(picture: PillowImage.Image, top: int, bottom: int) -> PillowImage.Image:
    whole = bottom - top == picture.height
    return picture if whole else picture.crop((0, top, picture.width, bottom))


def _upper_bytes(
    picture: PillowImage.Image, full_range: Callable[[Values], Values]
) -> PillowImage.Image:
    values = full_range(np.asarray(picture))
    grey = PillowImage.fromarray((values >> 8).astype(np.uint8))
    transparent = picture.info.get("transparency")
    if transparent is None:
        return grey
    alpha = PillowImage.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8))
    return PillowImage.merge("LA", (grey, alpha))
