"""Arguments on files that belong to images: columns of their paths, masks and pairs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from augseq.cli.arguments import listed_names
from augseq.errors import ArgumentError
from augseq.loading.targets.mask import Mask, Value
from augseq.loading.targets.paired_image import PairAugment, PairedImage
from augseq.manifest.manifest import Manifest

WithColumnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--with-column",
        metavar="NAME=PATTERN",
        help="Add a column of files that belong to the images, e.g. mask='../masks/{stem}.png'; "
        "the pattern is relative to the folder of the images. Can be repeated.",
    ),
]
_IGNORED = "ignored"
_COLOR = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Masks:
    """The masks that a command uses."""

    mask: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="Column of the masks, if there are any.", rich_help_panel="Masks"
        ),
    ] = None
    mask_classes: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Classes of the masks, in order, e.g. road,car.",
            rich_help_panel="Masks",
        ),
    ] = None
    mask_coding: Annotated[
        str | None,
        typer.Option(
            metavar="VALUES",
            help="Class of each value in the masks, e.g. 7=road,26=car,0=ignored, or of each "
            "colour: #804080=road. [0=first class, 1=second, ..., 255=ignored]",
            rich_help_panel="Masks",
        ),
    ] = None

    def target(self) -> Mask | None:
        """Return the masks; None for none.

        Raises:
            ArgumentError: An option is missing or invalid.
        """
        if (self.mask is None) != (self.mask_classes is None):
            raise ArgumentError(
                "--mask and --mask-classes must be given together, such as "
                "--mask mask --mask-classes road,car. "
                f"Received: --mask {self.mask}, --mask-classes {self.mask_classes}"
            )
        if self.mask is None:
            if self.mask_coding is not None:
                raise ArgumentError("--mask-coding requires --mask and --mask-classes.")
            return None
        classes = listed_names(self.mask_classes) or []
        if "" in classes or len(set(classes)) != len(classes):
            raise ArgumentError(
                "--mask-classes must be different names, in the order of their numbers, such as "
                f"road,car. Received: {self.mask_classes!r}"
            )
        coding = None if self.mask_coding is None else parse_coding(self.mask_coding, classes)
        return Mask(self.mask, classes=classes, coding=coding)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """The paired images that a command checks."""

    pair: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Check the paired images in this column, too. Can be repeated.",
            rich_help_panel="Paired images",
        ),
    ] = None
    any_pair_size: Annotated[
        bool,
        typer.Option(
            "--any-pair-size",
            help='Paired images can have another size than their images, as with augment="own".',
            rich_help_panel="Paired images",
        ),
    ] = False

    def inputs(self) -> dict[str, PairedImage]:
        """Return the paired images to check, by column.

        Raises:
            ArgumentError: There are none that could have any size.
        """
        if self.any_pair_size and not self.pair:
            raise ArgumentError("--any-pair-size requires --pair COLUMN.")
        augment: PairAugment = "own" if self.any_pair_size else "same"
        # Any column can be checked; only as an input of a model, "image" would be reserved.
        return {f"pair {name}": PairedImage(name, augment=augment) for name in self.pair or ()}


def parse_coding(text: str, classes: Sequence[str]) -> dict[Value, str | None]:
    """Parse "7=road,26=car,0=ignored" or "#804080=road".

    Raises:
        ArgumentError: It is not a list of values with classes, or a value is repeated.
    """
    coding: dict[Value, str | None] = {}
    for item in text.split(","):
        value, has_name, name = (part.strip() for part in item.partition("="))
        key = _value(value)
        if not has_name or key is None or key in coding:
            raise ArgumentError(
                "--mask-coding must give each value once, with its class, such as 7=road,26=car or "
                f"#804080=road, with {_IGNORED!r} for ignored pixels. Received: {item!r}"
            )
        coding[key] = None if name == _IGNORED and name not in classes else name
    return coding


def add_columns(
    manifest: Manifest, options: Sequence[str] | None, *, check_files: bool = True
) -> Manifest:
    """Return a manifest with columns of files that belong to its images.

    Args:
        manifest: The images; all patterns are relative to their folder.
        options: Each "NAME=PATTERN".
        check_files: Whether the files must exist.

    Raises:
        ArgumentError: An option or a pattern is invalid.
        MissingFileError: A file does not exist.
    """
    names = set()
    for option in options or ():
        name, has_pattern, pattern = option.partition("=")
        if not name or not has_pattern or name in names:
            raise ArgumentError(
                "--with-column must be a new name and a pattern, such as "
                f"mask='../masks/{{stem}}.png'. Received: {option!r}"
            )
        names.add(name)
        manifest = manifest.with_column(name, pattern=pattern, check_files=check_files)
    return manifest


def _value(text: str) -> Value | None:
    color = _COLOR.fullmatch(text)
    if color is not None:
        red, green, blue = (int(part, 16) for part in color.groups())
        return red, green, blue
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 11 else None
