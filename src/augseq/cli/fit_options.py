"""The options of `augseq fit` that become `RunOptions`, and those of an interrupted run."""

import shlex
from collections.abc import Collection
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Annotated

import typer

from augseq.cli.arguments import (
    DEFAULT_SIZE_TEXT,
    BandsOption,
    BatchSizeOption,
    Decoding,
    SeedOption,
    SizeOption,
    parse_bands,
    parse_size,
)
from augseq.cli.augment_argument import AugmentOption, absolute_name, load_augment
from augseq.cli.flat_options import number_option
from augseq.errors import ArgumentError
from augseq.training.run_files import is_complete
from augseq.training.run_options import (
    AUTO,
    DEFAULT_BATCH_SIZE,
    DEFAULT_SEED,
    DEFAULT_VAL,
    RANDOM,
    SMALL,
    RunOptions,
)

_TRAINING = "Training"
HELD_OUT = "Held-out images"
_DECODING = "Decoding"
# The result does not depend on these.
CAN_CHANGE = {"workers", "cache"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunArguments:
    """Options with the names of those of `RunOptions`."""

    architecture: Annotated[
        str, typer.Option(metavar="NAME", help='"small", or a keras.applications name.')
    ] = SMALL
    weights: Annotated[
        str,
        typer.Option(
            metavar="WEIGHTS",
            help="random; imagenet, for a keras.applications network; or a file: a model (.keras), "
            "weights (.h5), or the run folder of another fit.",
        ),
    ] = RANDOM
    augment: AugmentOption = "standard"
    image_size: SizeOption = DEFAULT_SIZE_TEXT
    epochs: Annotated[
        int | None,
        number_option("Number of epochs. [50, or 20 with pretrained weights]", least=1),
    ] = None
    batch_size: BatchSizeOption = DEFAULT_BATCH_SIZE
    seed: SeedOption = DEFAULT_SEED
    learning_rate: Annotated[
        float | None,
        number_option(
            "Peak learning rate, above 0. [3e-3, or 1e-2 with pretrained weights]",
            kind=float,
            above=0,
            rich_help_panel=_TRAINING,
        ),
    ] = None
    head_epochs: Annotated[
        int | None,
        number_option(
            "With pretrained weights: epochs that train only the new last layer, before all "
            "layers with a small learning rate. [a quarter]",
            least=0,
            rich_help_panel=_TRAINING,
        ),
    ] = None
    early_stopping: Annotated[
        int | None,
        number_option(
            "Stop after this many epochs without improvement. [never]",
            least=1,
            rich_help_panel=_TRAINING,
        ),
    ] = None
    class_weight: Annotated[
        bool,
        typer.Option(
            "--class-weight",
            help="Weight images so that all classes have the same total weight.",
            rich_help_panel=_TRAINING,
        ),
    ] = False
    sampling: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="balanced: each class equally often in each epoch; none: each image once.",
            rich_help_panel=_TRAINING,
        ),
    ] = "none"
    mixed_precision: Annotated[
        bool,
        typer.Option(
            "--mixed-precision",
            help="Compute in 16-bit floats: faster on most GPUs, slower on CPUs.",
            rich_help_panel=_TRAINING,
        ),
    ] = False
    cache: Annotated[
        str,
        typer.Option(
            metavar="WHERE",
            help="Where to cache decoded images: memory, a folder, or none; auto: in memory, if "
            "that saves time and there is room.",
            rich_help_panel=_TRAINING,
        ),
    ] = AUTO
    workers: Annotated[
        int | None,
        number_option(
            "Workers that load batches. [one per core]", least=0, rich_help_panel=_TRAINING
        ),
    ] = None
    tensorboard: Annotated[
        bool,
        typer.Option(
            "--tensorboard",
            help="Write logs for TensorBoard into the run folder.",
            rich_help_panel=_TRAINING,
        ),
    ] = False
    val: Annotated[
        float,
        number_option(
            "Fraction of the images held out for validation.",
            kind=float,
            above=0,
            rich_help_panel=HELD_OUT,
        ),
    ] = DEFAULT_VAL
    split_column: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Manifest: column with the parts train and val. [split, if there is one]",
            rich_help_panel=HELD_OUT,
        ),
    ] = None
    fold: Annotated[
        str | None,
        typer.Option(
            metavar="K/N",
            help="Hold out the K-th of N folds of the images, e.g. 2/5, to train once for each.",
            rich_help_panel=HELD_OUT,
        ),
    ] = None
    color_mode: Annotated[
        str,
        typer.Option(
            metavar="MODE",
            help="rgb or grayscale; bands: all channels of .tif and .npy files, as stored.",
            rich_help_panel=_DECODING,
        ),
    ] = "rgb"
    bands: BandsOption = None
    full_depth: Annotated[
        bool,
        typer.Option(
            "--full-depth",
            help="Keep the precision of 16-bit and floating-point files.",
            rich_help_panel=_DECODING,
        ),
    ] = False

    def run_options(
        self,
        decoding: Decoding,
        *,
        stored: RunOptions | None = None,
        names: Collection[str] = (),
    ) -> RunOptions:
        """Return the options of a new run, or of one to resume.

        Args:
            decoding: How files are decoded.
            stored: The options of the run to resume; None for a new run.
            names: Names of the options that the user gave; the others are as stored.

        Raises:
            ArgumentError: An option is invalid.
        """
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        given |= {
            "augment": load_augment(self.augment),
            "augment_name": absolute_name(self.augment),
            "image_size": parse_size(self.image_size),
            "bands": parse_bands(self.bands),
        }
        given |= asdict(decoding)
        if stored is None:
            return RunOptions(**given)
        return replace(stored, **{name: given[name] for name in _own_names(names)})


def _own_names(names: Collection[str]) -> set[str]:
    """Return which fields of `RunOptions` the options are that a user gave."""
    own = {"augment_name" if name == "augment" else name for name in names}
    return own & {field.name for field in fields(RunOptions)}


def check_same(given: RunOptions, stored: RunOptions, names: Collection[str], run: Path) -> None:
    """Raise `ArgumentError` if options differ from those of the run to resume.

    Args:
        given: The options of this command.
        stored: Those of the run.
        names: Names of the options that the user gave.
        run: The run folder.
    """
    for name in sorted(_own_names(names) - CAN_CHANGE):
        now, then = getattr(given, name), getattr(stored, name)
        if now != then:
            option = "--" + name.removesuffix("_name").replace("_", "-")
            raise ArgumentError(
                f"{option} must be as in the run to resume: {then}. Received: {now}. "
                + _way_out(option, run)
            )


def _way_out(option: str, run: Path) -> str:
    reason = ""
    if option == "--epochs":
        reason = (
            "The learning rate decays over all epochs, so a run cannot get more of them later. "
        )
    if is_complete(run):
        weights = f"--weights {shlex.quote(str(run))}"
        return f"{reason}Start a new run; {weights} makes it start from the network of this one."
    return f"{reason}Omit it to continue {str(run)!r}, or start a new run."
