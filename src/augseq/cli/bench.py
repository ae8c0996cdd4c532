"""`augseq bench`: measure where the time goes on this folder and this machine."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from augseq.cli.arguments import (
    DEFAULT_SIZE_TEXT,
    BandsOption,
    BatchSizeOption,
    ColorModeOption,
    Decoding,
    Images,
    SeedOption,
    SizeOption,
    parse_bands,
)
from augseq.cli.augment_argument import AugmentOption
from augseq.cli.flat_options import number_option, with_flat_options
from augseq.cli.plan import parse_plan
from augseq.inspection.reports.profile import measure_profile
from augseq.loading.plain_pipeline import plain_pipeline
from augseq.loading.plan import BatchPlan
from augseq.pixels.options import DecodeOptions, check_batch_memory
from augseq.sampling.order import EachOnce
from augseq.sampling.schedule import Schedule
from augseq.training.run_options import DEFAULT_BATCH_SIZE, DEFAULT_SEED


@with_flat_options
def bench(
    augment: AugmentOption = "standard",
    image_size: SizeOption = DEFAULT_SIZE_TEXT,
    batch_size: BatchSizeOption = DEFAULT_BATCH_SIZE,
    images: Annotated[int, number_option("Images per measurement.", least=1)] = 256,
    seed: SeedOption = DEFAULT_SEED,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all results as JSON.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Plot the stages to an image file.")
    ] = None,
    *,
    source: Images,
    decoding: Decoding,
    color_mode: ColorModeOption = "rgb",
    bands: BandsOption = None,
) -> None:
    """Measure the time of each stage: read, decode, each augmentation, resize, collate.

    Also measures images per second with threads and with worker processes (one of each, and one per
    core), and names the bottleneck. Uses neither a model nor Keras.
    """
    steps, resize = parse_plan(augment, image_size)
    manifest = source.open(color_mode=color_mode)
    schedule = Schedule(
        order=EachOnce(len(manifest), shuffle=True),
        batch_size=batch_size,
        drop_remainder=False,
        seed=seed,
    )
    decode = DecodeOptions(**asdict(decoding), color_mode=color_mode, bands=parse_bands(bands))
    pipeline = plain_pipeline(manifest, augment=steps, resize=resize, decode=decode)
    check_batch_memory(pipeline.resize, decode, "float32", min(batch_size, len(manifest)))
    batch_plan = BatchPlan(manifest=manifest, schedule=schedule, pipeline=pipeline)
    profile = measure_profile(batch_plan, num_images=images)
    print(profile)
    if json is not None:
        json.write_text(profile.to_json() + "\n", encoding="utf-8")
        print(f"wrote {json}")
    if plot is not None:
        profile.draw().savefig(plot)
        print(f"wrote {plot}")
