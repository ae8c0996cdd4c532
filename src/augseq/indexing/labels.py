"""Class names: their order, their labels, and checks for suspicious ones."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from augseq.errors import ArgumentError, LabelError
from augseq.indexing.unicode_forms import check_unicode_forms, same_name
from augseq.manifest.classes import is_utf8, sorted_names
from augseq.manifest.manifest import Manifest
from augseq.terminal_text import first_few, listed
from augseq.validation import briefly, did_you_mean, is_ordered, nearest_names


def first_folders(paths: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the first folder of each path."""
    return pc.list_element(pc.split_pattern(paths, "/", max_splits=1), 0)


def name_classes(
    labels: pa.Array | pa.ChunkedArray, class_names: Sequence[str] | None
) -> tuple[tuple[str, ...], pa.Array | pa.ChunkedArray]:
    """Return the names of all classes, and the target of each label.

    Args:
        labels: Strings or integers, with nulls for records without a label. Integers are positions
            in `class_names` if that is given; otherwise they become names.
        class_names: In the order of the targets; None sorts the labels, see `sorted_names`.

    Returns:
        The names, and int32 targets with nulls where labels are null. A label that is not one of
        the names has the target -1.
    """
    if pa.types.is_integer(labels.type) and class_names is not None:
        is_place = pc.and_(
            pc.greater_equal(labels, 0), pc.less(labels, pa.scalar(len(class_names), pa.int64()))
        )
        return tuple(map(str, class_names)), pc.if_else(is_place, labels, -1).cast(pa.int32())
    labels = labels.cast(pa.string())
    names = class_names
    if names is None:
        names = sorted_names(pc.unique(labels.drop_null()).to_pylist())
        check_unicode_forms(names)
    targets = pc.index_in(labels, value_set=pa.array(names, pa.string()))
    return tuple(map(str, names)), pc.if_else(
        pc.is_null(labels), targets, pc.fill_null(targets, -1)
    )


def check_class_names(class_names: Sequence[str] | None) -> None:
    """Raise `ArgumentError` unless these are distinct, ordered names, or None."""
    if class_names is None:
        return
    is_text = is_ordered(class_names) and all(map(is_utf8, class_names))
    if not is_text or len(set(class_names)) != len(class_names):
        raise ArgumentError(
            "`class_names` must be a list of different strings in valid UTF-8, in the order of the "
            f"labels. Received: class_names={briefly(class_names)}"
        )


def check_found(
    class_names: Sequence[str],
    found: Collection[str],
    place: str,
    example_of: Callable[[str], str],
) -> None:
    """Raise `LabelError` if names are not found while other classes are.

    If all existing classes are named, a name that is not found is a class without images.

    Args:
        class_names: As the user gave them.
        found: The existing classes.
        place: Where they were found.
        example_of: Returns the path of an image of one of the `found` classes.
    """
    known, wanted = set(found), set(class_names)
    missing = [name for name in class_names if name not in known]
    others = [name for name in found if name not in wanted]
    if not missing or not others:
        return
    meant = nearest_names(missing[0], others)
    other = meant[0] if meant else others[0]
    hint = same_name(missing[0], others) or did_you_mean(missing[0], others)
    raise LabelError(
        f"No images in {place!r} have the class{'es' * (len(missing) > 1)} {listed(missing)} of "
        f"`class_names` (at the shell: --class-names). {listed(others)} "
        f"{'exists' if len(others) == 1 else 'exist'}, but not in `class_names`.{hint} "
        f"Add {other!r} to index images such as {example_of(other)!r}. "
        "For a class without images, create an empty folder. "
        f"Received: class_names={briefly(list(class_names))}"
    )


def describe_excluded(excluded: Mapping[str, int]) -> Iterator[str]:
    """Yield which classes `class_names` excludes, and how many images they have."""
    if excluded:
        counts = [f"{name!r} ({count:,})" for name, count in excluded.items()]
        classes = "1 class is" if len(counts) == 1 else f"{len(counts)} classes are"
        yield (
            f"{classes} not in `class_names`, so {sum(excluded.values()):,} images are not "
            f"indexed: {first_few(counts)}"
        )


def class_findings(manifest: Manifest, place: str) -> Iterator[str]:
    """Yield warnings about the classes of a manifest.

    Args:
        manifest: With or without labels.
        place: Name of its source in the warnings.
    """
    names = manifest.class_names
    present = set(pc.unique(manifest.table.column("target")).to_pylist())
    empty = [name for label, name in enumerate(names) if label not in present]
    if empty:
        yield f"{len(empty)} of {len(names)} classes in {place} have no images: {listed(empty, 5)}"
    stripped = Counter(map(str.strip, names))
    alike = [name for name in names if stripped[name.strip()] > 1]
    if alike:
        yield f"Classes in {place} differ only in spaces around their names: {listed(alike)}"
    if len(names) == 1:
        yield f"{place} has a single class, {names[0]!r}: a classifier needs at least two."
