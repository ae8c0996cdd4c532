"""Error messages for unknown arguments that name the argument to use instead."""

import difflib
import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from augseq.errors import ArgumentError

_P = ParamSpec("_P")
_R = TypeVar("_R")

_TRANSFORM = "Use a transform in `augment`, such as albumentations.HorizontalFlip()."
_SPLIT = "Use train, val = manifest.split(val=0.2)."
_OF_SEQUENCE = "It is an option of ImageSequence."
_OF_TABLE = "It is an option of index_table."
_OF_INDEX = "It is an option of index_folder."

# Argument names of Keras' loaders, torch and pandas; and augseq's own, on the wrong function.
_ANSWERS = {
    "augmentations": "Use `augment`: a list.",
    "brightness_range": _TRANSFORM,
    "channel_shift_range": _TRANSFORM,
    "class_mode": 'Use `label_mode`: "int", "categorical", "binary" or None.',
    "classes": "Use `class_names` of index_folder.",
    "crop_to_aspect_ratio": 'Use resize_mode="crop".',
    "data_format": "Remove it: images are (height, width, channels).",
    "directory": "Use the first argument of index_folder.",
    "fill_mode": _TRANSFORM,
    "height_shift_range": _TRANSFORM,
    "horizontal_flip": _TRANSFORM,
    "num_workers": "Use `workers`.",
    "pad_to_aspect_ratio": 'Use resize_mode="pad".',
    "prefetch_factor": "Use `max_queue_size`.",
    "preprocessing_function": "Use a function f(image, rng) in `augment`.",
    "rescale": "Use keras.layers.Rescaling(1 / 255) as the first layer of the model.",
    "rotation_range": _TRANSFORM,
    "shear_range": _TRANSFORM,
    "subset": _SPLIT,
    "target_size": "Use `image_size`: (height, width).",
    "transform": "Use `augment`: a list.",
    "transforms": "Use `augment`: a list.",
    "use_multiprocessing": 'Use worker_kind="processes".',
    "validation_split": _SPLIT,
    "vertical_flip": _TRANSFORM,
    "width_shift_range": _TRANSFORM,
    "x_col": "Use `path_column` of index_table.",
    "y_col": "Use `label_column` of index_table.",
    "zoom_range": _TRANSFORM,
    **dict.fromkeys(("class_names", "extensions", "follow_links", "labels"), _OF_INDEX),
    **dict.fromkeys(("augment", "batch_size", "color_mode", "image_size"), _OF_SEQUENCE),
    **dict.fromkeys(("label_column", "path_column"), _OF_TABLE),
    **dict.fromkeys(("interpolation", "label_mode", "seed", "shuffle"), _OF_SEQUENCE),
}

# Overrides for index_table.
_ANSWERS_FOR_TABLES = {
    "classes": "Use `class_names`.",
    "directory": "Use `root`: the folder of the images.",
    "folder": "Use `root`: the folder of the images.",
    "labels": "Use `label_column`.",
    "sep": "Use `delimiter`.",
}


def explains_names(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Make a function explain unknown keyword arguments.

    It then raises an `ArgumentError` that names the argument to use, instead of a TypeError.
    """
    known = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def checked(*args: _P.args, **options: _P.kwargs) -> _R:
        for name in options:
            if name not in known:
                raise ArgumentError(_answer(function, name, known))
        return function(*args, **options)

    return checked


def _answer(function: Callable[..., Any], name: str, known: list[str]) -> str:
    title = function.__qualname__.removesuffix(".__init__")
    text = f"{title} has no argument `{name}`."
    answers = _ANSWERS | (_ANSWERS_FOR_TABLES if "label_column" in known else {})
    if name in answers:
        return f"{text} {answers[name]}"
    close = difflib.get_close_matches(name, known, n=1)
    return f"{text} Did you mean `{close[0]}`?" if close else text
