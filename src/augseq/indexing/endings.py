"""File extensions: which ones are images, and how users choose others."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from augseq.errors import ArgumentError
from augseq.pixels.decoders.registry import all_endings, readable_endings

DEFAULT = "default"
"""Stands for the extensions of all readable formats in a list of extensions."""

# Image formats that augseq cannot read, such as camera raw; no text or video formats.
_UNREAD = frozenset({
    ".3fr", ".arw", ".cr2", ".cr3", ".cur", ".dcm", ".dcr", ".dds", ".dng", ".erf", ".exr",
    ".fff", ".icns", ".ico", ".iiq", ".jxr", ".kdc", ".mef", ".mos", ".mrw", ".nef", ".npy",
    ".nrw", ".orf", ".pcx", ".pef", ".psd", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw",
    ".svg", ".tga", ".x3f",
})  # fmt: skip

_OF_BANDS = (".npy", ".tif", ".tiff")


@dataclass(frozen=True, slots=True)
class Endings:
    """Which file names are images.

    Attributes:
        plain: Lower-case extensions with their dot, such as ".jpg".
        no_dot: Whether names without an extension are images.
        pattern: Searches a lower-case name for one of the extensions with "*".
    """

    plain: frozenset[str]
    no_dot: bool = False
    pattern: Callable[[str], object] | None = field(default=None, compare=False)

    @property
    def has_odd(self) -> bool:
        """Whether names without a plain extension can be images."""
        return self.no_dot or self.pattern is not None

    @property
    def holds_default(self) -> bool:
        """Whether all usual extensions are included."""
        return self.plain.issuperset(readable_endings())

    def is_odd_image(self, name: str) -> bool:
        """Return whether a lower-case name without a plain extension is an image."""
        if self.no_dot and not ending_of(name):
            return True
        return self.pattern is not None and bool(self.pattern(name))

    def __str__(self) -> str:
        return ", ".join([*sorted(self.plain), *["no extension"] * self.no_dot])


def parse_endings(extensions: Iterable[str], *, of_bands: bool = False) -> Endings:
    """Parse a list of extensions such as [".jpg", "PNG", "", "default", ".jpg*"].

    Args:
        extensions: The list.
        of_bands: Whether "default" stands for the files that `color_mode="bands"` reads.

    Raises:
        ArgumentError: It is not a list of strings.
    """
    given = [] if isinstance(extensions, str) else list(extensions)
    if not given or not all(isinstance(ending, str) for ending in given):
        raise ArgumentError(
            '`extensions` must be a list of file extensions, such as [".jpg", ".png"], in which '
            '"default" stands for the usual ones and "" for no extension. '
            f"Received: extensions={extensions!r}"
        )
    usual = (_OF_BANDS if of_bands else readable_endings()) if DEFAULT in given else ()
    texts = {text.lower().lstrip(".") for text in given if text != DEFAULT}
    stars = [
        ".*".join(map(re.escape, (text if text.startswith("*") else f".{text}").split("*")))
        for text in texts
        if "*" in text
    ]
    return Endings(
        plain=frozenset([*usual, *(f".{text}" for text in texts if text and "*" not in text)]),
        no_dot="" in texts,
        pattern=re.compile(f"(?:{'|'.join(stars)})$", re.DOTALL).search if stars else None,
    )


def ending_of(name: str) -> str:
    """Return the extension of a name, in lower case with its dot; "" if it has none.

    >>> ending_of("1.JPG_large"), ending_of("1"), ending_of("1.")
    ('.jpg_large', '', '')
    """
    _, dot, ending = name.rpartition(".")
    return f".{ending}".lower() if dot and ending else ""


def is_unread(ending: str) -> bool:
    """Return whether an extension is an image format that cannot be read."""
    return ending in _UNREAD or (ending in all_endings() and ending not in readable_endings())
