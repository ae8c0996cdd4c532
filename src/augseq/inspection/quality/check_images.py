"""Check the images of a manifest, reading each file once."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import chain

from augseq.inspection.quality.box_facts import read_box_facts
from augseq.inspection.quality.box_rules import find_box_problems
from augseq.inspection.quality.duplicates import find_duplicates
from augseq.inspection.quality.facts import collect_facts
from augseq.inspection.quality.findings import in_order
from augseq.inspection.quality.found_files import name_files
from augseq.inspection.quality.map_facts import counts_by_column, maps_of
from augseq.inspection.quality.map_rules import find_map_problems, find_unused_classes
from augseq.inspection.quality.options import CheckOptions
from augseq.inspection.quality.report import CheckReport
from augseq.inspection.quality.rules import find_imbalance, find_oddities, find_problems
from augseq.inspection.reports.measure_boxes import statistics_of
from augseq.loading.targets.make_targets import TargetOptions, make_inputs, make_targets
from augseq.loading.targets.target import ImageOptions, TargetOption
from augseq.manifest.manifest import Manifest, check_manifest
from augseq.manifest.windows import check_whole_images
from augseq.parallel_map.map_options import MapKind, MapOptions
from augseq.pixels.options import MAX_FILE_BYTES, MAX_PIXELS, ColorMode, DecodeOptions
from augseq.pixels.source import with_readable_bands


def check_images(
    manifest: Manifest,
    options: CheckOptions | None = None,
    *,
    targets: TargetOptions | None = None,
    inputs: Mapping[str, TargetOption] | None = None,
    color_mode: ColorMode = "rgb",
    max_pixels: int = MAX_PIXELS,
    max_file_bytes: int = MAX_FILE_BYTES,
    exif_orientation: bool = True,
    full_depth: bool = False,
    workers: int | None = None,
    worker_kind: MapKind = "threads",
    progress: bool = True,
) -> CheckReport:
    """Decode every image once, and report problems and oddities.

    This finds files that would stop training; identical and nearly identical images, also across
    splits or labels; files whose content does not match their extension; unusual sizes, shapes
    and kinds of images; and empty or imbalanced classes. In a manifest with boxes, it also finds
    boxes that are invalid, repeated, tiny or odd, equal images with other boxes, and classes
    without boxes. With `targets` and `inputs`, it also finds masks, value maps and paired images
    that are missing, unusable, of another size, with unknown values, used twice, or of no image,
    and counts the pixels of each class. Files are never changed. An image that is mirrored,
    rotated, or cropped by more than a few percent does not count as a near duplicate.

    Args:
        manifest: The images; excluded ones are not checked. A column `split`, as created by
            `index_folder(..., splits=...)`, holds the split of each image; to add one, see
            `Manifest.with_column`.
        options: Thresholds; `CheckOptions()` if None.
        targets: As for `ImageSequence`: the masks, value maps and paired images to check, such as
            `augseq.Mask("mask", classes=["road", "car"])`.
        inputs: As for `ImageSequence`, for those that are further inputs.
        color_mode: As for `ImageSequence`; a `PairedImage` must fit it. Images are compared in
            colour nevertheless, and those of "bands" by the first three.
        max_pixels: As for `ImageSequence`, like the next three options: a file that training can
            read with them is not reported as unreadable.
        max_file_bytes: A larger file is unreadable.
        exif_orientation: Whether a file with a damaged orientation is unreadable.
        full_depth: Whether training keeps more than 8 bits.
        workers: Number of files to read at the same time; None for one per core, or 16 of a remote
            folder.
        worker_kind: "threads", or "ray" to read them on the nodes of a Ray cluster, with `workers`
            of its CPUs, if all nodes see the files. See docs/clusters.md.
        progress: Whether long work shows a progress bar.

    Raises:
        ArgumentError: The column of splits does not exist, a target or input is invalid, or
            columns of boxes do not fit each other.
        LabelError: A value in a column of a target or input does not fit.
        WorkerError: The Ray cluster cannot do this; the message names the node.

    Example:
        >>> import augseq
        >>> images = augseq.index_folder("sample_images", progress=False)
        >>> print(augseq.check_images(images, progress=False).headline())
        200 images, 2.3 MB: 2 notes
    """
    check_manifest(manifest)
    check_whole_images(manifest.table, "check_images")
    options = options or CheckOptions()
    reading = MapOptions(workers=workers, worker_kind=worker_kind, progress=progress)
    names = name_files(manifest, options)
    decode = DecodeOptions(
        max_pixels=max_pixels,
        max_file_bytes=max_file_bytes,
        exif_orientation=exif_orientation,
        full_depth=full_depth,
    )
    if color_mode == "bands":
        decode = with_readable_bands(replace(decode, color_mode=color_mode), manifest)
    images = ImageOptions(
        dtype="float32",
        decode=replace(decode, color_mode=color_mode),
    )
    loaded = [make_targets(manifest, targets, None, images), make_inputs(manifest, inputs, images)]
    maps = maps_of(chain.from_iterable(values.values() for values in loaded))
    boxes = read_box_facts(manifest)
    statistics = None if boxes is None else statistics_of(manifest, boxes.objects)
    facts = collect_facts(manifest, decode, maps, options=reading)
    has_labels = manifest.class_names and None not in names.targets
    class_counts = manifest.class_counts() if has_labels else {}
    box_counts = {} if statistics is None else statistics.boxes
    findings = chain(
        find_problems(facts, names),
        find_map_problems(facts.maps, names, manifest),
        find_box_problems(boxes, facts, names, options, manifest) if boxes else (),
        find_duplicates(facts, names, boxes, options, progress=progress),
        find_oddities(facts, names, options),
        find_imbalance(class_counts, options),
        find_unused_classes(facts.maps),
        find_imbalance(box_counts, options, kinds=("unused_box_class", "box_imbalance")),
    )
    return CheckReport(
        manifest=manifest,
        num_bytes=sum(probe.num_bytes for probe in facts.probes if probe is not None),
        class_counts=class_counts,
        split_counts=Counter(split for split in names.splits if split is not None),
        mask_counts=counts_by_column(facts.maps),
        box_statistics=statistics,
        options=options,
        findings=in_order(findings),
    )
