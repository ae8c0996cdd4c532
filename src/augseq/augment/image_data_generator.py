"""Convert the arguments of Keras' old `ImageDataGenerator` into a list of augmentations."""

import warnings
from collections.abc import Sequence

from augseq.augment.converted_generator import ConvertedGenerator
from augseq.augment.generator_notes import (
    dtype_note,
    featurewise_note,
    rescaling_note,
    splitting_note,
)
from augseq.augment.generator_parts import (
    PreprocessingFunction,
    brightness_part,
    channel_shift_part,
    flip_parts,
    geometry_part,
    preprocessing_part,
    standardization_part,
)
from augseq.augment.keras_affine import FillMode, KerasAffine
from augseq.errors import ArgumentError, AugseqWarning
from augseq.validation import explains_names


@explains_names
def image_data_generator(
    *,
    featurewise_center: bool = False,
    samplewise_center: bool = False,
    featurewise_std_normalization: bool = False,
    samplewise_std_normalization: bool = False,
    zca_whitening: bool = False,
    rotation_range: float = 0,
    width_shift_range: float | Sequence[float] = 0,
    height_shift_range: float | Sequence[float] = 0,
    brightness_range: Sequence[float] | None = None,
    shear_range: float = 0,
    zoom_range: float | Sequence[float] = 0,
    channel_shift_range: float = 0,
    fill_mode: FillMode = "nearest",
    cval: float = 0,
    horizontal_flip: bool = False,
    vertical_flip: bool = False,
    rescale: float | None = None,
    preprocessing_function: PreprocessingFunction | None = None,
    data_format: str | None = None,
    validation_split: float = 0,
    interpolation_order: int = 1,
    dtype: str | None = None,
) -> ConvertedGenerator:
    """Convert the arguments of Keras' `ImageDataGenerator` into augmentations.

    The result is a list for `augment=`. Print it to see the same list as code, and what differs.
    For equal parameters, the pixels of a square image are those of Keras, up to rounding. The
    random numbers are others: those of the sequence, so that a seed fixes them.

    Arguments that are not augmentations have no effect here, and a warning says so; the printed
    notes say where each belongs.

    Args:
        featurewise_center: Belongs into the model: see the notes.
        samplewise_center: Subtract the mean of each image.
        featurewise_std_normalization: Belongs into the model: see the notes.
        samplewise_std_normalization: Divide each image by its standard deviation.
        zca_whitening: Not available.
        rotation_range: As in `KerasAffine`.
        width_shift_range: As in `KerasAffine`.
        height_shift_range: As in `KerasAffine`.
        brightness_range: (low, high): factors for all pixels.
        shear_range: As in `KerasAffine`.
        zoom_range: As in `KerasAffine`.
        channel_shift_range: Largest number to add to all pixels, 0 to 255.
        fill_mode: As in `KerasAffine`.
        cval: As in `KerasAffine`.
        horizontal_flip: Whether to flip half of the images horizontally.
        vertical_flip: Whether to flip half of the images vertically.
        rescale: Belongs into the model: see the notes.
        preprocessing_function: A function of an image, shape (height, width, channels), float32
            from 0 to 255, which returns an image of the same shape.
        data_format: None or "channels_last".
        validation_split: Belongs to the manifest: see the notes.
        interpolation_order: As in `KerasAffine`.
        dtype: None or "float32".

    Raises:
        ArgumentError: An argument is invalid, unknown, or not available.

    Warns:
        AugseqWarning: An argument has no effect here.

    Example:
        >>> import augseq
        >>> augment = augseq.image_data_generator(rotation_range=20, horizontal_flip=True)
        >>> print(augment.code)
        import albumentations as A
        import augseq
        <BLANKLINE>
        augment = [
            augseq.KerasAffine(rotation_range=20),
            A.HorizontalFlip(p=0.5),
        ]
    """
    _refuse(zca_whitening, data_format)
    affine = KerasAffine(
        rotation_range=rotation_range,
        width_shift_range=width_shift_range,
        height_shift_range=height_shift_range,
        shear_range=shear_range,
        zoom_range=zoom_range,
        fill_mode=fill_mode,
        cval=cval,
        interpolation_order=interpolation_order,
    )
    parts = [
        *geometry_part(affine),
        *channel_shift_part(channel_shift_range),
        *flip_parts(horizontal_flip, vertical_flip),
        *brightness_part(brightness_range),
        *preprocessing_part(preprocessing_function),
        *standardization_part(samplewise_center, samplewise_std_normalization),
    ]
    has_statistics = featurewise_center or featurewise_std_normalization
    elsewhere = dict(
        [
            # Statistics are of pixels from 0 to 255, so they replace a rescaling.
            *rescaling_note(None if has_statistics else rescale),
            *featurewise_note(featurewise_center, featurewise_std_normalization),
            *splitting_note(validation_split),
            *dtype_note(dtype),
        ]
    )
    _warn_about(list(elsewhere))
    notes = [note for part in parts for note in part.notes]
    return ConvertedGenerator.of(parts, [*notes, *elsewhere.values()])


def _refuse(zca_whitening: bool, data_format: str | None) -> None:
    if zca_whitening:
        raise ArgumentError(
            "`zca_whitening` is not available: its matrix has a row and a column for each value "
            "of an image. For small images, compute the matrix with numpy, and apply it in a "
            "function f(image, rng) at the end of `augment`. Received: zca_whitening=True"
        )
    if data_format not in (None, "channels_last"):
        raise ArgumentError(
            "Images are (height, width, channels). Remove `data_format`; for a model that expects "
            "the channels first, make keras.layers.Permute((3, 1, 2)) its first layer. "
            f"Received: data_format={data_format!r}"
        )


def _warn_about(names: list[str]) -> None:
    if not names:
        return
    *first, last = [f"`{name}`" for name in names]
    text = f"{', '.join(first)} and {last}" if first else last
    warnings.warn(
        f"{text} {'have' if first else 'has'} no effect in image_data_generator. Print its result "
        f"to read what to use instead, and remove {'them' if first else 'it'}.",
        AugseqWarning,
        stacklevel=4,  # Skips the wrapper of `explains_names`.
    )
