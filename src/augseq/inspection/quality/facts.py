"""Collect facts about each file, reading it once."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.indexing.look import file_to_see, look_at, num_readers
from augseq.inspection.drawing.thumbnails import bands_of, shown_bands
from augseq.inspection.quality.map_facts import MapFacts, MapLook, MapTarget, look_at_map
from augseq.inspection.quality.similarity import Signature, signature_of
from augseq.manifest.manifest import Manifest
from augseq.manifest.record import Probe, Record
from augseq.parallel_map.map_items import map_items
from augseq.parallel_map.map_options import MapOptions
from augseq.pixels.decode import find_losses
from augseq.pixels.options import DecodeOptions
from augseq.pixels.source import FileSource, files_of
from augseq.types import Image

# What decoders report for files that end too soon; some report only damage.
_TRUNCATED = re.compile(
    r"premature end|truncated file read|(is|are) truncated(?! or damaged)|truncated data", re.I
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Facts about each file, by position in the manifest.

    Attributes:
        probes: Probe of each file that could be read; without a size if it is not a usable image.
        problems: Kind of finding and reason, for files that would stop training.
        losses: What decoding loses, for files that lose something.
        hashes: Perceptual hash of each image, shape (n,); 0 where there is none.
        thumbnails: Grey values, shape (n, 256), uint8; 0 where there is no image.
        maps: What the masks and value maps of each target contain.
    """

    probes: list[Probe | None]
    problems: Mapping[int, tuple[str, str]]
    losses: Mapping[int, frozenset[str]]
    hashes: npt.NDArray[np.uint64]
    thumbnails: npt.NDArray[np.uint8]
    maps: tuple[MapFacts, ...] = ()

    @property
    def usable(self) -> list[tuple[int, Any]]:
        """Position and probe of each file that holds an image."""
        return [
            (position, probe)
            for position, probe in enumerate(self.probes)
            if probe is not None and probe.height is not None
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    probe: Probe | None = None
    problem: tuple[str, str] | None = None
    losses: frozenset[str] = frozenset()
    signature: Signature | None = None
    maps: tuple[MapLook, ...] = ()


def collect_facts(
    manifest: Manifest,
    decode: DecodeOptions,
    targets: Sequence[MapTarget] = (),
    *,
    options: MapOptions,
) -> Facts:
    """Read and decode each file once.

    Besides its probe, 264 bytes per image are kept, for the search for near duplicates.
    """
    source = files_of(manifest, decode)
    results = map_items(
        partial(_facts_of, source, targets),
        manifest,
        options,
        num_items=len(manifest),
        num_threads=num_readers(manifest.root),
        title="Checking",
        must_see=file_to_see(source, manifest),
    )
    probes: list[Probe | None] = []
    problems: dict[int, tuple[str, str]] = {}
    losses: dict[int, frozenset[str]] = {}
    hashes = np.zeros(len(manifest), np.uint64)
    thumbnails = np.zeros((len(manifest), 256), np.uint8)
    maps = tuple(MapFacts(target) for target in targets)
    for position, facts in enumerate(results):
        probes.append(facts.probe)
        if facts.problem is not None:
            problems[position] = facts.problem
        if facts.losses:
            losses[position] = facts.losses
        if facts.signature is not None:
            hashes[position] = facts.signature.bits
            thumbnails[position] = facts.signature.thumbnail
        for collected, seen in zip(maps, facts.maps, strict=False):
            collected.add(position, seen)
    return Facts(
        probes=probes,
        problems=problems,
        losses=losses,
        hashes=hashes,
        thumbnails=thumbnails,
        maps=maps,
    )


def _facts_of(source: FileSource, targets: Sequence[MapTarget], record: Record) -> _Facts:
    look = look_at(source, record, for_manifest=False)
    if look.probe is None or look.data is None or look.image is None:
        reason = look.reason or ""
        is_truncated = look.probe is not None and _TRUNCATED.search(reason)
        return _Facts(
            probe=look.probe, problem=("truncated" if is_truncated else "unreadable", reason)
        )
    probe = look.probe
    is_changed = record.probe is not None and record.probe.content_hash != probe.content_hash
    return _Facts(
        probe=probe,
        problem=("changed", "its content differs") if is_changed else None,
        losses=find_losses(look.data, source.options),
        signature=signature_of(_in_8_bits(look.image, source.options)),
        maps=tuple(look_at_map(target, record, look.image) for target in targets),
    )


def _in_8_bits(image: Image, options: DecodeOptions) -> Image:
    """Return the pixels as they are compared; floats can be outside 0 to 1."""
    if options.color_mode == "bands":
        return shown_bands(image, bands_of(image))[0]
    return image if image.dtype == np.uint8 else (image.clip(0, 1) * 255).round().astype(np.uint8)
