"""Targets whose maps are read in another way, to observe them or to hold them in memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from augseq.augment.mixing import Mix
from augseq.augment.moving_map import MapKind, MovingMap
from augseq.loading.targets.mirrored_classes import ClassMirror
from augseq.loading.targets.target import Target
from augseq.loading.targets.view import TargetView
from augseq.manifest.record import Record
from augseq.pixels.region import Region
from augseq.types import Image, Value

ReadMap: TypeAlias = Callable[[Record, tuple[int, ...], Region, Image], MovingMap]
"""The method `read_map` of a target."""


@dataclass(frozen=True, slots=True)
class WithReadMap(Target):
    """A target that reads its map with another function.

    Attributes:
        target: The target.
        read: Called in place of its `read_map`.
    """

    target: Target
    read: ReadMap

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the target."""
        return self.target.columns

    @property
    def parts(self) -> Mapping[str, tuple[int | None, ...]]:
        """The shapes of its arrays by name."""
        return self.target.parts

    @property
    def map_kind(self) -> MapKind | None:
        """The kind of its map."""
        return self.target.map_kind

    def read_map(
        self, record: Record, shape: tuple[int, ...], region: Region, pixels: Image
    ) -> MovingMap:
        """Return what `read` returns."""
        return self.read(record, shape, region, pixels)

    def load(self, record: Record, image: Any = None) -> Value:
        """Return the value of the target."""
        return self.target.load(record, image)

    @property
    def class_mirror(self) -> ClassMirror | None:
        """Which classes of the target change places."""
        return self.target.class_mirror

    def mirrored(self, value: Any) -> Value:
        """Return a value of the target after left and right have changed sides."""
        return self.target.mirrored(value)

    def mixing_obstacle(self, *, blends: bool) -> str:
        """Return why values of the target cannot be mixed; empty if they can."""
        return self.target.mixing_obstacle(blends=blends)

    def mixed(self, own: Any, other: Any, mix: Mix, image: Image) -> Value:
        """Return the value of the target for a mixed image."""
        return self.target.mixed(own, other, mix, image)

    @property
    def attempts(self) -> int:
        """How often an image is augmented at most."""
        return self.target.attempts

    def has_lost_objects(self, record: Record, value: Any) -> bool:
        """Return whether the target has lost all objects of a record."""
        return self.target.has_lost_objects(record, value)

    def view(self, value: Any) -> TargetView:
        """Return how to show a value of the target."""
        return self.target.view(value)

    @property
    def text(self) -> str:
        """The target in a few words."""
        return self.target.text

    @property
    def content(self) -> str:
        """What decides the values."""
        return self.target.content

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape of one value."""
        return self.target.shape
