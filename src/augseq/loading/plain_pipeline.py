"""The pipeline of the commands and displays that have no `ImageSequence`."""

from collections.abc import Mapping

from augseq.augment.augmentation_list import AugmentationList
from augseq.indexing.tiles import check_tiles
from augseq.loading.pipeline import NO_TARGETS, Pipeline
from augseq.loading.targets.target import Target
from augseq.manifest.manifest import Manifest
from augseq.pixels.options import DecodeOptions, ResizeOptions
from augseq.pixels.source import files_of, with_bands


def plain_pipeline(
    manifest: Manifest,
    *,
    augment: AugmentationList,
    resize: ResizeOptions | None,
    decode: DecodeOptions | None = None,
    targets: Mapping[str, Target] = NO_TARGETS,
) -> Pipeline:
    """Return the pipeline of an `ImageSequence` with these options.

    Raises:
        ArgumentError: An option is invalid, or does not fit the images.
        AugseqError: The first image cannot be read to count its bands.
    """
    if decode is not None:
        check_tiles(manifest, exif_orientation=decode.exif_orientation, shorter_side_px=None)
        decode = with_bands(decode, manifest)
        augment.require_channels(decode.num_channels)
    return Pipeline(
        source=files_of(manifest, decode),
        augment=augment,
        resize=resize,
        dtype="float32",
        targets=targets,
        bands=None if decode is None else decode.alike,
    )
