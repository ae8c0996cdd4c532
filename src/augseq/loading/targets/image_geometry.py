"""The geometry of an image, which tells whether it is mirrored."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.augment.geometry import Geometry
from augseq.augment.moving_map import MapKind, MovingMap
from augseq.loading.targets.target import Target
from augseq.manifest.record import Record
from augseq.pixels.region import Region
from augseq.types import Image


@dataclass(frozen=True, slots=True)
class ImageGeometry(Target):
    """Where the points of the image are, which tells whether left and right have changed sides."""

    @property
    def map_kind(self) -> MapKind:
        """Always "points"."""
        return "points"

    def read_map(
        self, record: Record, shape: tuple[int, ...], region: Region, pixels: Image
    ) -> MovingMap:
        """Return the geometry of the whole image."""
        return MovingMap(Geometry((shape[0], shape[1])), "points")

    def load(self, record: Record, image: Any = None) -> npt.NDArray[np.bool_]:
        """Return whether left and right have changed sides, given the geometry, shape ()."""
        return np.array(image.is_mirrored, np.bool_)

    @property
    def shape(self) -> tuple[int, ...]:
        """()."""
        return ()

    @property
    def text(self) -> str:
        """The flag in a few words."""
        return "whether left and right have changed sides, bool ()"

    @property
    def content(self) -> str:
        """What decides the value, beside the image."""
        return "ImageGeometry"
