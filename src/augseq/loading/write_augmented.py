"""Write an augmented dataset to a folder: images, and what belongs to them."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from augseq.errors import ArgumentError
from augseq.indexing.annotations.write_coco import write_coco
from augseq.indexing.annotations.write_voc import write_voc_files
from augseq.indexing.annotations.write_yolo import splits_of, write_yolo_files
from augseq.loading.pipeline import Pipeline
from augseq.loading.plan import BatchPlan
from augseq.loading.sample import Sample, load_sample
from augseq.loading.targets.box_format import CORNERS
from augseq.loading.targets.boxes_target import BoxesTarget
from augseq.loading.targets.key_points_target import KeyPointsTarget
from augseq.loading.targets.label import LabelTarget
from augseq.loading.targets.target import Target
from augseq.loading.targets.view import ObjectsView, TargetView
from augseq.loading.written_objects import check_corners, dataset_info_of, object_columns
from augseq.manifest.derived import derived_manifest
from augseq.manifest.manifest import Manifest
from augseq.manifest.record import Record
from augseq.manifest.storage import write_manifest
from augseq.parallel_map.map_items import map_items
from augseq.parallel_map.map_options import MapOptions
from augseq.pixels.write_image import WrittenImages, write_mask, write_values
from augseq.runtime.cores import num_cores
from augseq.storage.member_path import extracted_path
from augseq.storage.new_folder import new_folder
from augseq.storage.visible_file import visible_file
from augseq.types import PathLike, Value
from augseq.validation import check_choice, check_whole

AnnotationFormat: TypeAlias = Literal["coco", "voc", "yolo"]

MANIFEST = "manifest.parquet"
_COCO, _VOC, _IMAGES = "annotations.json", "annotations", "images"
_NOT_IN_NAMES = ("/", "\\", "\0")

_Place: TypeAlias = tuple[int, int | None]
"""Position and label of an image; a mirrored one can have another label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFiles:
    """What is written for each image.

    Attributes:
        images: How images are written.
        copies: Number of augmented versions of each image.
        annotations: Format of the boxes and key points; None for none.
        making: Where the images are made.
    """

    images: WrittenImages
    copies: int = 1
    annotations: AnnotationFormat | None = None
    making: MapOptions = field(default_factory=MapOptions)

    def __post_init__(self) -> None:
        check_whole("copies", self.copies, least=1)
        if self.annotations is not None:
            check_choice("annotations", self.annotations, get_args(AnnotationFormat))


class _ToWrite(NamedTuple):
    """An image to write: its names, without their ending, by label."""

    record: Record
    position: int
    epoch: int
    names: Mapping[int | None, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """A sample that was written."""

    path: str
    source: str
    position: int
    epoch: int
    shape: tuple[int, ...]
    columns: Mapping[str, Any]
    objects: list[ObjectsView]
    maps: Mapping[str, str] = field(default_factory=dict)


def write_augmented(plan: BatchPlan, folder: PathLike, files: WrittenFiles) -> Manifest:
    """Do what `ImageSequence.write_augmented` does.

    Raises:
        ArgumentError: The folder is not empty, or something cannot be written.
        AugseqError: A sample cannot be loaded; the message names it.
        OSError: A file cannot be written.
    """
    if plan.pipeline.mix is not None:
        raise ArgumentError(
            "`write_augmented` writes each image with its own targets, but `mix` mixes them with "
            "those of another one. Write the images of a sequence without `mix`. "
            f"Received: mix={plan.pipeline.mix.text}"
        )
    if files.annotations is not None:
        _check_objects(plan.pipeline.kinds, files.annotations)
    if files.annotations == "yolo":
        splits_of(plan.manifest)
    with new_folder(folder) as draft:
        return _write(plan, draft, os.path.abspath(folder), files)


def _write(plan: BatchPlan, draft: Path, root: str, files: WrittenFiles) -> Manifest:
    in_classes = files.annotations is None
    name_of = _names(plan.manifest, plan.targets.values(), in_classes=in_classes)
    # Not the plan: its manifest can have a million records.
    write = partial(_write_sample, plan.pipeline, plan.schedule.seed, draft, files)
    # The nodes write too, so they must see the folder.
    with visible_file(str(draft)) as must_see:
        written = list(
            map_items(
                write,
                _items(plan.manifest, files.copies, name_of),
                files.making,
                num_items=files.copies * len(plan.manifest),
                num_threads=num_cores(),
                title="Writing",
                must_see=must_see,
            )
        )
    manifest = _manifest(plan, written, root, files)
    _write_annotations(manifest, draft, files)
    write_manifest(manifest, draft / MANIFEST)
    return manifest


def _items(manifest: Manifest, copies: int, name_of: Mapping[_Place, str]) -> Iterator[_ToWrite]:
    """Yield the images to write."""
    names: list[dict[int | None, str]] = [{} for _ in range(len(manifest))]
    for (position, label), name in name_of.items():
        names[position][label] = name
    for epoch in range(copies):
        for position, record in enumerate(manifest):
            yield _ToWrite(record, position, epoch, names[position])


def _names(
    manifest: Manifest, targets: Iterable[Target], *, in_classes: bool
) -> Mapping[_Place, str]:
    """Return the path of each image below the folder, without its ending, by position and label.

    Args:
        manifest: The images.
        targets: Their targets: a mirrored image can have another label.
        in_classes: Whether each image is in a folder with the name of its class.

    Raises:
        ArgumentError: The name of a class cannot be that of a folder, or two images would have
            the same name.
    """
    paths = [_path_of(record) for record in manifest]
    labels = manifest.table.column("target").to_pylist()
    places: list[_Place] = list(enumerate(labels))
    for mirror in (one.class_mirror for one in targets if isinstance(one, LabelTarget)):
        if mirror is not None:
            places += enumerate(mirror.partners[label] for label in labels)
    names: dict[_Place, str] = {}
    # "images" becomes the folder of the written images.
    start = f"{manifest.images_folder or 'images'}/"
    for position, label in places:
        path, folder = paths[position].removeprefix(start), ""
        if in_classes and manifest.class_names and label is not None:
            folder = _folder_name(manifest.class_names[label])
        is_inside = not folder or path.startswith(f"{folder}/")
        names[position, label] = path if is_inside else f"{folder}/{path}"
    twice = [name for name, count in Counter(names.values()).items() if count > 1]
    if twice and len(places) > len(labels):
        raise ArgumentError(
            "The mirrored version of an image is written to the folder of its other class, where "
            f"another image has the same name. Received: {twice[0]!r}. Rename that file."
        )
    stems = {place: str(PurePosixPath(name).with_suffix("")) for place, name in names.items()}
    counts = Counter(stem.casefold() for stem in stems.values())
    # Of "1.jpg" and "1.png", both keep their ending, such as "1.jpg_0.png".
    return {
        place: names[place] if counts[stem.casefold()] > 1 else stem
        for place, stem in stems.items()
    }


def _path_of(record: Record) -> str:
    """Return a different path for each record: that of its file, with the place of a tile."""
    if record.window is None:
        return extracted_path(record.path)
    path = PurePosixPath(extracted_path(record.path))
    return str(path.with_name(f"{path.name}_{record.window.top}_{record.window.left}.tile"))


def _folder_name(class_name: str) -> str:
    if class_name in ("", ".", "..") or any(part in class_name for part in _NOT_IN_NAMES):
        raise ArgumentError(
            "The name of each class must be possible as that of a folder. Received: "
            f"{class_name!r}. Rename it, or pass `annotations` for another layout."
        )
    return class_name


def _write_sample(
    pipeline: Pipeline, seed: int, draft: Path, files: WrittenFiles, item: _ToWrite
) -> _Written:
    record, position, epoch, names = item
    sample = load_sample(record, pipeline, seed=seed, epoch=epoch)
    where = f"{record}, epoch {epoch}"
    values = {**sample.inputs, **sample.targets}
    columns = _changed_columns(sample, values)
    name = f"{names[columns.get('target', record.target)]}_{epoch}"
    # With annotations or maps, images have a folder of their own.
    views = {key: kind.view(values[key]) for key, kind in sample.kinds.items() if key in values}
    maps = {view.title or key: view for key, view in views.items() if _is_map(view)}
    objects = [view.objects for view in views.values() if view.objects is not None]
    if files.annotations is not None:
        for view in objects:
            check_corners(view, sample.image.shape, where)
    is_nested = files.annotations is not None or bool(maps)
    path = f"images/{name}{files.images.ending}" if is_nested else f"{name}{files.images.ending}"
    files.images.write(sample.image, draft / path, where)
    return _Written(
        path=path,
        source=record.path,
        position=position,
        epoch=epoch,
        shape=sample.image.shape,
        columns=columns,
        objects=objects,
        maps={column: _write_map(view, draft, f"{column}/{name}", files, where)
              for column, view in maps.items()},
    )  # fmt: skip


def _changed_columns(sample: Sample, values: Mapping[str, Value]) -> dict[str, Any]:
    """Return the columns of the classes that can change places, as they are in a sample."""
    found: dict[str, Any] = {}
    for name, kind in sample.kinds.items():
        if kind.class_mirror is not None and not kind.map_kind:
            found |= kind.columns_of(values[name])
    return found


def _is_map(view: TargetView) -> bool:
    return any(part is not None for part in (view.labels, view.values, view.image))


def _write_map(view: TargetView, draft: Path, name: str, files: WrittenFiles, where: str) -> str:
    """Write a mask, value map or image of a target, and return its path."""
    if view.labels is not None:
        write_mask(view.labels, draft / f"{name}.png")
        return f"{name}.png"
    if view.values is not None:
        write_values(view.values, draft / f"{name}.npy")
        return f"{name}.npy"
    assert view.image is not None
    files.images.write(view.image, draft / f"{name}{files.images.ending}", where)
    return f"{name}{files.images.ending}"


def _manifest(
    plan: BatchPlan, written: Sequence[_Written], root: str, files: WrittenFiles
) -> Manifest:
    """Return the manifest of the written images."""
    source = plan.manifest
    columns: dict[str, list[Any]] = {
        "path": [one.path for one in written],
        "source_path": [one.source for one in written],
        "epoch": [one.epoch for one in written],
    }
    for name in written[0].columns if written else ():
        columns[name] = [one.columns[name] for one in written]
    maps = list(written[0].maps) if written else []
    for name in maps:
        columns[name] = [one.maps[name] for one in written]
    views = [one.objects[0] for one in written if one.objects]
    dataset_info = ""
    if files.annotations is not None:
        columns |= object_columns(views, [one.shape for one in written], source.dataset_info)
        dataset_info = dataset_info_of(views, source.dataset_info, _mirror(plan.pipeline.kinds))
    return derived_manifest(
        source,
        [one.position for one in written],
        columns,
        root=root,
        dataset_info=dataset_info,
        images_folder=_IMAGES if maps or files.annotations else "",
        path_columns=maps,
    )


def _mirror(kinds: Mapping[str, Target]) -> Sequence[int] | None:
    """Return the partner of each key point; None without key points, or if it is not known."""
    for kind in kinds.values():
        points = kind.key_points if isinstance(kind, BoxesTarget) else kind
        if isinstance(points, KeyPointsTarget):
            return points.mirror
    return None


def _check_objects(kinds: Mapping[str, Target], annotations: AnnotationFormat) -> None:
    """Raise `ArgumentError` if the format cannot hold the boxes and key points."""
    boxes = [name for name, kind in kinds.items() if isinstance(kind, BoxesTarget)]
    points = [name for name, kind in kinds.items() if isinstance(kind, KeyPointsTarget)]
    found = [*boxes, *points]
    if len(found) != 1:
        way_out = "Write each with a sequence of its own."
        if boxes and points:
            way_out = (
                "For the key points of the same objects, pass "
                "targets=augseq.Boxes(key_points=augseq.KeyPoints())."
            )
        elif not found:
            way_out = "Without boxes, remove `annotations`."
        raise ArgumentError(
            f"annotations={annotations!r} requires one target of boxes or key points, such as "
            "targets=augseq.Boxes(), since each object is written once. Received: "
            f"{', '.join(map(repr, found)) or 'no such target'}. {way_out}"
        )
    kind = kinds[found[0]]
    has_points = not isinstance(kind, BoxesTarget) or kind.key_points is not None
    if annotations == "voc" and has_points:
        raise ArgumentError(
            "Pascal VOC files cannot contain key points. Received: annotations='voc', and key "
            f"points in the target {found[0]!r}. Pass annotations='coco' or 'yolo'."
        )
    if annotations == "voc" and isinstance(kind, BoxesTarget) and kind.format in CORNERS:
        raise ArgumentError(
            "Pascal VOC files cannot contain oriented boxes. Received: annotations='voc', and "
            f"boxes in the format {kind.format!r}. Pass annotations='coco' or 'yolo', or "
            'format="xyxy" to augseq.Boxes, which writes upright boxes around them.'
        )


def _write_annotations(manifest: Manifest, draft: Path, files: WrittenFiles) -> None:
    if files.annotations == "coco":
        # Names in the file are relative to the folder of the file.
        write_coco(manifest, draft / _COCO)
    elif files.annotations == "voc":
        (draft / _VOC).mkdir()
        write_voc_files(manifest, draft / _VOC, below=_IMAGES)
    elif files.annotations == "yolo":
        write_yolo_files(manifest, draft, images="none")
