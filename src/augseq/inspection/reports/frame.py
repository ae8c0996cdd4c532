"""The part of the original image that an image shows, tracked through the stages."""

from typing import NamedTuple

from augseq.augment.augmentation import DetailedAugmentation, Fired
from augseq.pixels.options import ResizeOptions
from augseq.pixels.resize import centre_box

_SCALINGS = ("Resize", "LongestMaxSize", "SmallestMaxSize", "RandomScale")


class Frame(NamedTuple):
    """The edges of an image in px of another image; swapped if it is mirrored."""

    top: float
    left: float
    bottom: float
    right: float

    @classmethod
    def whole(cls, shape: tuple[int, ...]) -> "Frame":
        """Return the frame of a whole image."""
        return cls(0, 0, shape[0], shape[1])

    def part(self, inner: "Frame", shape: tuple[int, ...]) -> "Frame":
        """Return the frame of a part of this image.

        Args:
            inner: The part, in px of this image.
            shape: (height, width, ...) of this image.
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
    """Return the frame of a resized image in px of the original; padding is outside."""
    height, width = shape[:2]
    target_height, target_width = options.image_size
    if options.resize_mode == "crop":
        left, top, right, bottom = centre_box(height, width, options.image_size)
        return Frame(top, left, bottom, right)
    if options.resize_mode == "pad":
        scale = min(target_height / height, target_width / width)
        margin_y = (target_height / scale - height) / 2
        margin_x = (target_width / scale - width) / 2
        return Frame(-margin_y, -margin_x, height + margin_y, width + margin_x)
    return Frame.whole(shape)


def first_crop(fired: Fired | None) -> Frame | None:
    """Return the crop that an augmentation begins with, in px of its input image.

    Args:
        fired: The transforms of the augmentation that took effect, with their draws.
    """
    if not fired or "crop_coords" not in fired[0][1]:
        return None
    drawn = fired[0][1]
    left, top, right, bottom = drawn["crop_coords"]
    # Coordinates are relative to the padded image.
    padding = drawn.get("pad_params") or {}
    pad_top, pad_left = padding.get("pad_top", 0), padding.get("pad_left", 0)
    return Frame(top - pad_top, left - pad_left, bottom - pad_top, right - pad_left)


def shown_frame(
    step: DetailedAugmentation, fired: Fired | None, shape: tuple[int, ...]
) -> Frame | None:
    """Return the part of its input image that an augmentation shows, in px of the input.

    Args:
        step: An element of the list.
        fired: Its transforms that took effect; None if it does not report them.
        shape: (height, width, ...) of the input image.

    Returns:
        The frame; None if it is unknown or not an upright rectangle.
    """
    if fired is None:
        return None
    frame = Frame.whole(shape)
    moved = [(name, drawn) for name, drawn in fired if name in step.moving_parts]
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
