"""`augseq check`: find problems in the images before training."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from augseq.cli.arguments import (
    DEFAULT_SIZE_TEXT,
    ColorModeOption,
    Decoding,
    FullDepthOption,
    Images,
    LabelsOption,
    SizeOption,
    Workers,
    given_options,
)
from augseq.cli.augment_argument import AugmentOption
from augseq.cli.column_arguments import Masks, Pairs, WithColumnOption, add_columns
from augseq.cli.flat_options import number_option, with_flat_options
from augseq.cli.next_step import print_next
from augseq.cli.plan import parse_plan
from augseq.inspection.drawing.positions import spread_positions
from augseq.inspection.quality.check_images import check_images
from augseq.inspection.quality.options import CheckOptions
from augseq.inspection.reports.purity import check_purity
from augseq.loading.plain_pipeline import plain_pipeline
from augseq.pixels.options import DecodeOptions

_DEFAULTS = CheckOptions()
_DEFAULT_AUGMENT = "standard"


def _threshold(
    text: str,
    *,
    least: float,
    most: float | None = None,
    kind: type[int] | type[float] = int,
) -> Any:
    """Return an option for a reporting threshold."""
    return number_option(text, kind=kind, least=least, most=most, rich_help_panel="Thresholds")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Thresholds:
    """From when on something is reported; see `CheckOptions`."""

    tiny_px: Annotated[
        int, _threshold("Warn about images whose shorter side has fewer pixels.", least=0)
    ] = _DEFAULTS.tiny_px
    huge_pixels: Annotated[
        int, _threshold("Note images with more pixels, height times width.", least=1)
    ] = _DEFAULTS.huge_pixels
    aspect_ratio: Annotated[
        float,
        _threshold(
            "Note images with a longer side over this many times the shorter.", least=1, kind=float
        ),
    ] = _DEFAULTS.aspect_ratio
    imbalance: Annotated[
        float,
        _threshold(
            "Warn if the largest class has over this many times as many images as the smallest.",
            least=1,
            kind=float,
        ),
    ] = _DEFAULTS.imbalance
    tiny_box_px: Annotated[
        float,
        _threshold("Note boxes whose shorter side has fewer pixels.", least=0, kind=float),
    ] = _DEFAULTS.tiny_box_px
    box_ratio: Annotated[
        float,
        _threshold(
            "Note boxes with a longer side over this many times the shorter.", least=1, kind=float
        ),
    ] = _DEFAULTS.box_ratio
    many_boxes: Annotated[int, _threshold("Note images with more boxes.", least=1)] = (
        _DEFAULTS.many_boxes
    )
    box_overlap: Annotated[
        float,
        _threshold(
            "Warn about two boxes whose overlap (intersection over union) is at least this.",
            least=0.5,
            most=1,
            kind=float,
        ),
    ] = _DEFAULTS.box_overlap
    num_bits: Annotated[
        int,
        _threshold(
            "Near duplicates (an error across splits, otherwise a warning): maximum number of "
            "different bits in their hashes.",
            least=0,
            most=64,
        ),
    ] = _DEFAULTS.num_bits
    correlation: Annotated[
        float,
        _threshold(
            "Near duplicates: minimum correlation of their grey values. Lower finds more.",
            least=0,
            most=1,
            kind=float,
        ),
    ] = _DEFAULTS.correlation


@with_flat_options
def check(
    split_column: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Manifest: column of the splits. [split]"),
    ] = _DEFAULTS.split_column,
    json_path: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write all findings as JSON; - for stdout."),
    ] = None,
    html_path: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write an HTML report with images."),
    ] = None,
    examples: Annotated[int, number_option("Files or groups to list per finding.", least=0)] = 5,
    near_duplicates: Annotated[
        bool, typer.Option(help="Look for images that are nearly the same.")
    ] = _DEFAULTS.near_duplicates,
    fail_on: Annotated[
        Literal["error", "warning", "never"],
        typer.Option(help="Lowest severity that makes the command exit with 1."),
    ] = "error",
    with_column: WithColumnOption = None,
    purity: Annotated[
        bool, typer.Option("--purity", help="Test the augmentations instead of the files.")
    ] = False,
    augment: AugmentOption = _DEFAULT_AUGMENT,
    image_size: SizeOption = DEFAULT_SIZE_TEXT,
    labels: LabelsOption = True,
    *,
    thresholds: _Thresholds,
    source: Images,
    masks: Masks,
    pairs: Pairs,
    decoding: Decoding,
    reading: Workers,
    full_depth: FullDepthOption = False,
    color_mode: ColorModeOption = "rgb",
) -> None:
    """Decode every file and report problems; exit with 1 if there are errors.

    Errors: files that cannot be read, are truncated, or have changed; duplicates and near
    duplicates in different splits; duplicates with different labels. Warnings and notes: other
    duplicates, wrong extensions, unusual sizes and kinds of images, imbalanced classes. The
    thresholds are options.

    With --mask and --mask-classes, check masks too: missing masks, wrong sizes, values without a
    class, masks that belong to two images or to none; and count the pixels of each class. With
    --pair, check paired images in the same way.

    If a manifest has boxes, check them too: invalid, repeated, tiny and odd boxes, identical images
    with different boxes, and classes without boxes.

    With --purity, test each augmentation instead: whether it uses global random generators,
    depends on earlier calls, modifies its input, works in threads and processes, and can be
    pickled.
    """
    decode = {**asdict(decoding), "full_depth": full_depth, "color_mode": color_mode}
    # The default takes a second to import, and only --purity runs it.
    needs_augment = purity or augment != _DEFAULT_AUGMENT
    steps, resize = parse_plan(augment if needs_augment else "none", image_size)
    target, inputs = masks.target(), pairs.inputs() or None
    # A missing file is a finding, not an error.
    manifest = add_columns(
        source.open(labelled=labels, color_mode=color_mode), with_column, check_files=False
    )
    if purity:
        pipeline = plain_pipeline(
            manifest, augment=steps, resize=resize, decode=DecodeOptions(**decode)
        )
        purity_report = check_purity(pipeline, manifest.records(spread_positions(manifest, 2)))
        print(purity_report)
        raise typer.Exit(0 if purity_report.is_pure else 1)
    options = CheckOptions(
        split_column=split_column,
        near_duplicates=near_duplicates,
        **asdict(thresholds),
    )
    report = check_images(
        manifest, options, targets=target, inputs=inputs, **asdict(reading), **decode
    )
    if html_path is not None:
        report.write_html(html_path)
    if json_path == Path("-"):
        # Print nothing else: a program may parse the output.
        print(report.to_json())
    else:
        if json_path is not None:
            report.write_json(json_path)
        print(report.to_text(num_examples=examples))
        print(end="\n" if json_path or html_path else "")
        for path in filter(None, (json_path, html_path)):
            print(f"wrote {path}")
        if manifest.class_names and not report.is_as_bad_as("error"):
            same = [*given_options(source), *given_options(decoding)]
            same += ["--color-mode", color_mode] * (color_mode != "rgb")
            print_next("To train on these images", "fit", source.folder, *same)
    raise typer.Exit(1 if fail_on != "never" and report.is_as_bad_as(fail_on) else 0)
