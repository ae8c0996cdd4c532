"""`augseq show`: a contact sheet of what the model will see."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from augseq.cli.arguments import (
    DEFAULT_SIZE_TEXT,
    Decoding,
    Images,
    LabelsOption,
    SeedOption,
    SizeOption,
)
from augseq.cli.augment_argument import AugmentOption
from augseq.cli.flat_options import number_option, with_flat_options
from augseq.cli.plan import parse_plan
from augseq.inspection.augmentation_stats import measure_augmentations
from augseq.inspection.contact_sheet import draw_contact_sheet
from augseq.inspection.explanation import explain_sample
from augseq.loading.pipeline import plain_pipeline
from augseq.pixels.options import DecodeOptions
from augseq.sampling.randomness import check_epoch, check_seed
from augseq.training.run_options import DEFAULT_SEED


@with_flat_options
def show(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Picture to write.")
    ] = Path("contact_sheet.png"),
    augment: AugmentOption = "standard",
    image_size: SizeOption = DEFAULT_SIZE_TEXT,
    images: Annotated[int, number_option("How many images: one row each.", least=1)] = 6,
    seeds: Annotated[int, number_option("How many seeds: one column each.", least=1)] = 6,
    seed: SeedOption = DEFAULT_SEED,
    epoch: Annotated[int, number_option("Show the random draws of this epoch.", least=0)] = 0,
    index: Annotated[
        int | None, number_option("Explain the record of this index, stage by stage.")
    ] = None,
    stats: Annotated[
        bool, typer.Option("--stats", help="How often transforms fire, and what they draw.")
    ] = False,
    labels: LabelsOption = True,
    *,
    source: Images,
    decoding: Decoding,
) -> None:
    """Draw a contact sheet: several images, each plain and under several seeds.

    With --index it draws what one training step saw of one image, after each stage, and prints
    which transforms fired with which parameters; with --stats how often each fires in 1000
    samples, and how its parameters spread.
    """
    if index is not None and stats:
        raise typer.BadParameter("--index is about one sample, and --stats about many.")
    check_epoch(epoch)
    steps, resize = parse_plan(augment, image_size)
    manifest = source.open(labelled=labels)
    pipeline = plain_pipeline(
        manifest, augment=steps, resize=resize, decode=DecodeOptions(**asdict(decoding))
    )
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
