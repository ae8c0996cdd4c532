"""The README of a run folder: what is in it, and how to use it."""

import shlex
import textwrap
from importlib.metadata import version
from pathlib import Path

from augseq.inspection.explorer.augment_code import list_code
from augseq.manifest.manifest import Manifest
from augseq.training.kinds.kind import Kind
from augseq.training.run_files import (
    CLASS_NAMES,
    HISTORY,
    LAST_MODEL,
    MANIFEST,
    MODEL,
    PREDICTIONS,
    README,
    SETTINGS,
    resume_command,
)
from augseq.training.run_options import RANDOM, RunOptions
from augseq.training.runs.run_settings import augment_code

_INTERRUPTED = """\
# A run that is not complete

Training is still running, or was interrupted. To continue it after the last backup:

    {resume}

`{model}` is the model of the best epoch so far, if an epoch is complete; `{history}` has the loss
and metrics of each epoch.
"""

_COMPLETE = """\
# A trained {title}

{purpose}

{origin}

{result}

{use}, at the shell:

    augseq predict {quoted_folder} FOLDER -o {predictions}

In Python:

    import augseq

    run = augseq.load_run({folder!r})
    print(run.predict([{photo}]))

Both decode and resize images as in training.

| file | content |
|---|---|
{files}

The training images were augmented with this list:

{augment}

{best}
"""


def write_interrupted_readme(folder: Path) -> None:
    """Write how to continue a run, until it is complete."""
    text = _INTERRUPTED.format(resume=resume_command(folder), model=MODEL, history=HISTORY)
    (folder / README).write_text(text, encoding="utf-8")


def write_readme(
    options: RunOptions, train: Manifest, kind: Kind, result: str, folder: Path
) -> None:
    """Write how to use what is in the folder of a complete run.

    Args:
        options: The options of the run.
        train: The images it was trained on.
        kind: What the model predicts.
        result: A sentence about how good it is.
        folder: The run folder.
    """
    augment = list_code(augment_code(options))
    text = _COMPLETE.format(
        title=kind.title,
        purpose=_filled(kind.purpose),
        use=kind.use,
        best=_filled(
            f"The best epoch is the one with {kind.best} on the held-out images, so expect "
            "slightly less on new images."
        ),
        origin=_filled(
            f"Trained with augseq {version('augseq')} on {len(train):,} images in {train.root!r}: "
            f"the network {options.architecture}, from {_origin(options)}."
        ),
        result=_filled(result),
        folder=str(folder),
        photo='"scene.tif"' if options.color_mode == "bands" else '"photo.jpg"',
        quoted_folder=shlex.quote(str(folder)),
        predictions=PREDICTIONS,
        files="\n".join(
            f"| {name} | {content} |" for name, content in _files(kind, options).items()
        ),
        augment="\n".join(f"    {line}" for line in augment.splitlines()),
    )
    (folder / README).write_text(text, encoding="utf-8")


def _filled(text: str) -> str:
    # Paths and names are not broken.
    return textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)


def _pixels(options: RunOptions) -> str:
    """Return which pixels the model takes."""
    if options.color_mode != "bands":
        return f"pixels from 0 to {1 if options.full_depth else 255}"
    if options.bands is None:
        return "pixels as stored in the files"
    return f"pixels as stored in the files, of the bands {', '.join(map(str, options.bands))}"


def _files(kind: Kind, options: RunOptions) -> dict[str, str]:
    """Return the content of each file of a run folder, by its name in backticks."""
    found = {
        f"`{MODEL}`": f"the model of the best epoch, for `{kind.load_call}`; {_pixels(options)}",
        f"`{LAST_MODEL}`": "the model after the last epoch, with its optimizer",
        f"`{SETTINGS}`": "all settings and versions",
        f"`{MANIFEST}`": f"the images (`val_{MANIFEST}`: those held out, if they are others)",
        f"`{PREDICTIONS}`": "what it predicts for the held-out images, which it was not trained on",
    }
    if kind.has_classes:
        found[f"`{CLASS_NAMES}`"] = "the names of the model's outputs, in order"
    found |= {f"`{name}`": content for name, content in kind.files.items()}
    found[f"`{HISTORY}`, `history.png`"] = "loss and metrics of each epoch"
    found["`contact_sheet.png`"] = "augmented training images"
    return found


def _origin(options: RunOptions) -> str:
    if options.is_fine_tuning:
        return f"pretrained weights ({options.weights})"
    return "random weights" if options.weights == RANDOM else "the weights that it was given with"
