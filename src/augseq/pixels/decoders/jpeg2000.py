"""JPEG 2000, decoded with Pillow."""

from augseq.errors import DecodeError
from augseq.pixels.decoders.image_format import begins_with
from augseq.pixels.decoders.pillow import PillowDecoder, PillowFile, pillow_format

_CODESTREAM = b"\xff\x4f\xff\x51"


def _channel_bits(file: PillowFile) -> int:
    """Return the bits of the deepest channel."""
    data = file.data
    start = data.index(_CODESTREAM) + 40
    num_channels = int.from_bytes(data[start : start + 2], "big")
    return max((depth & 0x7F) + 1 for depth in data[start + 2 : start + 2 + 3 * num_channels : 3])


def _check_depth(file: PillowFile) -> None:
    """Raise for colours of more than 8 bits: Pillow rounds up, white wraps to black."""
    bits = _channel_bits(file)
    if bits > 8 and not file.picture.mode.startswith("I"):
        raise DecodeError(
            f"it is a JPEG 2000 file of {bits} bits per channel, supported for grey images only"
        )


JPEG2000 = pillow_format(
    PillowDecoder(name="JPEG2000", weight=2, check_header=_check_depth, channel_bits=_channel_bits),
    title="JPEG 2000",
    endings=(".j2c", ".j2k", ".jp2", ".jpc", ".jpf", ".jpx"),
    matches=begins_with(b"\0\0\0\x0cjP  \r\n\x87\n", _CODESTREAM),
)
