"""The README of a run folder: what is in it, and how to use it."""

import shlex
from importlib.metadata import version
from pathlib import Path

from augseq.inspection.explorer.augment_code import list_code
from augseq.manifest.manifest import Manifest
from augseq.training.run_files import (
    CLASS_NAMES,
    HISTORY,
    LAST_MODEL,
    MANIFEST,
    MODEL,
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
and accuracy of each epoch.
"""

_COMPLETE = """\
# A trained image classifier

It distinguishes {num_classes} classes: {classes}. Trained with augseq {version} on {num_images}
images in {root!r}: the network {network}, from {weights}.

{result}

Classify images, at the shell:

    augseq predict {quoted_folder} FOLDER -o predictions.csv

In Python:

    import augseq

    run = augseq.load_run({folder!r})
    print(run.predict(["photo.jpg"]))

Both decode and resize images as in training.

| file | content |
|---|---|
| `{model}` | the model of the best epoch, for `keras.models.load_model`; pixels from 0 to 255 |
| `{last_model}` | the model after the last epoch, with its optimizer |
| `{class_names}` | the names of the classes, in the order of the model's outputs |
| `{settings}` | all settings and versions |
| `{manifest}` | the images (`val_{manifest}`: those held out, if they are others) |
| `predictions.csv` | what it predicts for the held-out images, which it was not trained on |
| `classes.csv` | images, recall and precision of each class |
| `confusion_matrix.png` | how often each class was taken for another |
| `wrong_images.png` | the held-out images that it got wrong, the most confident mistakes first |
| `{history}`, `history.png` | loss and accuracy of each epoch |
| `contact_sheet.png` | augmented training images |

The training images were augmented with this list:

{augment}

The best epoch is the one with the highest accuracy on the held-out images, so expect slightly less
on new images.
"""


def write_interrupted_readme(folder: Path) -> None:
    """Write how to continue a run, until it is complete."""
    text = _INTERRUPTED.format(resume=resume_command(folder), model=MODEL, history=HISTORY)
    (folder / README).write_text(text, encoding="utf-8")


def write_readme(options: RunOptions, train: Manifest, result: str, folder: Path) -> None:
    """Write how to use what is in the folder of a complete run.

    Args:
        options: The options of the run.
        train: The images it was trained on.
        result: A sentence about its accuracy.
        folder: The run folder.
    """
    names = train.class_names
    augment = list_code(augment_code(options))
    text = _COMPLETE.format(
        num_classes=len(names),
        classes=", ".join(names[:20]) + (", ..." if len(names) > 20 else ""),
        version=version("augseq"),
        num_images=len(train),
        root=train.root,
        network=options.architecture,
        weights=_origin(options),
        result=result,
        folder=str(folder),
        quoted_folder=shlex.quote(str(folder)),
        model=MODEL,
        last_model=LAST_MODEL,
        class_names=CLASS_NAMES,
        settings=SETTINGS,
        manifest=MANIFEST,
        history=HISTORY,
        augment="\n".join(f"    {line}" for line in augment.splitlines()),
    )
    (folder / README).write_text(text, encoding="utf-8")


def _origin(options: RunOptions) -> str:
    if options.is_fine_tuning:
        return f"pretrained weights ({options.weights})"
    return "random weights" if options.weights == RANDOM else "the weights that it was given with"
