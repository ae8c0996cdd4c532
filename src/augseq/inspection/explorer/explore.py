"""Open a panel to try augmentations on images."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from augseq.augment.augmentation_list import AugmentationList
from augseq.augment.presets import preset
from augseq.errors import ArgumentError, MissingExtraError, install_command
from augseq.inspection.drawing.manifest_objects import object_targets
from augseq.inspection.explorer.choices import items_of
from augseq.inspection.explorer.panel import Explorer
from augseq.loading.pipeline import Pipeline
from augseq.loading.plain_pipeline import plain_pipeline
from augseq.manifest.manifest import Manifest
from augseq.pixels.options import DecodeOptions, ResizeOptions
from augseq.sampling.randomness import check_seed


@runtime_checkable
class Planned(Protocol):
    """What a panel needs of an `ImageSequence`, which is in a layer above this one."""

    @property
    def manifest(self) -> Manifest:
        """The images."""
        ...

    @property
    def pipeline(self) -> Pipeline:
        """How samples are made."""
        ...

    @property
    def seed(self) -> int:
        """The seed of the augmentations."""
        ...

    @property
    def epoch(self) -> int:
        """The current epoch."""
        ...


def explore(
    images: Manifest | Planned,
    *,
    augment: Sequence[Any] | None = None,
    image_size: tuple[int, int] | None = None,
    seed: int | None = None,
) -> Explorer:
    """Open a panel in a notebook, to try augmentations on images.

    In the panel, you browse images by class and by path, step through epochs and seeds, start from
    a preset, add, remove and reorder transforms, switch them on and off, adjust their parameters,
    see what they cost, and copy the list as code. Every picture is that of (seed, epoch, index),
    as in training.

    Arguments of a transform that are numbers, pairs of numbers or booleans can be adjusted.
    Functions, and transforms that hold one, only have a switch.

    If images are resized before the list runs, the pixels of an unchanged list are those of
    `sequence.sample`, bit for bit. If the list sets the size itself, for example with a crop,
    larger images are first downscaled to 1024 px, and the panel says so; `scaled_decode` before a
    crop is ignored. On two cores, with three 12-megapixel photos in twelve variations, changing a
    list took 36 to 79 ms, or 210 to 310 ms with an elastic transform; opening such a page took 0.6
    to 1 s.

    Args:
        images: A manifest, whose boxes and key points are drawn too; or an `ImageSequence`, whose
            plan, seed and list the panel starts with.
        augment: Initial list, as for `ImageSequence`; None for `preset("standard")`. This and the
            following options are for a manifest only: a sequence has its own.
        image_size: (height, width) in pixels; None for (224, 224).
        seed: Initial seed; None for 0.

    Returns:
        The panel, displayed if it is the last line of a cell. `panel.augment` is the current list,
        `panel.code` the same as code.

    Raises:
        MissingExtraError: ipywidgets is not installed.
        ArgumentError: An option is invalid, or not allowed with a sequence.

    Example:
        >>> import augseq
        >>> panel = augseq.explore(augseq.index_folder("sample_images", progress=False))
        >>> len(panel.augment)
        2
    """
    _require_ipywidgets()
    given = {"augment": augment, "image_size": image_size, "seed": seed}
    if isinstance(images, Manifest):
        return Explorer(
            images,
            plain_pipeline(
                images,
                augment=AugmentationList(),
                resize=ResizeOptions(image_size=(224, 224) if image_size is None else image_size),
                targets=object_targets(images, DecodeOptions()),
            ),
            preset("standard") if augment is None else augment,
            seed=0 if seed is None else check_seed(seed),
            epoch=0,
        )
    if not isinstance(images, Planned):
        raise ArgumentError(
            "`images` must be a Manifest or an ImageSequence. "
            f"Received: an object of type {type(images).__name__}"
        )
    extra = [name for name, value in given.items() if value is not None]
    if extra:
        raise ArgumentError(
            f"A sequence has its own list, size and seed. Received: {', '.join(extra)}. Create "
            "another ImageSequence, or pass the manifest: explore(sequence.manifest, ...)."
        )
    return Explorer(
        images.manifest,
        images.pipeline,
        items_of(images.pipeline.augment),
        seed=images.seed,
        epoch=images.epoch,
    )


def _require_ipywidgets() -> None:
    try:
        import ipywidgets  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "The explorer needs ipywidgets, which is not installed. To install it together with a "
            f"notebook: {install_command('notebook')}"
        ) from error
