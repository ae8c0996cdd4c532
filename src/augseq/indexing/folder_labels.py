"""Label the images of a folder, by sub-folder or by path."""

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
from augseq.indexing.labels import check_found, first_folders, name_classes
from augseq.indexing.scan import Scan, not_utf8
from augseq.indexing.unicode_forms import check_unicode_forms
from augseq.manifest.classes import is_utf8, sorted_names
from augseq.manifest.manifest import Manifest, make_manifest
from augseq.terminal_text import listed
from augseq.validation import briefly

LabelFunction: TypeAlias = Callable[[str], str | None]
"""Maps the relative path of an image, with `/`, to the name of its class."""

Labels: TypeAlias = Literal["inferred"] | re.Pattern[str] | LabelFunction | None
"""How `index_folder` determines the class of an image.

From its sub-folder ("inferred"), by searching a pattern in its relative path, by a function of
that path, or not at all (None).
"""


def label_by_folder(
    root: str, scan: Scan, class_names: Sequence[str] | None
) -> tuple[Manifest, Mapping[str, int]]:
    """Return a manifest labelled by folder, and the counts of excluded classes."""
    # Below a split, as in "train/cat", the class is the last part of the path.
    class_of = {folder: folder.rpartition("/")[2] for folder in scan.folders}
    nameless = [folder for folder, name in class_of.items() if not is_utf8(name)]
    if nameless:
        raise ManifestError(not_utf8("folder", nameless[0]))
    if not any(scan.folders.values()):
        raise LabelError(
            f"The {len(scan.paths)} images of {root!r} are not in sub-folders, so they have no "
            "class. Put each class in its own sub-folder; derive the classes from file names "
            "(labels=re.compile(...), at the shell: augseq index --label-pattern) or from a table "
            "(index_table); or index with labels=None (--no-labels) to predict."
        )
    found = sorted_names(set(class_of.values()))
    if class_names is None:
        check_unicode_forms(found)
    names = found if class_names is None else list(map(str, class_names))
    _check_depth(root, scan, names, found)
    check_found(names, found, root, lambda name: f"{name}/...")
    label_of = {name: label for label, name in enumerate(names)}
    # Sorted paths are grouped by folder, with "a b/" before "a/".
    folders = sorted(scan.folders, key=lambda folder: f"{folder}/")
    labels = [label_of.get(class_of[folder], -1) for folder in folders]
    targets = np.repeat(labels, [scan.folders[folder] for folder in folders])
    paths = scan.paths
    if len(targets) < len(paths):  # Skipping this saves 0.06 s for a million images.
        depth = folders[0].count("/") + 1
        paths = paths.filter(pc.greater_equal(pc.count_substring(paths, "/"), depth))
    excluded: Counter[str] = Counter()
    for folder, name in class_of.items():
        if name not in label_of:
            excluded[name] += scan.folders[folder]
    return _of_classes(root, names, paths, targets), excluded


def _check_depth(root: str, scan: Scan, names: Sequence[str], found: Sequence[str]) -> None:
    """Raise `LabelError` if all class folders are one level deeper than expected."""
    # With splits, folders are named as in "train/cat".
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
        f"index with splits={above} (--splits {shell}); otherwise index the folder that contains "
        f"the classes. Received: class_names={briefly(list(names))}"
    )


def label_by_path(
    labels: re.Pattern[str] | LabelFunction,
    root: str,
    paths: pa.StringArray,
    class_names: Sequence[str] | None,
) -> tuple[Manifest, Mapping[str, int]]:
    """Do the same as `label_by_folder`, with a pattern or function."""
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
    """Return a manifest of the images with a target of at least 0."""
    is_named = targets >= 0
    if not is_named.any():
        raise LabelError(
            f"At least one image in {root!r} must have a class in `class_names`, but all "
            f"{len(paths):,} have other classes. Received: class_names={briefly(list(names))}"
        )
    if not is_named.all():
        paths, targets = paths.filter(pa.array(is_named)), targets[is_named]
    return make_manifest(root, names, paths=paths, targets=targets)


def _label_paths(paths: pa.Array, labels: re.Pattern[str] | LabelFunction) -> pa.Array:
    """Return the class name of each path, from a pattern or a function.

    Args:
        paths: Relative paths with `/`, strings.
        labels: A pattern whose only group, or group named `label`, is the class; or a function
            from path to class.

    Raises:
        ArgumentError: The pattern has no group or several, or the function returns something
            other than a string in valid UTF-8.
        LabelError: Some paths get no class.
    """
    label_of = _by_pattern(labels) if isinstance(labels, re.Pattern) else labels
    classes = {path: _call(label_of, path) for path in paths.to_pylist()}
    without = [path for path, label in classes.items() if not label]
    if without:
        source = (
            f"{labels.pattern!r} finds" if isinstance(labels, re.Pattern) else "`labels` returns"
        )
        raise LabelError(
            f"Every image must have a class, but {source} none for {len(without)} of "
            f"{len(classes)}: {listed(without)}"
        )
    return pa.array(list(classes.values()), pa.string())


def _by_pattern(pattern: re.Pattern[str]) -> LabelFunction:
    group: str | int = "label" if "label" in pattern.groupindex else 1
    if not isinstance(pattern.pattern, str) or (group == 1 and pattern.groups != 1):
        raise ArgumentError(
            "A `labels` pattern must have one group, or one named `label`, for the class, such as "
            rf"re.compile(r'([a-z]+)_\d+'). Received: {pattern.pattern!r}"
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
            "A `labels` function must return the name of a class, in valid UTF-8. "
            f"Received: {label!r} for {path!r}"
        )
    return label
