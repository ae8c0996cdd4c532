"""Lists of albumentations transforms that are known by a name."""

from collections.abc import Callable
from typing import Any

from augseq.validation import check_choice

PRESET_NAMES = ("light", "standard", "strong")


def preset(name: str) -> list[Any]:
    """List the transforms of a preset.

    - "light": mirrors left and right, and changes brightness and contrast a little. Quick,
      and safe for almost any pictures.
    - "standard": mirrors left and right, and zooms, shifts, turns by up to 15 degrees and
      shears, a little each. It leaves colours as they are. For photographs.
    - "strong": the same over wider ranges, also mirrors top and bottom, changes brightness,
      contrast, saturation and hue, blurs, adds noise and hides a rectangle. For large data and
      long training.

    No transform sets the size of an image. All work on uint8 images with one or three
    channels, and on float32 images with a range from 0 to 1. What a shift or a turn uncovers
    is filled with the image's own reflection.

    Args:
        name: "light", "standard" or "strong".

    Returns:
        New transforms of `albumentations`, in the order in which they apply.

    Raises:
        ArgumentError: There is no preset of this name.

    Example:
        >>> [type(transform).__name__ for transform in preset("light")]
        ['HorizontalFlip', 'RandomBrightnessContrast']
    """
    presets: dict[str, Callable[[Any], list[Any]]] = {
        "light": _light,
        "standard": _standard,
        "strong": _strong,
    }
    check_choice("name", name, PRESET_NAMES)
    import albumentations

    return presets[name](albumentations)


def _light(a: Any) -> list[Any]:
    return [
        a.HorizontalFlip(p=0.5),
        a.RandomBrightnessContrast(brightness_limit=0.1, contrast_limit=0.1, p=0.5),
    ]


def _standard(a: Any) -> list[Any]:
    # Mild, and without colours. On 517 photographs of fruit in 12 classes, in five folds, this
    # list made 8 errors and no augmentation 15. With half of the photographs for training, shorter
    # trials favoured it (loss 0.15) over stronger brightness too (0.21) or zooms to 1.8 (0.24).
    return [
        a.HorizontalFlip(p=0.5),
        _affine(a, scale=(0.8, 1.25), shift=0.1, turn=15, shear=5, p=0.8),
    ]


def _strong(a: Any) -> list[Any]:
    return [
        a.HorizontalFlip(p=0.5),
        a.VerticalFlip(p=0.5),
        # Not HueSaturationValue, which warns for every grey image.
        a.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.02, p=0.8),
        _affine(a, scale=(0.8, 1.8), shift=0.2, turn=30, shear=8, p=1.0),
        a.GaussianBlur(blur_limit=(3, 5), p=0.1),
        a.GaussNoise(std_range=(0.02, 0.08), p=0.1),
        a.CoarseDropout(
            num_holes_range=(1, 1),
            hole_height_range=(0.15, 0.4),
            hole_width_range=(0.15, 0.4),
            # One colour that fits the dtype: the number for grey would be white in float32.
            fill="random_uniform",
            p=0.7,
        ),
    ]


def _affine(
    a: Any, *, scale: tuple[float, float], shift: float, turn: float, shear: float, p: float
) -> Any:
    reflect_101 = 4  # cv2.BORDER_REFLECT_101; OpenCV itself is not imported for one number.
    return a.Affine(
        scale=scale,
        translate_percent=(-shift, shift),
        rotate=(-turn, turn),
        shear=(-shear, shear),
        border_mode=reflect_101,
        p=p,
    )
