"""Detect colours that a palette lacks: Pillow silently shows them in grey."""

from PIL import Image as PillowImage
from PIL import ImageFile

from augseq.errors import DecodeError

_MOST_COLORS = 256


def palette_length(picture: ImageFile.ImageFile) -> int:
    """Return the number of palette colours of a picture that is not loaded yet."""
    palette = picture.palette
    if picture.mode != "P" or palette is None:
        return _MOST_COLORS
    return len(palette.palette) // len(palette.rawmode or palette.mode)


def check_palette(picture: PillowImage.Image, num_colors: int) -> None:
    """Raise if pixels of a loaded picture have a colour that the palette lacks."""
    if picture.mode != "P" or num_colors >= _MOST_COLORS:
        return
    counts = enumerate(picture.histogram())
    beyond = {index for index, count in counts if count and index >= num_colors}
    # The transparent entry needs no colour.
    beyond.discard(picture.info.get("transparency"))
    if beyond:
        raise DecodeError(
            f"it has pixels of colour {max(beyond)}, but a palette of {num_colors} colours"
        )
