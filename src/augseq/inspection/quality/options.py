"""What counts as strange in an image, a class, or a likeness of two images."""

from dataclasses import dataclass, fields

from augseq.terminal_text import options_text
from augseq.validation import check_number, check_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """From where on `check_images` reports what it sees.

    Attributes:
        split_column: Column that says to which split each image belongs. If None, that is the
            column `split`, where there is one.
        near_duplicates: Whether to look for images that are nearly the same.
        tiny_px: An image is tiny whose shorter side has fewer pixels.
        huge_pixels: An image is huge that has more pixels, height times width.
        aspect_ratio: The shape of an image is odd whose longer side is longer than so many
            times the shorter.
        imbalance: Classes are out of balance where the largest has more than so many times the
            images of the smallest that has any.
        num_bits: Two images may be near duplicates where at most so many of the 64 bits of their
            hashes differ.
        correlation: And they are where their grey values, at 16 x 16 pixels, correlate at least
            so much, from 0 to 1.

    Raises:
        ArgumentError: A number is none, not finite, or out of its range.
    """

    split_column: str | None = None
    near_duplicates: bool = True
    tiny_px: int = 32
    huge_pixels: int = 25_000_000
    aspect_ratio: float = 4.0
    imbalance: float = 10.0
    num_bits: int = 10
    correlation: float = 0.94

    def __repr__(self) -> str:
        return options_text(self)

    def __post_init__(self) -> None:
        numbers = {
            "tiny_px": check_whole("tiny_px", self.tiny_px, least=0),
            "huge_pixels": check_whole("huge_pixels", self.huge_pixels, least=1),
            "num_bits": check_whole("num_bits", self.num_bits, least=0, most=64),
            "aspect_ratio": check_number("aspect_ratio", self.aspect_ratio, least=1),
            "imbalance": check_number("imbalance", self.imbalance, least=1),
            "correlation": check_number("correlation", self.correlation, least=0, most=1),
        }
        # Numbers of numpy become Python's, which JSON takes.
        for name, value in numbers.items():
            object.__setattr__(self, name, value)

    def to_dict(self) -> dict[str, object]:
        """Return the options by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
