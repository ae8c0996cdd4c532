"""Arguments shared by several commands: images, decoding, and image size."""

import os
import re
import shlex
from dataclasses import MISSING, Field, dataclass, fields, replace
from typing import Annotated, Any

import typer
from typer.models import ArgumentInfo

from augseq.cli.flat_options import number_option
from augseq.errors import ArgumentError
from augseq.indexing.endings import DEFAULT as DEFAULT_ENDINGS
from augseq.indexing.folder import index_folder
from augseq.indexing.table.not_a_table import TABLE_SUFFIXES
from augseq.manifest.manifest import Manifest
from augseq.manifest.storage import read_manifest
from augseq.parallel_map.map_options import MapKind
from augseq.pixels.options import MAX_FILE_BYTES, MAX_PIXELS, ColorMode
from augseq.remote.url import is_remote
from augseq.training.run_options import DEFAULT_IMAGE_SIZE

_IMAGES = "Images"

LabelsOption = Annotated[
    bool, typer.Option(help="Use the first-level sub-folder as the class of an image.")
]
SplitsOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="Folder: its splits, e.g. train,val,test.",
        rich_help_panel=_IMAGES,
    ),
]
ClassNamesOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="Use only these classes, in this order, e.g. cat,dog.",
        rich_help_panel=_IMAGES,
    ),
]
ExtensionsOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="Folder: extensions of images, e.g. default,.jpg_1,none: the usual ones, one more, "
        "and files without an extension.",
        rich_help_panel=_IMAGES,
    ),
]
SizeOption = Annotated[
    str, typer.Option(metavar="PIXELS", help="Image size, e.g. 128, or height x width: 96x128.")
]
DEFAULT_SIZE_TEXT = "x".join(map(str, DEFAULT_IMAGE_SIZE))
SeedOption = Annotated[int, number_option("Seed of all random numbers.")]
BatchSizeOption = Annotated[int, number_option("Images per batch.")]

_DECODING = "Decoding"
FullDepthOption = Annotated[
    bool,
    typer.Option(
        "--full-depth",
        help="For training with full_depth=True: accept files without 8-bit pixels.",
        rich_help_panel=_DECODING,
    ),
]
ColorModeOption = Annotated[
    ColorMode,
    typer.Option(
        metavar="MODE",
        help="rgb, grayscale or rgba; bands: all channels of .tif and .npy files, as stored.",
        rich_help_panel=_DECODING,
    ),
]
BandsOption = Annotated[
    str | None,
    typer.Option(
        metavar="N,N,...",
        help="With --color-mode bands: which bands to use, in order, from 0, e.g. 3,2,1. [all]",
        rich_help_panel=_DECODING,
    ),
]


def parse_bands(text: str | None) -> tuple[int, ...] | None:
    """Return the bands in an option such as "3,2,1"; None for all.

    Raises:
        BadParameter: They are not numbers.
    """
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and part.isascii() for part in parts):
        raise typer.BadParameter(
            f"must be numbers of bands, from 0, such as 3,2,1. Received: {text!r}",
            param_hint="--bands",
        )
    return tuple(map(int, parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """Decoding options shared by all commands, so that they accept the same files.

    `dataclasses.asdict` converts it to arguments of `DecodeOptions`, `index_folder` and others.
    """

    max_pixels: Annotated[
        int,
        number_option(
            "Refuse images with more pixels, height times width; more pixels take more memory.",
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
            help="Rotate images upright according to their EXIF data.",
            rich_help_panel=_DECODING,
        ),
    ] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """Where a command processes all files; `dataclasses.asdict` converts it to arguments."""

    workers: Annotated[
        int | None,
        number_option(
            "Number of images to process at the same time; required for Ray. [one per core]",
            least=1,
        ),
    ] = None
    worker_kind: Annotated[
        MapKind,
        typer.Option(
            help="threads, or ray: on the nodes of a Ray cluster, which must see the same files."
        ),
    ] = "threads"


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """The images that a command uses: a folder, or a manifest."""

    # Not a Path, which would damage the address of a remote folder.
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
        typer.Option(
            help="Manifest: folder of the images, if they were moved.",
            metavar="FOLDER",
            rich_help_panel=_IMAGES,
        ),
    ] = None

    def open(self, *, labelled: bool = True, color_mode: ColorMode = "rgb") -> Manifest:
        """Index the folder, or read the manifest; the options only affect folders."""
        is_file = not is_remote(self.folder) and not os.path.isdir(self.folder)
        if is_file and self.folder.endswith(".parquet"):
            for_folders = replace(self, class_names=None, root=None)
            check_absent(for_folders, "folders", self.folder)
            return select_classes(read_manifest(self.folder, root=self.root), self.class_names)
        if is_table(self.folder):
            raise ArgumentError(
                f"{self.folder!r} is a table. Create a manifest from it first: augseq index "
                f"{shlex.quote(self.folder)} --path-column NAME --label-column NAME "
                "-o manifest.parquet"
            )
        return index_folder(
            self.folder,
            labels="inferred" if labelled else None,
            splits=listed_names(self.splits),
            class_names=listed_names(self.class_names),
            extensions=listed_endings(self.extensions),
            color_mode=color_mode,
        )


def given_options(group: Any) -> list[str]:
    """Return the options of a group that differ from their defaults, as shell words.

    >>> given_options(Decoding(max_pixels=100, exif_orientation=False))
    ['--max-pixels', '100', '--no-exif-orientation']
    """
    words: list[str] = []
    for field in fields(group):
        value, name = getattr(group, field.name), field.name.replace("_", "-")
        if field.default is MISSING or value == field.default or _is_positional(field):
            continue
        if isinstance(value, bool):
            words.append(f"--{name}" if value else f"--no-{name}")
        else:
            words += [f"--{name}", str(value)]
    return words


def _is_positional(field: "Field[Any]") -> bool:
    about = getattr(field.type, "__metadata__", ())
    return any(isinstance(item, ArgumentInfo) for item in about)


def check_absent(group: Any, kind: str, source: str) -> None:
    """Raise `ArgumentError` if an option is given for another kind of source."""
    given = [word for word in given_options(group) if word.startswith("--")]
    if given:
        raise ArgumentError(f"Only for {kind}: {', '.join(given)}. Received: {source!r}")


def select_classes(manifest: Manifest, class_names: str | None) -> Manifest:
    """Return the images of some classes; of all if None."""
    names = listed_names(class_names)
    return manifest if names is None else manifest.select(class_names=names)


def listed_names(text: str | None) -> list[str] | None:
    """Parse a list of names such as "train, val"."""
    return None if text is None else [name.strip() for name in text.split(",")]


def listed_endings(text: str | None) -> list[str]:
    """Parse a list of extensions such as "default,.jpg_1,none"."""
    if text is None:
        return [DEFAULT_ENDINGS]
    # Spaces can be part of an extension.
    return ["" if ending.strip() == "none" else ending for ending in text.split(",")]


def is_table(images: str) -> bool:
    """Return whether a path is that of a table, not of a folder."""
    has_suffix = os.path.splitext(images)[1].lower() in TABLE_SUFFIXES
    return has_suffix and not is_remote(images) and not os.path.isdir(images)


def parse_size(text: str) -> tuple[int, int]:
    """Parse "128" or "96x128" to (height, width)."""
    match = re.fullmatch(r"(\d+)(?:x(\d+))?", text.strip().lower())
    if match is None:
        raise ArgumentError(
            "--image-size must be pixels, such as 128, or height x width, such as 96x128. "
            f"Received: {text!r}"
        )
    height, width = match.groups()
    return int(height), int(width or height)
