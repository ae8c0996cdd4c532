"""The type of a row of the registry: all that augseq knows about an image format."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from augseq.pixels.decoded_image import OpenImage
from augseq.pixels.decoders.extra import Extra
from augseq.pixels.local_file import FileContent
from augseq.pixels.options import DecodeOptions

Open: TypeAlias = Callable[[bytes, DecodeOptions], OpenImage]
OpenParts: TypeAlias = Callable[[FileContent, DecodeOptions], OpenImage]
Describe: TypeAlias = Callable[[bytes, DecodeOptions], dict[str, Any]]
FindLosses: TypeAlias = Callable[[bytes, DecodeOptions], frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFormat:
    """An image format. All functions get the whole file, and are thread-safe.

    Attributes:
        name: As in a `Probe`: Pillow's name, if it has one.
        title: Name for people.
        aliases: Other names for this format in probes.
        endings: File extensions in lower case with the dot, such as ".jpg".
        matches: Returns whether the first bytes of a file are of this format.
        is_certain: Returns whether a file that matches is certainly of this format. Needed if
            text can begin with the few bytes that `matches` checks; otherwise None.
        weight: Memory that decoding takes per pixel, relative to the 8 to 11 bytes of most
            formats.
        extra: What must be installed to read it; None for nothing.
        may_crash: Whether its decoder can crash the process, so that it runs in a child process.
        open: Opens a file: uint8; or float32 from 0 to 1 if the file has more than 8 bits and
            `options.full_depth` is set. Calls `options.check_size` with `name` and `weight` as
            soon as it knows the size, before it allocates memory for the pixels. Raises
            `DecodeError` if the file is damaged, truncated, too large or of an unsupported kind.
        open_parts: Does the same for a file that may not be in memory, and reads only the parts
            that are needed; None: files are read whole.
        describe: Returns the `Probe` fields in the header of a decodable file: `format`, `mode`,
            `orientation` and `num_frames`.
        find_losses: Returns those of "16 bit" and "transparency" that the file has and that are
            lost in conversion to 8-bit RGB; None if files of this format never have any.
    """

    name: str
    title: str
    aliases: tuple[str, ...] = ()
    endings: tuple[str, ...]
    matches: Callable[[bytes], bool]
    is_certain: Callable[[bytes], object] | None = None
    weight: float = 1
    extra: Extra | None = None
    may_crash: bool = False
    open: Open
    open_parts: OpenParts | None = None
    describe: Describe
    find_losses: FindLosses | None = None

    @property
    def can_be_read(self) -> bool:
        """Whether everything it needs is installed."""
        return self.extra is None or self.extra.is_installed


def begins_with(*starts: bytes) -> Callable[[bytes], bool]:
    """Return a test of whether a file begins with one of some byte strings."""
    return lambda data: data.startswith(starts)
