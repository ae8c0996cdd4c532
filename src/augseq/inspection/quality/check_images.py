"""Check the images of a manifest: one look at each file, then everything that can be said."""

from collections import Counter
from itertools import chain

from augseq.inspection.quality.duplicates import find_duplicates
from augseq.inspection.quality.facts import collect_facts
from augseq.inspection.quality.findings import in_order
from augseq.inspection.quality.found_files import name_files
from augseq.inspection.quality.options import CheckOptions
from augseq.inspection.quality.report import CheckReport
from augseq.inspection.quality.rules import find_imbalance, find_oddities, find_problems
from augseq.manifest.manifest import Manifest, check_manifest
from augseq.pixels.options import MAX_FILE_BYTES, MAX_PIXELS, DecodeOptions


def check_images(
    manifest: Manifest,
    options: CheckOptions | None = None,
    *,
    max_pixels: int = MAX_PIXELS,
    max_file_bytes: int = MAX_FILE_BYTES,
    exif_orientation: bool = True,
    full_depth: bool = False,
    progress: bool = True,
) -> CheckReport:
    """Decode every image once, and report what is wrong or strange in them.

    It finds files that training would stop at; identical and nearly identical images, also in
    different splits or under different labels; files whose content is of another format than
    their names say; sizes, shapes and kinds of images that are worth a look; and classes without
    images or out of balance. Files are only read. Where an image is mirrored, turned, or cut by
    more than a few percent, it is no near duplicate.

    Args:
        manifest: Which images; those that are excluded are not looked at. A column `split`, as
            `index_folder(..., splits=...)` makes it, tells splits apart; for a list of parts,
            see `Manifest.with_column`.
        options: From where on something is reported; `CheckOptions()` if None.
        max_pixels: As it will be for `ImageSequence`, and so are the next three: a file that
            training can read with them is not reported as unreadable.
        max_file_bytes: A longer file is unreadable.
        exif_orientation: Whether a file is unreadable whose orientation is damaged.
        full_depth: Whether training keeps more than 8 bits.
        progress: Whether long work shows a progress bar.

    Raises:
        ArgumentError: There is no such column of splits.

    Example:
        >>> import augseq
        >>> images = augseq.index_folder("sample_images", progress=False)
        >>> print(augseq.check_images(images, progress=False).headline())
        200 images, 2.3 MB: 2 notes
    """
    check_manifest(manifest)
    options = options or CheckOptions()
    names = name_files(manifest, options)
    decode = DecodeOptions(
        max_pixels=max_pixels,
        max_file_bytes=max_file_bytes,
        exif_orientation=exif_orientation,
        full_depth=full_depth,
    )
    facts = collect_facts(manifest, decode, progress=progress)
    has_labels = manifest.class_names and None not in names.targets
    class_counts = manifest.class_counts() if has_labels else {}
    findings = chain(
        find_problems(facts, names),
        find_duplicates(facts, names, options, progress=progress),
        find_oddities(facts, names, options),
        find_imbalance(class_counts, options),
    )
    return CheckReport(
        manifest=manifest,
        num_bytes=sum(probe.num_bytes for probe in facts.probes if probe is not None),
        class_counts=class_counts,
        split_counts=Counter(split for split in names.splits if split is not None),
        options=options,
        findings=in_order(findings),
    )
