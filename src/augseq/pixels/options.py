"""What a user chose about pixels: frozen, checked when made."""

import functools
import math
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from augseq.errors import ArgumentError, DecodeError
from augseq.validation import check_choice, check_whole, is_whole

ColorMode: TypeAlias = Literal["rgb", "grayscale", "rgba"]
ResizeMode: TypeAlias = Literal["stretch", "crop", "pad"]
Interpolation: TypeAlias = Literal["nearest", "bilinear", "bicubic", "area", "lanczos3"]

# Above this many, Pillow warns unless a global of the process is changed; a default should not.
MAX_PIXELS = 89_478_485
# Files are read whole; this is more than any camera or scanner writes for the pixels above.
MAX_FILE_BYTES = 1 << 30

# In the reasons of files that are right.
_WAYS_OUT = ("; to read it, ", "full_depth=", "exif_orientation=")


def to_read_it(option: str, value: int) -> str:
    """Say which option makes a file readable that is refused, as the end of the reason."""
    shell = f"--{option.replace('_', '-')} {value}"
    return f"{_WAYS_OUT[0]}pass {option}={value} (at the shell: {shell})"


def is_right_file(reason: str) -> bool:
    """Tell whether a file was refused that an option or an extra makes readable."""
    return any(way_out in reason for way_out in _WAYS_OUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeOptions:
    """How bytes become an array.

    Attributes:
        color_mode: "rgb", "grayscale" or "rgba": 3, 1 or 4 channels.
        exif_orientation: Whether images are turned upright as their EXIF data says.
        background: Colour (red, green, blue), 0 to 255, that shows through transparent
            pixels where the colour mode has no alpha.
        max_pixels: Files whose header declares more pixels are refused before they are decoded.
            More than `PIL.Image.MAX_IMAGE_PIXELS` raises that limit too, for the whole process.
            WebP, JPEG 2000 and JPEG XL must also keep to half of the larger of this and the
            default, and AVIF, HEIC and JPEG in CMYK to two thirds, since their decoders take so
            much more memory.
            A larger one takes more memory: up to 11 bytes a pixel in each thread that decodes.
        max_file_bytes: Longer files are refused before they are read. Of a remote one, object
            stores, web servers and archives are asked for this many bytes and one more, which
            some web servers ignore; from other storages it is fetched whole, and then refused.
        full_depth: Whether files keep more than 8 bits: pixels are then float32, with 0 as black
            and 1 as white. False: uint8, 0 to 255.
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
        """Channels of a decoded image."""
        return {"rgb": 3, "grayscale": 1, "rgba": 4}[self.color_mode]

    def check_size(self, width: int, height: int, format_name: str, weight: float) -> None:
        """Raise `DecodeError` where a header declares more pixels than its format may have.

        Args:
            width: In pixels.
            height: In pixels.
            format_name: Its format, for the error.
            weight: As in `ImageFormat`.
        """
        num_pixels, most = width * height, max(self.max_pixels, MAX_PIXELS)
        needed = math.ceil(num_pixels * weight)
        # What is enough for both conditions.
        way_out = to_read_it("max_pixels", needed if needed > most else num_pixels)
        if num_pixels > self.max_pixels:
            raise DecodeError(
                f"its header declares {width} x {height} pixels, more than "
                f"max_pixels={self.max_pixels}{way_out}"
            )
        if needed > most:
            raise DecodeError(
                f"its header declares {width} x {height} pixels, which take more memory in "
                f"{format_name} than max_pixels={most} allows{way_out}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ResizeOptions:
    """To which size, and how.

    Attributes:
        image_size: (height, width) in pixels.
        resize_mode: "stretch" changes the aspect ratio; "crop" keeps it and cuts the centre
            out; "pad" keeps it and puts black around.
        interpolation: Keras' names; all but "nearest" are antialiased.
    """

    image_size: tuple[int, int]
    resize_mode: ResizeMode = "stretch"
    interpolation: Interpolation = "bilinear"

    def __post_init__(self) -> None:
        check_choice("resize_mode", self.resize_mode, get_args(ResizeMode))
        check_choice("interpolation", self.interpolation, get_args(Interpolation))
        size = self.image_size
        if (
            not isinstance(size, tuple | list)
            or len(size) != 2
            or not all(is_whole(side) and side > 0 for side in size)
        ):
            raise ArgumentError(
                "`image_size` must be (height, width) in pixels, both > 0. "
                f"Received: image_size={size!r}"
            )
        object.__setattr__(self, "image_size", (int(size[0]), int(size[1])))
        # Of the smallest pixels that there are; a batch of others is checked where it is planned.
        _check_memory(self, 1, 1)


@functools.cache
def memory_bytes() -> int:
    """Return how much memory this machine or its container has; 1 TiB if that is not known."""
    limits = [1 << 40]
    with suppress(AttributeError, OSError, ValueError):
        limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    with suppress(OSError, ValueError), open("/sys/fs/cgroup/memory.max", encoding="ascii") as file:
        limits.append(int(file.read()))
    return min(limits)


def resize_options(
    image_size: tuple[int, int] | None, resize_mode: ResizeMode, interpolation: Interpolation
) -> ResizeOptions | None:
    """Return how to resize, or None where `image_size` is None."""
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
    """Raise `ArgumentError` where a batch takes more memory than this machine has."""
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
    """Raise `ArgumentError` where an option would cut the depth that is to be kept."""
    if full_depth and dtype != "float32":
        raise ArgumentError(f'`full_depth` needs dtype="float32". Received: dtype={dtype!r}')
    if full_depth and cache is not None:
        raise ArgumentError(
            f"`full_depth` needs cache=None: a cache keeps 8 bits. Received: cache={cache!r}"
        )
