"""The `augseq` command: one-line errors, and exit codes for scripts."""

import io
import os
import sys
import traceback
import warnings
from typing import Annotated

import typer

import augseq
from augseq.cli.augment import augment
from augseq.cli.bench import bench
from augseq.cli.check import check
from augseq.cli.fit import fit
from augseq.cli.flat_options import with_flat_options
from augseq.cli.index import index
from augseq.cli.predict import predict
from augseq.cli.show import show
from augseq.cli.split import split
from augseq.errors import AugseqError, AugseqWarning
from augseq.pixels import native
from augseq.terminal_text import escaped

app = typer.Typer(
    name="augseq",
    help="Feed an image folder to Keras: index it, check it, train on it, use the model.",
    epilog="Start with `augseq index FOLDER -o images.parquet`; it prints the next command.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(index)
app.command()(split)
app.command()(check)
app.command()(show)
app.command()(augment)
app.command()(fit)
app.command()(predict)
app.command()(bench)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"augseq {augseq.__version__}")
        if not native.decodes_jpeg():
            print(f"note: {native.ADVICE}")
        raise typer.Exit


@app.callback()
@with_flat_options
def options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    whole_traceback: Annotated[
        bool, typer.Option("--traceback", help="Show the full traceback of an error.")
    ] = False,
) -> None:
    """Global options."""
    if whole_traceback:
        os.environ["AUGSEQ_TRACEBACK"] = "1"


def main() -> None:
    """Run the command line.

    Exits with 0 on success, 1 after an error, 2 for wrong usage, 130 after Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        # Names that the terminal cannot display must not crash the program.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # Before Keras loads its backend, to hide TensorFlow's log messages.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("always", AugseqWarning)
    warnings.showwarning = _print_warning  # type: ignore[assignment]
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    # A user's own transform can raise anything.
    except Exception as error:
        if os.environ.get("AUGSEQ_TRACEBACK"):
            traceback.print_exc()
        print(f"error: {_one_line(error)}", file=sys.stderr)
        sys.exit(1)


def _one_line(error: Exception) -> str:
    kind = "" if isinstance(error, AugseqError) else f"{type(error).__name__}: "
    notes = getattr(error, "__notes__", [])
    lines = " ".join([f"{kind}{error}", *notes]).splitlines()
    # Keep spaces within a line: a command in it can contain a file name with two.
    return escaped(" ".join(filter(None, map(str.strip, lines))))


def _print_warning(message: Warning | str, category: type[Warning], *_: object) -> None:
    if issubclass(category, AugseqWarning):
        print(f"warning: {message}", file=sys.stderr)
