"""Find problems and oddities in single files, and imbalance between classes."""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from augseq.inspection.quality.facts import Facts
from augseq.inspection.quality.findings import CheckFinding
from augseq.inspection.quality.found_files import FileNames
from augseq.inspection.quality.options import CheckOptions
from augseq.manifest.record import Probe
from augseq.pixels.decoders.registry import format_named
from augseq.terminal_text import first_few

_TURNS = {
    2: "mirrored",
    3: "rotated by 180°",
    4: "mirrored and rotated by 180°",
    5: "mirrored and rotated by 90°",
    6: "rotated by 90°",
    7: "mirrored and rotated by 270°",
    8: "rotated by 270°",
}
_GREY_MODES = ("1", "L", "LA", "La", "I;16", "I;16L", "I;16B", "I;16N")

Rule: TypeAlias = Callable[[Probe, CheckOptions], str]
"""Returns what is unusual about an image; empty for nothing."""


def find_problems(facts: Facts, names: FileNames) -> Iterator[CheckFinding]:
    """Find the files that would stop training."""
    for kind in ("unreadable", "truncated", "changed"):
        details = {place: text for place, (found, text) in facts.problems.items() if found == kind}
        yield from names.finding(kind, details)


def find_oddities(facts: Facts, names: FileNames, options: CheckOptions) -> Iterator[CheckFinding]:
    """Find what is unusual about single usable files."""
    usable = facts.usable
    suffixes = {place: _other_format(names.paths[place], probe) for place, probe in usable}
    yield from names.finding("wrong_extension", {k: text for k, text in suffixes.items() if text})
    for kind, rule in _RULES.items():
        details = {place: rule(probe, options) for place, probe in usable}
        yield from names.finding(kind, {place: text for place, text in details.items() if text})
    for kind, loss in (("sixteen_bit", "16 bit"), ("transparent", "transparency")):
        lost = [place for place, losses in facts.losses.items() if loss in losses]
        yield from names.finding(kind, dict.fromkeys(lost, ""))


def find_imbalance(
    counts: Mapping[str, int],
    options: CheckOptions,
    *,
    kinds: tuple[str, str] = ("empty_class", "imbalance"),
) -> Iterator[CheckFinding]:
    """Find classes without images or boxes, and classes with many fewer than others.

    Args:
        counts: Number of images or boxes by class.
        options: The options of the check.
        kinds: The kinds of both findings.
    """
    empty = [name for name, count in counts.items() if not count]
    if empty:
        yield CheckFinding(kind=kinds[0], files=(), detail=first_few(empty, 10))
    present = {name: count for name, count in counts.items() if count}
    if not present:
        return
    small, large = min(present, key=present.__getitem__), max(present, key=present.__getitem__)
    ratio = present[large] / present[small]
    if ratio > options.imbalance:
        detail = f"{present[large]:,} of {large}, {present[small]:,} of {small}: {ratio:.1f} to 1"
        yield CheckFinding(kind=kinds[1], files=(), detail=detail)


def _other_format(path: str, probe: Probe) -> str:
    image_format = format_named(probe.format)
    suffix = os.path.splitext(path)[1].lower()
    if image_format is None or suffix in image_format.endings:
        return ""
    return f"is {probe.format}"


def _tiny(probe: Probe, options: CheckOptions) -> str:
    return _size(probe) if min(_sides(probe)) < options.tiny_px else ""


def _huge(probe: Probe, options: CheckOptions) -> str:
    height, width = _sides(probe)
    return _size(probe) if height * width > options.huge_pixels else ""


def _odd_aspect_ratio(probe: Probe, options: CheckOptions) -> str:
    sides = _sides(probe)
    return _size(probe) if max(sides) > options.aspect_ratio * min(sides) else ""


def _frames(probe: Probe) -> str:
    frames = probe.num_frames or 1
    # Pictures that phones append to a photo are not an animation.
    return f"{frames} frames" if frames > 1 and probe.format != "MPO" else ""


def _sides(probe: Probe) -> tuple[int, int]:
    return probe.height or 0, probe.width or 0


def _size(probe: Probe) -> str:
    return f"{probe.height} x {probe.width} px"


_RULES: dict[str, Rule] = {
    "animated": lambda probe, _: _frames(probe),
    "tiny": _tiny,
    "huge": _huge,
    "odd_aspect_ratio": _odd_aspect_ratio,
    "rotated": lambda probe, _: _TURNS.get(probe.orientation or 1, ""),
    "grayscale": lambda probe, _: f"mode {probe.mode}" * (probe.mode in _GREY_MODES),
}
