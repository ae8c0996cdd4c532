"""`augseq show`: draw a contact sheet of what the model will see."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from augseq.cli.arguments import (
    DEFAULT_SIZE_TEXT,
    BandsOption,
    ColorModeOption,
    Decoding,
    Images,
    LabelsOption,
    SeedOption,
    SizeOption,
    parse_bands,
)
from augseq.cli.augment_argument import AugmentOption
from augseq.cli.flat_options import number_option, with_flat_options
from augseq.cli.plan import parse_plan
from augseq.inspection.drawing.animation import ANIMATED_SUFFIXES, write_animation
from augseq.inspection.drawing.contact_sheet import draw_contact_sheet
from augseq.inspection.drawing.manifest_objects import object_targets
from augseq.inspection.reports.augmentation_stats import measure_augmentations
from augseq.inspection.reports.explanation import explain_sample
from augseq.loading.plain_pipeline import plain_pipeline
from augseq.pixels.options import DecodeOptions
from augseq.sampling.randomness import check_epoch, check_seed
from augseq.terminal_text import listed
from augseq.training.run_options import DEFAULT_SEED


@with_flat_options
def show(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Image file to write.")
    ] = Path("contact_sheet.png"),
    augment: AugmentOption = "standard",
    image_size: SizeOption = DEFAULT_SIZE_TEXT,
    images: Annotated[int, number_option("Number of images, one per row.", least=1)] = 6,
    seeds: Annotated[int, number_option("Number of seeds, one per column.", least=1)] = 6,
    seed: SeedOption = DEFAULT_SEED,
    epoch: Annotated[int, number_option("Epoch of the random draws.", least=0)] = 0,
    epochs: Annotated[
        int,
        number_option("Epochs from --epoch on, as frames of an animated .gif or .webp.", least=1),
    ] = 1,
    index: Annotated[
        int | None, number_option("Show the record with this index, stage by stage.")
    ] = None,
    stats: Annotated[
        bool, typer.Option("--stats", help="Show how often transforms fire, with which parameters.")
    ] = False,
    labels: LabelsOption = True,
    *,
    source: Images,
    decoding: Decoding,
    color_mode: ColorModeOption = "rgb",
    bands: BandsOption = None,
) -> None:
    """Draw a contact sheet: several images, each unaugmented and with several seeds.

    With --index, draws one sample after each stage, as in training, and prints which transforms
    fired, with their parameters. With --stats, shows how often each transform fires in 1000
    samples, and the distribution of its parameters. With --epochs, writes an animation: one
    contact sheet per epoch.

    If a manifest has boxes or key points, they are drawn too.
    """
    if index is not None and stats:
        raise typer.BadParameter("Pass either --index, for one sample, or --stats, for many.")
    check_epoch(epoch + epochs - 1)
    if epochs > 1:
        _check_animation(output, is_sheet=index is None and not stats)
    steps, resize = parse_plan(augment, image_size)
    manifest = source.open(labelled=labels, color_mode=color_mode)
    decode = DecodeOptions(**asdict(decoding), color_mode=color_mode, bands=parse_bands(bands))
    pipeline = plain_pipeline(
        manifest,
        augment=steps,
        resize=resize,
        decode=decode,
        targets=object_targets(manifest, decode),
    )
    if stats:
        report = measure_augmentations(manifest, pipeline, seed=check_seed(seed), num_samples=1000)
        print(report)
        figure = report.draw()
    elif index is None:
        numbers = [check_seed(seed + column) for column in range(seeds)]
        draw = partial(draw_contact_sheet, manifest, pipeline, seeds=numbers, num_images=images)
        if epochs > 1:
            write_animation((draw(epoch=epoch + frame) for frame in range(epochs)), output)
            print(f"wrote {output}: {epochs} epochs")
            return
        figure = draw(epoch=epoch)
    else:
        explanation = explain_sample(
            manifest.record_of(index), pipeline, seed=check_seed(seed), epoch=epoch
        )
        print(explanation)
        figure = explanation.draw()
    figure.savefig(output)
    print(f"wrote {output}")


def _check_animation(output: Path, *, is_sheet: bool) -> None:
    if not is_sheet:
        raise typer.BadParameter("Pass --epochs without --index and --stats.")
    if output.suffix.lower() not in ANIMATED_SUFFIXES:
        raise typer.BadParameter(
            f"--epochs writes an animation, so --output must end in {listed(ANIMATED_SUFFIXES)}. "
            f"Received: {str(output)!r}. For example: -o epochs.webp"
        )
