"""The geometry of an image, which tells whether it is mirrored."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.augment.geometry import Geometry
from augseq.loading.targets.points_target import PointsTarget
from augseq.manifest.record import Record


@dataclass(frozen=True, slots=True)
class ImageGeometry(PointsTarget):
    """Where the points of the image are, which tells whether left and right have changed sides."""

    def geometry(self, record: Record, shape: tuple[int, ...]) -> Geometry:
        """Return the geometry of the whole image."""
        return Geometry((shape[0], shape[1]))

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
