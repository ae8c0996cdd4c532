"""One image and its target."""

from dataclasses import dataclass

from augseq.terminal_text import call_text, options_text, shortened


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What reading a file once found out about it.

    Attributes:
        num_bytes: Size of the file, in bytes.
        modified_ns: When it was last changed, in nanoseconds since 1970 UTC; of a remote file, a
            number that stands for its ETag, or for what the storage has in its place.
        content_hash: BLAKE2b of all its bytes, 16 bytes.
        height: Of the upright image, in pixels; None, like all below, for no usable image.
        width: Of the upright image, in pixels.
        format: Pillow's name for the file format, such as "JPEG".
        mode: Pillow's name for the pixels' mode, such as "RGB" or "I;16".
        orientation: The orientation that EXIF asks for, 1 to 8; 1 is upright as stored.
        num_frames: Frames of an animation or pages of a TIFF; 1 for all others, and None where
            the file is damaged behind the first.
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
class Record:
    """One image and its target, as the manifest knows them.

    Attributes:
        index: Identity, given when indexed. It survives select, split and re-indexing, so a
            record keeps its random stream wherever it goes.
        path: Path below the manifest's root, with `/` on every system.
        target: Label, from 0 to the number of classes less one; None without labels.
        probe: What reading the file found out; None where it was not read.
    """

    index: int
    path: str
    target: int | None = None
    probe: Probe | None = None

    def __repr__(self) -> str:
        path = shortened(repr(self.path), 30 if self.probe else 60)
        if self.probe is None:
            return options_text(self, path=path)
        # In one line, since records come in lists.
        probe = f"<{self.probe.format} {self.probe.height} x {self.probe.width}>"
        return options_text(self, path=path, probe=probe if self.probe.height else "<unusable>")

    def __str__(self) -> str:
        return f"{self.path!r} (index {self.index})"
