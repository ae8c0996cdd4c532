"""Seeded, parallel-safe, augmented Keras batches from an image folder.

>>> import augseq
>>> images = augseq.index_folder("sample_images", progress=False)
>>> train, val = images.split(val=0.2, seed=7)
>>> batches = augseq.ImageSequence(train, image_size=(96, 96), batch_size=32, shuffle=True)
>>> pixels, labels = batches[0]
>>> pixels.shape
(32, 96, 96, 3)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from augseq.manifest import display

__version__ = "0.1.0"

if TYPE_CHECKING:
    from augseq.augment.augmentation import Augmentation as Augmentation
    from augseq.augment.laws import check_augmentation as check_augmentation
    from augseq.augment.presets import preset as preset
    from augseq.errors import ArgumentError as ArgumentError
    from augseq.errors import AugmentationError as AugmentationError
    from augseq.errors import AugseqError as AugseqError
    from augseq.errors import AugseqWarning as AugseqWarning
    from augseq.errors import BackupError as BackupError
    from augseq.errors import BatchTimeoutError as BatchTimeoutError
    from augseq.errors import ChangedFileError as ChangedFileError
    from augseq.errors import DecodeError as DecodeError
    from augseq.errors import LabelError as LabelError
    from augseq.errors import ManifestError as ManifestError
    from augseq.errors import MissingExtraError as MissingExtraError
    from augseq.errors import MissingFileError as MissingFileError
    from augseq.errors import NotAFolderError as NotAFolderError
    from augseq.errors import RemoteError as RemoteError
    from augseq.errors import SharedMemoryError as SharedMemoryError
    from augseq.errors import UnreadableError as UnreadableError
    from augseq.errors import WorkerError as WorkerError
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
_HOMES = {
    "ArgumentError": "augseq.errors",
    "Audit": "augseq.training.audit",
    "AuditReport": "augseq.training.audit",
    "Augmentation": "augseq.augment.augmentation",
    "AugmentationError": "augseq.errors",
    "AugseqError": "augseq.errors",
    "AugseqWarning": "augseq.errors",
    "BackupAndResume": "augseq.training.backup",
    "BackupError": "augseq.errors",
    "Batch": "augseq.loading.batch",
    "BatchTimeoutError": "augseq.errors",
    "ChangedFileError": "augseq.errors",
    "CheckFinding": "augseq.inspection.quality.findings",
    "CheckOptions": "augseq.inspection.quality.options",
    "CheckReport": "augseq.inspection.quality.report",
    "DecodeError": "augseq.errors",
    "EpochSync": "augseq.training.callbacks",
    "Explorer": "augseq.inspection.explorer.panel",
    "FoundFile": "augseq.inspection.quality.findings",
    "ImageCache": "augseq.pixels.cache.image_cache",
    "ImageSequence": "augseq.training.sequence",
    "LabelError": "augseq.errors",
    "LossSpike": "augseq.training.loss_spikes",
    "LossSpikes": "augseq.training.loss_spikes",
    "Manifest": "augseq.manifest.manifest",
    "ManifestError": "augseq.errors",
    "MissingExtraError": "augseq.errors",
    "MissingFileError": "augseq.errors",
    "NotAFolderError": "augseq.errors",
    "Probe": "augseq.manifest.record",
    "Record": "augseq.manifest.record",
    "RemoteError": "augseq.errors",
    "RemoteOptions": "augseq.remote.options",
    "RunOptions": "augseq.training.run_options",
    "RunResult": "augseq.training.train_classifier",
    "Sample": "augseq.loading.sample",
    "SharedMemoryError": "augseq.errors",
    "UnreadableError": "augseq.errors",
    "WorkerError": "augseq.errors",
    "check_augmentation": "augseq.augment.laws",
    "check_images": "augseq.inspection.quality.check_images",
    "concat_manifests": "augseq.manifest.concat",
    "explore": "augseq.inspection.explorer.explore",
    "index_folder": "augseq.indexing.folder",
    "index_huggingface": "augseq.indexing.huggingface",
    "index_table": "augseq.indexing.table.index_table",
    "preset": "augseq.augment.presets",
    "probe_manifest": "augseq.indexing.probing",
    "read_image": "augseq.pixels.image",
    "read_manifest": "augseq.manifest.storage",
    "train_classifier": "augseq.training.train_classifier",
    "verify_audit": "augseq.training.audit",
    "write_huggingface": "augseq.indexing.huggingface",
    "write_manifest": "augseq.manifest.storage",
    "write_table": "augseq.manifest.export",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'augseq' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*_HOMES, "__version__"]


def _loaded_when_called(home: str, name: str) -> Any:
    return lambda *args, **options: getattr(import_module(home), name)(*args, **options)


# `augseq.manifest.display` says why these are passed down.
display.draw_manifest = _loaded_when_called("augseq.inspection.manifest_picture", "draw_manifest")
display.manifest_html = _loaded_when_called("augseq.inspection.manifest_html", "manifest_html")
