"""Print a manifest: the number of images of each class, and excluded records."""

import sys
from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import Any

from augseq.indexing.excluded import excluded_lines
from augseq.manifest.classes import sorted_names
from augseq.manifest.manifest import Manifest
from augseq.terminal_text import counted, num_columns, padded, shortened

_BAR_WIDTH = 30
_MOST_LETTERS = 60
_LISTED = 20


def print_counts(manifest: Manifest) -> None:
    """Print the number of images, or of boxes, of each class, with a bar."""
    if manifest.box_class_names:
        _print_boxes(manifest)
        return
    if not manifest.class_names:
        print(f"{len(manifest)} images without labels")
        return
    is_labelled = manifest.table.column("target").is_valid().to_numpy()
    counts = manifest.select(is_labelled).class_counts()
    classes = "1 class" if len(counts) == 1 else f"{len(counts)} classes"
    order = ", in numeric order" if _are_numbered(list(counts)) else ""
    print(f"{len(manifest)} image{'s' * (len(manifest) != 1)} in {classes}{order}")
    print_bars(counts)
    if not is_labelled.all():
        print(f"{sum(~is_labelled):,} without a label")


def _print_boxes(manifest: Manifest) -> None:
    found = Counter(manifest.table.column("box_classes").combine_chunks().flatten().to_pylist())
    counts = {name: found[name] for name in manifest.box_class_names}
    classes = "1 class" if len(counts) == 1 else f"{len(counts)} classes"
    num_images, num_boxes = len(manifest), sum(counts.values())
    images = f"{counted(num_images, 'image')}"
    print(f"{images} with {num_boxes:,} box{'es' * (num_boxes != 1)} in {classes}")
    print_bars(counts)


def print_bars(counts: Mapping[Any, int]) -> None:
    """Print a line for each name: its count, and a bar."""
    names = [shortened(str(name), _MOST_LETTERS) for name in counts]
    width = max(map(num_columns, names))
    block = "█" if _can_print("█") else "#"
    # All files may be excluded.
    most = max(1, *counts.values())
    for name, count in zip(names, counts.values(), strict=True):
        bar = block * round(_BAR_WIDTH * count / most)
        print(f"  {padded(name, width)}  {count:>7}  {bar}")


def _are_numbered(names: list[str]) -> bool:
    """Return whether names are sorted by value rather than as text."""
    return names == sorted_names(names) != sorted(names)


def print_excluded(manifest: Manifest) -> None:
    """Print the excluded records with their reasons."""
    num_more = len(manifest.excluded) - _LISTED
    if len(manifest.excluded):
        print(f"{len(manifest.excluded):,} excluded")
    for line in islice(excluded_lines(manifest.excluded), _LISTED):
        print(f"  {line}")
    if num_more > 0:
        print(f"  and {num_more:,} more: augseq.read_manifest(...).excluded lists all")


def _can_print(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
