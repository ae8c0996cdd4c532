"""How a record becomes a sample: source, augmentations, resize, targets."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from augseq.augment.augmentation_list import AugmentationList
from augseq.augment.crop import Crop
from augseq.augment.mixing import Mixing
from augseq.augment.moving_map import MovingMap
from augseq.errors import ArgumentError, AugmentationError
from augseq.loading.fitted_maps import fit_to_pixels, resize_with_image
from augseq.loading.targets.target import Target
from augseq.manifest.record import Record
from augseq.pixels.options import DecodeOptions, PixelDtype, ResizeOptions
from augseq.pixels.region import Region
from augseq.pixels.resize import resize_image, resized_region
from augseq.pixels.source import ImageSource, files_of
from augseq.types import Image, Value
from augseq.validation import check_choice

if TYPE_CHECKING:
    # Imports pyarrow, which would cost each worker process 30 MB.
    from augseq.manifest.manifest import Manifest

ArrayKey: TypeAlias = tuple[Literal["inputs", "targets"], str]
"""Group and name of an array of a batch."""

NO_TARGETS: Mapping[str, Target] = {}
NO_IMAGES: Mapping[ArrayKey, Image] = {}
NO_MAPS: Mapping[ArrayKey, MovingMap] = {}
"""The maps of an image without any; never written to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Everything that turns a record into a sample; immutable.

    Attributes:
        source: Where the pixels come from.
        augment: The augmentations.
        resize: Size of the result; None to not resize.
        dtype: dtype of the batch, "float32" or "uint8"; the range of values is the same.
        scaled_decode: Whether to decode large JPEG files at 1/2, 1/4 or 1/8 of their size if that
            still covers the size they are resized to. It changes pixels.
        targets: Targets by name; empty for prediction.
        inputs: Inputs other than the image, by name.
        mix: How images of a batch are mixed after all of this; None if they are not.
        own_images: Pipelines of the further images of a record that are augmented with draws of
            their own; made from `inputs` and `targets` if None.
        with_maps: Those inputs and targets that have a map.
        kinds: All of `inputs` and `targets` by name.
        attempts: Maximum number of times to augment an image, until an object remains in it.
    """

    source: ImageSource
    augment: AugmentationList
    resize: ResizeOptions | None
    dtype: PixelDtype
    scaled_decode: bool = True
    targets: Mapping[str, Target] = field(default_factory=dict)
    inputs: Mapping[str, Target] = field(default_factory=dict)
    mix: Mixing | None = None
    own_images: Mapping[ArrayKey, "Pipeline"] | None = field(default=None, repr=False)
    with_maps: Mapping[ArrayKey, Target] = field(init=False, repr=False, compare=False)
    kinds: Mapping[str, Target] = field(init=False, repr=False, compare=False)
    attempts: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_choice("dtype", self.dtype, ("float32", "uint8"))
        loaded: dict[ArrayKey, Target] = {("inputs", name): v for name, v in self.inputs.items()}
        loaded |= {("targets", name): v for name, v in self.targets.items()}
        # Once: every sample asks for it.
        with_maps = {key: value for key, value in loaded.items() if value.map_kind}
        object.__setattr__(self, "with_maps", with_maps)
        object.__setattr__(self, "kinds", {**self.inputs, **self.targets})
        attempts = max((value.attempts for value in self.targets.values()), default=1)
        # Without random draws, further attempts would be equal.
        object.__setattr__(self, "attempts", attempts if self.augment.steps else 1)
        if with_maps:
            self.augment.require_maps({value.map_kind for value in with_maps.values()})
        if self.mix is not None:
            _check_mixing(self.mix, loaded)
        if any(v.map_kind in ("labels", "values") for v in with_maps.values()):
            _check_no_shrinking(self.source)
        if self.own_images is None:
            own = {
                key: self._of(value.own_source) for key, value in loaded.items() if value.own_source
            }
            object.__setattr__(self, "own_images", own)

    def _of(self, source: ImageSource) -> "Pipeline":
        """Return the pipeline of a further image, without targets."""
        # The target checks the dtype.
        return replace(self, source=source, dtype="float32", targets={}, inputs={}, own_images={})

    @property
    def resizes_first(self) -> bool:
        """Whether images are resized before they are augmented.

        This avoids work on pixels that would be discarded, but a list that sets the size, such
        as with a crop, needs the whole image.
        """
        return self.resize is not None and not self.augment.sets_size

    def draw_crop(self, shape: tuple[int, ...], rng: np.random.Generator) -> Crop | None:
        """Draw the crop that the list begins with; None without one or after a resize."""
        return None if self.resizes_first else self.augment.draw_crop(shape, rng)

    def region(self, shape: tuple[int, ...], crop: Crop | None) -> Region:
        """Return the region of an image that must be decoded.

        Args:
            shape: (height, width, channels) of the whole image.
            crop: The crop that the list begins with; None without one.
        """
        if self.resizes_first and self.resize is not None:
            return resized_region(shape, self.resize, scaled_decode=self.scaled_decode)
        box, covers = (crop.box, crop.covers) if crop else (None, None)
        return Region(box=box, covers=covers if self.scaled_decode else None)

    def read_maps(
        self, record: Record, shape: tuple[int, ...], region: Region, pixels: Image
    ) -> Mapping[ArrayKey, MovingMap]:
        """Return the maps of the inputs and targets that have one, such as masks.

        Args:
            record: The record.
            shape: (height, width, channels) of its whole image.
            region: What was read of the image.
            pixels: The pixels that were read.
        """
        if not self.with_maps:
            return NO_MAPS
        maps = {}
        for key, target in self.with_maps.items():
            maps[key] = moving = target.read_map(record, shape, region, pixels)
            fit_to_pixels(moving, record, region, pixels.shape)
        return maps

    def load_targets(
        self,
        record: Record,
        image: Image,
        maps: Mapping[ArrayKey, MovingMap] = NO_MAPS,
        own: Mapping[ArrayKey, Image] = NO_IMAGES,
    ) -> dict[str, Value]:
        """Return the values of the targets of a record, by name.

        Args:
            record: The record.
            image: Its image.
            maps: Maps of this image.
            own: Images with draws of their own; targets whose image is missing are omitted.
        """
        found = {}
        for name, target in self.targets.items():
            key: ArrayKey = ("targets", name)
            if key in maps:
                found[name] = target.load(record, maps[key].values)
            elif key in own or key not in (self.own_images or own):
                found[name] = target.load(record, own.get(key, image))
        return found

    def has_lost_objects(self, record: Record, targets: Mapping[str, Value]) -> bool:
        """Return whether a target with several attempts has lost all objects of a record."""
        return any(
            target.attempts > 1 and target.has_lost_objects(record, targets[name])
            for name, target in self.targets.items()
        )

    def resized(self, image: Image, maps: Mapping[ArrayKey, MovingMap] = NO_MAPS) -> Image:
        """Return the image, resized with its maps if this pipeline has a size."""
        if self.resize is None:
            return image
        for moving in maps.values():
            resize_with_image(moving, self.resize)
        return resize_image(image, self.resize)


def check_dtype(image: Image, dtype: PixelDtype) -> None:
    """Raise `AugmentationError` if an image of floats would have to become uint8."""
    if dtype == "uint8" and image.dtype != np.uint8:
        raise AugmentationError(
            f'dtype="uint8" requires uint8 pixels after the last augmentation. Received: '
            f'{image.dtype}. Remove the augmentation that returns floats, or use dtype="float32".'
        )


def _check_mixing(mix: Mixing, loaded: Mapping[ArrayKey, Target]) -> None:
    """Raise `ArgumentError` if an input or target cannot be mixed."""
    for (kind, name), value in loaded.items():
        obstacle = value.mixing_obstacle(blends=mix.blends)
        if obstacle:
            raise ArgumentError(
                f"`mix` requires targets and inputs that can be mixed. Received: the "
                f"{kind.removesuffix('s')} {name!r}, {value.text}. {obstacle}"
            )


def _check_no_shrinking(source: ImageSource) -> None:
    """Raise `ArgumentError` if a cache shrinks images before their maps are known."""
    if source.cache is not None and source.cache.shorter_side_px is not None:
        raise ArgumentError(
            "Masks and value maps cannot be used with a cache of shrunk images. Remove "
            "`shorter_side_px` from the cache. "
            f"Received: shorter_side_px={source.cache.shorter_side_px}"
        )


def plain_pipeline(
    manifest: "Manifest",
    *,
    augment: AugmentationList,
    resize: ResizeOptions | None,
    decode: DecodeOptions | None = None,
    targets: Mapping[str, Target] = NO_TARGETS,
) -> Pipeline:
    """Return the pipeline of an `ImageSequence` with these options."""
    return Pipeline(
        source=files_of(manifest, decode),
        augment=augment,
        resize=resize,
        dtype="float32",
        targets=targets,
    )
