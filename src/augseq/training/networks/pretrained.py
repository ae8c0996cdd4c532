"""Load a file of pretrained weights into the part of a classifier before its head."""

import os
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras

from augseq.errors import ArgumentError, MissingFileError
from augseq.training.model_state import variable_values
from augseq.training.run_files import MODEL

_MODEL = ".keras"
_LAYERS_ONLY = (".h5", ".hdf5")
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ACCEPTED = (
    '`weights` (at the shell: --weights) must be "imagenet", a model (.keras), weights '
    "(.weights.h5, .h5), or a run folder."
)


def load_pretrained(body: keras.Model, file: str, *, architecture: str) -> None:
    """Load weights from a file into a network without its head.

    Args:
        body: The network.
        file: A model (`.keras`) or a run folder, whose head is ignored; or weights of a network
            without its head (`.weights.h5`, or `.h5` as Keras downloads them).
        architecture: Name of the network, for messages.

    Raises:
        MissingFileError: There is no such file.
        ArgumentError: It does not have weights of this network.
    """
    path = Path(file, MODEL) if os.path.isdir(file) else Path(file)
    if not path.is_file():
        raise MissingFileError(f"There is no file of weights {str(path)!r}. {_ACCEPTED}")
    _check_kind(path)
    try:
        if path.name.endswith(_LAYERS_ONLY):
            body.load_weights(path)
        else:
            _copy(_load_model(path), body)
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise ArgumentError(
            f"The weights in {str(path)!r} do not fit {architecture}: {error} They must be those "
            f"of a model that `augseq fit --architecture {architecture}` trained, or of the "
            "network without its top (Keras' files of this kind have 'notop' in their names)."
        ) from error


def _check_kind(path: Path) -> None:
    """Raise `ArgumentError` for files that Keras would refuse in a text of many lines."""
    if not path.name.endswith((_MODEL, *_LAYERS_ONLY)):
        raise ArgumentError(f"{_ACCEPTED} Received: {str(path)!r}")
    with open(path, "rb") as file:
        is_hdf5 = file.read(len(_HDF5)) == _HDF5
    is_readable = zipfile.is_zipfile(path) if path.name.endswith(_MODEL) else is_hdf5
    if not is_readable:
        raise ArgumentError(
            f"{str(path)!r} has the extension of Keras' files, but not their content; it may be "
            f"damaged, or renamed. {_ACCEPTED}"
        )


def _load_model(path: Path) -> keras.Model:
    return keras.models.load_model(path, compile=False)


def _copy(model: keras.Model, body: keras.Model) -> None:
    """Copy the weights of a model, or of the part of it that has the shapes of the body's."""
    wanted = [tuple(variable.shape) for variable in body.weights]
    parts = list(_parts(model))
    for variables in parts:
        if [tuple(variable.shape) for variable in variables] == wanted:
            for variable, source in zip(body.weights, variables, strict=True):
                variable.assign(variable_values(source))
            return
    raise ValueError(_difference(wanted, [tuple(variable.shape) for variable in parts[0]]))


def _parts(model: keras.Model) -> Iterator[Sequence[Any]]:
    """Yield the variables of a model, without its head, and of each model inside it."""
    with_weights = [layer for layer in model.layers if layer.weights]
    without_head = [variable for layer in with_weights[:-1] for variable in layer.weights]
    yield without_head
    yield model.weights
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield layer.weights


def _difference(wanted: Sequence[Any], found: Sequence[Any]) -> str:
    for number, (one, other) in enumerate(zip(wanted, found, strict=False), 1):
        if one != other:
            return f"array {number} of its weights must have the shape {one}. Received: {other}."
    return f"it must have {len(wanted)} arrays of weights. Received: {len(found)}."
