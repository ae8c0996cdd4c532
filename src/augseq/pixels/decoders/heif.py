"""HEIC, as written by phones, decoded with a Pillow plug-in from an extra."""

import functools

from augseq.pixels.decoders.extra import Extra
from augseq.pixels.decoders.pillow import PillowDecoder, pillow_format

_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
# Brands beyond these bytes are ignored.
_MAX_BOX_BYTES = 512
_EXTRA = Extra(name="heif", library="pi_heif", reads="HEIC")


def file_brands(data: bytes) -> frozenset[bytes]:
    """Return the brands in the first box of an ISO media file; empty for other files."""
    if data[4:8] != b"ftyp":
        return frozenset()
    end = min(int.from_bytes(data[:4], "big"), len(data), _MAX_BOX_BYTES)
    return frozenset([data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))])


def has_avif_brand(data: bytes) -> bool:
    """Return whether an ISO media file declares itself AVIF."""
    return bool(file_brands(data) & _AVIF_BRANDS)


def _matches(data: bytes) -> bool:
    brands = file_brands(data)
    return bool(brands & _HEIF_BRANDS) and not brands & _AVIF_BRANDS


@functools.cache
def load_heif_plugin() -> None:
    """Register the plug-in that reads HEIC files with Pillow.

    Raises:
        DecodeError: The extra is not installed.
    """
    _EXTRA.load().register_heif_opener()


HEIF = pillow_format(
    PillowDecoder(name="HEIF", weight=1.5, prepare=lambda _: load_heif_plugin()),
    title="HEIC",
    endings=(".heic", ".heif", ".hif"),
    matches=_matches,
    extra=_EXTRA,
    # One changed byte can be enough: see `docs/formats.md` for what a search found.
    may_crash=True,
)
