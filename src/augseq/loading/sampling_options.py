"""How often each record comes in an epoch, as a user writes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from augseq.errors import ArgumentError
from augseq.loading.targets.column_checks import check_no_missing, column_names
from augseq.loading.targets.number import weight_column
from augseq.loading.targets.target import Target
from augseq.sampling.by_quota import ByQuota
from augseq.sampling.by_weight import ByWeight
from augseq.sampling.order import EachOnce, Order
from augseq.sampling.repeated import Repeated
from augseq.storage.array_content import array_text
from augseq.terminal_text import first_few, listed, options_text
from augseq.types import Positions
from augseq.validation import briefly, check_choice, check_whole, did_you_mean

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest

_EVENLY = " in even batches"
# Larger numbers are mistakes: an epoch of a billion images takes days.
_MAX_NUMBER = 10**9
_MISSING = "Select the records that have one, or fill the gaps with manifest.with_column."


@runtime_checkable
class Sampling(Protocol):
    """How often each record comes, before it is checked against a manifest."""

    def order_for(self, manifest: "Manifest", targets: Mapping[str, Target]) -> Order:
        """Return the order of the records of a manifest.

        Args:
            manifest: The records.
            targets: The targets by name.

        Raises:
            ArgumentError: There are no classes or columns to sample by.
            LabelError: A record has no value, or one that does not fit.
        """


@dataclass(frozen=True, slots=True)
class Balanced:
    """Sample each class equally often, however many images it has.

    All classes that have images have the same quota of images per epoch. The images of a class
    take turns: of n images with a quota of q, each comes q / n times per epoch, rounded down or up,
    and exactly q / gcd(n, q) times in each cycle of n / gcd(n, q) epochs. An image that comes
    several times in an epoch is augmented differently each time.

    Args:
        column: Column of the manifest whose values take the place of the classes, such as a
            camera or a hospital. None: the classes of the target.
        num_images: Number of images per epoch, rounded up to a multiple of the number of classes.
            None: as many as the manifest has.
        even_batches: Whether all batches have the same number of images of each class, for losses
            that compare the images of a batch. `batch_size` must then be a multiple of the number
            of classes.

    Raises:
        ArgumentError: `column` is not a name, or `num_images` is not an integer from 1 to 10**9.

    Example:
        >>> import augseq, numpy as np
        >>> x, y = np.zeros((10, 8, 8, 3), np.uint8), np.array([0] * 8 + [1] * 2)
        >>> batches = augseq.ImageSequence.from_arrays(
        ...     x, y, batch_size=10, shuffle=True, sampling=augseq.Balanced()
        ... )
        >>> np.bincount(batches[0][1]).tolist()
        [5, 5]
    """

    column: str | None = None
    num_images: int | None = None
    even_batches: bool = False

    def __repr__(self) -> str:
        return options_text(self)

    def __post_init__(self) -> None:
        if self.column is not None:
            column_names("Balanced", [self.column])
        _check_num_images(self.num_images)
        check_choice("even_batches", self.even_batches, (False, True))

    def order_for(self, manifest: "Manifest", targets: Mapping[str, Target]) -> ByQuota:
        """Return the order of `manifest`, given its `targets`; see `Sampling`."""
        if self.column is None:
            groups, names = _classes(manifest, targets), "classes"
        else:
            groups = _groups(manifest, repr(self), self.column)[0]
            names = f"values of {self.column!r}"
        num_groups = int(groups.max()) + 1
        quota = -(-(self.num_images or len(manifest)) // num_groups)
        quotas = np.full(num_groups, quota, np.int64)
        return ByQuota(
            groups=groups,
            quotas=quotas,
            text=f"{quota:,} of each of {num_groups:,} {names}{_EVENLY * self.even_batches}",
            content=_content(self, groups, quotas, np.array([self.even_batches])),
            evenly=self.even_batches,
            by_class=self.column is None,
        )


@dataclass(frozen=True, slots=True)
class Weighted:
    """Sample each image as often as its weight says, such as hard ones more often.

    An image's share q of an epoch is `num_images * weight / sum of all weights`: it comes q times
    per epoch, rounded down or up, and 2**k * q times, rounded down or up, in epochs 0 to
    2**k - 1 and in every later 2**k epochs. An image with the weight 0 never comes. An image that
    comes several times in an epoch is augmented differently each time.

    Unlike sample weights (`weights=` of `ImageSequence`), this changes how often the model sees an
    image, not how much its loss counts.

    Args:
        column: Column of weights, at least 0.
        num_images: Number of images per epoch. None: as many as the manifest has.

    Raises:
        ArgumentError: `column` is not a name, or `num_images` is not an integer from 1 to 10**9.

    Example:
        >>> import augseq
        >>> images = augseq.index_folder("sample_images", progress=False)
        >>> images = images.with_column("weight", [3.0] * 100 + [1.0] * 100)
        >>> sampling = augseq.Weighted("weight", num_images=100)
        >>> batches = augseq.ImageSequence(images, batch_size=100, shuffle=True, sampling=sampling)
        >>> sum(record.index < 100 for record in batches.records(0))
        75
    """

    column: str
    num_images: int | None = None

    def __repr__(self) -> str:
        return options_text(self)

    def __post_init__(self) -> None:
        column_names("Weighted", [self.column])
        _check_num_images(self.num_images)

    def order_for(self, manifest: "Manifest", targets: Mapping[str, Target]) -> ByWeight:
        """Return the order of `manifest`, given its `targets`; see `Sampling`."""
        weights = weight_column(manifest, repr(self), self.column)
        length = self.num_images or len(manifest)
        return ByWeight(
            weights=weights,
            length=length,
            text=f"weighted by {self.column!r}",
            content=_content(self, weights, np.array([length])),
        )


@dataclass(frozen=True, slots=True)
class Sources:
    """Sample sources at fixed ratios, such as one own image for three public ones.

    A source is a value of a column of the manifest. In each epoch, the images of the sources come
    at exactly these ratios. The images of a source take turns as those of a class do; see
    `Balanced`.

    Args:
        ratios: Whole number for each source, 1 to 10**9, by the value of the column.
        column: Column with the source of each image. `manifest.with_column("source", "own")`
            names the source of all images of a manifest, before `concat_manifests` joins several.
        num_images: Number of images per epoch, rounded up to a multiple of the sum of the ratios.
            None: as many as the manifest has.
        even_batches: Whether all batches have the images of the sources at these ratios.
            `batch_size` must then be a multiple of the sum of the ratios, divided by their greatest
            common divisor.

    Raises:
        ArgumentError: An option is invalid.

    Example:
        >>> import augseq
        >>> images = augseq.index_folder("sample_images", progress=False)
        >>> images = images.with_column("source", ["own"] * 10 + ["public"] * (len(images) - 10))
        >>> sampling = augseq.Sources({"own": 1, "public": 3})
        >>> batches = augseq.ImageSequence(images, batch_size=200, shuffle=True, sampling=sampling)
        >>> sum(record.index < 10 for record in batches.records(0))
        50
    """

    ratios: Mapping[Any, int]
    column: str = "source"
    num_images: int | None = None
    even_batches: bool = False

    def __repr__(self) -> str:
        return options_text(self)

    def __post_init__(self) -> None:
        if not isinstance(self.ratios, Mapping) or not self.ratios:
            raise ArgumentError(
                'Sources requires a whole number for each source, such as {"own": 1, "public": 3}. '
                f"Received: {briefly(self.ratios)}"
            )
        for name, ratio in self.ratios.items():
            check_whole(f"ratios[{name!r}]", ratio, least=1, most=_MAX_NUMBER)
        column_names("Sources", [self.column])
        _check_num_images(self.num_images)
        check_choice("even_batches", self.even_batches, (False, True))

    def order_for(self, manifest: "Manifest", targets: Mapping[str, Target]) -> ByQuota:
        """Return the order of `manifest`, given its `targets`; see `Sampling`."""
        groups, names = _groups(manifest, repr(self), self.column)
        for ratio_name in self.ratios:
            if ratio_name not in names:
                hint = did_you_mean(str(ratio_name), [str(name) for name in names])
                raise ArgumentError(
                    f"Each source must be a value of the column {self.column!r}, which has "
                    f"{listed(names)}. Received: {ratio_name!r}.{hint}"
                )
        missing = [name for name in names if name not in self.ratios]
        if missing:
            raise ArgumentError(
                f"Sources requires a ratio for each value of the column {self.column!r}. "
                f"Without one: {listed(missing)}. To train without these images, use "
                "manifest.select."
            )
        ratios = np.array([self.ratios[name] for name in names], np.int64)
        quotas = ratios * -(-(self.num_images or len(manifest)) // int(ratios.sum()))
        counts = (f"{quota:,} {name!r}" for name, quota in zip(names, quotas, strict=True))
        return ByQuota(
            groups=groups,
            quotas=quotas,
            text=first_few(counts, 5) + _EVENLY * self.even_batches,
            content=_content(self, groups, quotas, np.array([self.even_batches])),
            evenly=self.even_batches,
        )


def make_order(
    manifest: "Manifest",
    targets: Mapping[str, Target],
    *,
    shuffle: bool,
    sampling: Sampling | None,
    repeats: int,
    batch_size: int,
) -> Order:
    """Return the order of the records of a manifest.

    Args:
        manifest: The records.
        targets: The targets by name.
        shuffle: Whether to shuffle the records in each epoch.
        sampling: How often each record comes; None for once.
        repeats: How many times in a row.
        batch_size: Number of images per batch.

    Raises:
        ArgumentError: An option is invalid.
        LabelError: A record has no value to sample by, or one that does not fit.
    """
    check_whole("batch_size", batch_size, least=1)
    check_whole("repeats", repeats, least=1)
    check_whole("batch_size", batch_size, least=1)
    order: Order = EachOnce(len(manifest), shuffle)
    if sampling is not None:
        if not isinstance(sampling, Sampling) or isinstance(sampling, type):
            raise ArgumentError(
                "`sampling` must be augseq.Balanced(), augseq.Weighted(column) or "
                f"augseq.Sources(ratios). Received: sampling={briefly(sampling)}"
            )
        if not shuffle:
            raise ArgumentError(
                f"`sampling` is for training, and requires shuffle=True. Received: {sampling}. To "
                "evaluate or predict, remove `sampling`."
            )
        order = sampling.order_for(manifest, targets)
    if batch_size % repeats:
        raise ArgumentError(
            "With `repeats`, all copies of an image are in one batch, so `batch_size` must be a "
            f"multiple of `repeats`. Received: batch_size={batch_size}, repeats={repeats}"
        )
    if isinstance(order, ByQuota) and batch_size % (order.period * repeats):
        raise ArgumentError(
            "With `even_batches`, all batches have the same number of images of each class or "
            f"source, so `batch_size` must be a multiple of {order.period * repeats}. "
            f"Received: batch_size={batch_size}"
        )
    return order if repeats == 1 else Repeated(order, repeats)


def _check_num_images(num_images: Any) -> None:
    if num_images is not None:
        check_whole("num_images", num_images, least=1, most=_MAX_NUMBER)


def _classes(manifest: "Manifest", targets: Mapping[str, Target]) -> Positions:
    """Return the class of each record, from 0, without classes that have no records."""
    for target in targets.values():
        classes = target.class_numbers(manifest)
        if classes is not None:
            return _numbered(classes)
    if not targets and manifest.class_names:
        return _numbered(manifest.targets)
    raise ArgumentError(
        "Balanced() requires a target with one class per image. Received: "
        + (", ".join(target.text for target in targets.values()) or "no targets")
        + '. To balance the values of a column, pass its name: Balanced("camera").'
    )


def _numbered(classes: Any) -> Positions:
    numbers: Positions = np.unique(classes, return_inverse=True)[1].astype(np.int64)
    return numbers


def _groups(manifest: "Manifest", option: str, column: str) -> tuple[Positions, list[Any]]:
    """Return a number for the value of each record in a column, and these values in order."""
    check_no_missing(manifest, option, column, _MISSING)
    values = manifest.arrow_column(column, option).combine_chunks().dictionary_encode()
    return values.indices.to_numpy().astype(np.int64), values.dictionary.to_pylist()


def _content(sampling: Sampling, *arrays: Any) -> str:
    hashes = " ".join(array_text(array).rpartition(" #")[2] for array in arrays)
    return f"{sampling!r} #{hashes}"
