"""Find problems with the files that belong to images: masks, value maps and paired images."""

import os
from collections.abc import Iterator, Sequence

from augseq.inspection.quality.findings import CheckFinding, FoundFile
from augseq.inspection.quality.found_files import FileNames
from augseq.inspection.quality.map_facts import MapFacts, MapTarget, files_of_maps
from augseq.loading.targets.paired_image import PairedTarget
from augseq.manifest.manifest import Manifest
from augseq.remote.url import is_remote

_KINDS = ("missing_map", "unusable_map", "map_size", "map_values")


def find_map_problems(
    maps: Sequence[MapFacts], names: FileNames, manifest: Manifest
) -> Iterator[CheckFinding]:
    """Find files that would stop training, are shared, or belong to no image."""
    for kind in _KINDS:
        texts: dict[int, str] = {}
        for facts in maps:
            for position, (found, text) in facts.problems.items():
                if found == kind:
                    texts[position] = "; ".join(filter(None, [texts.get(position), text]))
        yield from names.finding(kind, dict(sorted(texts.items())))
    target_of = {files_of_maps(facts.target).column: facts.target for facts in maps}
    groups: dict[str, list[list[int]]] = {"maps_across_splits": [], "shared_map": []}
    details: dict[int, str] = {}
    for column, target in target_of.items():
        paths = manifest.table.column(column).to_pylist()
        for group in _shared(paths):
            kind = _kind_of_shared(target, {names.splits[k] for k in group} - {None})
            if kind:
                groups[kind].append(group)
                name = files_of_maps(target).kind
                details |= {position: f"{name} {paths[position]!r}" for position in group}
    for kind, alike in groups.items():
        yield from names.group_finding(kind, alike, details)
    surplus = sorted(set().union(*(_surplus(manifest, column) for column in target_of)))
    if surplus:
        files = tuple(FoundFile(path=path, index=None) for path in surplus)
        yield CheckFinding(kind="surplus_map", files=files)


def find_unused_classes(maps: Sequence[MapFacts]) -> Iterator[CheckFinding]:
    """Find classes without a pixel in any mask."""
    texts = []
    for facts in maps:
        counts = facts.mask_counts
        unused = [name for name, count in counts.images.items() if not count] if counts else []
        if unused and facts.counts:
            texts.append(f"{files_of_maps(facts.target).column!r}: {', '.join(unused)}")
    if texts:
        yield CheckFinding(kind="unused_class", files=(), detail="; ".join(texts))


def _kind_of_shared(target: MapTarget, splits: set[str | None]) -> str:
    """Return the kind of finding for images with the same file; empty if that is usual."""
    if target.own_source is not None:
        return ""
    if len(splits) > 1:
        return "maps_across_splits"
    # Several noisy or dark photos often have the same good one.
    return "" if isinstance(target, PairedTarget) else "shared_map"


def _shared(paths: Sequence[str]) -> list[list[int]]:
    """Return the positions of images that have the same file."""
    positions: dict[str, list[int]] = {}
    for position, path in enumerate(paths):
        positions.setdefault(path, []).append(position)
    return [group for group in positions.values() if len(group) > 1]


def _surplus(manifest: Manifest, column: str) -> set[str]:
    """Return the files beside those of a column, with the same extensions, that no image has."""
    if is_remote(manifest.root):
        return set()
    rows = [manifest.table, manifest.excluded]
    # Only own columns exist for excluded records too; nulls are not paths.
    used = {path for table in rows for path in table.column(column).to_pylist() if path}
    images = {path for table in rows for path in table.column("path").to_pylist()}
    endings = {os.path.splitext(path)[1].lower() for path in used}
    found: set[str] = set()
    for folder in {os.path.dirname(path) for path in used}:
        for name in _file_names(os.path.join(manifest.root, folder)):
            if os.path.splitext(name)[1].lower() in endings and not name.startswith("."):
                found.add(f"{folder}/{name}".lstrip("/"))
    return found - used - images


def _file_names(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_file()]
    except OSError:
        # A missing folder is reported for each of its files.
        return []
