"""Arguments that several commands share: images, sizes, augmentations."""

import importlib
import importlib.util
import os
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from augseq.augment.presets import PRESET_NAMES, preset
from augseq.errors import ArgumentError
from augseq.indexing.endings import DEFAULT as DEFAULT_ENDINGS
from augseq.indexing.folder import index_folder
from augseq.indexing.table_files import TABLE_SUFFIXES
from augseq.manifest.manifest import Manifest
from augseq.manifest.storage import read_manifest
from augseq.remote.url import is_remote
from augseq.training.run_options import DEFAULT_IMAGE_SIZE

# Text and not a path, which would spoil the address of a remote folder.
ImagesArgument = Annotated[
    str,
    typer.Argument(
        metavar="FOLDER",
        help="Folder with one sub-folder per class, its address (s3://...), or a manifest "
        "(.parquet).",
    ),
]
RootOption = Annotated[
    str | None,
    typer.Option(help="Where a manifest's images lie now, if they moved.", metavar="FOLDER"),
]
LabelsOption = Annotated[
    bool, typer.Option(help="Whether the first sub-folder is the class of an image.")
]
SplitsOption = Annotated[
    str | None,
    typer.Option(metavar="NAMES", help="Folder: its splits, as train,val,test."),
]
ClassNamesOption = Annotated[
    str | None,
    typer.Option(metavar="NAMES", help="Use only these classes, in this order, as cat,dog."),
]
ExtensionsOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="Folder: endings of images, as default,.jpg_1,none: the usual ones, one more, and "
        "files without an ending.",
    ),
]
SizeOption = Annotated[
    str, typer.Option(metavar="PIXELS", help="Size of the images: 128, or height x width: 96x128.")
]
AugmentOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help=f"A preset ({', '.join(PRESET_NAMES)}), none, or a list of your own: "
        "file.py:name or package.module:name.",
    ),
]
# The same for all commands that decode, so that each reads the files that the others read.
_DECODING = "Decoding"
MaxPixelsOption = Annotated[
    int,
    typer.Option(
        min=1,
        metavar="NUMBER",
        help="Refuse images of more pixels, height times width; a larger number takes more memory.",
        rich_help_panel=_DECODING,
    ),
]
MaxFileBytesOption = Annotated[
    int,
    typer.Option(min=1, metavar="BYTES", help="Refuse longer files.", rich_help_panel=_DECODING),
]
ExifOption = Annotated[
    bool,
    typer.Option(
        "--exif-orientation/--no-exif-orientation",
        help="Turn images upright as their EXIF data says.",
        rich_help_panel=_DECODING,
    ),
]
FullDepthOption = Annotated[
    bool,
    typer.Option(
        "--full-depth",
        help="For training with full_depth=True: take files that have no 8-bit pixels.",
        rich_help_panel=_DECODING,
    ),
]
DEFAULT_SIZE_TEXT = "x".join(map(str, DEFAULT_IMAGE_SIZE))
SeedOption = Annotated[int, typer.Option(help="Fixes everything that is random.")]


def open_images(
    images: str,
    root: str | None,
    *,
    labelled: bool = True,
    splits: str | None = None,
    class_names: str | None = None,
    extensions: str | None = None,
) -> Manifest:
    """Index a folder, or read a manifest; `splits` and `extensions` are for folders."""
    is_file = not is_remote(images) and not os.path.isdir(images)
    if is_file and images.endswith(".parquet"):
        check_absent({"--splits": splits, "--extensions": extensions}, "folders", images)
        return select_classes(read_manifest(images, root=root), class_names)
    if is_table(images):
        raise ArgumentError(
            f"{images!r} is a table. Make a manifest of it first: augseq index "
            f"{shlex.quote(images)} --path-column NAME --label-column NAME -o manifest.parquet"
        )
    return index_folder(
        images,
        labels="inferred" if labelled else None,
        splits=listed_names(splits),
        class_names=listed_names(class_names),
        extensions=listed_endings(extensions),
    )


def check_absent(options: Mapping[str, object], kind: str, source: str) -> None:
    """Raise `ArgumentError` where options are given that are for another kind of source."""
    given = [name for name, value in options.items() if value]
    if given:
        raise ArgumentError(f"{', '.join(given)} is for {kind}. Received: {source!r}")


def select_classes(manifest: Manifest, class_names: str | None) -> Manifest:
    """Return the images of some classes, or of all for None."""
    names = listed_names(class_names)
    return manifest if names is None else manifest.select(class_names=names)


def listed_names(text: str | None) -> list[str] | None:
    """Turn "train, val" into names."""
    return None if text is None else [name.strip() for name in text.split(",")]


def listed_endings(text: str | None) -> list[str]:
    """Turn "default,.jpg_1,none" into endings; "none" is how an empty one is written."""
    if text is None:
        return [DEFAULT_ENDINGS]
    # Spaces may be part of an ending.
    return ["" if ending.strip() == "none" else ending for ending in text.split(",")]


def is_table(images: str) -> bool:
    """Tell whether a path is that of a table, and not of a folder."""
    has_suffix = os.path.splitext(images)[1].lower() in TABLE_SUFFIXES
    return has_suffix and not is_remote(images) and not os.path.isdir(images)


def parse_size(text: str) -> tuple[int, int]:
    """Turn "128" or "96x128" into (height, width)."""
    match = re.fullmatch(r"(\d+)(?:x(\d+))?", text.strip().lower())
    if match is None:
        raise ArgumentError(
            f"--image-size must be pixels, as 128, or height x width, as 96x128. Received: {text!r}"
        )
    height, width = match.groups()
    return int(height), int(width or height)


def load_augment(name: str) -> list[Any]:
    """Return the augmentations of a preset, or the list that a user's module holds."""
    if name == "none":
        return []
    if ":" not in name:
        return _preset(name)
    place, _, attribute = name.rpartition(":")
    is_file = place.endswith(".py")
    # No module has an empty name, and there is none that others could be relative to.
    if not is_file and not all(place.split(".")):
        raise _unknown(name)
    module = _module_of_file(Path(place)) if is_file else _module(place)
    if not hasattr(module, attribute):
        raise ArgumentError(f"--augment {name}: there is no {attribute!r} in {place!r}.")
    augment: list[Any] = getattr(module, attribute)
    return augment


def _preset(name: str) -> list[Any]:
    if name not in PRESET_NAMES:
        raise _unknown(name)
    return preset(name)


def _unknown(name: str) -> ArgumentError:
    return ArgumentError(
        f"--augment must be none, {', '.join(PRESET_NAMES)}, file.py:name or package.module:name. "
        f"Received: {name!r}"
    )


def _module(name: str) -> Any:
    # The folder where the command runs, as `python -m` has it.
    sys.path.insert(0, "")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ArgumentError(f"--augment {name}:...: {error}.") from error


def _module_of_file(path: Path) -> Any:
    if not path.is_file():
        raise ArgumentError(f"--augment {path}:...: there is no such file.")
    # A name of its own: a file called random.py must not take the place of the real module.
    name = f"augseq_augment_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ArgumentError(f"--augment {path}:...: not a Python file.")
    module = importlib.util.module_from_spec(spec)
    # Known by its name, so that what it defines pickles; and it may import its neighbours.
    sys.modules[name] = module
    sys.path.append(str(path.resolve().parent))
    spec.loader.exec_module(module)
    return module
