"""GIF, decoded with Pillow."""

from augseq.errors import DecodeError
from augseq.pixels.decoders.image_format import begins_with
from augseq.pixels.decoders.pillow import PillowDecoder, PillowFile, pillow_format


def _check_first_frame(file: PillowFile) -> None:
    """Raise if the first frame leaves pixels without a colour."""
    picture = file.picture
    left, top, right, bottom = picture.tile[0].extents or (0, 0, 0, 0)
    frame, screen = (right - left, bottom - top), picture.size
    if frame != screen and "transparency" not in picture.info:
        raise DecodeError(
            f"its first frame has {frame[0]} x {frame[1]} of {screen[0]} x {screen[1]} pixels, and "
            "the rest have no colour"
        )


GIF = pillow_format(
    PillowDecoder(name="GIF", check_stored=_check_first_frame, has_palette=True),
    title="GIF",
    endings=(".gif",),
    matches=begins_with(b"GIF87a", b"GIF89a"),
)
