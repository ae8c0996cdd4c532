"""`augseq fit`: train a model on images, and write a run folder."""

import contextlib
import itertools
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterator, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

import augseq
from augseq.cli.arguments import Decoding, Images, check_absent, given_options
from augseq.cli.augment_argument import load_augment
from augseq.cli.fit_options import CAN_CHANGE, HELD_OUT, RunArguments, check_same
from augseq.cli.flat_options import with_flat_options
from augseq.cli.next_step import print_next
from augseq.cli.print_manifest import print_counts
from augseq.cli.target_arguments import TargetArguments, TrainingMasks, print_target
from augseq.errors import ArgumentError
from augseq.loading.targets.label import Label
from augseq.loading.targets.target import TargetOption
from augseq.manifest.manifest import Manifest
from augseq.manifest.storage import read_manifest
from augseq.remote.url import is_remote
from augseq.terminal_text import listed, num_columns, padded
from augseq.training.run_files import (
    DELETED_BACKUPS,
    MANIFEST,
    README,
    VAL_MANIFEST,
    is_complete,
    is_interrupted,
    missing_files,
)
from augseq.training.run_options import RunOptions
from augseq.training.runs.run_settings import read_options, read_settings
from augseq.training.runs.target_settings import read_target

# The column of `augseq split`, and of `augseq index --splits`.
_SPLIT = "split"
# Options that hold out other images than those of such a column.
_OWN_SPLITS = ("val_folder", "val", "fold")
_SPLITS = ("splits", "split_column")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingImages(Images):
    """The images to train on; with --resume, those of the run folder."""

    folder: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER",
            help="Folder with one sub-folder per class, its address (s3://...), or a manifest "
            "(.parquet).",
            show_default=False,
        ),
    ] = ""


@with_flat_options
def fit(
    context: typer.Context,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="RUN", help="Run folder. [runs/NAME]"),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="Continue an interrupted run, with its own images and options; no FOLDER.",
        ),
    ] = None,
    val_folder: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Images to evaluate on: a folder or manifest like FOLDER. [some of FOLDER]",
            rich_help_panel=HELD_OUT,
        ),
    ] = None,
    *,
    run: RunArguments,
    wanted: TargetArguments,
    masks: TrainingMasks,
    source: TrainingImages,
    decoding: Decoding,
) -> None:
    """Train a model on images, and write a run folder (model, metrics, plots, predictions).

    The model predicts the class of an image; with --target, the values of other columns of a
    manifest: numbers, classes or tags; with --mask and --mask-classes, the class of each pixel.

    The run folder contains the model of the best epoch, the history, the predictions for held-out
    images, pictures, and a README that describes all files.

    If a manifest has a split column, as of `augseq split`, or with --splits, trains on train and
    evaluates on val, or on test if that is the only other split. --val splits at random instead.

    After Ctrl-C or a crash, `augseq fit --resume RUN` continues, and ends with the same model.

    With few images, start from pretrained weights:
    `augseq fit FOLDER --architecture EfficientNetV2B0 --weights imagenet`.
    """
    if resume is None:
        # First, so that invalid options fail immediately.
        _check_held_out(context)
        options = run.run_options(decoding)
        manifest, run_folder = _new_run(source, output, options)
        if source.splits or not any(_is_given(context, name) for name in _OWN_SPLITS):
            options = _with_split_of(manifest, options)
        val = _open_val(source, val_folder, options)
        target = wanted.option(manifest, masks)
    else:
        given = {name for name in context.params if _is_given(context, name)}
        _check_source(resume, source, given)
        for group in (wanted, masks):
            check_absent(group, "new runs", f"--resume {resume}")
        options = _stored_options(resume, run, decoding, given)
        require_backend(for_saving=True)
        manifest, run_folder = read_manifest(resume / MANIFEST, root=source.root), resume
        val = _stored_val(resume, source.root)
        target = read_target(read_settings(resume))
    _print_images(manifest, target)
    if val is not None:
        print(f"held out: {len(val):,} images in {val.root}")
    try:
        # Progress bars in a terminal, one line per epoch in a log.
        result = augseq.train(
            manifest,
            run_folder,
            options,
            target=target,
            val=val,
            resume=resume is not None,
            verbose=1 if sys.stdout.isatty() else 2,
        )
    except KeyboardInterrupt as interrupt:
        print("", *getattr(interrupt, "__notes__", []), sep="\n", file=sys.stderr)
        raise
    except Exception as error:
        if resume is None:
            command = ["augseq", "show", source.folder, "--augment", run.augment]
            command += ["--image-size", run.image_size]
            command += [*given_options(source), *given_options(decoding)]
            _add_replay(error, shlex.join(command))
        raise
    assert options.epochs is not None
    _print_result(result, options.epochs, run_folder)


def _check_held_out(context: typer.Context) -> None:
    """Raise `ArgumentError` if several options choose the held-out images."""
    given = [name for name in (*_OWN_SPLITS, *_SPLITS) if _is_given(context, name)]
    if len(given) > 1 and not set(given) <= set(_SPLITS):
        options = " and ".join(f"--{name.replace('_', '-')}" for name in given)
        raise ArgumentError(f"Only one of {options} can choose the held-out images.")


def _print_images(manifest: Manifest, target: TargetOption | None) -> None:
    if target is None or (isinstance(target, Label) and target.column is None):
        print_counts(manifest)
    else:
        print_target(manifest, target)


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _new_run(source: Images, output: Path | None, options: RunOptions) -> tuple[Manifest, Path]:
    if not source.folder:
        raise typer.BadParameter("is required, except with --resume.", param_hint="FOLDER")
    require_backend(for_saving=True)
    manifest = source.open(color_mode=options.color_mode)
    return manifest, output or _free_folder(Path("runs") / _name(source.folder))


def _with_split_of(manifest: Manifest, options: RunOptions) -> RunOptions:
    """Use the splits that a manifest has: other ones would mix its test images with the rest."""
    if options.split_column is not None or _SPLIT not in manifest.table.column_names:
        return options
    print(f"The images have splits (column {_SPLIT!r}); --val FRACTION would hold out others.")
    return replace(options, split_column=_SPLIT)


def _open_val(source: Images, folder: str | None, options: RunOptions) -> Manifest | None:
    if folder is None:
        return None
    images = Images(folder=folder, extensions=source.extensions)
    return images.open(color_mode=options.color_mode)


def _stored_val(folder: Path, root: str | None) -> Manifest | None:
    path = folder / VAL_MANIFEST
    if not path.is_file():
        return None
    if root is not None:
        raise ArgumentError(
            "--root is not possible for a run with --val-folder: it has two folders of images. "
            "Move them back."
        )
    return read_manifest(path)


def _check_source(folder: Path, source: Images, given: Set[str]) -> None:
    """Raise `ArgumentError` for options that are about new runs only."""
    if source.folder or given & {"output", "val_folder"}:
        what = f"FOLDER {source.folder!r}" if source.folder else "--output or --val-folder"
        raise ArgumentError(
            f"--resume continues a run in its own folder, with its own images. Received: {what}. "
            "If the images were moved, pass --root FOLDER."
        )
    check_absent(replace(source, root=None), "new runs", f"--resume {folder}")


def _stored_options(
    folder: Path, run: RunArguments, decoding: Decoding, given: Collection[str]
) -> RunOptions:
    """Return the options of the run to resume, which those given must not contradict.

    Raises:
        ArgumentError: An option differs from the run, or the run cannot be resumed.
        MissingFileError: There is no such run.
        Exit: The run is complete.
    """
    settings = read_settings(folder)
    # Without its augmentations, which a complete run does not need.
    stored = read_options(settings, ())
    options = run.run_options(decoding, stored=stored, names=given)
    check_same(options, stored, given, folder)
    _check_interrupted(folder)
    name = settings.get("augment_name")
    if name is None:
        raise ArgumentError(
            f"The run {str(folder)!r} was started by a Python program, which has its "
            "augmentations. Run that program again with augseq.train(..., resume=True)."
        )
    changed = {option: getattr(run, option) for option in CAN_CHANGE if option in given}
    return replace(stored, augment=load_augment(name), **changed)


def _check_interrupted(folder: Path) -> None:
    if is_complete(folder):
        # Left by a process that was killed while it deleted them.
        shutil.rmtree(folder / DELETED_BACKUPS, ignore_errors=True)
        print(f"The run {str(folder)!r} is complete; {folder / README} says how to use it.")
        raise typer.Exit
    if not is_interrupted(folder):
        raise ArgumentError(
            f"{str(folder)!r} has no backups to continue from, and is not a complete run: it has "
            f"no {listed(missing_files(folder))}. Start the run again in another folder."
        )


def _print_result(result: "augseq.RunResult", epochs: int, run_folder: Path) -> None:
    lines = {f"validation {name}": text for name, text in result.evaluation.summary.items()}
    num_epochs = max(map(len, result.history.values()))
    stopped = f", stopped early: {epochs} at most" if num_epochs < epochs else ""
    lines["best epoch"] = f"{result.best_epoch} of {num_epochs}{stopped}"
    lines["trained in"] = f"{result.seconds:.0f} s, with Keras on {result.backend}"
    if result.cache is not None:
        lines["images cached"] = result.cache
    lines["run folder"] = str(run_folder)
    width = max(map(num_columns, lines))
    print(*["", *(f"{padded(name, width)}  {text}" for name, text in lines.items())], sep="\n")
    for name in sorted(path.name for path in run_folder.iterdir()):
        print(f"  {name}")
    what = "To predict the same for other images"
    print_next(what, "predict", run_folder, "FOLDER", "-o", "predictions.csv")


def require_backend(*, for_saving: bool = False) -> None:
    """Load Keras, or raise an error that says how to install its backend.

    Args:
        for_saving: Whether a model will be saved. For this, Keras imports TensorFlow if it is
            installed, on every backend; here, its messages about the processor are suppressed.
    """
    try:
        with _quiet_stderr():
            import keras

            if for_saving:
                # Any object: Keras compares each with TensorFlow's types.
                keras.saving.serialize_keras_object(keras.initializers.Zeros())
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
