"""BMP, decoded with Pillow."""

import re

from augseq.pixels.decoders.image_format import begins_with
from augseq.pixels.decoders.pillow import PillowDecoder, PillowFile, pillow_format

# Followed by one of the valid sizes of the second header.
_HEADER = re.compile(rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL)


def _show_zero_alpha(file: PillowFile) -> None:
    """Make a loaded picture opaque if its alpha is 0 everywhere, as all viewers do.

    Programs that write 32-bit files often leave the fourth byte empty.
    """
    picture = file.picture
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (0, 0):
        picture.putalpha(255)


BMP = pillow_format(
    PillowDecoder(name="BMP", finish=_show_zero_alpha, has_palette=True),
    title="BMP",
    endings=(".bmp", ".dib"),
    matches=begins_with(b"BM"),
    is_certain=_HEADER.match,
)
