"""Options for decoding and resizing: frozen and validated."""

import functools
import math
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from augseq.errors import ArgumentError, DecodeError
from augseq.validation import check_choice, check_whole, is_whole

ColorMode: TypeAlias = Literal["rgb", "grayscale", "rgba"]
ResizeMode: TypeAlias = Literal["stretch", "crop", "pad"]
PixelDtype: TypeAlias = Literal["float32", "uint8"]
Interpolation: TypeAlias = Literal["nearest", "bilinear", "bicubic", "area", "lanczos3"]

# Above this, Pillow warns unless a process-wide setting is raised, which a default should not do.
MAX_PIXELS = 89_478_485
# Files are read whole; no camera or scanner writes a larger file for the pixels above.
MAX_FILE_BYTES = 1 << 30

# The reason for refusing a valid file contains one of these.
_REMEDIES = ("; to read it, ", "full_depth=", "exif_orientation=")


def to_read_it(option: str, value: int) -> str:
    """Return the end of a refusal: the option that makes the file readable."""
    shell = f"--{option.replace('_', '-')} {value}"
    return f"{_REMEDIES[0]}pass {option}={value} (at the shell: {shell})"


def is_right_file(reason: str) -> bool:
    """Return whether an option or an extra makes a refused file readable."""
    return any(remedy in reason for remedy in _REMEDIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeOptions:
    """How to decode image files.

    Attributes:
        color_mode: "rgb", "grayscale" or "rgba": 3, 1 or 4 channels.
        exif_orientation: Whether to apply the EXIF orientation, so that images are upright.
        background: Colour (red, green, blue), 0 to 255, behind transparent pixels if the colour
            mode has no alpha channel.
        max_pixels: Files whose header declares more pixels are refused before they are decoded.
            More than `PIL.Image.MAX_IMAGE_PIXELS` raises that limit too, for the whole process.
            Formats whose decoders need more memory are also limited to a share of the larger of
            this and the default: WebP, JPEG 2000 and JPEG XL to half, AVIF, HEIC and CMYK JPEG
            to two thirds. Decoding takes up to 11 bytes per pixel in each thread.
        max_file_bytes: Larger files are refused before they are read. Object stores, web servers
            and archives are asked for at most one byte more than this, which some web servers
            ignore; from other remote storage, files are downloaded whole and then refused.
        full_depth: Whether to keep more than 8 bits per channel: pixels are then float32, with 0
            as black and 1 as white. Otherwise they are uint8, 0 to 255.
    """

    color_mode: ColorMode = "rgb"
    exif_orientation: bool = True
    background: tuple[int, int, int] = (255, 255, 255)
    max_pixels: int = MAX_PIXELS
    max_file_bytes: int = MAX_FILE_BYTES
    full_depth: bool = False

    def __post_init__(self) -> None:
        check_choice("color_mode", self.color_mode, get_args(ColorMode))
        color = tuple(self.background) if isinstance(self.background, Sequence) else ()
        if len(color) != 3 or not all(is_whole(part) and 0 <= part <= 255 for part in color):
            raise ArgumentError(
                "`background` must be (red, green, blue), each from 0 to 255. "
                f"Received: background={self.background!r}"
            )
        check_whole("max_pixels", self.max_pixels, least=1)
        check_whole("max_file_bytes", self.max_file_bytes, least=1)
        object.__setattr__(self, "background", color)

    @property
    def num_channels(self) -> int:
        """Number of channels of a decoded image."""
        return {"rgb": 3, "grayscale": 1, "rgba": 4}[self.color_mode]

    def check_size(self, width: int, height: int, format_name: str, weight: float) -> None:
        """Raise `DecodeError` if a header declares more pixels than its format may have.

        Args:
            width: Width in pixels.
            height: Height in pixels.
            format_name: Name of the format, for the error message.
            weight: As in `ImageFormat`.
        """
        num_pixels, most = width * height, max(self.max_pixels, MAX_PIXELS)
        needed = math.ceil(num_pixels * weight)
        # Enough to pass both checks.
        remedy = to_read_it("max_pixels", needed if needed > most else num_pixels)
        if num_pixels > self.max_pixels:
            raise DecodeError(
                f"its header declares {width} x {height} pixels, more than "
                f"max_pixels={self.max_pixels}{remedy}"
            )
        if needed > most:
            raise DecodeError(
                f"its header declares {width} x {height} pixels, which take more memory in "
                f"{format_name} than max_pixels={most} allows{remedy}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ResizeOptions:
    """Target size and method of resizing.

    Attributes:
        image_size: (height, width) in pixels.
        resize_mode: "stretch" changes the aspect ratio; "crop" keeps it and crops the centre;
            "pad" keeps it and pads with black.
        interpolation: Named as in Keras; all but "nearest" are antialiased.
    """

    image_size: tuple[int, int]
    resize_mode: ResizeMode = "stretch"
    interpolation: Interpolation = "bilinear"

    def __post_init__(self) -> None:
        check_choice("resize_mode", self.resize_mode, get_args(ResizeMode))
        check_choice("interpolation", self.interpolation, get_args(Interpolation))
        size: Any = self.image_size
        if (
            not isinstance(size, tuple | list)
            or len(size) != 2
            or not all(is_whole(side) and side > 0 for side in size)
        ):
            raise ArgumentError(
                "`image_size` must be (height, width) in pixels, both > 0. "
                f"Received: image_size={size!r}"
                + (f". Write image_size=({size}, {size})." if is_whole(size) and size > 0 else "")
            )
        object.__setattr__(self, "image_size", (int(size[0]), int(size[1])))
        # With the smallest possible pixels; `check_batch_memory` checks whole batches.
        _check_memory(self, 1, 1)


@functools.cache
def memory_bytes() -> int:
    """Return the memory of this machine or container in bytes; 1 TiB if unknown."""
    limits = [1 << 40]
    with suppress(AttributeError, OSError, ValueError):
        limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    with suppress(OSError, ValueError), open("/sys/fs/cgroup/memory.max", encoding="ascii") as file:
        limits.append(int(file.read()))
    return min(limits)


def resize_options(
    image_size: tuple[int, int] | None, resize_mode: ResizeMode, interpolation: Interpolation
) -> ResizeOptions | None:
    """Return how to resize; None if `image_size` is None."""
    options = ResizeOptions(
        image_size=(1, 1) if image_size is None else image_size,
        resize_mode=resize_mode,
        interpolation=interpolation,
    )
    if image_size is not None:
        return options
    if (resize_mode, interpolation) != ("stretch", "bilinear"):
        raise ArgumentError(
            "`resize_mode` and `interpolation` need an `image_size`. Received: image_size=None, "
            f"resize_mode={resize_mode!r}, interpolation={interpolation!r}"
        )
    return None


def check_batch_memory(
    resize: ResizeOptions | None, decode: DecodeOptions, dtype: str, batch_size: int
) -> None:
    """Raise `ArgumentError` if a batch takes more memory than this machine has."""
    if resize is not None:
        _check_memory(resize, batch_size, decode.num_channels * (4 if dtype == "float32" else 1))


def _check_memory(resize: ResizeOptions, batch_size: int, pixel_bytes: int) -> None:
    height, width = resize.image_size
    num_bytes = batch_size * height * width * pixel_bytes
    if num_bytes > memory_bytes():
        what = "one image takes" if batch_size == 1 else f"{batch_size} images take"
        raise ArgumentError(
            f"A batch must fit in memory: {what} {num_bytes:,} bytes, and this machine has "
            f"{memory_bytes():,}. Choose a smaller `image_size`, in pixels, or `batch_size` (at "
            f"the shell: --image-size, --batch-size). Received: image_size={resize.image_size}"
        )


def check_full_depth(full_depth: bool, dtype: str, cache: object) -> None:
    """Raise `ArgumentError` if another option would reduce the full depth."""
    if full_depth and dtype != "float32":
        raise ArgumentError(f'`full_depth` needs dtype="float32". Received: dtype={dtype!r}')
    if full_depth and cache is not None:
        raise ArgumentError(
            f"`full_depth` needs cache=None: a cache keeps 8 bits. Received: cache={cache!r}"
        )
