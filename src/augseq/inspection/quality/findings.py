"""What a check can find, how bad it is, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, NamedTuple, TypeAlias

from augseq.terminal_text import call_text, options_text

Severity: TypeAlias = Literal["error", "warning", "note"]


class Kind(NamedTuple):
    """A kind of finding: how bad it is, what it is, and what to do."""

    severity: Severity
    title: str
    advice: str


# In the order in which they are reported.
KINDS = {
    "unreadable": Kind(
        "error",
        "cannot be read",
        "Training would stop at them. Where an option is named, it reads them; repair or delete "
        "the others, or exclude them: "
        "augseq index FOLDER --unreadable exclude -o manifest.parquet",
    ),
    "truncated": Kind(
        "error",
        "cut off before their end",
        "Training would stop at them. Copy or download them again, or exclude them for good: "
        "augseq index FOLDER --unreadable exclude -o manifest.parquet",
    ),
    "changed": Kind(
        "error",
        "changed since they were indexed",
        "Training would stop at them. Restore them, or bring the manifest up to date: "
        "augseq index FOLDER --update MANIFEST",
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
        "The model would be tested on what it was nearly trained on: look at them, and keep each "
        "group in one split only.",
    ),
    "near_duplicates_with_other_labels": Kind(
        "warning",
        "nearly identical images with different labels",
        "Look at them: at most one label is likely to be right.",
    ),
    "duplicates": Kind(
        "warning",
        "identical files",
        "Each copy makes its image count more: keep one. Remove copies before you split, or some "
        "will end up in different splits.",
    ),
    "near_duplicates": Kind(
        "warning",
        "nearly identical images",
        "Look at them, and keep one of each group, or all of a group in one split.",
    ),
    "wrong_extension": Kind(
        "warning",
        "content of another format than the name says",
        "They are decoded by their content, but other programs may refuse them: rename them.",
    ),
    "animated": Kind(
        "warning",
        "animations and files of several pages",
        "Only the first frame or page is used: save the others as files of their own if they "
        "matter.",
    ),
    "tiny": Kind(
        "warning",
        "tiny images",
        "Icons and placeholders are often this small: look at them. Enlarged they are blurred.",
    ),
    "empty_class": Kind(
        "warning",
        "classes without images",
        "The model cannot learn them: add images, or remove them from `class_names`.",
    ),
    "imbalance": Kind(
        "warning",
        "classes out of balance",
        "Add images to the small ones, or weigh classes: fit(class_weight=train.class_weight()).",
    ),
    "huge": Kind(
        "note",
        "huge images",
        "They take long to decode: use scaled_decode=True, a cache, or smaller copies.",
    ),
    "odd_aspect_ratio": Kind(
        "note",
        "odd aspect ratios",
        'Resizing would distort them: see resize_mode="crop" and "pad".',
    ),
    "rotated": Kind(
        "note",
        "turned upright by their EXIF orientation",
        "Nothing to do here; other loaders, such as those of Keras, show them turned.",
    ),
    "grayscale": Kind(
        "note",
        "grey-scale",
        'Nothing to do: they become RGB. If all are grey, color_mode="grayscale" is cheaper.',
    ),
    "sixteen_bit": Kind(
        "note",
        "of 16 bits",
        "They are reduced to 8 bits: make sure that nothing is lost that matters.",
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
        index: Identity of its record.
        label: Name of its class; None without labels.
        split: Its split; None where there are none.
        group: Number of its group, from 0: files of one group are alike. None where each file
            is concerned for itself.
        detail: What was seen in it, such as "7 frames"; may be empty.
    """

    path: str
    index: int
    label: str | None = None
    split: str | None = None
    group: int | None = None
    detail: str = ""

    def __repr__(self) -> str:
        return options_text(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFinding:
    """One kind of thing that `check_images` found, and where.

    Attributes:
        kind: What it is, in one word for programs, such as "near_duplicates".
        files: Which files it concerns, group by group.
        detail: What was seen in all of them together, such as counts; may be empty.
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
        """How bad it is: "error", "warning" or "note"."""
        return KINDS[self.kind].severity

    @property
    def title(self) -> str:
        """What it is, in a few words for people."""
        return KINDS[self.kind].title

    @property
    def advice(self) -> str:
        """What to do about it."""
        return KINDS[self.kind].advice

    @property
    def groups(self) -> tuple[tuple[FoundFile, ...], ...]:
        """Files that are alike together; each alone in findings about single files."""
        if not self.files or self.files[0].group is None:
            return tuple((file,) for file in self.files)
        return tuple(tuple(group) for _, group in groupby(self.files, lambda file: file.group))


def in_order(findings: Iterable[CheckFinding]) -> tuple[CheckFinding, ...]:
    """Return findings, the worst first."""
    rank = {kind: place for place, kind in enumerate(KINDS)}
    return tuple(sorted(findings, key=lambda finding: rank[finding.kind]))
