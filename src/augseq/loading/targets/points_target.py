"""Targets made of points, such as the corners of boxes, which follow the geometry of the image."""

from abc import abstractmethod
from dataclasses import dataclass

from augseq.augment.geometry import Geometry
from augseq.augment.moving_map import MapKind, MovingMap
from augseq.loading.fitted_maps import fit_to_pixels
from augseq.loading.targets.target import Target
from augseq.manifest.record import Record
from augseq.pixels.region import Region
from augseq.types import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsTarget(Target):
    """A target that is computed from where the points of the image have moved."""

    @property
    def map_kind(self) -> MapKind:
        """Always "points"."""
        return "points"

    @abstractmethod
    def geometry(self, record: Record, shape: tuple[int, ...]) -> Geometry:
        """Return the geometry of the whole image, before it has moved.

        Args:
            record: The record, with at least the `columns`.
            shape: (height, width, channels) of the whole upright image.

        Raises:
            LabelError: The image was annotated with another size.
        """

    def read_map(
        self, record: Record, shape: tuple[int, ...], region: Region, pixels: Image
    ) -> MovingMap:
        """Return the geometry of what was read of the image.

        Raises:
            LabelError: The image was annotated with another size.
        """
        moving = MovingMap(self.geometry(record, shape), "points")
        fit_to_pixels(moving, region, pixels.shape)
        return moving
