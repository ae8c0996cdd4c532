"""Distinguish split folders, such as train and test, from class folders."""

import os
import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from augseq.errors import LabelError
from augseq.indexing.labels import first_folders
from augseq.manifest.split import SplitKind, split_kind
from augseq.remote.url import address_below, is_remote
from augseq.terminal_text import listed

# Matches "train", "Training_Set", "seg_test", "val2017" and "TestImages".
_WORD = re.compile(r"[^\W\d_]+")
_CAMEL_CASE = re.compile(r"(?<=[a-z])(?=[A-Z])")
_COMPOUND = re.compile(r"(train|val|valid|test)(set|data|images?|imgs?)")
_MORE_KINDS: dict[str, SplitKind] = {"eval": "test", "evaluation": "test", "holdout": "test"}
_DEEPER = r"^[^/]+/[^/]+/([^/]+)/"
_DEEPER_PATTERN = f'labels=re.compile(r"{_DEEPER}") (--label-pattern {shlex.quote(_DEEPER)})'
# Longer lists would make the message hard to read.
_MOST_NAMES = 12
_PLACE = {"train": 0, "val": 1, "test": 2}
# Folder names that are never classes.
_GENERIC = frozenset({"images", "image", "imgs", "img", "jpegimages", "data", "photos", "pictures"})


def check_no_splits(root: str, paths: pa.StringArray, folders: Mapping[str, int]) -> Iterator[str]:
    """Raise `LabelError` if the classes are clearly splits; warn if they may be.

    Splits are folders such as `train` and `test`: at least two kinds, which either contain the
    same sub-folders or are the only folders. A class "train" next to "plane" is not a split.

    Args:
        root: Root of the images.
        paths: Paths of all images, sorted.
        folders: Folders directly below the root, with the number of images in each.
    """
    names = [name for name, count in folders.items() if count]
    prefix = ""
    while len(names) == 1:
        prefix += f"{names[0]}/"
        names = _sub_folders(paths, prefix)
    found = _find_splits(paths, prefix, names)
    place = _joined(root, prefix)
    if found is None:
        if prefix and len(names) > 1:
            yield (
                f"All labelled images are in {prefix!r}. If its sub-folders {listed(names)} are "
                f"the classes, index {place!r} instead."
            )
        return
    if found.is_certain:
        raise LabelError(f"{_describe(found, place)} {_way_out(found, place, prefix)}")
    yield f"{_describe(found, place)} {_way_out(found, place, prefix)}"


def describe_deeper_classes(paths: pa.StringArray, folders: Mapping[str, int]) -> Iterator[str]:
    """Yield where the classes may be if all splits have the same single folder.

    Args:
        paths: Paths of all images, sorted.
        folders: Folders directly below the splits, as "train/images", with the number of images
            in each.
    """
    with_images = [folder for folder, count in folders.items() if count]
    if len({folder.rpartition("/")[2] for folder in with_images}) != 1:
        return
    below = {name for folder in with_images for name in _sub_folders(paths, f"{folder}/")}
    if len(below) > 1:
        yield (
            f"All labelled images are in {listed(with_images)}. If the sub-folders "
            f"{listed(sorted(below))} are the classes, index with {_DEEPER_PATTERN}."
        )


@dataclass(frozen=True, slots=True)
class _Splits:
    """Folders that look like splits.

    Attributes:
        names: In the usual order: train, val, test.
        shared: Names of sub-folders that several of them have.
        num_levels: Depth of the class folders below the splits; 0 if there are none.
        others: Folders next to the splits.
        is_certain: Whether they are clearly splits.
    """

    names: Sequence[str]
    shared: Sequence[str]
    num_levels: int
    others: Sequence[str]
    is_certain: bool


def _find_splits(paths: pa.StringArray, prefix: str, names: Sequence[str]) -> _Splits | None:
    kind_of = _split_names(names)
    if not kind_of:
        return None
    below_any = _sub_folders_of_all(paths, prefix, num_levels=1)
    below_those = _sub_folders_of_all(paths, prefix, num_levels=2)
    below = {name: below_any.get((name,), []) for name in names}
    deeper = {
        name: below_those.get((name, *folders), [])
        for name, folders in below.items()
        if len(folders) == 1 and _is_wrapper(folders[0], name)
    }
    is_deeper = all(name in deeper for name in kind_of)
    if is_deeper:
        num_levels = 2 if any(deeper[name] for name in kind_of) else 0
    else:
        num_levels = int(any(below[name] for name in kind_of))
    shared = _shared(deeper, kind_of) if num_levels == 2 else _shared(below, kind_of)
    inside = deeper if num_levels == 2 else below
    others = [name for name in names if name not in kind_of]
    are_alike = bool(shared) and not any(set(shared) & set(inside.get(o, ())) for o in others)
    if not are_alike and "train" not in kind_of.values():
        return None
    return _Splits(
        names=sorted(kind_of, key=lambda name: (_PLACE[kind_of[name]], name)),
        shared=shared,
        num_levels=num_levels,
        others=others,
        is_certain=are_alike or not others,
    )


def _shared(below: Mapping[str, Sequence[str]], splits: Collection[str]) -> list[str]:
    """Return the names of sub-folders that several splits have."""
    counts = Counter(folder for name in splits for folder in below[name])
    return sorted(folder for folder, count in counts.items() if count > 1)


def _is_wrapper(folder: str, split: str) -> bool:
    """Return whether the only sub-folder of a split contains the classes."""
    return folder.casefold() in {*_GENERIC, split.casefold()} or any(map(_kind, _words(folder)))


def _split_names(names: Collection[str]) -> dict[str, SplitKind]:
    """Return the names that differ only in the word for the split."""
    alike: dict[tuple[str, ...], dict[str, SplitKind]] = defaultdict(dict)
    for name in names:
        words = _words(name)
        kinds = [word for word in words if _kind(word)]
        if len(kinds) == 1:
            rest = tuple(word for word in words if word != kinds[0])
            kind = _kind(kinds[0])
            assert kind is not None
            alike[rest][name] = kind
    groups = [group for group in alike.values() if len(set(group.values())) > 1]
    return {name: kind for group in groups for name, kind in group.items()}


def _words(name: str) -> list[str]:
    words = _WORD.findall(_CAMEL_CASE.sub(" ", name).casefold())
    return _WORD.findall(" ".join(_COMPOUND.sub(r"\1 \2", word) for word in words))


def _kind(word: str) -> SplitKind | None:
    return split_kind(word) or _MORE_KINDS.get(word)


def _sub_folders(paths: pa.StringArray, prefix: str) -> list[str]:
    """Return the folders directly below a prefix that contain images at any depth."""
    below = _below(paths, prefix)
    below = below.filter(pc.match_substring(below, "/"))
    return sorted(pc.unique(first_folders(below)).to_pylist())


def _sub_folders_of_all(
    paths: pa.StringArray, prefix: str, *, num_levels: int
) -> dict[tuple[str, ...], list[str]]:
    """Return the sub-folders of each folder that is `num_levels` below a prefix.

    One pass over the paths: calling `_sub_folders` for each of 1000 folders took seconds.
    """
    parts = pc.split_pattern(_below(paths, prefix), "/", max_splits=num_levels + 1)
    parts = parts.filter(pc.greater(pc.list_value_length(parts), num_levels + 1))
    levels = {f"{level}": pc.list_element(parts, level) for level in range(num_levels + 1)}
    found: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for row in pa.table(levels).group_by(list(levels)).aggregate([]).to_pylist():
        *above, folder = row.values()
        found[tuple(above)].append(folder)
    return {above: sorted(folders) for above, folders in found.items()}


def _below(paths: pa.StringArray, prefix: str) -> pa.StringArray:
    inside = paths.filter(pc.starts_with(paths, prefix))
    return pc.utf8_slice_codeunits(inside, len(prefix))


def _joined(root: str, prefix: str) -> str:
    below = prefix.rstrip("/")
    if not is_remote(root):
        return os.path.join(root, *below.split("/")).rstrip("/")
    return address_below(root, below) if below else root


def _describe(found: _Splits, place: str) -> str:
    why = f": they have the same sub-folders, {listed(found.shared)}" if found.shared else ""
    return f"The folders {listed(found.names)} in {place!r} look like splits, not classes{why}."


def _way_out(found: _Splits, place: str, prefix: str) -> str:
    where = f"index {place!r} with " if prefix else "index with "
    splits = f"splits={list(found.names)} (at the shell: --splits {_shell(found.names)})"
    if found.num_levels == 0:
        splits += (
            "; they contain no class folders, so derive the labels from file names or a table (see "
            "`labels`, `index_table`), or pass labels=None (--no-labels)"
        )
    elif found.num_levels == 2:
        splits += f", and {_DEEPER_PATTERN}, since the class folders are one level deeper"
    everything = sorted([*found.names, *found.others])
    if len(everything) > _MOST_NAMES:
        return f"If so, {where}{splits}. If they are classes, list all of them in `class_names`."
    return (
        f"If so, {where}{splits}. If they are classes, list them: class_names={everything} "
        f"(--class-names {_shell(everything)})."
    )


def _shell(names: Sequence[str]) -> str:
    return shlex.quote(",".join(names))
