"""`augseq show`: a contact sheet of what the model will see."""

from pathlib import Path
from typing import Annotated

import typer

from augseq.augment.augmentation_list import make_augmentation_list
from augseq.cli.arguments import (
    DEFAULT_SIZE_TEXT,
    AugmentOption,
    ClassNamesOption,
    ExifOption,
    ExtensionsOption,
    ImagesArgument,
    LabelsOption,
    MaxFileBytesOption,
    MaxPixelsOption,
    RootOption,
    SeedOption,
    SizeOption,
    SplitsOption,
    load_augment,
    open_images,
    parse_size,
)
from augseq.inspection.augmentation_stats import measure_augmentations
from augseq.inspection.contact_sheet import draw_contact_sheet
from augseq.inspection.explanation import explain_sample
from augseq.loading.sample import Pipeline
from augseq.manifest.manifest import Manifest
from augseq.pixels.options import MAX_FILE_BYTES, MAX_PIXELS, DecodeOptions, ResizeOptions
from augseq.pixels.source import files_of
from augseq.sampling.randomness import check_epoch, check_seed
from augseq.training.run_options import DEFAULT_SEED


def show(
    folder: ImagesArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Picture to write.")
    ] = Path("contact_sheet.png"),
    augment: AugmentOption = "standard",
    image_size: SizeOption = DEFAULT_SIZE_TEXT,
    images: Annotated[int, typer.Option(min=1, help="How many images: one row each.")] = 6,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds: one column each.")] = 6,
    seed: SeedOption = DEFAULT_SEED,
    epoch: Annotated[int, typer.Option(min=0, help="Whose random draws to show.")] = 0,
    index: Annotated[
        int | None, typer.Option(help="Explain the record of this index, stage by stage.")
    ] = None,
    stats: Annotated[
        bool, typer.Option("--stats", help="How often transforms fire, and what they draw.")
    ] = False,
    labels: LabelsOption = True,
    splits: SplitsOption = None,
    class_names: ClassNamesOption = None,
    extensions: ExtensionsOption = None,
    root: RootOption = None,
    max_pixels: MaxPixelsOption = MAX_PIXELS,
    max_file_bytes: MaxFileBytesOption = MAX_FILE_BYTES,
    exif_orientation: ExifOption = True,
) -> None:
    """Draw a contact sheet: several images, each plain and under several seeds.

    With --index it draws what one training step saw of one image, after each stage, and prints
    which transforms fired with which parameters; with --stats how often each fires in 1000
    samples, and how its parameters spread.
    """
    manifest = open_images(
        folder, root, labelled=labels, splits=splits, class_names=class_names, extensions=extensions
    )
    decode = DecodeOptions(
        max_pixels=max_pixels,
        max_file_bytes=max_file_bytes,
        exif_orientation=exif_orientation,
    )
    pipeline = make_pipeline(manifest, augment, image_size, decode)
    check_epoch(epoch)
    if index is not None and stats:
        raise typer.BadParameter("--index is about one sample, and --stats about many.")
    if stats:
        report = measure_augmentations(manifest, pipeline, seed=check_seed(seed), num_samples=1000)
        print(report)
        figure = report.draw()
    elif index is None:
        numbers = [check_seed(seed + column) for column in range(seeds)]
        figure = draw_contact_sheet(
            manifest, pipeline, seeds=numbers, num_images=images, epoch=epoch
        )
    else:
        explanation = explain_sample(
            manifest.record_of(index), pipeline, seed=check_seed(seed), epoch=epoch
        )
        print(explanation)
        figure = explanation.draw()
    figure.savefig(output)
    print(f"wrote {output}")


def make_pipeline(
    manifest: Manifest, augment: str, image_size: str, decode: DecodeOptions
) -> Pipeline:
    """Return the pipeline that `augseq fit` trains with, without loading Keras."""
    return Pipeline(
        source=files_of(manifest, decode),
        augment=make_augmentation_list(load_augment(augment)),
        resize=ResizeOptions(image_size=parse_size(image_size)),
        dtype="float32",
    )
