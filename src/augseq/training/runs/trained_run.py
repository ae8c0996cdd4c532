"""Load a run folder, and predict with its model from the same pixels as in training."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError, ManifestError, MissingFileError
from augseq.indexing.folder import index_folder
from augseq.indexing.scan import not_utf8
from augseq.loading.targets.target import TargetOption
from augseq.manifest.classes import is_utf8
from augseq.manifest.manifest import Manifest, make_manifest
from augseq.manifest.storage import read_manifest
from augseq.pixels.options import ColorMode
from augseq.remote.url import is_remote
from augseq.storage.path_encoding import from_system
from augseq.terminal_text import listed, shortened, table_text
from augseq.training.kinds.kind import Kind, joined
from augseq.training.kinds.kind_of import kind_of
from augseq.training.kinds.mask_writer import MaskWriter
from augseq.training.kinds.masks import Masks
from augseq.training.kinds.predictions import Predictions, WrittenPredictions
from augseq.training.kinds.tag_predictions import TagPredictions
from augseq.training.kinds.tags import Tags
from augseq.training.prediction.predict_batches import (
    each_in_order,
    moves_with_image,
    predict_kind,
    predicted_batches,
)
from augseq.training.run_files import MANIFEST, MODEL, is_interrupted, resume_command
from augseq.training.runs.run_settings import given_pixels, read_settings
from augseq.training.runs.target_settings import read_target
from augseq.training.sequence import ImageSequence
from augseq.types import PathLike
from augseq.validation import check_number

Images: TypeAlias = Manifest | PathLike | Sequence[PathLike] | npt.NDArray[Any]

# The pixel options of arrays; the others are about files.
_RESIZING = ("image_size", "resize_mode", "interpolation", "dtype")
_REORDERING = ("shuffle", "drop_remainder")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedRun:
    """A trained model, and how its images were decoded and resized.

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
    def target(self) -> TargetOption:
        """What the model predicts."""
        return read_target(self.settings)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the model's outputs, in order: classes, tags or columns of numbers."""
        return self._kind.names

    @property
    def color_mode(self) -> ColorMode:
        """The colour mode of the images that the model was trained on."""
        color_mode: ColorMode = given_pixels(self.settings)["color_mode"]
        return color_mode

    @property
    def _kind(self) -> Kind:
        return kind_of(ImageSequence(self.manifest, targets=self.target), "load_run")

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
        self,
        images: Images,
        *,
        views: int = 1,
        batch_size: int = 32,
        threshold: float | None = None,
        verbose: int = 0,
        **options: Any,
    ) -> Predictions:
        """Predict what is in images, decoded and resized as in training.

        Args:
            images: One of: a manifest; a folder, whose images are taken from all its sub-folders;
                the path of a manifest; the path of an image, or a list of paths; an array of shape
                (height, width, channels) or (n, height, width, channels), from 0 to 255, which is
                resized only.
            views: Number of augmented views of each image, whose predictions are averaged, as by
                `augseq.predict`; requires `augment`. If the model was trained with a `mirror`, what
                it returns for mirrored views is exchanged back.
            batch_size: Number of images per batch.
            threshold: For tags: one is predicted if its probability is above this. None: 0.5.
            verbose: As in Keras' `predict`: 1 shows a progress bar for each view.
            **options: Further options of `ImageSequence`, such as `workers` and `augment`.

        Returns:
            `ClassPredictions`, `NumberPredictions`, `TagPredictions` or `MaskPredictions`, as the
            model was trained.

        Raises:
            MissingFileError: There is no such file or folder.
            ManifestError: The name of a file is not valid UTF-8.
            DecodeError: A file does not hold a usable image.
            ArgumentError: `images` is something else, or there are none; there are several views
                of masks, or without `augment`; or the model returns NaN.

        Warns:
            AugseqWarning: The true values in a manifest are not compared with the predictions,
                because the model does not have all its classes, or some images have no value.

        Example:
            >>> run = augseq.load_run("runs/photos")                       # doctest: +SKIP
            >>> run.predict(["cat.jpg", "dog.jpg"]).names                  # doctest: +SKIP
            ['cat', 'dog']
        """
        kind = self._kind
        _check_threshold(threshold, kind)
        batches, paths = self._batches_of(
            images, kind, views, {"batch_size": batch_size, **options}
        )
        found = predict_kind(kind, self.model, batches, views=views, paths=paths, verbose=verbose)
        if threshold is not None and isinstance(found, TagPredictions):
            return replace(found, threshold=float(threshold))
        return found

    def write_predictions(
        self,
        images: Images,
        file: PathLike,
        *,
        all_classes: bool = False,
        views: int = 1,
        batch_size: int = 32,
        threshold: float | None = None,
        verbose: int = 0,
        **options: Any,
    ) -> WrittenPredictions:
        """Predict what is in images, and write it as CSV.

        Masks are written as PNG files into a folder beside the table, with its name without the
        extension, batch by batch, so that any number of them fits into memory.

        Args:
            images: As in `predict`.
            file: Path of the table.
            all_classes: Whether to add a column for each class or tag, with its probability, or
                the share of its pixels.
            views: As in `predict`.
            batch_size: Number of images per batch.
            threshold: A tag is predicted if its probability is above this.
            verbose: 1 shows a progress bar.
            **options: Further options of `ImageSequence`, such as `workers`.

        Returns:
            What was written, and how good it is if a manifest has the true values.

        Raises:
            MissingFileError: There is no such file or folder.
            ArgumentError: As in `predict`.
            DecodeError: A file does not hold a usable image.
        """
        kind, folder = self._kind, Path(file).resolve().parent
        if not folder.is_dir():
            raise MissingFileError(f"There is no folder {str(folder)!r} to write {str(file)!r} to.")
        if not isinstance(kind, Masks):
            found = self.predict(
                images,
                views=views,
                batch_size=batch_size,
                threshold=threshold,
                verbose=verbose,
                **options,
            )
            found.write_csv(file, all_classes=all_classes)
            return WrittenPredictions(
                num_images=len(found), row_content=found.row_content, score=found.score
            )
        _check_threshold(threshold, kind)
        batches, paths = self._batches_of(
            images, kind, views, {"batch_size": batch_size, **options}
        )
        writer = MaskWriter(
            file=Path(file),
            paths=paths,
            class_names=kind.classes,
            batches=batches,
            all_classes=all_classes,
        )
        for masks, truth in predicted_batches(kind, self.model, batches, verbose=verbose):
            writer.add(masks, truth)
        return writer.finish()

    def _batches_of(
        self, images: Images, kind: Kind, views: int, options: dict[str, Any]
    ) -> tuple[ImageSequence, tuple[str, ...]]:
        """Return batches of images, with the true values that a manifest has, and their names."""
        reordering = [name for name in _REORDERING if options.get(name)]
        if reordering:
            raise ArgumentError(
                "Predictions must be in the order of the images, with one for each. "
                f"Received: {listed(reordering)}"
            )
        if views > 1 and kind.is_per_pixel:
            raise moves_with_image(str(kind.option), views)
        if isinstance(images, np.ndarray):
            batches = self._of_array(images, **options)
            paths = tuple(map(str, range(len(batches.manifest))))
        else:
            manifest, paths = _manifest_and_names(images, self.color_mode)
            # A manifest can have the true values.
            batches = self.batches(manifest, **{"targets": kind.option_for(manifest), **options})
        return each_in_order(batches, views), paths

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

    def __repr__(self) -> str:
        pixels, names = given_pixels(self.settings), self.names
        return table_text(
            f"TrainedRun {shortened(repr(str(self.folder)), 60)}",
            {
                "model": f"{self.model.name}, {self.model.count_params():,} weights",
                "predicts": shortened(f"{len(names)}: {listed(names, 10)}", 70),
                "images": "x".join(map(str, pixels["image_size"])) + f", {pixels['color_mode']}",
            },
        )


def _check_threshold(threshold: float | None, kind: Kind) -> None:
    if threshold is None:
        return
    check_number("threshold", threshold, least=0, most=1)
    if not isinstance(kind, Tags):
        raise ArgumentError(
            "`threshold` (at the shell: --threshold) is for models that predict tags. "
            f"Received: a model that predicts {joined(kind.names, 3)}"
        )


def load_run(folder: PathLike) -> TrainedRun:
    """Load the model of a run folder, with all that is needed to predict with it.

    Args:
        folder: A folder that `augseq fit` or `augseq.train` wrote.

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


def _manifest_and_names(images: Any, color_mode: ColorMode) -> tuple[Manifest, tuple[str, ...]]:
    """Return images as a manifest, and how a user names each."""
    if isinstance(images, str | os.PathLike):
        name = os.fspath(images)
        if is_remote(name) or os.path.isdir(name):
            images = index_folder(name, labels=None, color_mode=color_mode, progress=False)
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
