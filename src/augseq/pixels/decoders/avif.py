"""AVIF, decoded with Pillow."""

from augseq.pixels.decoders.heif import file_brands, has_avif_brand
from augseq.pixels.decoders.pillow import PillowDecoder, PillowFile, pillow_format

_CONTAINERS = frozenset({b"mif1", b"msf1"})


def _matches(data: bytes) -> bool:
    # Only Pillow's decoder can tell what a container holds.
    return has_avif_brand(data) or (data[8:12] in _CONTAINERS and bool(file_brands(data)))


def _channel_bits(file: PillowFile) -> int:
    data = file.data
    return 10 if data[data.find(b"av1C") + 6] & 0x40 else 8


AVIF = pillow_format(
    PillowDecoder(name="AVIF", weight=1.5, channel_bits=_channel_bits),
    title="AVIF",
    endings=(".avif", ".avifs"),
    matches=_matches,
    is_certain=has_avif_brand,
)
