"""`augseq split`: a manifest gets a column that says which part each image is in."""

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
    val: Annotated[float, number_option("Share of the images in val.", kind=float)] = DEFAULT_VAL,
    test: Annotated[
        float | None, number_option("Share in test; no such part if none.", kind=float)
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Images of equal value here stay together."),
    ] = None,
    stable: Annotated[
        bool, typer.Option("--stable", help="No image moves when others join; sizes vary a little.")
    ] = False,
    column: Annotated[str, typer.Option(help="Name of the column that is written.")] = "split",
    seed: SeedOption = DEFAULT_SEED,
    *,
    source: Images,
) -> None:
    """Divide images into train, val and perhaps test, and keep that in a column of a manifest.

    `augseq fit MANIFEST --split-column split` then trains on train and evaluates on val.
    """
    manifest = source.open()
    shares: dict[str, Any] = {"val": val} if test is None else {"val": val, "test": test}
    parts = manifest.split(seed=seed, group=group, stable=stable, **shares)
    write_manifest(manifest.with_split(parts, name=column), output)
    for name, part in zip(parts.names, parts, strict=True):
        print(f"  {name:<5}  {len(part):>7}  {len(part) / len(manifest):>6.1%}")
    print(f"wrote {output}")
