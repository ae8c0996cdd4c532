"""Seeded, parallel-safe, augmented Keras batches from an image folder.

Start with `index_folder`, then make batches from the manifest that it returns:

>>> import augseq
>>> images = augseq.index_folder("sample_images", progress=False)
>>> train, val = images.split(val=0.2, seed=7)
>>> batches = augseq.ImageSequence(train, image_size=(96, 96), batch_size=32, shuffle=True)
>>> pixels, labels = batches[0]
>>> pixels.shape
(32, 96, 96, 3)

All public names, by task:

List the images:
    `index_folder`, `index_table`, `index_huggingface`, `index_webdataset` (tar files) and, for
    boxes, `index_coco`, `index_voc` and `index_yolo` return a `Manifest`; `concat_manifests` joins
    several; `RemoteOptions` configures access to a remote folder.
Use a manifest:
    A `Manifest` holds a `Record` for each image, with a `Probe` of its file after
    `probe_manifest`. `tile_manifest` cuts large images into tiles, each a `Window`. A manifest
    measures its pixels (`PixelStatistics`), those of its masks (`MaskCounts`), and its boxes
    (`BoxStatistics`). `write_manifest` and `read_manifest` save and load it; `write_table` and
    `write_huggingface` export it for other programs, `write_coco`, `write_voc` and `write_yolo`
    with its boxes, `write_webdataset` and `write_tfrecord` with its images, in a few large files.
Check the images:
    `check_images`, with `CheckOptions`, returns a `CheckReport`: a `CheckFinding` for each kind
    of problem, and a `FoundFile` for each file.
Make batches for Keras:
    `ImageSequence` builds each `Batch` from several `Sample`s. It trains on labels, or on other
    targets: `Label`, several labels (`MultiLabel`), a `Number`, a `Mask`, a `ValueMap` such as
    depth, a `PairedImage`, the `InputImage` itself, `Boxes`
    and `KeyPoints`. `Balanced`, `Weighted` and `Sources` choose how often each image is used.
    `Buckets` are several sizes for images of different aspect ratios, which `choose_buckets`
    proposes. `ImageCache` caches decoded pixels; `read_image` decodes one file in the same way.
Augment:
    `preset` returns a list to start from, `explore` an `Explorer` to try it in a notebook. Write
    your own as a function, an `Augmentation`, or a `DetailedAugmentation`, which explains itself
    and can draw a `Crop` before decoding. `photometric` declares that a function moves no pixels;
    `check_augmentation` tests all of them.
    `image_data_generator` converts the arguments of Keras' old class into a list
    (`ConvertedGenerator`), with its transform `KerasAffine`. `MixUp` and `CutMix` mix images.
Train with callbacks:
    `EpochSync`; `BackupAndResume` for runs that may be interrupted; `LossSpikes` records each
    `LossSpike`; `Audit` logs which records were trained on, and `verify_audit` returns an
    `AuditReport`.
Train a model in one call, and use it:
    `train`, with `RunOptions`, returns a `RunResult`; `load_run` returns a `TrainedRun`. Its
    method, and `predict` for any model, return `Predictions`; or it writes them, and returns
    `WrittenPredictions`. They are `ClassPredictions`, `NumberPredictions`, `TagPredictions` or
    `MaskPredictions`. `stitch` puts predictions for tiles together. `evaluate` returns an
    `Evaluation` of any model: a `ClassEvaluation`, with a
    `ClassResult` for each class, a `NumberEvaluation`, with a `NumberResult` for each number, a
    `TagEvaluation`, or a `MaskEvaluation`, with a `MaskResult` for each class.
Handle errors:
    `AugseqError` is the base class of all errors, `AugseqWarning` the class of all warnings; the
    full tree is in `errors`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from augseq import errors as errors
from augseq.manifest import display
from augseq.parallel_map import chunk_runner

__version__ = "0.1.0"

if TYPE_CHECKING:
    from augseq.augment.augmentation import Augmentation as Augmentation
    from augseq.augment.augmentation import DetailedAugmentation as DetailedAugmentation
    from augseq.augment.converted_generator import ConvertedGenerator as ConvertedGenerator
    from augseq.augment.crop import Crop as Crop
    from augseq.augment.image_data_generator import image_data_generator as image_data_generator
    from augseq.augment.keras_affine import KerasAffine as KerasAffine
    from augseq.augment.laws import check_augmentation as check_augmentation
    from augseq.augment.mixing import CutMix as CutMix
    from augseq.augment.mixing import MixUp as MixUp
    from augseq.augment.photometric import photometric as photometric
    from augseq.augment.presets import preset as preset
    from augseq.errors import AugseqError as AugseqError
    from augseq.errors import AugseqWarning as AugseqWarning
    from augseq.indexing.annotations.coco import index_coco as index_coco
    from augseq.indexing.annotations.voc import index_voc as index_voc
    from augseq.indexing.annotations.write_coco import write_coco as write_coco
    from augseq.indexing.annotations.write_voc import write_voc as write_voc
    from augseq.indexing.annotations.write_yolo import write_yolo as write_yolo
    from augseq.indexing.annotations.yolo import index_yolo as index_yolo
    from augseq.indexing.choose_buckets import choose_buckets as choose_buckets
    from augseq.indexing.folder import index_folder as index_folder
    from augseq.indexing.huggingface import index_huggingface as index_huggingface
    from augseq.indexing.huggingface import write_huggingface as write_huggingface
    from augseq.indexing.probing import probe_manifest as probe_manifest
    from augseq.indexing.shards.index_webdataset import index_webdataset as index_webdataset
    from augseq.indexing.shards.write_tfrecord import write_tfrecord as write_tfrecord
    from augseq.indexing.shards.write_webdataset import write_webdataset as write_webdataset
    from augseq.indexing.table.index_table import index_table as index_table
    from augseq.indexing.tiles import tile_manifest as tile_manifest
    from augseq.inspection.explorer.explore import explore as explore
    from augseq.inspection.explorer.panel import Explorer as Explorer
    from augseq.inspection.quality.check_images import check_images as check_images
    from augseq.inspection.quality.findings import CheckFinding as CheckFinding
    from augseq.inspection.quality.findings import FoundFile as FoundFile
    from augseq.inspection.quality.options import CheckOptions as CheckOptions
    from augseq.inspection.quality.report import CheckReport as CheckReport
    from augseq.loading.batch import Batch as Batch
    from augseq.loading.sample import Sample as Sample
    from augseq.loading.sampling_options import Balanced as Balanced
    from augseq.loading.sampling_options import Sources as Sources
    from augseq.loading.sampling_options import Weighted as Weighted
    from augseq.loading.targets.boxes import Boxes as Boxes
    from augseq.loading.targets.input_image import InputImage as InputImage
    from augseq.loading.targets.key_points import KeyPoints as KeyPoints
    from augseq.loading.targets.label import Label as Label
    from augseq.loading.targets.mask import Mask as Mask
    from augseq.loading.targets.multi_label import MultiLabel as MultiLabel
    from augseq.loading.targets.number import Number as Number
    from augseq.loading.targets.paired_image import PairedImage as PairedImage
    from augseq.loading.targets.value_map import ValueMap as ValueMap
    from augseq.manifest.box_statistics import BoxStatistics as BoxStatistics
    from augseq.manifest.concat import concat_manifests as concat_manifests
    from augseq.manifest.export import write_table as write_table
    from augseq.manifest.manifest import Manifest as Manifest
    from augseq.manifest.mask_counts import MaskCounts as MaskCounts
    from augseq.manifest.pixel_statistics import PixelStatistics as PixelStatistics
    from augseq.manifest.record import Probe as Probe
    from augseq.manifest.record import Record as Record
    from augseq.manifest.record import Window as Window
    from augseq.manifest.storage import read_manifest as read_manifest
    from augseq.manifest.storage import write_manifest as write_manifest
    from augseq.pixels.buckets import Buckets as Buckets
    from augseq.pixels.cache.image_cache import ImageCache as ImageCache
    from augseq.pixels.image import read_image as read_image
    from augseq.remote.options import RemoteOptions as RemoteOptions
    from augseq.training.audit import Audit as Audit
    from augseq.training.audit import AuditReport as AuditReport
    from augseq.training.audit import verify_audit as verify_audit
    from augseq.training.backup.backup import BackupAndResume as BackupAndResume
    from augseq.training.callbacks import EpochSync as EpochSync
    from augseq.training.kinds.class_evaluation import ClassEvaluation as ClassEvaluation
    from augseq.training.kinds.class_evaluation import ClassResult as ClassResult
    from augseq.training.kinds.class_predictions import ClassPredictions as ClassPredictions
    from augseq.training.kinds.evaluation import Evaluation as Evaluation
    from augseq.training.kinds.mask_evaluation import MaskEvaluation as MaskEvaluation
    from augseq.training.kinds.mask_evaluation import MaskResult as MaskResult
    from augseq.training.kinds.mask_predictions import MaskPredictions as MaskPredictions
    from augseq.training.kinds.number_evaluation import NumberEvaluation as NumberEvaluation
    from augseq.training.kinds.number_evaluation import NumberResult as NumberResult
    from augseq.training.kinds.number_predictions import NumberPredictions as NumberPredictions
    from augseq.training.kinds.predictions import Predictions as Predictions
    from augseq.training.kinds.predictions import WrittenPredictions as WrittenPredictions
    from augseq.training.kinds.tag_evaluation import TagEvaluation as TagEvaluation
    from augseq.training.kinds.tag_predictions import TagPredictions as TagPredictions
    from augseq.training.loss_spikes import LossSpike as LossSpike
    from augseq.training.loss_spikes import LossSpikes as LossSpikes
    from augseq.training.prediction.evaluate import evaluate as evaluate
    from augseq.training.prediction.predict import predict as predict
    from augseq.training.prediction.stitch import stitch as stitch
    from augseq.training.run_options import RunOptions as RunOptions
    from augseq.training.runs.train import RunResult as RunResult
    from augseq.training.runs.train import train as train
    from augseq.training.runs.trained_run import TrainedRun as TrainedRun
    from augseq.training.runs.trained_run import load_run as load_run
    from augseq.training.sequence import ImageSequence as ImageSequence

# Resolved on first access, so that `import augseq` loads neither Keras nor albumentations.
# In the order of the docstring.
_HOMES = {
    # List the images.
    "index_folder": "augseq.indexing.folder",
    "index_table": "augseq.indexing.table.index_table",
    "index_huggingface": "augseq.indexing.huggingface",
    "index_webdataset": "augseq.indexing.shards.index_webdataset",
    "index_coco": "augseq.indexing.annotations.coco",
    "index_voc": "augseq.indexing.annotations.voc",
    "index_yolo": "augseq.indexing.annotations.yolo",
    "Manifest": "augseq.manifest.manifest",
    "concat_manifests": "augseq.manifest.concat",
    "RemoteOptions": "augseq.remote.options",
    # Use a manifest.
    "Record": "augseq.manifest.record",
    "Probe": "augseq.manifest.record",
    "probe_manifest": "augseq.indexing.probing",
    "tile_manifest": "augseq.indexing.tiles",
    "Window": "augseq.manifest.record",
    "PixelStatistics": "augseq.manifest.pixel_statistics",
    "MaskCounts": "augseq.manifest.mask_counts",
    "BoxStatistics": "augseq.manifest.box_statistics",
    "write_manifest": "augseq.manifest.storage",
    "read_manifest": "augseq.manifest.storage",
    "write_table": "augseq.manifest.export",
    "write_huggingface": "augseq.indexing.huggingface",
    "write_coco": "augseq.indexing.annotations.write_coco",
    "write_voc": "augseq.indexing.annotations.write_voc",
    "write_yolo": "augseq.indexing.annotations.write_yolo",
    "write_webdataset": "augseq.indexing.shards.write_webdataset",
    "write_tfrecord": "augseq.indexing.shards.write_tfrecord",
    # Check the images.
    "check_images": "augseq.inspection.quality.check_images",
    "CheckOptions": "augseq.inspection.quality.options",
    "CheckReport": "augseq.inspection.quality.report",
    "CheckFinding": "augseq.inspection.quality.findings",
    "FoundFile": "augseq.inspection.quality.findings",
    # Make batches for Keras.
    "ImageSequence": "augseq.training.sequence",
    "Batch": "augseq.loading.batch",
    "Sample": "augseq.loading.sample",
    "Label": "augseq.loading.targets.label",
    "MultiLabel": "augseq.loading.targets.multi_label",
    "Number": "augseq.loading.targets.number",
    "Mask": "augseq.loading.targets.mask",
    "ValueMap": "augseq.loading.targets.value_map",
    "PairedImage": "augseq.loading.targets.paired_image",
    "InputImage": "augseq.loading.targets.input_image",
    "Boxes": "augseq.loading.targets.boxes",
    "KeyPoints": "augseq.loading.targets.key_points",
    "Balanced": "augseq.loading.sampling_options",
    "Weighted": "augseq.loading.sampling_options",
    "Sources": "augseq.loading.sampling_options",
    "Buckets": "augseq.pixels.buckets",
    "choose_buckets": "augseq.indexing.choose_buckets",
    "ImageCache": "augseq.pixels.cache.image_cache",
    "read_image": "augseq.pixels.image",
    # Augment.
    "preset": "augseq.augment.presets",
    "explore": "augseq.inspection.explorer.explore",
    "Explorer": "augseq.inspection.explorer.panel",
    "Augmentation": "augseq.augment.augmentation",
    "DetailedAugmentation": "augseq.augment.augmentation",
    "Crop": "augseq.augment.crop",
    "photometric": "augseq.augment.photometric",
    "check_augmentation": "augseq.augment.laws",
    "image_data_generator": "augseq.augment.image_data_generator",
    "ConvertedGenerator": "augseq.augment.converted_generator",
    "KerasAffine": "augseq.augment.keras_affine",
    "MixUp": "augseq.augment.mixing",
    "CutMix": "augseq.augment.mixing",
    # Train with callbacks.
    "EpochSync": "augseq.training.callbacks",
    "BackupAndResume": "augseq.training.backup.backup",
    "LossSpikes": "augseq.training.loss_spikes",
    "LossSpike": "augseq.training.loss_spikes",
    "Audit": "augseq.training.audit",
    "verify_audit": "augseq.training.audit",
    "AuditReport": "augseq.training.audit",
    # Train a model in one call, and use it.
    "train": "augseq.training.runs.train",
    "RunOptions": "augseq.training.run_options",
    "RunResult": "augseq.training.runs.train",
    "load_run": "augseq.training.runs.trained_run",
    "TrainedRun": "augseq.training.runs.trained_run",
    "predict": "augseq.training.prediction.predict",
    "Predictions": "augseq.training.kinds.predictions",
    "WrittenPredictions": "augseq.training.kinds.predictions",
    "ClassPredictions": "augseq.training.kinds.class_predictions",
    "NumberPredictions": "augseq.training.kinds.number_predictions",
    "TagPredictions": "augseq.training.kinds.tag_predictions",
    "MaskPredictions": "augseq.training.kinds.mask_predictions",
    "stitch": "augseq.training.prediction.stitch",
    "evaluate": "augseq.training.prediction.evaluate",
    "Evaluation": "augseq.training.kinds.evaluation",
    "ClassEvaluation": "augseq.training.kinds.class_evaluation",
    "ClassResult": "augseq.training.kinds.class_evaluation",
    "NumberEvaluation": "augseq.training.kinds.number_evaluation",
    "NumberResult": "augseq.training.kinds.number_evaluation",
    "TagEvaluation": "augseq.training.kinds.tag_evaluation",
    "MaskEvaluation": "augseq.training.kinds.mask_evaluation",
    "MaskResult": "augseq.training.kinds.mask_evaluation",
    # Handle errors.
    "AugseqError": "augseq.errors",
    "AugseqWarning": "augseq.errors",
}

__all__ = sorted([*_HOMES, "errors"])


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        # Not listed, so that the page stays short; but `except augseq.DecodeError` is what people
        # write at the first guess.
        found = vars(errors).get(name)
        if isinstance(found, type) and issubclass(found, errors.AugseqError):
            return found
        answer = import_module("augseq.foreign_names").FUNCTIONS.get(name)
        advice = f". {answer}" if answer else ""
        raise AttributeError(f"module 'augseq' has no attribute {name!r}{advice}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def _imported_on_call(home: str, name: str) -> Any:
    return lambda *args, **options: getattr(import_module(home), name)(*args, **options)


# `augseq.manifest.display` explains why these are set from here.
for _name, _home in {
    "count_classes": "augseq.inspection.reports.class_counts",
    "measure_boxes": "augseq.inspection.reports.measure_boxes",
    "measure_pixels": "augseq.inspection.reports.measure_pixels",
    "draw_manifest": "augseq.inspection.drawing.manifest_picture",
    "manifest_html": "augseq.inspection.html_displays.manifest_html",
    "sample_html": "augseq.inspection.html_displays.figures_html",
    "batch_html": "augseq.inspection.html_displays.figures_html",
}.items():
    setattr(display, _name, _imported_on_call(_home, _name))
# And `augseq.parallel_map.chunk_runner` this one.
chunk_runner.start_on_nodes = _imported_on_call("augseq.workers.ray_runner", "RayRunner")
