"""The random affine transform of Keras' `ImageDataGenerator`."""

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from augseq.augment.affine_positions import AffinePositions, affine_matrix
from augseq.augment.augmentation import DetailedAugmentation, Fired
from augseq.augment.float_range import FloatRange
from augseq.augment.moving_map import UNCOVERED, MovingMap
from augseq.errors import ArgumentError
from augseq.types import Image
from augseq.validation import check_choice, check_number, is_whole

FillMode: TypeAlias = Literal["nearest", "constant", "reflect", "wrap"]
FILL_MODES: tuple[FillMode, ...] = ("nearest", "constant", "reflect", "wrap")


@dataclass(frozen=True, kw_only=True, repr=False)
class KerasAffine(DetailedAugmentation):
    """Rotates, shifts, shears and zooms an image, as `ImageDataGenerator` does.

    All of it is one transform, interpolated once. For the same angle, shift, shear and zoom, the
    pixels of a square image are those of Keras, up to rounding. Images that are not square are
    turned and zoomed about their centre; Keras swaps height and width there. Masks, maps and
    boxes move with the image.

    Args:
        rotation_range: Largest angle in degrees, to both sides.
        width_shift_range: Largest horizontal shift, to both sides: a share of the width if below
            1, otherwise pixels. An int n shifts by 0 to n - 1 whole pixels; a sequence lists the
            shifts to choose from.
        height_shift_range: The same vertically, as a share of the height.
        shear_range: Largest shear angle in degrees, to both sides.
        zoom_range: (low, high), from which horizontal and vertical zoom are drawn independently;
            a number z means (1 - z, 1 + z). As in Keras, values above 1 shrink the content.
        fill_mode: How to fill uncovered areas: "nearest" repeats the border, "reflect" mirrors the
            image, "wrap" repeats it, "constant" fills with `cval`.
        cval: Value of uncovered areas with "constant", on the scale of the pixels.
        interpolation_order: 0 for the nearest pixel, 1 for linear interpolation.

    Raises:
        ArgumentError: An argument is invalid.

    Example:
        >>> from augseq import KerasAffine
        >>> KerasAffine(rotation_range=20, zoom_range=0.1)
        augseq.KerasAffine(rotation_range=20, zoom_range=0.1)
    """

    rotation_range: float = 0.0
    width_shift_range: float | Sequence[float] = 0.0
    height_shift_range: float | Sequence[float] = 0.0
    shear_range: float = 0.0
    zoom_range: float | Sequence[float] = 0.0
    fill_mode: FillMode = "nearest"
    cval: float = 0.0
    interpolation_order: int = 1
    _last: threading.local = field(init=False, default_factory=threading.local, compare=False)

    def __post_init__(self) -> None:
        check_number("rotation_range", self.rotation_range, least=0)
        check_number("shear_range", self.shear_range, least=0)
        for name in ("width_shift_range", "height_shift_range"):
            _check_shifts(name, getattr(self, name))
        _zooms(self.zoom_range)
        check_choice("fill_mode", self.fill_mode, FILL_MODES)
        check_number("cval", self.cval, least=0, most=255)
        if self.interpolation_order not in (0, 1):
            raise ArgumentError(
                "`interpolation_order` must be 0 (nearest pixel) or 1 (linear). For a smoother "
                "interpolation, use albumentations.Affine(interpolation=cv2.INTER_CUBIC). "
                f"Received: interpolation_order={self.interpolation_order!r}"
            )

    def __repr__(self) -> str:
        return f"augseq.KerasAffine({self.settings})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (partial(KerasAffine, **self._options), ())

    @property
    def settings(self) -> str:
        """Its options that differ from the defaults."""
        # In double quotes, as in all code that is printed for users.
        texts = {name: repr(value).replace("'", '"') for name, value in self._options.items()}
        return ", ".join(f"{name}={text}" for name, text in texts.items())

    @property
    def _options(self) -> dict[str, Any]:
        options = {one.name: one.default for one in fields(self) if one.init}
        return {
            name: getattr(self, name)
            for name, default in options.items()
            if getattr(self, name) != default
        }

    @property
    def zoom_limits(self) -> tuple[float, float]:
        """The smallest and largest zoom."""
        return _zooms(self.zoom_range)

    @property
    def reason_against_maps(self) -> None:
        """None: it moves masks together with the image."""
        return None

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        """Return the transformed image, of the same shape and dtype.

        Args:
            image: Shape (height, width, channels), uint8 or float32.
            rng: Generator for this record in this epoch.
        """
        return self._moved(image, self._positions(image.shape, rng))

    def vary(self, image: Image, rng: np.random.Generator, floats: FloatRange) -> Image:
        """Call it, and track the range of float pixels, which only `cval` can extend.

        Args:
            image: Shape (height, width, channels), uint8 or float32.
            rng: Generator for this record in this epoch.
            floats: What is known about the range of a float image; updated by the call.
        """
        if self.fill_mode == "constant":
            floats.forget()
        return self(image, rng)

    def vary_with(
        self,
        image: Image,
        maps: Collection[MovingMap],
        rng: np.random.Generator,
        floats: FloatRange,
    ) -> Image:
        """Transform the image and its maps in the same way.

        Args:
            image: Shape (height, width, channels), uint8 or float32.
            maps: The maps, whose values are replaced.
            rng: Generator for this record in this epoch.
            floats: As in `vary`.
        """
        positions = self._positions(image.shape, rng)
        for moving in maps:
            if moving.kind == "labels":
                moving.values = self._moved(moving.values, positions, order=0, fill=UNCOVERED)
            elif moving.kind == "values":
                # A weight of 0 makes a value unknown.
                moving.values = self._moved(moving.values, positions, fill=0)
            elif moving.kind == "points":
                moving.values = moving.values.moved(positions.of_points, moving.size)
            else:
                moving.values = self._moved(moving.values, positions)
        if self.fill_mode == "constant":
            floats.forget()
        return self._moved(image, positions)

    def fired(self) -> Fired | None:
        """Return what was drawn in this thread's last call, with the names of Keras.

        `theta` and `shear` are in degrees, `tx` and `ty` pixels to the left and upwards, `zx` and
        `zy` the horizontal and vertical zoom.
        """
        drawn = getattr(self._last, "drawn", None)
        return None if drawn is None else ((self.name, drawn),)

    def _positions(self, shape: tuple[int, ...], rng: np.random.Generator) -> AffinePositions:
        drawn = self._last.drawn = self._draw(shape, rng)
        return AffinePositions(affine_matrix(shape, **drawn), shape, self.fill_mode)

    def _draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> dict[str, float]:
        theta = rng.uniform(-self.rotation_range, self.rotation_range)
        tx = _shift(self.width_shift_range, shape[1], rng)
        ty = _shift(self.height_shift_range, shape[0], rng)
        shear = rng.uniform(-self.shear_range, self.shear_range)
        zx, zy = rng.uniform(*self.zoom_limits, 2)
        drawn = {"theta": theta, "tx": tx, "ty": ty, "shear": shear, "zx": zx, "zy": zy}
        return {name: float(value) for name, value in drawn.items()}

    def _moved(
        self,
        pixels: npt.NDArray[Any],
        positions: AffinePositions,
        *,
        order: int | None = None,
        fill: float | None = None,
    ) -> npt.NDArray[Any]:
        import cv2

        order = self.interpolation_order if order is None else order
        moved = cv2.remap(
            pixels,
            positions.x,
            positions.y,
            cv2.INTER_LINEAR if order else cv2.INTER_NEAREST,
            borderMode=cv2.BORDER_REPLICATE,
        )
        # OpenCV drops the channel axis of grey images.
        moved = moved.reshape(pixels.shape)
        if self.fill_mode == "constant":
            moved[positions.is_uncovered] = self.cval if fill is None else fill
        return moved


def _shift(amount: float | Sequence[float], size: int, rng: np.random.Generator) -> float:
    """Draw a shift in pixels."""
    if not np.any(amount):
        return 0.0
    if np.ndim(amount) == 0 and not is_whole(amount):
        drawn = rng.uniform(-float(amount), float(amount))  # type: ignore[arg-type]
    else:
        choices = np.arange(amount) if np.ndim(amount) == 0 else np.asarray(amount)  # type: ignore[arg-type]
        drawn = rng.choice(choices) * rng.choice((-1, 1))
    return float(drawn * (size if np.max(amount) < 1 else 1))


def _check_shifts(name: str, amount: Any) -> None:
    if np.ndim(amount) == 0:
        check_number(name, amount, least=0)
        return
    for number in amount if isinstance(amount, list | tuple) else [amount]:
        check_number(f"{name}: each shift", number)


def _zooms(zoom_range: Any) -> tuple[float, float]:
    """Return the limits of the zoom, or raise `ArgumentError`."""
    if np.ndim(zoom_range) == 0:
        amount = check_number("zoom_range", zoom_range, least=0, most=1)
        return 1 - amount, 1 + amount
    if not isinstance(zoom_range, list | tuple) or len(zoom_range) != 2:
        raise ArgumentError(
            "`zoom_range` must be a number z, for zooms from 1 - z to 1 + z, or (low, high). "
            f"Received: zoom_range={zoom_range!r}"
        )
    low, high = (check_number("zoom_range", limit, least=0) for limit in zoom_range)
    if low > high:
        raise ArgumentError(
            f"`zoom_range` must be (low, high). Received: zoom_range={zoom_range!r}"
        )
    return low, high
