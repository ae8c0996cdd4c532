"""Seeded, parallel-safe, augmented Keras batches from an image folder.

>>> import augseq
>>> images = augseq.index_folder("sample_images", progress=False)
>>> train, val = images.split(val=0.2, seed=7)
>>> batches = augseq.ImageSequence(train, image_size=(96, 96), batch_size=32, shuffle=True)
>>> pixels, labels = batches[0]
>>> pixels.shape
(32, 96, 96, 3)

What there is, by task, in the order in which you need it:

Which images:
    `index_folder`, `index_table` and `index_huggingface` make a `Manifest`; `concat_manifests`
    joins several; `RemoteOptions` says how to reach a remote folder.
A manifest of them:
    A `Manifest` holds a `Record` for each image, with a `Probe` of its file after
    `probe_manifest`. `write_manifest` and `read_manifest` keep it; `write_table` and
    `write_huggingface` write it for other programs.
What is wrong in them:
    `check_images`, with `CheckOptions`, returns a `CheckReport`: a `CheckFinding` for each kind
    of fault, and a `FoundFile` for each file.
Batches for Keras:
    `ImageSequence` makes each `Batch` of several `Sample`s; `ImageCache` keeps decoded pixels;
    `read_image` decodes one file in the same way.
Augmentations:
    `preset` returns a list to begin with, `explore` an `Explorer` to try it in a notebook. Write
    your own as a function, an `Augmentation`, or a `DetailedAugmentation`, which explains itself
    and can draw a `Crop` before decoding; `check_augmentation` tests it.
Callbacks and proofs:
    `EpochSync`; `BackupAndResume` for runs that may be interrupted; `LossSpikes` keeps each
    `LossSpike`; `Audit` writes what was trained, and `verify_audit` returns an `AuditReport`.
A whole training:
    `train_classifier`, with `RunOptions`, returns a `RunResult`.
Errors:
    `AugseqError` catches every error, and `AugseqWarning` is the class of every warning; the tree
    is in `errors`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from augseq import errors as errors
from augseq.manifest import display

__version__ = "0.1.0"

if TYPE_CHECKING:
    from augseq.augment.augmentation import Augmentation as Augmentation
    from augseq.augment.augmentation import DetailedAugmentation as DetailedAugmentation
    from augseq.augment.crop import Crop as Crop
    from augseq.augment.laws import check_augmentation as check_augmentation
    from augseq.augment.presets import preset as preset
    from augseq.errors import AugseqError as AugseqError
    from augseq.errors import AugseqWarning as AugseqWarning
    from augseq.indexing.folder import index_folder as index_folder
    from augseq.indexing.huggingface import index_huggingface as index_huggingface
    from augseq.indexing.huggingface import write_huggingface as write_huggingface
    from augseq.indexing.probing import probe_manifest as probe_manifest
    from augseq.indexing.table.index_table import index_table as index_table
    from augseq.inspection.explorer.explore import explore as explore
    from augseq.inspection.explorer.panel import Explorer as Explorer
    from augseq.inspection.quality.check_images import check_images as check_images
    from augseq.inspection.quality.findings import CheckFinding as CheckFinding
    from augseq.inspection.quality.findings import FoundFile as FoundFile
    from augseq.inspection.quality.options import CheckOptions as CheckOptions
    from augseq.inspection.quality.report import CheckReport as CheckReport
    from augseq.loading.batch import Batch as Batch
    from augseq.loading.sample import Sample as Sample
    from augseq.manifest.concat import concat_manifests as concat_manifests
    from augseq.manifest.export import write_table as write_table
    from augseq.manifest.manifest import Manifest as Manifest
    from augseq.manifest.record import Probe as Probe
    from augseq.manifest.record import Record as Record
    from augseq.manifest.storage import read_manifest as read_manifest
    from augseq.manifest.storage import write_manifest as write_manifest
    from augseq.pixels.cache.image_cache import ImageCache as ImageCache
    from augseq.pixels.image import read_image as read_image
    from augseq.remote.options import RemoteOptions as RemoteOptions
    from augseq.training.audit import Audit as Audit
    from augseq.training.audit import AuditReport as AuditReport
    from augseq.training.audit import verify_audit as verify_audit
    from augseq.training.backup import BackupAndResume as BackupAndResume
    from augseq.training.callbacks import EpochSync as EpochSync
    from augseq.training.loss_spikes import LossSpike as LossSpike
    from augseq.training.loss_spikes import LossSpikes as LossSpikes
    from augseq.training.run_options import RunOptions as RunOptions
    from augseq.training.sequence import ImageSequence as ImageSequence
    from augseq.training.train_classifier import RunResult as RunResult
    from augseq.training.train_classifier import train_classifier as train_classifier

# Resolved when first asked for, so that `import augseq` loads neither Keras nor albumentations.
# In the order of the docstring.
_HOMES = {
    # Which images.
    "index_folder": "augseq.indexing.folder",
    "index_table": "augseq.indexing.table.index_table",
    "index_huggingface": "augseq.indexing.huggingface",
    "Manifest": "augseq.manifest.manifest",
    "concat_manifests": "augseq.manifest.concat",
    "RemoteOptions": "augseq.remote.options",
    # A manifest of them.
    "Record": "augseq.manifest.record",
    "Probe": "augseq.manifest.record",
    "probe_manifest": "augseq.indexing.probing",
    "write_manifest": "augseq.manifest.storage",
    "read_manifest": "augseq.manifest.storage",
    "write_table": "augseq.manifest.export",
    "write_huggingface": "augseq.indexing.huggingface",
    # What is wrong in them.
    "check_images": "augseq.inspection.quality.check_images",
    "CheckOptions": "augseq.inspection.quality.options",
    "CheckReport": "augseq.inspection.quality.report",
    "CheckFinding": "augseq.inspection.quality.findings",
    "FoundFile": "augseq.inspection.quality.findings",
    # Batches for Keras.
    "ImageSequence": "augseq.training.sequence",
    "Batch": "augseq.loading.batch",
    "Sample": "augseq.loading.sample",
    "ImageCache": "augseq.pixels.cache.image_cache",
    "read_image": "augseq.pixels.image",
    # Augmentations.
    "preset": "augseq.augment.presets",
    "explore": "augseq.inspection.explorer.explore",
    "Explorer": "augseq.inspection.explorer.panel",
    "Augmentation": "augseq.augment.augmentation",
    "DetailedAugmentation": "augseq.augment.augmentation",
    "Crop": "augseq.augment.crop",
    "check_augmentation": "augseq.augment.laws",
    # Callbacks and proofs.
    "EpochSync": "augseq.training.callbacks",
    "BackupAndResume": "augseq.training.backup",
    "LossSpikes": "augseq.training.loss_spikes",
    "LossSpike": "augseq.training.loss_spikes",
    "Audit": "augseq.training.audit",
    "verify_audit": "augseq.training.audit",
    "AuditReport": "augseq.training.audit",
    # A whole training.
    "train_classifier": "augseq.training.train_classifier",
    "RunOptions": "augseq.training.run_options",
    "RunResult": "augseq.training.train_classifier",
    # Errors.
    "AugseqError": "augseq.errors",
    "AugseqWarning": "augseq.errors",
}

__all__ = sorted([*_HOMES, "errors"])


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'augseq' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def _loaded_when_called(home: str, name: str) -> Any:
    return lambda *args, **options: getattr(import_module(home), name)(*args, **options)


# `augseq.manifest.display` says why these are passed down.
display.draw_manifest = _loaded_when_called("augseq.inspection.manifest_picture", "draw_manifest")
display.manifest_html = _loaded_when_called("augseq.inspection.manifest_html", "manifest_html")
