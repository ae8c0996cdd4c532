"""Open a panel to try augmentations on images."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from augseq.augment.augmentation_list import AugmentationList
from augseq.augment.presets import preset
from augseq.errors import ArgumentError, MissingExtraError, install_command
from augseq.inspection.explorer.choices import items_of
from augseq.inspection.explorer.panel import Explorer
from augseq.loading.pipeline import Pipeline
from augseq.manifest.manifest import Manifest
from augseq.pixels.options import resize_options
from augseq.pixels.source import files_of
from augseq.sampling.randomness import check_seed


@runtime_checkable
class Planned(Protocol):
    """What a panel must know of an `ImageSequence`, which lies in a layer above this one."""

    @property
    def manifest(self) -> Manifest:
        """Which images."""
        ...

    @property
    def pipeline(self) -> Pipeline:
        """What is done to them."""
        ...

    @property
    def seed(self) -> int:
        """What fixes the augmentations."""
        ...

    @property
    def epoch(self) -> int:
        """The present epoch."""
        ...


def explore(
    images: Manifest | Planned,
    *,
    augment: Sequence[Any] | None = None,
    image_size: tuple[int, int] | None = None,
    seed: int | None = None,
) -> Explorer:
    """Open a panel in a notebook, to try augmentations on images.

    In the panel one browses the images by class and by a text in the path, steps through epochs
    and seeds, switches each transform on and off, moves its parameters, sees what it costs, and
    copies the list as code. Every picture is that of (seed, epoch, index), as in training.

    Arguments of a transform that are numbers, pairs of them, or booleans can be moved. A function
    and a transform that holds one have a switch alone.

    Where images are resized before the list runs, the pixels of an unchanged list are those of
    `sequence.sample`, bit for bit. A list that sets the size itself, with a crop say, gets images
    that are shrunk to 1024 px where they are larger, and the panel says so; and `scaled_decode` is
    not followed before a crop. On two cores, a change of a list took 36 to 79 ms with three photos
    of 12 megapixels in twelve variations, and 210 to 310 ms where the list warps elastically;
    opening such a page 0.6 to 1 s.

    Args:
        images: A manifest; or an `ImageSequence`, whose plan, seed and list the panel begins with.
        augment: The list to begin with, as for `ImageSequence`; None for `preset("standard")`.
            Of a manifest only, like all that follow: a sequence has its own.
        image_size: (height, width) in pixels; None for (224, 224).
        seed: To begin with; None for 0.

    Returns:
        The panel, to be shown as the last line of a cell: `panel.augment` is the list as it is
        set now, `panel.code` the same as code.

    Raises:
        MissingExtraError: ipywidgets is not installed.
        ArgumentError: An option is wrong, or does not go with a sequence.

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
            _pipeline(images, (224, 224) if image_size is None else image_size),
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
            f"A sequence has its own list, size and seed. Received: {', '.join(extra)}. Make "
            "another ImageSequence, or give the manifest: explore(sequence.manifest, ...)."
        )
    return Explorer(
        images.manifest,
        images.pipeline,
        items_of(images.pipeline.augment),
        seed=images.seed,
        epoch=images.epoch,
    )


def _pipeline(manifest: Manifest, image_size: tuple[int, int]) -> Pipeline:
    """Return the plan of an `ImageSequence` with no other option."""
    return Pipeline(
        source=files_of(manifest),
        augment=AugmentationList(),
        resize=resize_options(image_size, "stretch", "bilinear"),
        dtype="float32",
    )


def _require_ipywidgets() -> None:
    try:
        import ipywidgets  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "The explorer needs ipywidgets, which is not installed. To install it, and a notebook "
            f"to use it in: {install_command('notebook')}"
        ) from error
