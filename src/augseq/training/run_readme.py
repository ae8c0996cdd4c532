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
from augseq.training.run_settings import augment_code

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

Trained with augseq {version} on {num_images}
images in {root!r}: the network {network}, from {weights}.

{result}

{use}, at the shell:

    augseq predict {quoted_folder} FOLDER -o {predictions}

In Python:

    import augseq

    run = augseq.load_run({folder!r})
    print(run.predict(["photo.jpg"]))

Both decode and resize images as in training.

| file | content |
|---|---|
{files}

The training images were augmented with this list:

{augment}

The best epoch is the one with {best} on the held-out images, so expect slightly less on new
images.
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
        purpose=textwrap.fill(kind.purpose, 100),
        use=kind.use,
        best=kind.best,
        version=version("augseq"),
        num_images=len(train),
        root=train.root,
        network=options.architecture,
        weights=_origin(options),
        result=result,
        folder=str(folder),
        quoted_folder=shlex.quote(str(folder)),
        predictions=PREDICTIONS,
        files="\n".join(f"| {name} | {content} |" for name, content in _files(kind).items()),
        augment="\n".join(f"    {line}" for line in augment.splitlines()),
    )
    (folder / README).write_text(text, encoding="utf-8")


def _files(kind: Kind) -> dict[str, str]:
    """Return the content of each file of a run folder, by its name in backticks."""
    found = {
        f"`{MODEL}`": f"the model of the best epoch, for `{kind.load_call}`; pixels from 0 to 255",
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
