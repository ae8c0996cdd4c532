"""Colours that a palette lacks: Pillow shows them in grey, without a word."""

from PIL import Image as PillowImage
from PIL import ImageFile

from augseq.errors import DecodeError

_MOST_COLORS = 256


def palette_length(picture: ImageFile.ImageFile) -> int:
    """Return how many colours the palette of a picture has that is not loaded yet."""
    palette = picture.palette
    if picture.mode != "P" or palette is None:
        return _MOST_COLORS
    return len(palette.palette) // len(palette.rawmode or palette.mode)


def check_palette(picture: PillowImage.Image, num_colors: int) -> None:
    """Raise where pixels of a loaded picture have a colour that the palette lacks."""
    if picture.mode != "P" or num_colors >= _MOST_COLORS:
        return
    counts = enumerate(picture.histogram())
    beyond = {index for index, count in counts if count and index >= num_colors}
    # Of the transparent one, no colour is needed.
    beyond.discard(picture.info.get("transparency"))
    if beyond:
        raise DecodeError(
            f"it has pixels of colour {max(beyond)}, and a palette of {num_colors} colours"
        )
