"""Give each image of a folder its class: by its sub-folder, or by its path."""

import re
import shlex
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from augseq.errors import ArgumentError, LabelError, ManifestError
from augseq.indexing.labels import check_found, first_folders, name_classes, sorted_names
from augseq.indexing.scan import Scan, not_utf8
from augseq.indexing.unicode_forms import check_unicode_forms
from augseq.manifest.classes import is_utf8
from augseq.manifest.manifest import Manifest, make_manifest
from augseq.terminal_text import listed
from augseq.validation import briefly

LabelFunction: TypeAlias = Callable[[str], str | None]
"""From the relative path of an image, with `/`, to the name of its class."""

Labels: TypeAlias = Literal["inferred"] | re.Pattern[str] | LabelFunction | None
"""How `index_folder` finds the class of an image.

After its sub-folder ("inferred"), by a pattern that is searched in its relative path, by a
function of that path, or not at all (None).
"""


def label_by_folder(
    root: str, scan: Scan, class_names: Sequence[str] | None
) -> tuple[Manifest, Mapping[str, int]]:
    """Return a manifest with folders as classes, and the images of each class that is excluded."""
    # Below a split, as in "train/cat", the class is the last name; else it is the only one.
    class_of = {folder: folder.rpartition("/")[2] for folder in scan.folders}
    nameless = [folder for folder, name in class_of.items() if not is_utf8(name)]
    if nameless:
        raise ManifestError(not_utf8("folder", nameless[0]))
    if not any(scan.folders.values()):
        raise LabelError(
            f"The {len(scan.paths)} images of {root!r} are in no sub-folder, so they have no "
            "class. Put each class in its own sub-folder; take the classes from the names of the "
            "files (labels=re.compile(...), at the shell: augseq index --label-pattern) or from a "
            "table (index_table); or index with labels=None (--no-labels) to predict."
        )
    found = sorted_names(set(class_of.values()))
    if class_names is None:
        check_unicode_forms(found)
    names = found if class_names is None else list(map(str, class_names))
    _check_depth(root, scan, names, found)
    check_found(names, found, root, lambda name: f"{name}/...")
    label_of = {name: label for label, name in enumerate(names)}
    # Sorted paths stand folder by folder, and those of "a b/" before those of "a/".
    folders = sorted(scan.folders, key=lambda folder: f"{folder}/")
    labels = [label_of.get(class_of[folder], -1) for folder in folders]
    targets = np.repeat(labels, [scan.folders[folder] for folder in folders])
    paths = scan.paths
    if len(targets) < len(paths):  # Else every image has a class: 0.06 s less for a million.
        depth = folders[0].count("/") + 1
        paths = paths.filter(pc.greater_equal(pc.count_substring(paths, "/"), depth))
    excluded: Counter[str] = Counter()
    for folder, name in class_of.items():
        if name not in label_of:
            excluded[name] += scan.folders[folder]
    return _of_classes(root, names, paths, targets), excluded


def _check_depth(root: str, scan: Scan, names: Sequence[str], found: Sequence[str]) -> None:
    """Raise `LabelError` where the folders of all classes are below those taken for classes."""
    # Where splits are given, folders are called as "train/cat".
    if set(names) & set(found) or not names or any("/" in folder for folder in scan.folders):
        return
    below = scan.paths.filter(pc.match_substring(scan.paths, f"/{names[0]}/"))
    if not len(below):
        return
    above = sorted(pc.unique(first_folders(below)).to_pylist())
    shell = shlex.quote(",".join(above))
    raise LabelError(
        f"The classes in `class_names` (at the shell: --class-names) must be folders in {root!r}, "
        f"but are deeper, such as {below[0].as_py()!r}. If the folders above them are splits, "
        f"index with splits={above} (--splits {shell}); else index the folder that holds the "
        f"classes. Received: class_names={briefly(list(names))}"
    )


def label_by_path(
    labels: re.Pattern[str] | LabelFunction,
    root: str,
    paths: pa.StringArray,
    class_names: Sequence[str] | None,
) -> tuple[Manifest, Mapping[str, int]]:
    """Do what `label_by_folder` does, with the classes that a pattern or function finds."""
    classes = _label_paths(paths, labels)
    names, targets = name_classes(classes, class_names)
    counts = {row["values"]: row["counts"] for row in pc.value_counts(classes).to_pylist()}
    check_found(names, counts, root, lambda name: paths[classes.index(name).as_py()].as_py())
    excluded = {name: counts[name] for name in sorted_names(set(counts) - set(names))}
    return _of_classes(root, names, paths, targets.to_numpy()), excluded


def _of_classes(
    root: str,
    names: Sequence[str],
    paths: pa.StringArray,
    targets: npt.NDArray[np.integer],
) -> Manifest:
    """Return a manifest of the images whose classes are named; a target of -1 has no name."""
    is_named = targets >= 0
    if not is_named.any():
        raise LabelError(
            f"There must be an image of one of `class_names` in {root!r}, but all {len(paths):,} "
            f"images have other classes. Received: class_names={briefly(list(names))}"
        )
    if not is_named.all():
        paths, targets = paths.filter(pa.array(is_named)), targets[is_named]
    return make_manifest(root, names, paths=paths, targets=targets)


def _label_paths(paths: pa.Array, labels: re.Pattern[str] | LabelFunction) -> pa.Array:
    """Return the class name of each path, as a pattern or a function finds it.

    Args:
        paths: Relative paths with `/`, strings.
        labels: A pattern with one group, or one called `label`, that is the class; or a function
            from path to class.

    Raises:
        ArgumentError: The pattern has no group or several, or the function returns no text, or
            text that is not valid UTF-8.
        LabelError: Some paths get no class.
    """
    label_of = _by_pattern(labels) if isinstance(labels, re.Pattern) else labels
    found = {path: _call(label_of, path) for path in paths.to_pylist()}
    without = [path for path, label in found.items() if not label]
    if without:
        way = f"{labels.pattern!r} finds" if isinstance(labels, re.Pattern) else "`labels` gives"
        raise LabelError(
            f"Every image must have a class, but {way} none for {len(without)} of {len(found)}: "
            f"{listed(without)}"
        )
    return pa.array(list(found.values()), pa.string())


def _by_pattern(pattern: re.Pattern[str]) -> LabelFunction:
    group: str | int = "label" if "label" in pattern.groupindex else 1
    if not isinstance(pattern.pattern, str) or (group == 1 and pattern.groups != 1):
        raise ArgumentError(
            "`labels` as a pattern must have one group, or one called `label`, that is the class, "
            rf"such as re.compile(r'([a-z]+)_\d+'). Received: {pattern.pattern!r}"
        )

    def label_of(path: str) -> str | None:
        match = pattern.search(path)
        return None if match is None else match[group]

    return label_of


def _call(label_of: LabelFunction, path: str) -> str | None:
    try:
        label = label_of(path)
    except Exception as error:
        error.add_note(f"`labels` was called with the path {path!r}.")
        raise
    if label is not None and not is_utf8(label):
        raise ArgumentError(
            "`labels` as a function must return, in valid UTF-8, the name of a class. "
            f"Received: {label!r} for {path!r}"
        )
    return label
