"""Keras' `ImageDataGenerator`, as an oracle."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


def old_class() -> Any:
    """Return the old class, which Keras 3 still has for `tf.keras`."""
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    return ImageDataGenerator


def old_pixels(image: np.ndarray, drawn: dict[str, Any], **options: Any) -> np.ndarray:
    """Return an image as the old class transforms it for given parameters."""
    with without_warnings_of_scipy():
        result: np.ndarray = old_class()(**options).apply_transform(image.astype(np.float32), drawn)
    return result


def most_by_place() -> float:
    """Return by how much noise can differ since OpenCV places pixels in steps of 1/32 px."""
    import cv2

    return 0.01 if int(cv2.__version__.split(".")[0]) >= 5 else 8.0


@contextmanager
def without_warnings_of_scipy() -> Iterator[None]:
    """Ignore the warning that Keras uses an old name of scipy's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
