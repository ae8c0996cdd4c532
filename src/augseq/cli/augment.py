"""`augseq augment`: write augmented images to a folder, for programs that cannot augment."""

import shlex
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from augseq.augment.augmentation_list import make_augmentation_list
from augseq.cli.arguments import Decoding, Images, LabelsOption, SeedOption, Workers, parse_size
from augseq.cli.augment_argument import AugmentOption, load_augment
from augseq.cli.column_arguments import Masks, WithColumnOption, add_columns
from augseq.cli.flat_options import number_option, with_flat_options
from augseq.errors import ArgumentError, AugseqWarning
from augseq.inspection.drawing.manifest_objects import has_oriented_boxes
from augseq.loading.plain_pipeline import plain_pipeline
from augseq.loading.plan import BatchPlan
from augseq.loading.targets.boxes import Boxes
from augseq.loading.targets.key_points import KeyPoints
from augseq.loading.targets.target import ImageOptions
from augseq.loading.write_augmented import (
    MANIFEST,
    AnnotationFormat,
    WrittenFiles,
    write_augmented,
)
from augseq.manifest.manifest import Manifest
from augseq.parallel_map.map_options import MapOptions
from augseq.pixels.options import DecodeOptions, ResizeOptions
from augseq.pixels.write_image import ImageFormat, WrittenImages
from augseq.sampling.order import EachOnce
from augseq.sampling.schedule import Schedule
from augseq.terminal_text import counted, listed
from augseq.training.run_options import DEFAULT_SEED
from augseq.validation import did_you_mean

_BOXES = "Boxes and key points"
_SPLIT = "split"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Objects:
    """How the boxes and key points of a manifest are written."""

    annotations: Annotated[
        AnnotationFormat | None,
        typer.Option(
            help="Format for the boxes of a manifest: coco (annotations.json), voc (a folder of "
            "XML files, without key points) or yolo (data.yaml).",
            rich_help_panel=_BOXES,
        ),
    ] = None
    min_visibility: Annotated[
        float,
        number_option(
            "Fraction of the area of a box that must be visible; other boxes are not written.",
            kind=float,
            least=0,
            most=1,
            rich_help_panel=_BOXES,
        ),
    ] = 0.0
    oriented: Annotated[
        bool | None,
        typer.Option(
            "--oriented/--upright",
            help="Write oriented boxes, which are polygons of four corners, or upright ones. "
            "[oriented if all polygons have four corners]",
            rich_help_panel=_BOXES,
        ),
    ] = None
    mirror: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBERS",
            help="Key points: the number of the point that each becomes in a mirrored image, e.g. "
            "0,2,1 for a nose and two eyes. [as annotated]",
            rich_help_panel=_BOXES,
        ),
    ] = None

    def target(self, manifest: Manifest) -> Boxes | None:
        """Return the boxes to write; None for none.

        Raises:
            ArgumentError: An option does not fit the manifest.
        """
        names = manifest.table.column_names
        if self.annotations is None:
            if "boxes" in names:
                raise ArgumentError(
                    "A manifest with boxes requires --annotations coco, voc or yolo: the format to "
                    "write them in. Received: no --annotations"
                )
            return None
        if "boxes" not in names:
            raise ArgumentError(
                "--annotations requires a manifest with boxes, which `augseq index FILE "
                f"--annotations ...` writes. Received: --annotations {self.annotations}"
            )
        has_points = "box_keypoints" in names
        if has_points and self.annotations == "voc":
            text = "Pascal VOC files cannot contain key points; only boxes are written."
            warnings.warn(AugseqWarning(text), stacklevel=2)
            has_points = False
        is_oriented = has_oriented_boxes(manifest) if self.oriented is None else self.oriented
        if is_oriented and self.oriented is None and self.annotations == "voc":
            text = "Pascal VOC files cannot contain oriented boxes; upright ones are written."
            warnings.warn(AugseqWarning(text), stacklevel=2)
            is_oriented = False
        return Boxes(
            "corners" if is_oriented else "xyxy",
            min_visibility=self.min_visibility,
            key_points=KeyPoints(mirror=self._mirror()) if has_points else None,
        )

    def _mirror(self) -> list[int] | None:
        numbers = None if self.mirror is None else self.mirror.split(",")
        if numbers is not None and not all(number.strip().isdecimal() for number in numbers):
            raise ArgumentError(
                "--mirror must be the number of a partner for each key point, from 0, such as "
                f"0,2,1. Received: {self.mirror!r}"
            )
        return None if numbers is None else list(map(int, numbers))


@with_flat_options
def augment(
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Folder to write, new or empty; it appears only when everything is written.",
        ),
    ],
    augment: AugmentOption = "standard",
    copies: Annotated[
        int, number_option("Number of augmented versions of each image.", least=1)
    ] = 1,
    image_size: Annotated[
        str | None,
        typer.Option(
            metavar="PIXELS",
            help="Image size, e.g. 128, or height x width: 96x128. [that of each image]",
        ),
    ] = None,
    image_format: Annotated[
        ImageFormat, typer.Option(help="Format of the images; png keeps the pixels exactly.")
    ] = "png",
    quality: Annotated[int, number_option("Quality of JPEG.", least=1, most=100)] = 95,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Write only the images with this value in the column `split`, e.g. train. [all]",
        ),
    ] = None,
    seed: SeedOption = DEFAULT_SEED,
    labels: LabelsOption = True,
    with_column: WithColumnOption = None,
    *,
    source: Images,
    objects: _Objects,
    masks: Masks,
    decoding: Decoding,
    making: Workers,
) -> None:
    """Write augmented images to a folder, for programs that cannot train on a sequence.

    Copy number k of an image is its sample in epoch k of training. Labelled images are written to
    a folder for each class; images with boxes or masks to the folder `images`, with annotations or
    masks beside it. `manifest.parquet` lists everything, with the path of each original image.

    `ImageSequence.write_augmented` has further options, such as value maps.
    """
    # First, so that invalid options fail immediately.
    steps = make_augmentation_list(load_augment(augment))
    resize = None if image_size is None else ResizeOptions(image_size=parse_size(image_size))
    files = WrittenFiles(
        images=WrittenImages(format=image_format, quality=quality),
        copies=copies,
        annotations=objects.annotations,
        making=MapOptions(**asdict(making)),
    )
    manifest = add_columns(_images_of(source.open(labelled=labels), split), with_column)
    decode = DecodeOptions(**asdict(decoding))
    images = ImageOptions(dtype="float32", decode=decode)
    options = {"boxes": objects.target(manifest), "mask": masks.target()}
    targets = {name: one.bind(manifest, images) for name, one in options.items() if one}
    pipeline = plain_pipeline(
        manifest, augment=steps, resize=resize, decode=decode, targets=targets
    )
    order = EachOnce(len(manifest), shuffle=False)
    schedule = Schedule(order=order, batch_size=1, drop_remainder=False, seed=seed)
    plan = BatchPlan(manifest=manifest, schedule=schedule, pipeline=pipeline)
    _print_result(write_augmented(plan, output, files), output, copies)


def _images_of(manifest: Manifest, split: str | None) -> Manifest:
    """Return the images of a split; all if None."""
    if split is None:
        return manifest
    if _SPLIT not in manifest.table.column_names:
        raise ArgumentError(
            f"--split requires a column {_SPLIT!r}, which `augseq split` adds to a manifest, or "
            f"--splits for a folder with a folder for each. Received: --split {split}"
        )
    values = manifest.column(_SPLIT)
    if split not in values:
        names = sorted({str(value) for value in values if value is not None})
        raise ArgumentError(
            f"--split must be one of {listed(names)}. Received: {split!r}."
            f"{did_you_mean(split, names)}"
        )
    return manifest.select(values == split)


def _print_result(written: Manifest, output: Path, copies: int) -> None:
    several = f", {copies} of each of {len(written) // copies:,}" if copies > 1 else ""
    print(f"wrote {output}: {counted(len(written), 'image')}{several}")
    # Images without labels are in the folder itself, and can be a million.
    own = {record.path for record in written}
    for path in sorted(output.iterdir()):
        if path.name not in own:
            print(f"  {path.name}{'/' * path.is_dir()}")
    manifest = shlex.quote(str(output / MANIFEST))
    print(f"\nTo check them:\n  augseq check {manifest}")
    if copies > 1 and _SPLIT not in written.table.column_names:
        print("\nTo split them, with all copies of an image in the same part:")
        print(f"  augseq split {manifest} --group source_path -o {manifest}")
