"""Which part of the photograph an image shows, stage by stage, as long as that is known."""

from typing import NamedTuple

from augseq.augment.augmentation import DetailedAugmentation, Fired
from augseq.pixels.options import ResizeOptions
from augseq.pixels.resize import centre_box

_SCALINGS = ("Resize", "LongestMaxSize", "SmallestMaxSize", "RandomScale")


class Frame(NamedTuple):
    """Where the edges of an image lie, in px of another; mirrored where they are swapped."""

    top: float
    left: float
    bottom: float
    right: float

    @classmethod
    def whole(cls, shape: tuple[int, ...]) -> "Frame":
        """Return the frame of an image itself."""
        return cls(0, 0, shape[0], shape[1])

    def part(self, inner: "Frame", shape: tuple[int, ...]) -> "Frame":
        """Return where a part of an image lies, whose own shape is known.

        Args:
            inner: The part, in px of the image.
            shape: (height, width, ...) of the image.
        """
        scale_y = (self.bottom - self.top) / shape[0]
        scale_x = (self.right - self.left) / shape[1]
        return Frame(
            self.top + inner.top * scale_y,
            self.left + inner.left * scale_x,
            self.top + inner.bottom * scale_y,
            self.left + inner.right * scale_x,
        )


def resized_frame(shape: tuple[int, ...], options: ResizeOptions) -> Frame:
    """Return what the resize of a plan shows of an image, in px of that; padding lies outside."""
    height, width = shape[:2]
    target_height, target_width = options.image_size
    if options.resize_mode == "crop":
        left, top, right, bottom = centre_box(height, width, options.image_size)
        return Frame(top, left, bottom, right)
    if options.resize_mode == "pad":
        scale = min(target_height / height, target_width / width)
        above = (target_height / scale - height) / 2
        beside = (target_width / scale - width) / 2
        return Frame(-above, -beside, height + above, width + beside)
    return Frame.whole(shape)


def first_crop(fired: Fired | None) -> Frame | None:
    """Return the crop that a step began with, in px of the image that it was given.

    Args:
        fired: The transforms of the step that took effect, with what they drew.
    """
    if not fired or "crop_coords" not in fired[0][1]:
        return None
    drawn = fired[0][1]
    left, top, right, bottom = drawn["crop_coords"]
    # Coordinates count from the edge of what was padded first.
    padding = drawn.get("pad_params") or {}
    above, beside = padding.get("pad_top", 0), padding.get("pad_left", 0)
    return Frame(top - above, left - beside, bottom - above, right - beside)


def shown_frame(
    step: DetailedAugmentation, fired: Fired | None, shape: tuple[int, ...]
) -> Frame | None:
    """Return what a step shows of the image that it was given, in px of that.

    Args:
        step: An element of the list.
        fired: Its transforms that took effect; None where it does not tell.
        shape: (height, width, ...) of the image that it was given.

    Returns:
        None where that is not known, or is no upright rectangle.
    """
    if fired is None:
        return None
    frame = Frame.whole(shape)
    moved = [one for one in fired if one[0] in step.moving_parts]
    if not moved:
        return frame
    name = moved[0][0]
    if len(moved) > 1:
        return None
    if name == "HorizontalFlip":
        return Frame(frame.top, frame.right, frame.bottom, frame.left)
    if name == "VerticalFlip":
        return Frame(frame.bottom, frame.left, frame.top, frame.right)
    return frame if name in _SCALINGS else first_crop((moved[0],))
