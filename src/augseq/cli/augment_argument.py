"""The argument of `--augment`: a preset, or a list in a Python file or module."""

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Annotated, Any

import cloudpickle
import typer

from augseq.augment.albumentations_import import import_albumentations
from augseq.augment.presets import PRESET_NAMES, preset
from augseq.errors import ArgumentError

AugmentOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help=f"A preset ({', '.join(PRESET_NAMES)}), none, or your own list: file.py:name or "
        "package.module:name.",
    ),
]


def load_augment(name: str) -> list[Any]:
    """Return the augmentations of a preset, or a list from a user's module."""
    if name == "none":
        return []
    if ":" not in name:
        return _preset(name)
    place, _, attribute = name.rpartition(":")
    is_file = place.endswith(".py")
    # Module names cannot be empty or relative.
    if not is_file and not all(place.split(".")):
        raise _unknown(name)
    module = _module_of_file(Path(place)) if is_file else _module(place)
    if not hasattr(module, attribute):
        raise ArgumentError(f"--augment {name}: there is no {attribute!r} in {place!r}.")
    augment: list[Any] = getattr(module, attribute)
    return augment


def absolute_name(name: str) -> str:
    """Return a name that `load_augment` finds from any working directory, if it is a file.

    >>> absolute_name("standard")
    'standard'
    """
    place, colon, attribute = name.rpartition(":")
    return f"{Path(place).absolute()}:{attribute}" if colon and place.endswith(".py") else name


def _preset(name: str) -> list[Any]:
    if name not in PRESET_NAMES:
        raise _unknown(name)
    import_albumentations()
    return preset(name)


def _unknown(name: str) -> ArgumentError:
    return ArgumentError(
        f"--augment must be none, {', '.join(PRESET_NAMES)}, file.py:name or package.module:name. "
        f"Received: {name!r}"
    )


def _module(name: str) -> Any:
    # The current folder, as with `python -m`.
    sys.path.insert(0, "")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ArgumentError(f"--augment {name}:...: {error}.") from error


def _module_of_file(path: Path) -> Any:
    if not path.is_file():
        raise ArgumentError(f"--augment {path}:...: there is no such file.")
    # Under another name, so that a file random.py does not replace the standard module.
    name = f"augseq_augment_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ArgumentError(f"--augment {path}:...: not a Python file.")
    module = importlib.util.module_from_spec(spec)
    # Its folder is added for its own imports.
    sys.modules[name] = module
    sys.path.append(str(path.resolve().parent))
    spec.loader.exec_module(module)
    # Worker processes cannot import it.
    cloudpickle.register_pickle_by_value(module)
    return module
