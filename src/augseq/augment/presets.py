"""Named lists of albumentations transforms."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from augseq.errors import ArgumentError
from augseq.validation import check_choice, check_whole, explains_names

PRESET_NAMES = ("light", "standard", "strong", "trivial", "randaugment")
_MOST_M = 30
_REFLECT_101 = 4  # cv2.BORDER_REFLECT_101; OpenCV itself is not imported for one number.
_Range: TypeAlias = tuple[float, float]


@explains_names
def preset(name: str, *, n: int = 2, m: int = 9) -> list[Any]:
    """Return the transforms of a preset.

    - "light": horizontal flips, and small changes of brightness and contrast. Fast, and safe for
      almost all images.
    - "standard": horizontal flips, with a little zoom, shift, rotation (up to 15 degrees) and
      shear. Colours are unchanged. For photographs.
    - "strong": the same with wider ranges, plus vertical flips, changes of brightness, contrast,
      saturation and hue, blur, noise and a hidden rectangle. For large data sets and long
      training.
    - "trivial": one of 14 operations, of random strength: none, rotation (up to 135 degrees), shear
      or shift along either axis, brightness, contrast, saturation, sharpness, posterize, solarize,
      auto-contrast or equalize. As in TrivialAugment (Wide); there is nothing to tune.
    - "randaugment": `n` times one of the same operations, of the strength `m`, as in RandAugment.

    No transform sets the size of an image. All work on uint8 images with one or three
    channels, and on float32 images with a range from 0 to 1. Areas uncovered by a shift or a
    rotation are filled by reflecting the image.

    Args:
        name: "light", "standard", "strong", "trivial" or "randaugment".
        n: For "randaugment": number of operations, at least 1.
        m: For "randaugment": strength, 0 to 30. 30 rotates by 30 degrees.

    Returns:
        New albumentations transforms, in the order in which they are applied.

    Raises:
        ArgumentError: There is no preset of this name, `n` or `m` is out of range, or the preset
            has neither.

    Source:
        Mueller and Hutter (2021), "TrivialAugment"; Cubuk et al. (2020), "RandAugment".

    Example:
        >>> [type(transform).__name__ for transform in preset("light")]
        ['HorizontalFlip', 'RandomBrightnessContrast']
    """
    presets: dict[str, Callable[[Any], list[Any]]] = {
        "light": _light,
        "standard": _standard,
        "strong": _strong,
        "trivial": _trivial,
        "randaugment": partial(_randaugment, n=n, m=m),
    }
    check_whole("n", n, least=1)
    check_whole("m", m, least=0, most=_MOST_M)
    check_choice("name", name, PRESET_NAMES)
    if name != "randaugment" and (n, m) != (2, 9):
        raise ArgumentError(
            f'`n` and `m` are only for the preset "randaugment". Received: {name!r}, n={n}, m={m}'
        )
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


def _trivial(a: Any) -> list[Any]:
    return [
        _one_of(
            a,
            turns=[(-135, 135)],
            shears=[(-45, 45)],
            # 32 of 224 pixels.
            shifts=[(-0.14, 0.14)],
            factors=[(0.01, 1.99)],
            sharpen=(0, 0.99),
            bits=(2, 8),
            threshold=(0, 1),
        )
    ]


def _randaugment(a: Any, *, n: int, m: int) -> list[Any]:
    # One strength, in either direction, as in the code of the paper.
    part = m / _MOST_M
    bits = 8 - round(4 * part)
    return [
        _one_of(
            a,
            turns=_both(30 * part),
            shears=_both(17 * part),
            shifts=_both(0.45 * part),
            factors=[(1 + side * 0.9 * part,) * 2 for side in (-1, 1)],
            sharpen=(0.9 * part,) * 2,
            bits=(bits, bits),
            threshold=(1 - part,) * 2,
        )
        for _ in range(n)
    ]


def _both(size: float) -> list[_Range]:
    return [(-size, -size), (size, size)]


def _one_of(
    a: Any,
    *,
    turns: list[_Range],
    shears: list[_Range],
    shifts: list[_Range],
    factors: list[_Range],
    sharpen: _Range,
    bits: tuple[int, int],
    threshold: _Range,
) -> Any:
    """Return a choice of the 14 operations, all equally likely.

    Where there are several ranges, one of them is drawn first.
    """

    def choice(make: Callable[[_Range], Any], ranges: list[_Range]) -> Any:
        made = [make(found) for found in ranges]
        return made[0] if len(made) == 1 else a.OneOf(made, p=1)

    def affine(**options: Any) -> Any:
        return a.Affine(**{"shear": (0, 0), "border_mode": _REFLECT_101, "p": 1, **options})

    def jitter(name: str) -> Callable[[_Range], Any]:
        plain = {"brightness": (1, 1), "contrast": (1, 1), "saturation": (1, 1), "hue": (0, 0)}
        return lambda factor: a.ColorJitter(**{**plain, name: factor}, p=1)

    return a.OneOf(
        [
            a.NoOp(p=1),
            choice(lambda angle: affine(rotate=angle), turns),
            choice(lambda angle: affine(shear={"x": angle, "y": (0, 0)}), shears),
            choice(lambda angle: affine(shear={"x": (0, 0), "y": angle}), shears),
            choice(lambda part: affine(translate_percent={"x": part, "y": (0, 0)}), shifts),
            choice(lambda part: affine(translate_percent={"x": (0, 0), "y": part}), shifts),
            choice(jitter("brightness"), factors),
            choice(jitter("contrast"), factors),
            choice(jitter("saturation"), factors),
            a.Sharpen(alpha=sharpen, lightness=(1, 1), p=1),
            a.Posterize(num_bits=bits, p=1),
            a.Solarize(threshold_range=threshold, p=1),
            a.AutoContrast(p=1),
            a.Equalize(p=1),
        ],
        p=1,
    )


def _affine(
    a: Any, *, scale: tuple[float, float], shift: float, turn: float, shear: float, p: float
) -> Any:
    return a.Affine(
        scale=scale,
        translate_percent=(-shift, shift),
        rotate=(-turn, turn),
        shear=(-shear, shear),
        border_mode=_REFLECT_101,
        p=p,
    )
