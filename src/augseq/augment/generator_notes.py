"""Where the arguments of Keras' `ImageDataGenerator` belong that are not augmentations."""

from collections.abc import Iterator
from typing import Any

from augseq.validation import check_number


def rescaling_note(rescale: float | None) -> Iterator[tuple[str, str]]:
    """Yield the note on `rescale`, if it was passed."""
    if rescale is not None and check_number("rescale", rescale):
        factor = f"1 / {1 / rescale:g}" if rescale < 1 else f"{rescale:g}"
        yield (
            "rescale",
            f"rescale: make keras.layers.Rescaling({factor}) the first layer of the model, since "
            "pixels range from 0 to 255.",
        )


def featurewise_note(center: bool, scale: bool) -> Iterator[tuple[str, str]]:
    """Yield the note on `featurewise_center` and `_std_normalization`, if one was passed."""
    if center or scale:
        variance = "found.variance" if scale else "[1.0] * len(found.mean)"
        yield (
            "featurewise_std_normalization" if scale else "featurewise_center",
            f"featurewise: make keras.layers.Normalization(mean=found.mean, variance={variance}) "
            "the first layer of the model, with found = train.statistics(), and no Rescaling.",
        )


def splitting_note(share: float) -> Iterator[tuple[str, str]]:
    """Yield the note on `validation_split`, if it was passed."""
    if check_number("validation_split", share, least=0, most=1):
        yield (
            "validation_split",
            f"validation_split: train, val = images.split(val={share:g}), and augment only train; "
            "Keras augments both.",
        )


def dtype_note(dtype: Any) -> Iterator[tuple[str, str]]:
    """Yield the note on `dtype`, if it was passed."""
    if dtype is not None and str(dtype) != "float32":
        yield (
            "dtype",
            'dtype: batches are float32, or uint8 with ImageSequence(dtype="uint8"); for float16, '
            'keras.mixed_precision.set_global_policy("mixed_float16") casts in the model.',
        )
