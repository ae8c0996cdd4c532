"""Thresholds for checking images."""

from dataclasses import dataclass, fields

from augseq.terminal_text import options_text
from augseq.validation import check_number, check_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """Thresholds for the findings of `check_images`.

    Attributes:
        split_column: Column with the split of each image. None uses the column `split`, if there
            is one.
        near_duplicates: Whether to search for nearly identical images.
        tiny_px: An image is tiny if its shorter side has fewer pixels.
        huge_pixels: An image is huge if it has more pixels, height times width.
        aspect_ratio: An aspect ratio is odd if the longer side is more than this many times as
            long as the shorter one.
        imbalance: Classes are imbalanced if the largest has more than this many times the images,
            or the boxes, of the smallest that is not empty.
        tiny_box_px: A box is tiny if its shorter side has fewer pixels of the annotated image.
        box_ratio: A box is odd if its longer side is more than this many times as long as the
            shorter one.
        many_boxes: An image has many boxes if it has more.
        box_overlap: Two boxes are nearly the same if the area that they share is at least this
            part, from 0 to 1, of the area that they cover together.
        num_bits: Two images can be near duplicates if at most this many of the 64 bits of their
            hashes differ.
        correlation: They are if, in addition, their grey values at 16 x 16 pixels correlate by at
            least this much, from 0 to 1.

    Raises:
        ArgumentError: An option is not a number, not finite, or out of range.
    """

    split_column: str | None = None
    near_duplicates: bool = True
    tiny_px: int = 32
    huge_pixels: int = 25_000_000
    aspect_ratio: float = 4.0
    imbalance: float = 10.0
    tiny_box_px: float = 4.0
    box_ratio: float = 10.0
    many_boxes: int = 100
    box_overlap: float = 0.9
    num_bits: int = 10
    correlation: float = 0.94

    def __repr__(self) -> str:
        return options_text(self)

    def __post_init__(self) -> None:
        numbers = {
            "tiny_px": check_whole("tiny_px", self.tiny_px, least=0),
            "huge_pixels": check_whole("huge_pixels", self.huge_pixels, least=1),
            "tiny_box_px": check_number("tiny_box_px", self.tiny_box_px, least=0),
            "box_ratio": check_number("box_ratio", self.box_ratio, least=1),
            "many_boxes": check_whole("many_boxes", self.many_boxes, least=1),
            "box_overlap": check_number("box_overlap", self.box_overlap, least=0.5, most=1),
            "num_bits": check_whole("num_bits", self.num_bits, least=0, most=64),
            "aspect_ratio": check_number("aspect_ratio", self.aspect_ratio, least=1),
            "imbalance": check_number("imbalance", self.imbalance, least=1),
            "correlation": check_number("correlation", self.correlation, least=0, most=1),
        }
        # numpy numbers become Python numbers, which JSON accepts.
        for name, value in numbers.items():
            object.__setattr__(self, name, value)

    def to_dict(self) -> dict[str, object]:
        """Return the options by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
