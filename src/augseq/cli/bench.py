"""`augseq bench`: where the time goes on this folder and this machine."""

from pathlib import Path
from typing import Annotated

import typer

from augseq.cli.arguments import (
    DEFAULT_SIZE_TEXT,
    AugmentOption,
    ClassNamesOption,
    ExifOption,
    ExtensionsOption,
    ImagesArgument,
    MaxFileBytesOption,
    MaxPixelsOption,
    RootOption,
    SeedOption,
    SizeOption,
    SplitsOption,
    open_images,
)
from augseq.cli.show import make_pipeline
from augseq.inspection.profile import measure_profile
from augseq.loading.batch import BatchPlan
from augseq.pixels.options import MAX_FILE_BYTES, MAX_PIXELS, DecodeOptions, check_batch_memory
from augseq.sampling.schedule import Schedule
from augseq.training.run_options import DEFAULT_BATCH_SIZE, DEFAULT_SEED


def bench(
    folder: ImagesArgument,
    augment: AugmentOption = "standard",
    image_size: SizeOption = DEFAULT_SIZE_TEXT,
    batch_size: Annotated[int, typer.Option(help="Images in a batch.")] = DEFAULT_BATCH_SIZE,
    images: Annotated[int, typer.Option(min=1, help="Images in each round.")] = 256,
    seed: SeedOption = DEFAULT_SEED,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all figures as JSON.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the stages as a picture.")
    ] = None,
    splits: SplitsOption = None,
    class_names: ClassNamesOption = None,
    extensions: ExtensionsOption = None,
    root: RootOption = None,
    max_pixels: MaxPixelsOption = MAX_PIXELS,
    max_file_bytes: MaxFileBytesOption = MAX_FILE_BYTES,
    exif_orientation: ExifOption = True,
) -> None:
    """Measure what each stage costs: read, decode, each augmentation, resize, collate.

    Also measures images per second in one thread and in as many as there are cores, and says
    in one sentence where the bottleneck is. No model and no Keras is involved.
    """
    manifest = open_images(
        folder, root, splits=splits, class_names=class_names, extensions=extensions
    )
    schedule = Schedule(
        num_records=len(manifest),
        batch_size=batch_size,
        shuffle=True,
        drop_remainder=False,
        seed=seed,
    )
    decode = DecodeOptions(
        max_pixels=max_pixels,
        max_file_bytes=max_file_bytes,
        exif_orientation=exif_orientation,
    )
    pipeline = make_pipeline(manifest, augment, image_size, decode)
    check_batch_memory(pipeline.resize, decode, "float32", min(batch_size, len(manifest)))
    plan = BatchPlan(manifest=manifest, schedule=schedule, pipeline=pipeline, targets=None)
    profile = measure_profile(plan, num_images=images)
    print(profile)
    if json is not None:
        json.write_text(profile.to_json() + "\n", encoding="utf-8")
        print(f"wrote {json}")
    if plot is not None:
        profile.draw().savefig(plot)
        print(f"wrote {plot}")
