"""Find problems and oddities of boxes."""

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import numpy.typing as npt

from augseq.inspection.quality.box_facts import BoxFacts, overlaps_of
from augseq.inspection.quality.facts import Facts
from augseq.inspection.quality.findings import CheckFinding
from augseq.inspection.quality.found_files import FileNames
from augseq.inspection.quality.options import CheckOptions
from augseq.manifest.manifest import Manifest

# Labelling tools round to half a pixel.
_MARGIN_PX = 0.5
_MOST_SHOWN = 2
# Boxes compared with all others at once, to limit memory for thousands of boxes in an image.
_BLOCK = 256


def find_box_problems(
    boxes: BoxFacts, facts: Facts, names: FileNames, options: CheckOptions, manifest: Manifest
) -> Iterator[CheckFinding]:
    """Find boxes that do not fit their images, are repeated, or unusual."""
    yield from names.finding("annotated_size", _other_sizes(facts, manifest))
    values = boxes.objects.boxes
    sides = values[:, 2:] - values[:, :2]
    is_finite = np.isfinite(values).all(axis=1)
    with np.errstate(invalid="ignore"):
        is_valid = is_finite & (sides > 0).all(axis=1) & ~_is_outside(boxes)
        shorter, longer = sides.min(axis=1), sides.max(axis=1)
        rules = {
            "invalid_box": ~is_valid,
            "tiny_box": is_valid & (shorter < options.tiny_box_px),
            "odd_box": is_valid & (longer > options.box_ratio * shorter),
        }
    for kind, is_found in rules.items():
        yield from names.finding(kind, _details(boxes, np.flatnonzero(is_found)))
    for kind, pairs in _repeated(boxes, is_valid, options).items():
        yield from names.finding(kind, pairs)
    counts = np.diff(boxes.starts)
    many = np.flatnonzero(counts > options.many_boxes).tolist()
    yield from names.finding("many_boxes", {k: f"{counts[k]:,} boxes" for k in many})
    yield from names.finding("no_boxes", dict.fromkeys(np.flatnonzero(counts == 0).tolist(), ""))


def _other_sizes(facts: Facts, manifest: Manifest) -> dict[int, str]:
    """Return a text for each image whose size is not the annotated one."""
    columns = ("image_height", "image_width", "box_frame")
    if not set(columns[:2]) <= set(manifest.table.column_names):
        return {}
    present = [name for name in columns if name in manifest.table.column_names]
    rows = manifest.table.select(present).to_pylist()
    found = {}
    for position, probe in facts.usable:
        row = rows[position]
        annotated = (row["image_height"], row["image_width"])
        size = (probe.height, probe.width)
        if row.get("box_frame") == "stored" and (probe.orientation or 1) > 4:
            size = size[::-1]
        if None not in annotated and annotated != size:
            found[position] = (
                f"{size[0]} x {size[1]} px, annotated as {annotated[0]} x {annotated[1]}"
            )
    return found


def _is_outside(boxes: BoxFacts) -> npt.NDArray[np.bool_]:
    values, sizes = boxes.objects.boxes, boxes.sizes[boxes.objects.images]
    is_beyond = np.concatenate(
        [values[:, :2] < -_MARGIN_PX, values[:, 2:] > sizes + _MARGIN_PX], axis=1
    )
    return np.asarray(is_beyond.any(axis=1))


def _details(boxes: BoxFacts, numbers: npt.NDArray[np.int64]) -> dict[int, str]:
    """Return for each image the first few of some boxes, as text."""
    by_image: dict[int, list[int]] = {}
    for number, image in zip(numbers.tolist(), boxes.objects.images[numbers].tolist(), strict=True):
        by_image.setdefault(image, []).append(number)
    return {image: _listed(boxes, found) for image, found in by_image.items()}


def _listed(boxes: BoxFacts, numbers: list[int]) -> str:
    texts = map(boxes.text, islice(numbers, _MOST_SHOWN))
    rest = len(numbers) - _MOST_SHOWN
    return "; ".join(texts) + (f"; and {rest:,} more" if rest > 0 else "")


def _repeated(
    boxes: BoxFacts, is_valid: npt.NDArray[np.bool_], options: CheckOptions
) -> dict[str, dict[int, str]]:
    """Return the images with nearly equal boxes of one class, and of two, with a text."""
    found: dict[str, dict[int, str]] = {"repeated_box": {}, "box_of_two_classes": {}}
    counts = np.diff(boxes.starts)
    for image in np.flatnonzero(counts > 1).tolist():
        start, end = boxes.starts[image : image + 2]
        numbers = start + np.flatnonzero(is_valid[start:end])
        pairs = numbers[_near_pairs(boxes.objects.boxes[numbers], options.box_overlap)]
        if not len(pairs):
            continue
        is_same = boxes.numbers[pairs[:, 0]] == boxes.numbers[pairs[:, 1]]
        for kind, of_kind in zip(found, (pairs[is_same], pairs[~is_same]), strict=True):
            if len(of_kind):
                found[kind][image] = _pairs_text(boxes, of_kind.tolist())
    return found


def _near_pairs(boxes: npt.NDArray[np.float64], limit: float) -> npt.NDArray[np.int64]:
    """Return the pairs of boxes that overlap by at least a limit, shape (num_pairs, 2)."""
    found = [np.zeros((0, 2), np.int64)]
    for start in range(0, len(boxes), _BLOCK):
        overlaps = overlaps_of(boxes[start : start + _BLOCK], boxes[start:])
        found.append(np.argwhere(np.triu(overlaps >= limit, 1)) + start)
    return np.concatenate(found)


def _pairs_text(boxes: BoxFacts, pairs: Iterable[list[int]]) -> str:
    pairs = list(pairs)
    first = " and ".join(map(boxes.text, pairs[0]))
    return first + (f"; and {len(pairs) - 1:,} more pairs" if len(pairs) > 1 else "")
