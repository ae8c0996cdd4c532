"""The target of `augseq fit`: a column of classes, numbers, tags or masks."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
import typer

from augseq.cli.arguments import listed_names
from augseq.cli.column_arguments import Masks
from augseq.cli.print_manifest import print_bars
from augseq.errors import ArgumentError, LabelError
from augseq.loading.targets.label import Label
from augseq.loading.targets.mask import Mask
from augseq.loading.targets.multi_label import MissingTags, MultiLabel
from augseq.loading.targets.number import Number
from augseq.loading.targets.target import TargetOption
from augseq.manifest.manifest import Manifest
from augseq.pixels.decoders.registry import readable_endings
from augseq.terminal_text import first_few, listed
from augseq.validation import did_you_mean

_TARGET = "Target"
_FLAGS = frozenset({0, 1, "0", "1"})
_USUAL_SEPARATORS = ";|,"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingMasks(Masks):
    """The masks that a run is trained on."""

    mask: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Manifest: predict the masks in this column.",
            rich_help_panel="Masks",
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetArguments:
    """What to predict, if not the labels of the manifest."""

    target: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMNS",
            help="Manifest: what to predict, e.g. age or height,width: numbers, classes (text), "
            "or tags (lists, text with --separator, several columns of 0 and 1). [the labels]",
            rich_help_panel=_TARGET,
        ),
    ] = None
    separator: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="Separator of tags in a column of text, e.g. ';'.",
            rich_help_panel=_TARGET,
        ),
    ] = None
    missing_tags: Annotated[
        MissingTags,
        typer.Option(
            help="Fail on missing tags, or take them as images without any tag.",
            rich_help_panel=_TARGET,
        ),
    ] = "error"
    mirror: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Classes or tags that change places in a mirrored image, e.g. 'left hand=right "
            "hand', separated by commas.",
            rich_help_panel=_TARGET,
        ),
    ] = None

    def option(self, manifest: Manifest, masks: Masks) -> TargetOption | None:
        """Return the target of a manifest; None for its labels.

        Args:
            manifest: The images.
            masks: The masks, if they are the target.

        Raises:
            ArgumentError: There is no such column, or its content could mean several things.
        """
        target = self._unmirrored(manifest, masks)
        return target if self.mirror is None else _with_mirror(target or Label(), self.mirror)

    def _unmirrored(self, manifest: Manifest, masks: Masks) -> TargetOption | None:
        names, mask = listed_names(self.target), masks.target()
        if names is not None and mask is not None:
            raise ArgumentError(
                "A model predicts either --target or --mask. Received: both. Remove one of them."
            )
        if mask is not None:
            return mask
        if self.separator is not None and (names is None or len(names) > 1):
            raise ArgumentError("--separator requires --target with one column of text.")
        if names is None:
            return None
        for name in names:
            _check_column(manifest, name)
        if len(names) > 1:
            are_flags = all(_FLAGS.issuperset(manifest.unique(name)) for name in names)
            return MultiLabel(names, missing=self.missing_tags) if are_flags else Number(names)
        if self.separator is None and not _has_tags(manifest, names[0]):
            return _target_of(manifest, names[0])
        return self._tags(manifest, names[0])

    def _tags(self, manifest: Manifest, name: str) -> MultiLabel:
        _check_tags(manifest, name, self.missing_tags)
        return MultiLabel(
            name,
            classes=manifest.unique(name, separator=self.separator),
            separator=self.separator,
            missing=self.missing_tags,
        )


def _with_mirror(target: TargetOption, text: str) -> TargetOption:
    """Return a target some of whose classes change places in a mirrored image.

    Raises:
        ArgumentError: It has no classes, or the text does not name pairs of them.
    """
    if not isinstance(target, Label | MultiLabel | Mask):
        raise ArgumentError(
            "--mirror requires classes, tags or masks to predict, of which some change places in a "
            f"mirrored image. Received: --mirror {text}, to predict {target}"
        )
    # Classes in a column can be integers or booleans.
    names = {str(name): name for name in target.classes or ()}
    mirror: Any = {}
    for item in text.split(","):
        one, has_other, other = (part.strip() for part in item.partition("="))
        if not one or not has_other or not other or one in mirror:
            raise ArgumentError(
                "--mirror must be pairs of classes that change places in a mirrored image, such as "
                f"'left hand=right hand,left foot=right foot'. Received: {item!r}"
            )
        mirror[names.get(one, one)] = names.get(other, other)
    return replace(target, mirror=mirror)


def _check_column(manifest: Manifest, name: str) -> None:
    """Raise `ArgumentError` if a column does not exist, or is that of the labels."""
    names = [column for column in manifest.table.column_names if column != "target"]
    if manifest.class_names and name not in names:
        raise ArgumentError(
            f"There is no column {name!r} to predict. Existing columns: {names}."
            f"{did_you_mean(name, names)} The labels of the images "
            f"({first_few(manifest.class_names, 5)}) are not a column: to predict them, remove "
            "--target."
        )
    manifest.arrow_column(name, "--target")


def print_target(manifest: Manifest, target: TargetOption) -> None:
    """Print how many images there are, and what is to be predicted.

    Args:
        manifest: The images.
        target: Anything but the labels of the manifest.
    """
    print(f"{len(manifest):,} images; to predict: ", end="")
    _PRINT[type(target)](manifest, target)


def _print_classes(manifest: Manifest, target: Label) -> None:
    counts = manifest.class_counts(target)
    print(f"{len(counts)} classes in {target.column!r}")
    print_bars(counts)


def _print_tags(manifest: Manifest, target: MultiLabel) -> None:
    counts = manifest.class_counts(target)
    print(f"{len(counts)} tags in {target.columns!r}")
    print_bars(counts)


def _print_numbers(manifest: Manifest, target: Number) -> None:
    names = (target.columns,) if isinstance(target.columns, str) else target.columns
    print(f"numbers in {listed(names, 10)}")
    for name in names:
        try:
            values = np.stack([np.asarray(value, np.float64) for value in manifest.column(name)])
        except (TypeError, ValueError):
            # Training names the image and the value that is no number.
            continue
        if np.isfinite(values).all():
            print(f"  {name}: {values.min():.6g} to {values.max():.6g}, mean {values.mean():.4g}")


def _print_masks(_: Manifest, target: Mask) -> None:
    print(f"masks in {target.column!r}, of the classes {', '.join(target.classes)}")


_PRINT: dict[type[Any], Callable[[Manifest, Any], None]] = {
    Label: _print_classes,
    MultiLabel: _print_tags,
    Number: _print_numbers,
    Mask: _print_masks,
}


def _target_of(manifest: Manifest, name: str) -> TargetOption:
    """Return the target of a column without tags, from the values of its content."""
    if str(manifest.arrow_column(name).type).startswith("list"):
        return Number(name)
    values = manifest.unique(name)
    paths = [value for value in values if str(value).lower().endswith(readable_endings())]
    if paths and len(paths) == len(values):
        raise ArgumentError(
            f"The column {name!r} has paths of images, such as {paths[0]!r}. If they are masks, "
            f"pass --mask {shlex.quote(name)} --mask-classes NAMES instead of --target."
        )
    if values and _FLAGS.issuperset(values):
        return Label(name, classes=values)
    if all(map(_is_number, values)):
        return Number(name)
    separators = [text for text in _USUAL_SEPARATORS if any(text in str(v) for v in values)]
    if separators:
        example = next(value for value in values if separators[0] in str(value))
        raise ArgumentError(
            f"The column {name!r} has text such as {example!r}. For tags, pass --separator "
            f"{separators[0]!r}; if this is the name of a class, create a manifest with these "
            f"classes as labels: augseq index ... --label-column {shlex.quote(name)}"
        )
    return Label(name, classes=values)


def _has_tags(manifest: Manifest, name: str) -> bool:
    """Return whether a column has lists of names or integers."""
    kind = str(manifest.arrow_column(name).type)
    return kind.startswith("list") and "float" not in kind and "double" not in kind


def _check_tags(manifest: Manifest, name: str, missing: MissingTags) -> None:
    num_missing = manifest.arrow_column(name).null_count
    if num_missing and missing == "error":
        raise LabelError(
            f"{num_missing:,} of {len(manifest):,} images have no value in the column {name!r}. If "
            "they are images without any tag, pass --missing-tags empty."
        )


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
