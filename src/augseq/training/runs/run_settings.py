"""The settings of a run: every option, the versions of the libraries, and how pixels are made."""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from augseq.augment.augmentation_list import make_augmentation_list
from augseq.errors import ArgumentError, MissingFileError
from augseq.inspection.explorer.augment_code import code_of
from augseq.loading.pipeline import Pipeline
from augseq.loading.targets.target import TargetOption
from augseq.manifest.manifest import Manifest
from augseq.pixels.cache.source import CachedSource
from augseq.pixels.source import FileSource
from augseq.training.content_text import object_text
from augseq.training.run_files import CLASS_NAMES, SETTINGS, is_interrupted
from augseq.training.run_options import RunOptions
from augseq.training.runs.target_settings import target_settings

_LIBRARIES = ("augseq", "keras", "albumentations", "numpy", "opencv-python-headless", "pillow")


def write_settings(
    options: RunOptions,
    manifest: Manifest,
    pipeline: Pipeline,
    folder: Path,
    *,
    target: TargetOption,
    class_names: Sequence[str],
    backend: str,
    val: Manifest | None = None,
) -> None:
    """Write the settings of a run, its class names, and the versions of the libraries.

    Args:
        options: The options of the run.
        manifest: The images of the run.
        pipeline: How the held-out images were loaded.
        folder: The run folder.
        target: What the model predicts.
        class_names: Names of the classes or tags, if there are any.
        backend: Name of the Keras backend.
        val: The images to evaluate on, if they are not part of `manifest`.
    """
    pixels = pixel_options(pipeline)
    settings = {
        **_given(options, pixels, has_val=val is not None),
        "target": target_settings(target),
        "augment": augment_code(options),
        "learning_rate": options.peak_learning_rate,
        "pixels": pixels,
        "fingerprint": manifest.fingerprint(),
        **({} if val is None else {"val_fingerprint": val.fingerprint()}),
        "backend": backend,
        "versions": _versions(backend),
    }
    write_json(settings, folder / SETTINGS)
    if class_names:
        write_json(list(class_names), folder / CLASS_NAMES)


def pixel_options(pipeline: Pipeline) -> dict[str, Any]:
    """Return the options of an `ImageSequence` that determine unaugmented pixels.

    Raises:
        ArgumentError: The pipeline reads no files.
    """
    source = pipeline.source
    files = source.files if isinstance(source, CachedSource) else source
    if not isinstance(files, FileSource):
        raise ArgumentError("The images must be files. Received: an array")
    resize = {"image_size": None} if pipeline.resize is None else asdict(pipeline.resize)
    return {
        **{name: value for name, value in asdict(files.options).items() if name != "alike"},
        **resize,
        "dtype": pipeline.dtype,
        "scaled_decode": pipeline.scaled_decode,
    }


def read_settings(folder: Path) -> dict[str, Any]:
    """Read the settings of a run folder.

    Raises:
        MissingFileError: The folder is not a run folder.
        ArgumentError: Another version wrote it.
    """
    try:
        settings: dict[str, Any] = json.loads((folder / SETTINGS).read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        if is_interrupted(folder):
            raise MissingFileError(
                f"The run in {str(folder)!r} was interrupted before its training began, so there "
                "is nothing to continue. Delete the folder, and start the run again."
            ) from None
        raise MissingFileError(
            f"{str(folder)!r} is not a run folder: it has no {SETTINGS}. `augseq fit` and "
            "`augseq.train` write run folders."
        ) from None
    except ValueError as error:
        raise ArgumentError(f"{str(folder / SETTINGS)!r} is damaged: {error}") from error
    if "pixels" not in settings:
        raise ArgumentError(
            f"{str(folder / SETTINGS)!r} does not say how images were decoded: another version of "
            "augseq wrote it. Train again, or load the model with keras.models.load_model."
        )
    return settings


def read_options(settings: Mapping[str, Any], augment: Sequence[Any]) -> RunOptions:
    """Return the options of a run from its settings.

    Args:
        settings: The result of `read_settings`.
        augment: The augmentations, which cannot be created from text.
    """
    found = {**given_pixels(settings), **settings, "augment": augment}
    names = (field.name for field in fields(RunOptions))
    return RunOptions(**{name: found[name] for name in names if name in found})


def given_pixels(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pixel options in settings, as `ImageSequence` takes them."""
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in settings["pixels"].items()
    }


def write_json(value: Any, path: Path) -> None:
    """Write a value as indented JSON."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def augment_code(options: RunOptions) -> list[str]:
    """Return each augmentation as code, or as a description if no code can express it."""
    steps = make_augmentation_list(options.augment).steps
    given = [getattr(step, "transform", step) for step in steps]
    return [code_of(item) or object_text(item) for item in given]


def _given(options: RunOptions, pixels: Mapping[str, Any], *, has_val: bool) -> dict[str, Any]:
    """Return the options that have a value and are used, except those that determine pixels."""
    unused = {"augment", *pixels}
    if has_val or options.split_column is not None or options.fold is not None:
        unused.add("val")
    found = {field.name: getattr(options, field.name) for field in fields(options)}
    return {
        name: value for name, value in found.items() if value is not None and name not in unused
    }


def _versions(backend: str) -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in (*_LIBRARIES, backend):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            # Installed under another name, such as tensorflow-cpu.
            continue
    return found
