"""All odd files."""

from . import bombs, damaged, kinds
from .odd_file import OddFile

_GENERATORS = (
    kinds.whole,
    kinds.turned,
    kinds.colours,
    kinds.depths,
    kinds.sizes,
    kinds.frames,
    kinds.small_frames,
    kinds.profiles,
    kinds.elsewhere,
    kinds.harmless,
    kinds.no_images,
    damaged.truncated,
    damaged.filled_up,
    damaged.flipped,
    damaged.torn,
    damaged.beyond_palettes,
    damaged.damaged_exif,
    bombs.huge_claims,
    bombs.endless,
)


def odd_files() -> list[OddFile]:
    """Return all files that are small in every way."""
    return [file for generate in _GENERATORS for file in generate()]


def hostile_files() -> list[OddFile]:
    """Return the files that would take much memory, were they not refused."""
    return [
        *bombs.huge_claims(),
        *bombs.huge_tiles(),
        *bombs.repeated_tags(),
        *bombs.unpacking(),
        *bombs.endless(),
        *bombs.large_but_allowed(),
    ]
