"""Options for decoding and resizing: frozen and validated."""

import functools
import math
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from augseq.errors import ArgumentError, DecodeError
from augseq.validation import check_bool, check_choice, check_whole, is_whole

ColorMode: TypeAlias = Literal["rgb", "grayscale", "rgba", "bands"]
ResizeMode: TypeAlias = Literal["stretch", "crop", "pad"]
PixelDtype: TypeAlias = Literal["float32", "uint8"]
Interpolation: TypeAlias = Literal["nearest", "bilinear", "bicubic", "area", "lanczos3"]

# Above this, Pillow warns unless a process-wide setting is raised, which a default should not do.
MAX_PIXELS = 89_478_485
# Files are read whole; no camera or scanner writes a larger file for the pixels above.
MAX_FILE_BYTES = 1 << 30
# Bytes of samples that each pixel of `max_pixels` allows.
_SAMPLE_BYTES_PER_PIXEL = 4
_CHANNELS = {"rgb": 3, "grayscale": 1, "rgba": 4}

# The reason for refusing a valid file contains one of these.
_REMEDIES = ("; to read it, ", "full_depth=", "exif_orientation=", "color_mode=", "bands=")


def to_read_it(option: str, value: int) -> str:
    """Return the end of a refusal: the option that makes the file readable."""
    shell = f"--{option.replace('_', '-')} {value}"
    return f"{_REMEDIES[0]}pass {option}={value} (at the shell: {shell})"


def is_right_file(reason: str) -> bool:
    """Return whether an option or an extra makes a refused file readable."""
    return any(remedy in reason for remedy in _REMEDIES)


def has_bands(reason: str) -> bool:
    """Return whether a file that was refused is an image of bands."""
    return 'color_mode="bands" reads' in reason


@dataclass(frozen=True, slots=True)
class Bands:
    """What images of bands are alike in.

    Attributes:
        number: Number of bands of a file.
        dtype: "uint8" for files of 8-bit integers, otherwise "float32".
        chosen: The bands that are the channels of a decoded image, in order; None for all.
    """

    number: int
    dtype: PixelDtype
    chosen: Sequence[int] | None = None

    @property
    def channels(self) -> Sequence[int]:
        """The band of each channel of a decoded image."""
        return range(self.number) if self.chosen is None else self.chosen

    def __str__(self) -> str:
        return f"{self.number} bands, {self.dtype}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeOptions:
    """How to decode image files.

    Attributes:
        color_mode: "rgb", "grayscale" or "rgba": 3, 1 or 4 channels. "bands": all channels of TIFF
            and .npy files, with the numbers as stored: uint8, or float32 for all other numbers.
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
            as black and 1 as white. Otherwise they are uint8, 0 to 255. Not with "bands".
        bands: Which bands become the channels, in order, from 0, with "bands"; None for all.
        alike: What all files must have with "bands"; None if that is unknown or does not matter.
    """

    color_mode: ColorMode = "rgb"
    exif_orientation: bool = True
    background: tuple[int, int, int] = (255, 255, 255)
    max_pixels: int = MAX_PIXELS
    max_file_bytes: int = MAX_FILE_BYTES
    full_depth: bool = False
    bands: Sequence[int] | None = None
    # Not in `repr`, which identifies options: it follows from the files.
    alike: Bands | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        # Without `bands` as in earlier versions, whose caches and states are still valid.
        shown = [one.name for one in fields(self) if one.repr]
        shown = [name for name in shown if name != "bands" or self.bands is not None]
        return f"DecodeOptions({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    def __post_init__(self) -> None:
        check_choice("color_mode", self.color_mode, get_args(ColorMode))
        check_bool("exif_orientation", self.exif_orientation)
        check_bool("full_depth", self.full_depth)
        if self.full_depth and self.color_mode == "bands":
            raise ArgumentError(
                'color_mode="bands" keeps all numbers as stored, so `full_depth` must be False. '
                "Received: full_depth=True"
            )
        object.__setattr__(self, "bands", check_bands(self.bands, self.color_mode))
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
        """Number of channels of a decoded image; 1 for bands that are not known yet."""
        if self.bands is not None:
            return len(self.bands)
        return _CHANNELS.get(self.color_mode, 1) if self.alike is None else self.alike.number

    @property
    def pixel_dtype(self) -> PixelDtype:
        """Dtype of decoded pixels; "uint8" for bands that are not known yet."""
        if self.alike is not None:
            return self.alike.dtype
        return "float32" if self.full_depth else "uint8"

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

    def check_sample_bytes(self, num_bytes: int, num_pixels: int) -> None:
        """Raise `DecodeError` if the samples of `num_pixels` pixels take too much memory."""
        # Three copies are in memory at times: the file, its samples, and the pixels.
        most = _SAMPLE_BYTES_PER_PIXEL * max(self.max_pixels, MAX_PIXELS)
        if num_bytes > most:
            needed = max(num_pixels, -(-num_bytes // _SAMPLE_BYTES_PER_PIXEL))
            raise DecodeError(
                f"its samples take {num_bytes} bytes, more than the {most} that "
                f"max_pixels={self.max_pixels} allows{to_read_it('max_pixels', needed)}"
            )


def check_bands(bands: Any, color_mode: str) -> tuple[int, ...] | None:
    """Return the chosen bands as a tuple; None for all.

    Raises:
        ArgumentError: They are not numbers from 0, or the colour mode is not "bands".
    """
    if bands is None:
        return None
    if color_mode != "bands":
        raise ArgumentError(
            '`bands` requires color_mode="bands" (at the shell: --color-mode bands). '
            f"Received: bands={bands!r}, color_mode={color_mode!r}"
        )
    is_list = isinstance(bands, Sequence | np.ndarray) and not isinstance(bands, str | bytes)
    if not is_list or not len(bands) or not all(is_whole(one) and one >= 0 for one in bands):
        raise ArgumentError(
            "`bands` must be the numbers of bands, from 0, such as [3, 2, 1], or None for all (at "
            f"the shell: --bands 3,2,1). Received: bands={bands!r}"
        )
    return tuple(map(int, bands))


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
                + (". For several sizes, write augseq.Buckets(sizes)." if _are_pairs(size) else "")
            )
        object.__setattr__(self, "image_size", (int(size[0]), int(size[1])))
        # With the smallest possible pixels; `check_batch_memory` checks whole batches.
        _check_memory(self, 1, 1)


def _are_pairs(sizes: Any) -> bool:
    is_list = isinstance(sizes, tuple | list) and len(sizes) > 0
    return is_list and all(isinstance(size, tuple | list) and len(size) == 2 for size in sizes)


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


def check_depth(decode: DecodeOptions, dtype: str) -> None:
    """Raise `ArgumentError` if `dtype` would reduce the depth of decoded pixels."""
    if decode.pixel_dtype == "float32" and dtype != "float32":
        cause = f"the images have {decode.alike}" if decode.alike else "`full_depth` is True"
        raise ArgumentError(f'`dtype` must be "float32", since {cause}. Received: dtype={dtype!r}')
