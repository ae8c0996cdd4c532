"""What there is to know about each file, from one look at it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.errors import AugseqError, DecodeError
from augseq.indexing.probing import cause_of, is_fault_of_storage, num_readers
from augseq.inspection.quality.similarity import Signature, signature_of
from augseq.manifest.manifest import Manifest
from augseq.manifest.record import Probe, Record
from augseq.pixels.decode import find_losses
from augseq.pixels.options import DecodeOptions
from augseq.pixels.probe import probe_file
from augseq.pixels.source import FileSource, files_of
from augseq.threaded_map import map_in_threads
from augseq.types import Image

# What the decoders say of files that end too soon; where they only say "damaged", so do we.
_TRUNCATED = re.compile("premature end|truncated file read|is truncated|truncated data", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one look at each file found out, by position in the manifest.

    Attributes:
        probes: Of each file that could be read; without a size for no usable image.
        problems: Kind of finding and reason, for those that training would stop at.
        losses: What decoding takes away, for those that lose something.
        hashes: Perceptual hash of each image, shape (n,); 0 where there is none.
        thumbnails: Grey values, shape (n, 256), uint8; 0 where there is no image.
    """

    probes: list[Probe | None]
    problems: Mapping[int, tuple[str, str]]
    losses: Mapping[int, frozenset[str]]
    hashes: npt.NDArray[np.uint64]
    thumbnails: npt.NDArray[np.uint8]

    @property
    def usable(self) -> list[tuple[int, Any]]:
        """Position and probe of each file that holds an image."""
        return [
            (position, probe)
            for position, probe in enumerate(self.probes)
            if probe is not None and probe.height is not None
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    probe: Probe | None = None
    problem: tuple[str, str] | None = None
    losses: frozenset[str] = frozenset()
    signature: Signature | None = None


def collect_facts(manifest: Manifest, decode: DecodeOptions, *, progress: bool) -> Facts:
    """Read and decode each file once.

    Beside its probe, 264 bytes are kept of each image, for the search for near duplicates.
    """
    source = files_of(manifest, decode)
    looks = map_in_threads(
        partial(_look_at, source),
        manifest,
        num_items=len(manifest),
        num_threads=num_readers(manifest.root),
        title="Checking",
        progress=progress,
    )
    probes: list[Probe | None] = []
    problems: dict[int, tuple[str, str]] = {}
    losses: dict[int, frozenset[str]] = {}
    hashes = np.zeros(len(manifest), np.uint64)
    thumbnails = np.zeros((len(manifest), 256), np.uint8)
    for position, look in enumerate(looks):
        probes.append(look.probe)
        if look.problem is not None:
            problems[position] = look.problem
        if look.losses:
            losses[position] = look.losses
        if look.signature is not None:
            hashes[position] = look.signature.bits
            thumbnails[position] = look.signature.thumbnail
    return Facts(
        probes=probes, problems=problems, losses=losses, hashes=hashes, thumbnails=thumbnails
    )


def _look_at(source: FileSource, record: Record) -> _Look:
    try:
        data, modified_ns = source.read(record)
    except AugseqError as error:
        if is_fault_of_storage(error, source.root):
            raise
        return _Look(problem=("unreadable", cause_of(error)))
    probe, image = probe_file(data, modified_ns or 0, source.options)
    if isinstance(image, DecodeError):
        kind = "truncated" if _TRUNCATED.search(str(image)) else "unreadable"
        return _Look(probe=probe, problem=(kind, str(image)))
    is_changed = record.probe is not None and record.probe.content_hash != probe.content_hash
    return _Look(
        probe=probe,
        problem=("changed", "its bytes are others") if is_changed else None,
        losses=find_losses(data, source.options),
        signature=signature_of(_in_8_bits(image)),
    )


def _in_8_bits(image: Image) -> Image:
    """Return the pixels as they are compared; floats may lie outside of 0 to 1."""
    return image if image.dtype == np.uint8 else (image.clip(0, 1) * 255).round().astype(np.uint8)
