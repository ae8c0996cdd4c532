"""Write an augmented dataset to a folder: images, and what belongs to them."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeAlias, get_args

from augseq.errors import ArgumentError
from augseq.indexing.annotations.write_coco import write_coco
from augseq.indexing.annotations.write_voc import write_voc
from augseq.indexing.annotations.write_yolo import splits_of, write_yolo_files
from augseq.loading.plan import BatchPlan
from augseq.loading.targets.boxes_target import BoxesTarget
from augseq.loading.targets.key_points_target import KeyPointsTarget
from augseq.loading.targets.target import Target
from augseq.loading.targets.view import ObjectsView, TargetView
from augseq.loading.written_objects import dataset_info_of, object_columns
from augseq.manifest.derived import derived_manifest
from augseq.manifest.manifest import Manifest
from augseq.manifest.record import Record
from augseq.manifest.storage import write_manifest
from augseq.pixels.write_image import WrittenImages, write_mask, write_values
from augseq.storage.new_folder import new_folder
from augseq.threaded_map import map_in_threads
from augseq.types import PathLike
from augseq.validation import check_choice, check_whole

AnnotationFormat: TypeAlias = Literal["coco", "voc", "yolo"]

MANIFEST = "manifest.parquet"
_COCO, _VOC = "annotations.json", "annotations"
_NOT_IN_NAMES = ("/", "\\", "\0")


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFiles:
    """What is written for each image.

    Attributes:
        images: How images are written.
        copies: Number of augmented versions of each image.
        annotations: Format of the boxes and key points; None for none.
        num_threads: Number of images that are made at the same time.
        progress: Whether long work shows a progress bar.
    """

    images: WrittenImages
    copies: int = 1
    annotations: AnnotationFormat | None = None
    num_threads: int = 1
    progress: bool = True

    def __post_init__(self) -> None:
        check_whole("copies", self.copies, least=1)
        if self.annotations is not None:
            check_choice("annotations", self.annotations, get_args(AnnotationFormat))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """A sample that was written."""

    path: str
    source: str
    position: int
    epoch: int
    shape: tuple[int, ...]
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
    names = _names(plan.manifest, in_classes=files.annotations is None)

    def write(item: tuple[int, int, Record]) -> _Written:
        epoch, position, _ = item
        return _write_sample(plan, draft, files, f"{names[position]}_{epoch}", *item)

    written = list(
        map_in_threads(
            write,
            _items(plan.manifest, files.copies),
            num_items=files.copies * len(plan.manifest),
            num_threads=files.num_threads,
            title="Writing",
            progress=files.progress,
        )
    )
    manifest = _manifest(plan.manifest, written, root, files)
    _write_annotations(manifest, draft, files)
    write_manifest(manifest, draft / MANIFEST)
    return manifest


def _items(manifest: Manifest, copies: int) -> Iterator[tuple[int, int, Record]]:
    """Yield epoch, position and record of each image to write."""
    for epoch in range(copies):
        for position, record in enumerate(manifest):
            yield epoch, position, record


def _names(manifest: Manifest, *, in_classes: bool) -> list[str]:
    """Return the path of each image below the folder, without its ending.

    Args:
        manifest: The images.
        in_classes: Whether each image is in a folder with the name of its class.

    Raises:
        ArgumentError: The name of a class cannot be that of a folder.
    """
    paths = manifest.table.column("path").to_pylist()
    targets = manifest.table.column("target").to_pylist()
    names = []
    # "images" becomes the folder of the written images.
    start = f"{manifest.images_folder or 'images'}/"
    for path, target in zip((p.removeprefix(start) for p in paths), targets, strict=True):
        folder = ""
        if in_classes and manifest.class_names and target is not None:
            folder = _folder_name(manifest.class_names[target])
        is_inside = not folder or path.startswith(f"{folder}/")
        names.append(path if is_inside else f"{folder}/{path}")
    stems = [str(PurePosixPath(name).with_suffix("")) for name in names]
    counts = Counter(stem.casefold() for stem in stems)
    # Of "1.jpg" and "1.png", both keep their ending, such as "1.jpg_0.png".
    return [
        name if counts[stem.casefold()] > 1 else stem
        for name, stem in zip(names, stems, strict=True)
    ]


def _folder_name(class_name: str) -> str:
    if class_name in ("", ".", "..") or any(part in class_name for part in _NOT_IN_NAMES):
        raise ArgumentError(
            "The name of each class must be possible as that of a folder. Received: "
            f"{class_name!r}. Rename it, or pass `annotations` for another layout."
        )
    return class_name


def _write_sample(
    plan: BatchPlan,
    draft: Path,
    files: WrittenFiles,
    name: str,
    epoch: int,
    position: int,
    record: Record,
) -> _Written:
    sample = plan.sample(record, epoch)
    where = f"{record}, epoch {epoch}"
    # With annotations or maps, images have a folder of their own.
    values = {**sample.inputs, **sample.targets}
    views = {key: kind.view(values[key]) for key, kind in sample.kinds.items() if key in values}
    maps = {view.title or key: view for key, view in views.items() if _is_map(view)}
    is_nested = files.annotations is not None or bool(maps)
    path = f"images/{name}{files.images.ending}" if is_nested else f"{name}{files.images.ending}"
    files.images.write(sample.image, draft / path, where)
    return _Written(
        path=path,
        source=record.path,
        position=position,
        epoch=epoch,
        shape=sample.image.shape,
        objects=[view.objects for view in views.values() if view.objects is not None],
        maps={column: _write_map(view, draft, f"{column}/{name}", files, where)
              for column, view in maps.items()},
    )  # fmt: skip


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
    source: Manifest, written: Sequence[_Written], root: str, files: WrittenFiles
) -> Manifest:
    """Return the manifest of the written images."""
    columns: dict[str, list[Any]] = {
        "path": [one.path for one in written],
        "source_path": [one.source for one in written],
        "epoch": [one.epoch for one in written],
    }
    maps = list(written[0].maps) if written else []
    for name in maps:
        columns[name] = [one.maps[name] for one in written]
    views = [one.objects[0] for one in written if one.objects]
    if files.annotations is not None:
        columns |= object_columns(views, [one.shape for one in written], source.dataset_info)
    return derived_manifest(
        source,
        [one.position for one in written],
        columns,
        root=root,
        dataset_info=dataset_info_of(views, source.dataset_info) if files.annotations else "",
        images_folder="images" if maps or files.annotations else "",
        path_columns=maps,
    )


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


def _write_annotations(manifest: Manifest, draft: Path, files: WrittenFiles) -> None:
    if files.annotations == "coco":
        # Names in the file are relative to the folder of the file.
        write_coco(manifest, draft / _COCO)
    elif files.annotations == "voc":
        (draft / _VOC).mkdir()
        write_voc(manifest, draft / _VOC)
    elif files.annotations == "yolo":
        write_yolo_files(manifest, draft, images="none")
