"""What augseq knows about an image format: the type of a row of the registry."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from augseq.pixels.decoded_image import OpenImage
from augseq.pixels.decoders.extra import Extra
from augseq.pixels.options import DecodeOptions

Open: TypeAlias = Callable[[bytes, DecodeOptions], OpenImage]
Describe: TypeAlias = Callable[[bytes, DecodeOptions], dict[str, Any]]
FindLosses: TypeAlias = Callable[[bytes, DecodeOptions], frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFormat:
    """An image format. All functions get the whole file, and are thread-safe.

    Attributes:
        name: As a `Probe` has it: Pillow's name, where it has one.
        title: As people write it.
        aliases: Other names that probes have for files of this format.
        endings: Of file names, in lower case with their dot, such as ".jpg".
        matches: Tells by its first bytes whether a file is of this format.
        is_certain: Tells by the first bytes of a file that matches whether it is surely of this
            format, where `matches` goes by so few bytes that text may begin with them; None where
            `matches` is sure.
        weight: How much more memory decoding takes for a pixel than the 8 to 11 bytes of most
            formats.
        extra: What must be installed to read it; None for nothing.
        may_crash: Whether its decoder may end the process, so that it runs in a child process.
        open: Opens a file: uint8; or float32 from 0 to 1 where the file has more than 8 bits and
            `options.full_depth` is set. Calls `options.check_size` with `name` and `weight` as
            soon as it knows the size, before it takes memory for the pixels. Raises
            `DecodeError`: the file is damaged, truncated, too large or of a kind that is not
            read.
        describe: Returns the fields of a `Probe` that the header tells, of a file that can be
            decoded: `format`, `mode`, `orientation` and `num_frames`.
        find_losses: Returns those of "16 bit" and "transparency" that the file has and that are
            lost on the way to 8-bit RGB; None where files of this format never have any.
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
    describe: Describe
    find_losses: FindLosses | None = None

    @property
    def can_be_read(self) -> bool:
        """Whether all is installed that it needs."""
        return self.extra is None or self.extra.is_installed


def begins_with(*starts: bytes) -> Callable[[bytes], bool]:
    """Return a test for files that begin with one of some sequences of bytes."""
    return lambda data: data.startswith(starts)
