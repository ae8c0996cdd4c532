"""`augseq split`: add a column to a manifest that names the part of each image."""

from pathlib import Path
from typing import Annotated, Any

import typer

from augseq.cli.arguments import Images, SeedOption, listed_names
from augseq.cli.flat_options import number_option, with_flat_options
from augseq.cli.next_step import print_next
from augseq.manifest.storage import write_manifest
from augseq.training.run_options import DEFAULT_SEED, DEFAULT_VAL


@with_flat_options
def split(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Manifest to write (.parquet).")
    ],
    val: Annotated[
        float, number_option("Fraction of the images in val.", kind=float)
    ] = DEFAULT_VAL,
    test: Annotated[
        float | None,
        number_option("Fraction of the images in test; no such part by default.", kind=float),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="Keep images with equal values in this column together."
        ),
    ] = None,
    stratify: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Columns to balance between the parts, by value, by tag (--separator) or by range "
            "of numbers (--bins); or none. [the classes]",
        ),
    ] = None,
    separator: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Separator of tags in a column of text, e.g. ';'."),
    ] = None,
    bins: Annotated[
        int | None,
        number_option(
            "Ranges into which numbers are divided; 10 for numbers with fractions.", least=2
        ),
    ] = None,
    stable: Annotated[
        bool,
        typer.Option(
            "--stable", help="Never move images when others are added; sizes vary slightly."
        ),
    ] = False,
    column: Annotated[str, typer.Option(help="Name of the new column.")] = "split",
    seed: SeedOption = DEFAULT_SEED,
    *,
    source: Images,
) -> None:
    """Split images into train, val and optionally test, and write a manifest with a split column.

    `augseq fit MANIFEST` then trains on train and evaluates on val.
    """
    manifest = source.open()
    shares: dict[str, Any] = {"val": val} if test is None else {"val": val, "test": test}
    parts = manifest.split(
        seed=seed,
        stratify=_stratify(stratify),
        separator=separator,
        bins=bins,
        group=group,
        stable=stable,
        **shares,
    )
    write_manifest(manifest.with_split(parts, name=column), output)
    for name, part in zip(parts.names, parts, strict=True):
        print(f"  {name:<5}  {len(part):>7}  {len(part) / len(manifest):>6.1%}")
    print(f"wrote {output}")
    named = () if column == "split" else ("--split-column", column)
    target = () if manifest.class_names else ("--target", "COLUMN")
    print_next("To train on train, and evaluate on val", "fit", output, *named, *target)


def _stratify(names: str | None) -> bool | list[str]:
    """Parse the option: names of columns, or "none"."""
    columns = listed_names(names)
    return columns if columns and columns != ["none"] else columns is None
