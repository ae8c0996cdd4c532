"""`augseq fit`: train a classifier on a folder, and write a run folder."""

import contextlib
import itertools
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

import augseq
from augseq.cli.arguments import (
    DEFAULT_SIZE_TEXT,
    BatchSizeOption,
    Decoding,
    Images,
    SeedOption,
    SizeOption,
    given_options,
    parse_size,
)
from augseq.cli.augment_argument import AugmentOption, load_augment
from augseq.cli.flat_options import number_option, with_flat_options
from augseq.cli.print_manifest import print_counts
from augseq.errors import ArgumentError
from augseq.remote.url import is_remote
from augseq.training.run_options import (
    DEFAULT_BATCH_SIZE,
    DEFAULT_EPOCHS,
    DEFAULT_SEED,
    DEFAULT_VAL,
    SMALL,
    RunOptions,
)


@with_flat_options
def fit(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="Run folder. [runs/NAME]"),
    ] = None,
    architecture: Annotated[
        str, typer.Option(help='"small", or a keras.applications name such as MobileNetV2.')
    ] = SMALL,
    augment: AugmentOption = "standard",
    image_size: SizeOption = DEFAULT_SIZE_TEXT,
    epochs: Annotated[int, number_option("Number of epochs.", least=1)] = DEFAULT_EPOCHS,
    batch_size: BatchSizeOption = DEFAULT_BATCH_SIZE,
    learning_rate: Annotated[
        float | None, number_option("Peak learning rate, above 0. [3e-3]", kind=float, above=0)
    ] = None,
    val: Annotated[
        float, number_option("Fraction of the images held out for validation.", kind=float, above=0)
    ] = DEFAULT_VAL,
    split_column: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="Manifest: column with the parts train and val, not --val."
        ),
    ] = None,
    seed: SeedOption = DEFAULT_SEED,
    workers: Annotated[
        int | None, number_option("Workers that load batches. [one per core]", least=0)
    ] = None,
    *,
    source: Images,
    decoding: Decoding,
) -> None:
    """Train a classifier on a folder, and write a run folder (model, metrics, plots, predictions).

    The run folder contains the model, the manifest, the settings, the history (CSV and plot), a
    contact sheet, the confusion matrix of the held-out images, and a CSV with the path, label,
    prediction and probability of each held-out image.

    With --splits, trains on train and evaluates on val, or on test if that is the only other split.
    """
    # First, so that invalid options fail immediately.
    options = RunOptions(
        architecture=architecture,
        augment=load_augment(augment),
        image_size=parse_size(image_size),
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        val=val,
        split_column="split" if source.splits and split_column is None else split_column,
        seed=seed,
        workers=workers,
        **asdict(decoding),
    )
    require_backend()
    manifest = source.open()
    print_counts(manifest)
    run_folder = output or _free_folder(Path("runs") / _name(source.folder))
    try:
        # Progress bars in a terminal, one line per epoch in a log.
        result = augseq.train_classifier(
            manifest, run_folder, options, verbose=1 if sys.stdout.isatty() else 2
        )
    except Exception as error:
        command = ["augseq", "show", source.folder, "--augment", augment]
        command += ["--image-size", image_size, *given_options(source), *given_options(decoding)]
        _add_replay(error, shlex.join(command))
        raise
    share = f"{result.accuracy:.1%} ({result.num_right} of {result.num_held_out} images)"
    print(f"\nvalidation accuracy  {share}")
    print(f"trained in           {result.seconds:.0f} s, with Keras on {result.backend}")
    if result.cache is not None:
        print(f"images cached        {result.cache}")
    print(f"run folder           {run_folder}")
    for name in sorted(path.name for path in run_folder.iterdir()):
        print(f"  {name}")
    print("\nTo classify other images:")
    print(f"  augseq predict {shlex.quote(str(run_folder))} FOLDER -o predictions.csv")


def require_backend() -> None:
    """Load Keras, or raise an error that says how to install its backend."""
    try:
        with _quiet_stderr():
            import keras  # noqa: F401
    # An ImportError for a backend that is not installed, a ValueError for an unknown name.
    except (ImportError, ValueError) as error:
        # If unset, keras.json names the backend, and the error of Keras includes it.
        backend = os.environ.get("KERAS_BACKEND")
        raise ArgumentError(
            f"Keras cannot load its backend{f' {backend!r}' if backend else ''}: {error}. Install "
            "tensorflow, jax or torch with pip, and set the environment variable KERAS_BACKEND to "
            "the one to use."
        ) from error


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Suppress what native code prints to stderr, unless an error follows."""
    # TensorFlow prints messages about the processor before its log level takes effect.
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as captured:
        os.dup2(captured.fileno(), 2)
        try:
            yield
        except BaseException:
            captured.seek(0)
            os.write(stderr, captured.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _name(images: str) -> str:
    if is_remote(images):
        return re.split(r"[:/]+", images.rstrip(":/"))[-1]
    path = Path(images).resolve()
    return path.name if path.is_dir() else path.stem


def _free_folder(wanted: Path) -> Path:
    """Return an unused path: the wanted one, or one with a number appended."""
    numbered = (wanted.with_name(f"{wanted.name}-{number}") for number in itertools.count(2))
    return next(path for path in itertools.chain([wanted], numbered) if not path.exists())


def _add_replay(error: Exception, command: str) -> None:
    """Add a command that replays the sample to an error that names the Python call."""
    text = " ".join([str(error), *getattr(error, "__notes__", [])])
    match = re.search(r"epoch (\d+), seed (\d+)\. To replay: .*index=(\d+)", text)
    if match:
        epoch, seed, index = match.groups()
        error.add_note(f"Or: {command} --seed {seed} --epoch {epoch} --index {index}")
