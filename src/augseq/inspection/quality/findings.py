"""The kinds of findings of a check, with severity and advice."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, NamedTuple, TypeAlias

from augseq.terminal_text import call_text, options_text

Severity: TypeAlias = Literal["error", "warning", "note"]


class Kind(NamedTuple):
    """A kind of finding: severity, title and advice."""

    severity: Severity
    title: str
    advice: str


# In the order in which they are reported.
KINDS = {
    "unreadable": Kind(
        "error",
        "cannot be read",
        "Training would stop at them. If a reason names an option, pass it; repair or delete the "
        "others, or exclude them: "
        "augseq index FOLDER --unreadable exclude -o manifest.parquet",
    ),
    "truncated": Kind(
        "error",
        "truncated",
        "Training would stop at them. Copy or download them again, or exclude them: "
        "augseq index FOLDER --unreadable exclude -o manifest.parquet",
    ),
    "changed": Kind(
        "error",
        "changed since they were indexed",
        "Training would stop at them. Restore them, or update the manifest: "
        "augseq index FOLDER --update MANIFEST",
    ),
    "missing_map": Kind(
        "error",
        "images whose mask, map or pair does not exist",
        "Training would stop at them. Add the files, or select the images that have one.",
    ),
    "unusable_map": Kind(
        "error",
        "images whose mask, map or pair cannot be used",
        "Training would stop at them. Repair or replace the files.",
    ),
    "map_size": Kind(
        "error",
        "images whose mask, map or pair has a different size",
        "Training would stop at them. Save them with the size of the upright image; only pairs "
        'with augment="own" can have another.',
    ),
    "map_values": Kind(
        "error",
        "images whose mask or map has unknown values",
        "Training would stop at them. Correct the files, or describe all values: `coding` of "
        "augseq.Mask (at the shell: --mask-coding), `missing` of augseq.ValueMap.",
    ),
    "maps_across_splits": Kind(
        "error",
        "images in different splits that share a map or pair",
        "Correct the column if it is wrong; otherwise, keep these images in one split only.",
    ),
    "annotated_size": Kind(
        "error",
        "images whose size differs from their annotations",
        "Their boxes do not fit. Restore the images, or annotate and index them again.",
    ),
    "invalid_box": Kind(
        "error",
        "images with boxes without area, or outside them",
        "Training would stop at them. Correct the annotations, and index them again.",
    ),
    "conflicting_boxes": Kind(
        "error",
        "identical files with different boxes",
        "The boxes of at most one can be right: remove the wrong copies.",
    ),
    "conflicting_labels": Kind(
        "error",
        "identical files with different labels",
        "At most one label can be right: remove the wrong copies.",
    ),
    "duplicates_across_splits": Kind(
        "error",
        "identical files in different splits",
        "The model would be tested on what it was trained on: keep each file in one split only.",
    ),
    "near_duplicates_across_splits": Kind(
        "error",
        "nearly identical images in different splits",
        "The model would be tested on nearly what it was trained on: look at them, and keep each "
        "group in one split only.",
    ),
    "near_duplicates_with_other_labels": Kind(
        "warning",
        "nearly identical images with different labels",
        "Look at them: at most one label is likely to be right.",
    ),
    "near_duplicates_with_other_boxes": Kind(
        "warning",
        "nearly identical images with different boxes",
        "Look at them: one may lack boxes, unless its objects have moved.",
    ),
    "repeated_box": Kind(
        "warning",
        "images with nearly the same box twice",
        "Usually, one object was annotated twice: remove one of the boxes.",
    ),
    "box_of_two_classes": Kind(
        "warning",
        "images with nearly equal boxes of two classes",
        "Usually, only one of the classes is right: remove the other box.",
    ),
    "shared_map": Kind(
        "warning",
        "images with the same mask or map file",
        "Usually, it belongs to one of them: correct the column.",
    ),
    "duplicates": Kind(
        "warning",
        "identical files",
        "Copies give their image more weight: keep one. Remove copies before you split, or some "
        "will end up in different splits.",
    ),
    "near_duplicates": Kind(
        "warning",
        "nearly identical images",
        "Look at them, and keep one of each group, or all of a group in one split.",
    ),
    "wrong_extension": Kind(
        "warning",
        "content does not match the file extension",
        "They are decoded by their content, but other programs may refuse them: rename them.",
    ),
    "animated": Kind(
        "warning",
        "animations and multi-page files",
        "Only the first frame or page is used: save the others as separate files if you need them.",
    ),
    "tiny": Kind(
        "warning",
        "tiny images",
        "Icons and placeholders are often this small: look at them. Enlarging makes them blurry.",
    ),
    "empty_class": Kind(
        "warning",
        "classes without images",
        "The model cannot learn them: add images, or remove them from `class_names`.",
    ),
    "unused_class": Kind(
        "warning",
        "classes in no mask",
        "The model cannot learn them: add images, or remove them from the classes of the mask.",
    ),
    "unused_box_class": Kind(
        "warning",
        "classes without boxes",
        "The model cannot learn them: add images, or remove them from the categories.",
    ),
    "imbalance": Kind(
        "warning",
        "imbalanced classes",
        "Add images to the small ones, or weight classes: fit(class_weight=train.class_weight()).",
    ),
    "tiny_box": Kind(
        "note",
        "images with tiny boxes",
        "Some may be annotated by mistake. Resizing images makes them smaller still: see "
        "`min_area_px` of augseq.Boxes.",
    ),
    "odd_box": Kind(
        "note",
        "images with very wide or very tall boxes",
        "Look at them: some may be annotated by mistake.",
    ),
    "many_boxes": Kind(
        "note",
        "images with many boxes",
        "A batch has as many rows for each image as the image with the most boxes has.",
    ),
    "no_boxes": Kind(
        "note",
        "images without boxes",
        "Nothing to do if they show no objects: the model learns the background from them.",
    ),
    "box_imbalance": Kind(
        "note",
        "imbalanced classes of boxes",
        "Add images with the rare ones, or expect the model to find them less often.",
    ),
    "surplus_map": Kind(
        "note",
        "masks, maps or pairs that belong to no image",
        "Their images may be missing or have other names. Nothing to do if you check only some of "
        "the images.",
    ),
    "huge": Kind(
        "note",
        "huge images",
        "They are slow to decode: use a cache, or smaller copies.",
    ),
    "odd_aspect_ratio": Kind(
        "note",
        "odd aspect ratios",
        'Resizing would distort them: see resize_mode="crop" and "pad".',
    ),
    "rotated": Kind(
        "note",
        "turned upright by their EXIF orientation",
        "Nothing to do; other loaders, such as those of Keras, ignore the orientation.",
    ),
    "grayscale": Kind(
        "note",
        "greyscale",
        'Nothing to do: they become RGB. If all are grey, color_mode="grayscale" is cheaper.',
    ),
    "sixteen_bit": Kind(
        "note",
        "16-bit",
        "They are reduced to 8 bits: make sure that nothing important is lost.",
    ),
    "transparent": Kind(
        "note",
        "with transparency",
        "They are flattened on white: make sure that this is the right background.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A file that a finding concerns.

    Attributes:
        path: Path below the root of the manifest, with `/`.
        index: Index of its record; None for a mask, map or pair that belongs to no image.
        label: Name of its class; None without labels.
        split: Name of its split; None without splits.
        group: Number of its group of similar files, from 0; None if the finding is about single
            files.
        detail: What was found in it, such as "7 frames"; may be empty.
    """

    path: str
    index: int | None
    label: str | None = None
    split: str | None = None
    group: int | None = None
    detail: str = ""

    def __repr__(self) -> str:
        return options_text(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFinding:
    """One kind of finding of `check_images`, with its files.

    Attributes:
        kind: Kind of finding, as one word for programs, such as "near_duplicates".
        files: The files it concerns, group by group.
        detail: What was found in all of them together, such as counts; may be empty.
    """

    kind: str
    files: tuple[FoundFile, ...]
    detail: str = ""

    def __repr__(self) -> str:
        some = [f"first: {self.files[0].path!r}"] if self.files else []
        files = f"{len(self.files):,} files"
        return call_text("CheckFinding", f"{self.severity}: {self.title}", files, *some)

    @property
    def severity(self) -> Severity:
        """The severity: "error", "warning" or "note"."""
        return KINDS[self.kind].severity

    @property
    def title(self) -> str:
        """A description in a few words."""
        return KINDS[self.kind].title

    @property
    def advice(self) -> str:
        """What to do about it."""
        return KINDS[self.kind].advice

    @property
    def groups(self) -> tuple[tuple[FoundFile, ...], ...]:
        """Groups of similar files; groups of one in findings about single files."""
        if not self.files or self.files[0].group is None:
            return tuple((file,) for file in self.files)
        return tuple(tuple(group) for _, group in groupby(self.files, lambda file: file.group))


def in_order(findings: Iterable[CheckFinding]) -> tuple[CheckFinding, ...]:
    """Return findings sorted with the worst first."""
    rank = {kind: place for place, kind in enumerate(KINDS)}
    return tuple(sorted(findings, key=lambda finding: rank[finding.kind]))
