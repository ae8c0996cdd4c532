"""Write figures as the frames of an animated image."""

import io
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from augseq.inspection.drawing.picture import Picture

ANIMATED_SUFFIXES = (".gif", ".webp")
_FRAME_MS = 800


def write_animation(pictures: Iterable[Picture], path: Path) -> None:
    """Write figures of equal size as a GIF or WebP file that repeats forever.

    Args:
        pictures: The frames, in order.
        path: The file; its suffix is one of `ANIMATED_SUFFIXES`.
    """
    first, *others = map(_as_image, pictures)
    first.save(
        path, save_all=True, append_images=others, duration=_FRAME_MS, loop=0, quality=80, method=6
    )


def _as_image(picture: Picture) -> Image.Image:
    png = io.BytesIO()
    picture.savefig(png, format="png")
    return Image.open(png).convert("RGB")
