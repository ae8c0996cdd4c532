"""Load a run folder, and predict with its model from the same pixels as in training."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError, AugseqWarning, ManifestError, MissingFileError
from augseq.indexing.folder import index_folder
from augseq.indexing.scan import not_utf8
from augseq.manifest.classes import is_utf8
from augseq.manifest.manifest import Manifest, make_manifest
from augseq.manifest.storage import read_manifest
from augseq.remote.url import is_remote
from augseq.storage.path_encoding import from_system
from augseq.terminal_text import listed, shortened, table_text
from augseq.training.own_failure import own_failure
from augseq.training.predictions import Predictions
from augseq.training.run_files import MANIFEST, MODEL, is_interrupted, resume_command
from augseq.training.run_settings import given_pixels, read_settings
from augseq.training.sequence import ImageSequence
from augseq.types import PathLike

Images: TypeAlias = Manifest | PathLike | Sequence[PathLike] | npt.NDArray[Any]

# The pixel options of arrays; the others are about files.
_RESIZING = ("image_size", "resize_mode", "interpolation", "dtype")
_REORDERING = ("shuffle", "drop_remainder")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedRun:
    """A trained classifier, and how its images were decoded and resized.

    Attributes:
        folder: The run folder.
        model: The trained model.
        manifest: The images it was trained and evaluated on.
        settings: The content of `settings.json`.
    """

    folder: Path
    model: keras.Model = field(repr=False)
    manifest: Manifest = field(repr=False)
    settings: dict[str, Any] = field(repr=False)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the model's outputs."""
        return self.manifest.class_names

    def batches(self, images: Manifest, **options: Any) -> ImageSequence:
        """Return unaugmented batches with the pixels that the model was trained with.

        Args:
            images: Images to load.
            **options: Options of `ImageSequence` that do not change pixels.

        Raises:
            ArgumentError: An option is invalid, or would change pixels.
        """
        pixels = self._pixels(options)
        return ImageSequence(images, **{"label_mode": None, **pixels, **options})

    def predict(
        self, images: Images, *, batch_size: int = 32, verbose: int = 0, **options: Any
    ) -> Predictions:
        """Classify images, decoded and resized as in training.

        Args:
            images: One of: a manifest; a folder, whose images are taken from all its sub-folders;
                the path of a manifest; the path of an image, or a list of paths; an array of shape
                (height, width, channels) or (n, height, width, channels), from 0 to 255, which is
                resized only.
            batch_size: Number of images per batch.
            verbose: As in Keras' `predict`: 1 shows a progress bar.
            **options: Further options of `ImageSequence`, such as `workers`.

        Raises:
            MissingFileError: There is no such file or folder.
            ManifestError: The name of a file is not valid UTF-8.
            DecodeError: A file does not hold a usable image.
            ArgumentError: `images` is something else, or there are none; or the model returns NaN.

        Warns:
            AugseqWarning: The labels of a manifest are not compared with the predictions, because
                the model does not have all its classes, or some images have no label.

        Example:
            >>> run = augseq.load_run("runs/photos")                       # doctest: +SKIP
            >>> run.predict(["cat.jpg", "dog.jpg"]).names                  # doctest: +SKIP
            ['cat', 'dog']
        """
        reordering = [name for name in _REORDERING if options.get(name)]
        if reordering:
            raise ArgumentError(
                "Predictions must be in the order of the images, with one for each. "
                f"Received: {listed(reordering)}"
            )
        paths: tuple[str, ...] = ()
        labels = None
        if isinstance(images, np.ndarray):
            batches = self._of_array(images, batch_size=batch_size, **options)
        else:
            manifest, paths = _manifest_and_names(images)
            batches = self.batches(manifest, batch_size=batch_size, **options)
            labels = self._labels(manifest)
            if labels is None and manifest.class_names:
                _warn_of_labels(manifest, self.class_names)
        probabilities = _predict(self.model, batches, verbose)
        return Predictions(
            paths=paths or tuple(map(str, range(len(probabilities)))),
            class_names=self.class_names,
            probabilities=probabilities,
            labels=labels,
        )

    def _of_array(self, images: npt.NDArray[Any], **options: Any) -> ImageSequence:
        pixels = self._pixels(options)
        resizing = {name: pixels[name] for name in _RESIZING if name in pixels}
        stack = images[np.newaxis] if images.ndim == 3 else images
        return ImageSequence.from_arrays(stack, **{"workers": 0, **resizing, **options})

    def _pixels(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the pixel options of training, which no other options can change."""
        pixels = given_pixels(self.settings)
        changed = pixels.keys() & options.keys()
        if changed:
            raise ArgumentError(
                f"The pixels must be those of training. Received: {listed(sorted(changed))}"
            )
        return pixels

    def _labels(self, manifest: Manifest) -> npt.NDArray[Any] | None:
        """Return the true classes as the model numbers them, if it knows all of them."""
        targets = manifest.table.column("target")
        if targets.null_count or not set(manifest.class_names) <= set(self.class_names):
            return None
        # A test set can lack a class, or have another order.
        numbers = np.array([self.class_names.index(name) for name in manifest.class_names])
        return np.asarray(numbers[manifest.targets])

    def __repr__(self) -> str:
        pixels, classes = given_pixels(self.settings), listed(self.class_names, 10)
        return table_text(
            f"TrainedRun {shortened(repr(str(self.folder)), 60)}",
            {
                "model": f"{self.model.name}, {self.model.count_params():,} weights",
                "classes": f"{len(self.class_names)}: {shortened(classes, 70)}",
                "images": "x".join(map(str, pixels["image_size"])) + f", {pixels['color_mode']}",
            },
        )


def load_run(folder: PathLike) -> TrainedRun:
    """Load the model of a run folder, with all that is needed to predict with it.

    Args:
        folder: A folder that `augseq fit` or `train_classifier` wrote.

    Raises:
        MissingFileError: It is not a run folder, or its model or manifest is missing.
        ArgumentError: Another version of augseq wrote it.
    """
    path = Path(folder)
    settings = read_settings(path)
    absent = [name for name in (MODEL, MANIFEST) if not (path / name).is_file()]
    if absent:
        advice = "Copy the whole folder, or train again."
        if is_interrupted(path):
            advice = f"Its training was interrupted; to continue: {resume_command(path)}"
        raise MissingFileError(
            f"The run folder {str(path)!r} is incomplete: it has no {listed(absent)}. {advice}"
        )
    return TrainedRun(
        folder=path,
        model=keras.models.load_model(path / MODEL),
        manifest=read_manifest(path / MANIFEST),
        settings=settings,
    )


def _predict(model: keras.Model, batches: ImageSequence, verbose: int) -> npt.NDArray[np.float32]:
    with own_failure(batches):
        found: npt.NDArray[np.float32] = np.asarray(model.predict(batches, verbose=verbose))
    return found


def _warn_of_labels(manifest: Manifest, known: Sequence[str]) -> None:
    unknown = sorted(set(manifest.class_names) - set(known))
    reason = f"the model has no class {listed(unknown, 5)}" if unknown else "some images have none"
    warnings.warn(
        f"The labels of the manifest are not compared with the predictions: {reason}.",
        AugseqWarning,
        stacklevel=3,
    )


def _manifest_and_names(images: Any) -> tuple[Manifest, tuple[str, ...]]:
    """Return images as a manifest, and how a user names each."""
    if isinstance(images, str | os.PathLike):
        name = os.fspath(images)
        if is_remote(name) or os.path.isdir(name):
            images = index_folder(name, labels=None, progress=False)
        else:
            images = read_manifest(name) if name.endswith(".parquet") else [name]
    if isinstance(images, Manifest):
        return images, tuple(images.table.column("path").to_pylist())
    if isinstance(images, Sequence) and all(isinstance(p, str | os.PathLike) for p in images):
        names = tuple(map(os.fspath, images))
        return _manifest_of_files(names), names
    raise ArgumentError(
        "`images` must be a manifest, a folder, a list of paths, or an array of shape (height, "
        f"width, channels) or (n, height, width, channels). Received: {type(images).__name__}"
    )


def _manifest_of_files(paths: Sequence[str]) -> Manifest:
    """Return a manifest of files that can be anywhere."""
    if not paths:
        raise ArgumentError("`images` must have at least one image. Received: an empty list")
    missing = [path for path in paths if not os.path.exists(path)]
    if missing:
        raise MissingFileError(f"There is no file {listed(missing)}.")
    places = [os.path.abspath(path) for path in paths]
    root = os.path.commonpath([os.path.dirname(place) for place in places])
    relative = [from_system(os.path.relpath(p, root)).replace(os.sep, "/") for p in places]
    for path in (from_system(root), *relative):
        if not is_utf8(path):
            raise ManifestError(not_utf8("file", path))
    manifest = make_manifest(from_system(root), (), paths=relative, targets=None)
    # Each file was named by the user.
    return replace(manifest, follow_links=True)
