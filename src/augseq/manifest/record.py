"""One image and its label, and the metadata of its file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from augseq.terminal_text import call_text, options_text, shortened


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The metadata of an image file, from reading and decoding it once.

    Attributes:
        num_bytes: Size of the file, in bytes.
        modified_ns: Modification time, in nanoseconds since 1970 UTC; for a remote file, a hash
            of its ETag or of the storage's equivalent.
        content_hash: BLAKE2b hash of all its bytes, 16 bytes.
        height: Height of the upright image, in pixels. This and all fields below are None if
            there is no usable image.
        width: Width of the upright image, in pixels.
        format: Pillow's name for the file format, such as "JPEG".
        mode: Pillow's name for the pixel mode, such as "RGB" or "I;16"; number and type of the
            bands with `color_mode="bands"`, such as "13 x uint16".
        orientation: EXIF orientation, 1 to 8; 1 is upright as stored.
        num_frames: Number of frames of an animation or pages of a TIFF; 1 for all other images.
            None if the file is damaged after the first.
    """

    num_bytes: int
    modified_ns: int
    content_hash: bytes
    height: int | None = None
    width: int | None = None
    format: str | None = None
    mode: str | None = None
    orientation: int | None = None
    num_frames: int | None = None

    def __repr__(self) -> str:
        what = ["no usable image"]
        if self.height is not None:
            what = [f"{self.format} {self.mode}", f"{self.height} x {self.width} px"]
            what += [f"orientation {self.orientation}"] * (self.orientation not in (1, None))
            what += [f"{self.num_frames} frames"] * (self.num_frames not in (1, None))
        return call_text("Probe", *what, f"{self.num_bytes:,} bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A part of the upright image in a file, as of a tile.

    It can extend beyond the bottom and the right edge of the image; those pixels are black.

    Attributes:
        top: First row, in pixels from the top of the image.
        left: First column, in pixels from the left of the image.
        height: Height in pixels.
        width: Width in pixels.
        image_height: Height of the whole image, in pixels.
        image_width: Width of the whole image, in pixels.
    """

    top: int
    left: int
    height: int
    width: int
    image_height: int
    image_width: int

    def __repr__(self) -> str:
        return call_text("Window", str(self), f"of {self.image_height} x {self.image_width} px")

    def __str__(self) -> str:
        return f"{self.height} x {self.width} px at top {self.top}, left {self.left}"

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.height, self.width

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) of the whole image, in pixels."""
        return self.image_height, self.image_width


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One image of a manifest, with its label and the values of your own columns.

    Records are equal if all but their columns are: a sequence reads only the columns that it
    needs.

    Attributes:
        index: Identity, assigned when indexed. It is kept by select, split and re-indexing, so a
            record always has the same random stream.
        path: Path relative to the manifest's root, with `/` on every system.
        target: Label, from 0 to the number of classes minus 1; None without labels.
        probe: Metadata of the file; None if it was not probed.
        window: The part of the image in the file that is the image of this record; None for all
            of it. See `tile_manifest`.
        columns: Values of your own columns, by name, as Python objects: str, int, float, bool,
            datetime or a list of them; None for a missing value.
    """

    index: int
    path: str
    target: int | None = None
    probe: Probe | None = None
    window: Window | None = None
    columns: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __repr__(self) -> str:
        has_more = self.probe or self.columns or self.window
        path = shortened(repr(self.path), 30 if has_more else 60)
        # On one line, since lists of records are common: there is no room for a probe and columns.
        if self.window is not None:
            return options_text(self, path=path, probe="", columns="")
        if self.columns:
            columns = shortened(repr(dict(self.columns)), 30)
            return options_text(self, path=path, probe="", columns=columns)
        if self.probe is None:
            return options_text(self, path=path)
        probe = f"<{self.probe.format} {self.probe.height} x {self.probe.width}>"
        return options_text(self, path=path, probe=probe if self.probe.height else "<unusable>")

    def __str__(self) -> str:
        tile = "" if self.window is None else f", tile of {self.window}"
        return f"{self.path!r} (index {self.index}{tile})"

    def whole_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return (height, width, ...) of the whole image in the file.

        Args:
            shape: (height, width, ...) of the image of this record.
        """
        return shape if self.window is None else (*self.window.image_size, *shape[2:])
