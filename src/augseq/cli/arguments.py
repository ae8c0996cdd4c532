"""Arguments that several commands share: which images, how to decode them, to which size."""

import os
import re
import shlex
from dataclasses import MISSING, dataclass, fields, replace
from typing import Annotated, Any

import typer

from augseq.cli.flat_options import number_option
from augseq.errors import ArgumentError
from augseq.indexing.endings import DEFAULT as DEFAULT_ENDINGS
from augseq.indexing.folder import index_folder
from augseq.indexing.table.not_a_table import TABLE_SUFFIXES
from augseq.manifest.manifest import Manifest
from augseq.manifest.storage import read_manifest
from augseq.pixels.options import MAX_FILE_BYTES, MAX_PIXELS
from augseq.remote.url import is_remote
from augseq.training.run_options import DEFAULT_IMAGE_SIZE

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
DEFAULT_SIZE_TEXT = "x".join(map(str, DEFAULT_IMAGE_SIZE))
SeedOption = Annotated[int, number_option("Fixes everything that is random.")]
BatchSizeOption = Annotated[int, number_option("Images in a batch.")]

_DECODING = "Decoding"
FullDepthOption = Annotated[
    bool,
    typer.Option(
        "--full-depth",
        help="For training with full_depth=True: take files that have no 8-bit pixels.",
        rich_help_panel=_DECODING,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """The same for all commands that decode, so that each reads the files that the others read.

    `dataclasses.asdict` makes of it the arguments of `DecodeOptions`, `index_folder` and the like.
    """

    max_pixels: Annotated[
        int,
        number_option(
            "Refuse images of more pixels, height times width; a larger number takes more memory.",
            least=1,
            rich_help_panel=_DECODING,
        ),
    ] = MAX_PIXELS
    max_file_bytes: Annotated[
        int,
        number_option("Refuse longer files.", least=1, metavar="BYTES", rich_help_panel=_DECODING),
    ] = MAX_FILE_BYTES
    exif_orientation: Annotated[
        bool,
        typer.Option(
            "--exif-orientation/--no-exif-orientation",
            help="Turn images upright as their EXIF data says.",
            rich_help_panel=_DECODING,
        ),
    ] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """Which images a command works on: a folder, or a manifest."""

    # Text and not a path, which would spoil the address of a remote folder.
    folder: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER",
            help="Folder with one sub-folder per class, its address (s3://...), or a manifest "
            "(.parquet).",
        ),
    ]
    splits: SplitsOption = None
    class_names: ClassNamesOption = None
    extensions: ExtensionsOption = None
    root: Annotated[
        str | None,
        typer.Option(help="Where a manifest's images are now, if they moved.", metavar="FOLDER"),
    ] = None

    def open(self, *, labelled: bool = True) -> Manifest:
        """Index the folder, or read the manifest; `labelled` is for folders."""
        is_file = not is_remote(self.folder) and not os.path.isdir(self.folder)
        if is_file and self.folder.endswith(".parquet"):
            for_folders = replace(self, class_names=None, root=None)
            check_absent(for_folders, "folders", self.folder)
            return select_classes(read_manifest(self.folder, root=self.root), self.class_names)
        if is_table(self.folder):
            raise ArgumentError(
                f"{self.folder!r} is a table. Make a manifest of it first: augseq index "
                f"{shlex.quote(self.folder)} --path-column NAME --label-column NAME "
                "-o manifest.parquet"
            )
        return index_folder(
            self.folder,
            labels="inferred" if labelled else None,
            splits=listed_names(self.splits),
            class_names=listed_names(self.class_names),
            extensions=listed_endings(self.extensions),
        )


def given_options(group: Any) -> list[str]:
    """Return the options of a group that are not at their defaults, as one writes them.

    >>> given_options(Decoding(max_pixels=100, exif_orientation=False))
    ['--max-pixels', '100', '--no-exif-orientation']
    """
    words: list[str] = []
    for one in fields(group):
        value, name = getattr(group, one.name), one.name.replace("_", "-")
        if one.default is MISSING or value == one.default:
            continue
        if isinstance(value, bool):
            words.append(f"--{name}" if value else f"--no-{name}")
        else:
            words += [f"--{name}", str(value)]
    return words


def check_absent(group: Any, kind: str, source: str) -> None:
    """Raise `ArgumentError` where an option of a group is given for another kind of source."""
    given = [word for word in given_options(group) if word.startswith("--")]
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
