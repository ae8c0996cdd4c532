"""`augseq split`: add a column to a manifest that names the part of each image."""

from pathlib import Path
from typing import Annotated, Any

import typer

from augseq.cli.arguments import Images, SeedOption
from augseq.cli.flat_options import number_option, with_flat_options
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

    `augseq fit MANIFEST --split-column split` then trains on train and evaluates on val.
    """
    manifest = source.open()
    shares: dict[str, Any] = {"val": val} if test is None else {"val": val, "test": test}
    parts = manifest.split(seed=seed, group=group, stable=stable, **shares)
    write_manifest(manifest.with_split(parts, name=column), output)
    for name, part in zip(parts.names, parts, strict=True):
        print(f"  {name:<5}  {len(part):>7}  {len(part) / len(manifest):>6.1%}")
    print(f"wrote {output}")
