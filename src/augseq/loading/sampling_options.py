"""How often each record is used in an epoch, as a user writes it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.loading.targets.column_checks import check_no_missing
from augseq.loading.targets.number import weight_column
from augseq.loading.targets.target import Target
from augseq.sampling.by_quota import ByQuota
from augseq.sampling.by_weight import ByWeight
from augseq.sampling.in_buckets import InBuckets
from augseq.sampling.order import EachOnce, Frequency, Order
from augseq.sampling.repeated import Repeated
from augseq.sampling.schedule import Schedule
from augseq.storage.array_content import array_text
from augseq.terminal_text import first_few, listed, options_text
from augseq.types import Positions
from augseq.validation import (
    briefly,
    check_bool,
    check_whole,
    did_you_mean,
    explains_arguments,
)

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest

_EVENLY = " in even batches"
# Larger numbers are mistakes: an epoch of a billion images takes days.
_MAX_NUMBER = 10**9
_MISSING = "Select the records that have one, or fill the gaps with manifest.with_column."


@runtime_checkable
class Sampling(Protocol):
    """How often each record is used, before it is checked against a manifest."""

    def order_for(self, manifest: "Manifest", targets: Mapping[str, Target]) -> Order:
        """Return the order of the records of a manifest.

        Args:
            manifest: The records.
            targets: The targets by name.

        Raises:
            ArgumentError: There are no classes or columns to sample by.
            LabelError: A record has no value, or one that does not fit.
        """


@explains_arguments
@dataclass(frozen=True, slots=True, eq=False)
class Balanced:
    """Sample each class equally often, however many images it has.

    All classes that have images have the same quota of images per epoch. The images of a class
    take turns: of n images with a quota of q, each is used q / n times per epoch, rounded down or
    up, and exactly q / gcd(n, q) times in each cycle of n / gcd(n, q) epochs. An image that is used
    several times in an epoch is augmented differently each time.

    Args:
        column: Column of the manifest whose values take the place of the classes, such as a
            camera or a hospital; for `ImageSequence.from_arrays`, an array of values, shape (n,).
            None: the classes of the target.
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

    column: str | npt.NDArray[Any] | None = None
    num_images: int | None = None
    even_batches: bool = False

    def __repr__(self) -> str:
        return options_text(self)

    def __post_init__(self) -> None:
        if self.column is not None:
            _check_column("Balanced", self.column)
        _check_num_images(self.num_images)
        check_bool("even_batches", self.even_batches)

    def order_for(self, manifest: "Manifest", targets: Mapping[str, Target]) -> ByQuota:
        """Return the order of `manifest`, given its `targets`; see `Sampling`."""
        if self.column is None:
            groups, names = _classes(manifest, targets), "classes"
        else:
            column = _name_of(self.column, self)
            groups, names = _groups(manifest, repr(self), column)[0], f"values of {column!r}"
        num_groups = int(groups.max()) + 1
        quota = -(-(self.num_images or len(manifest)) // num_groups)
        quotas = np.full(num_groups, quota, np.int64)
        return ByQuota(
            groups=groups,
            quotas=quotas,
            frequency=Frequency(
                text=f"{quota:,} of each of {num_groups:,} {names}{_EVENLY * self.even_batches}",
                content=_content(self, groups, quotas, np.array([self.even_batches])),
                by_class=self.column is None,
            ),
            evenly=self.even_batches,
        )


@explains_arguments
@dataclass(frozen=True, slots=True, eq=False)
class Weighted:
    """Sample each image as often as its weight says, such as hard ones more often.

    An image's share q of an epoch is `num_images * weight / sum of all weights`: it is used q
    times per epoch, rounded down or up, and 2**k * q times, rounded down or up, in epochs 0 to
    2**k - 1 and in every later 2**k epochs. An image with the weight 0 is never used. An image that
    is used several times in an epoch is augmented differently each time.

    Nothing limits a share: an image with half of all weight is every second image that the model
    sees, and one with a share of 0.001 is used about once in 1,000 epochs. Shares are multiples of
    2**-16 of an image per epoch, so that an image with a smaller one may never be used.

    Unlike sample weights (`weights=` of `ImageSequence`), this changes how often the model sees an
    image, not how much its loss counts.

    Args:
        column: Column of weights, at least 0. For `ImageSequence.from_arrays`, an array of weights,
            shape (n,).
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

    column: str | npt.NDArray[Any]
    num_images: int | None = None

    def __repr__(self) -> str:
        return options_text(self)

    def __post_init__(self) -> None:
        _check_column("Weighted", self.column)
        _check_num_images(self.num_images)

    def order_for(self, manifest: "Manifest", targets: Mapping[str, Target]) -> ByWeight:
        """Return the order of `manifest`, given its `targets`; see `Sampling`."""
        weights = weight_column(manifest, repr(self), _name_of(self.column, self))
        length = self.num_images or len(manifest)
        return ByWeight(
            weights=weights,
            length=length,
            frequency=Frequency(
                text=f"weighted by {self.column!r}",
                content=_content(self, weights, np.array([length])),
            ),
        )


@explains_arguments
@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """Sample sources at fixed ratios, such as 1 own image for every 3 public ones.

    A source is a value of a column of the manifest. In each epoch, the images of the sources come
    at exactly these ratios. The images of a source take turns as those of a class do; see
    `Balanced`.

    Args:
        ratios: Whole number for each source, 1 to 10**9, by the value of the column.
        column: Column with the source of each image; for `ImageSequence.from_arrays`, an array of
            sources, shape (n,). `manifest.with_column("source", "own")`
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
    column: str | npt.NDArray[Any] = "source"
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
        _check_column("Sources", self.column)
        _check_num_images(self.num_images)
        check_bool("even_batches", self.even_batches)

    def order_for(self, manifest: "Manifest", targets: Mapping[str, Target]) -> ByQuota:
        """Return the order of `manifest`, given its `targets`; see `Sampling`."""
        column = _name_of(self.column, self)
        groups, names = _groups(manifest, repr(self), column)
        for ratio_name in self.ratios:
            if ratio_name not in names:
                hint = did_you_mean(str(ratio_name), [str(name) for name in names])
                raise ArgumentError(
                    f"Each source must be a value of the column {column!r}, which has "
                    f"{listed(names)}. Received: {ratio_name!r}.{hint}"
                )
        missing = [name for name in names if name not in self.ratios]
        if missing:
            raise ArgumentError(
                f"Sources requires a ratio for each value of the column {column!r}. "
                f"Without one: {listed(missing)}. To train without these images, use "
                "manifest.select."
            )
        ratios = np.array([self.ratios[name] for name in names], np.int64)
        quotas = ratios * -(-(self.num_images or len(manifest)) // int(ratios.sum()))
        counts = (f"{quota:,} {name!r}" for name, quota in zip(names, quotas, strict=True))
        return ByQuota(
            groups=groups,
            quotas=quotas,
            frequency=Frequency(
                text=first_few(counts, 5) + _EVENLY * self.even_batches,
                content=_content(self, groups, quotas, np.array([self.even_batches])),
            ),
            evenly=self.even_batches,
        )


def with_sampled_column(manifest: "Manifest", sampling: Any) -> tuple["Manifest", Any]:
    """Return the manifest of arrays, with the values that `sampling` has, and their column.

    Args:
        manifest: Without columns.
        sampling: How often each record is used; None for once.

    Raises:
        ArgumentError: `sampling` names a column, or has not one value for each record.
    """
    if not isinstance(sampling, Balanced | Weighted | Sources) or sampling.column is None:
        return manifest, sampling
    option, values = type(sampling).__name__, sampling.column
    if isinstance(values, str):
        example = {
            "Balanced": "Balanced(cameras), or Balanced() for the classes of `y`",
            "Weighted": "Weighted(weights)",
            "Sources": "Sources(ratios, column=sources)",
        }[option]
        raise ArgumentError(
            f"Arrays have no columns: pass an array of one value for each image, augseq.{example}. "
            f"Received: {sampling}"
        )
    if values.shape != (len(manifest),):
        raise ArgumentError(
            f"{option} requires an array of one value for each of the {len(manifest):,} images. "
            f"Received: shape {values.shape}"
        )
    name = {"Balanced": "group", "Weighted": "weight", "Sources": "source"}[option]
    return manifest.with_column(name, values), replace(sampling, column=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOptions:
    """Which records are used when; the options of `ImageSequence`."""

    shuffle: bool
    seed: int
    sampling: Sampling | None
    repeats: int
    batch_size: int
    drop_remainder: bool

    def __post_init__(self) -> None:
        check_bool("shuffle", self.shuffle)
        check_bool("drop_remainder", self.drop_remainder)


def make_schedule(
    manifest: "Manifest",
    targets: Mapping[str, Target],
    options: OrderOptions,
    buckets: Positions | None = None,
) -> Schedule:
    """Return the batches of the records of a manifest.

    Args:
        manifest: The records.
        targets: The targets by name.
        options: Which records are used when.
        buckets: Bucket of each record, if each batch has records of only one.

    Raises:
        ArgumentError: An option is invalid.
        LabelError: A record has no value to sample by, or one that does not fit.
    """
    return Schedule(
        order=_order(manifest, targets, options, buckets),
        batch_size=options.batch_size,
        drop_remainder=options.drop_remainder,
        seed=options.seed,
    )


def _order(
    manifest: "Manifest",
    targets: Mapping[str, Target],
    options: OrderOptions,
    buckets: Positions | None,
) -> Order:
    shuffle, sampling = options.shuffle, options.sampling
    batch_size, repeats = options.batch_size, options.repeats
    check_whole("batch_size", batch_size, least=1)
    check_whole("repeats", repeats, least=1)
    order: Order = EachOnce(len(manifest), shuffle)
    if buckets is not None:
        order = InBuckets(buckets, shuffle)
    if sampling is not None:
        if not isinstance(sampling, Sampling) or isinstance(sampling, type):
            raise ArgumentError(
                "`sampling` must be augseq.Balanced(), augseq.Weighted(column) or "
                f"augseq.Sources(ratios). Received: sampling={briefly(sampling)}"
            )
        if buckets is not None:
            raise ArgumentError(
                "With Buckets, each image is used once per epoch, in a batch of its size, so they "
                f"cannot be combined with `sampling`. Received: {sampling}. Pass one `image_size`, "
                "or `class_weight` to `fit`."
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


def _check_column(option: str, column: Any) -> None:
    """Raise `ArgumentError` unless this is the name of a column, or an array."""
    if not hasattr(column, "shape") and not (isinstance(column, str) and column):
        raise ArgumentError(
            f"`column` of {option} must be the name of a column of the manifest; for "
            "ImageSequence.from_arrays, an array of one value for each image. "
            f"Received: column={briefly(column)}"
        )


def _name_of(column: str | npt.NDArray[Any], option: Sampling) -> str:
    """Return the name of a column, or raise `ArgumentError` if it is an array."""
    if isinstance(column, str):
        return column
    raise ArgumentError(
        "Only ImageSequence.from_arrays takes values to sample by as an array. For a manifest, add "
        "them as a column: manifest.with_column('values', array), and pass the name 'values'. "
        f"Received: {option}"
    )


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
        "Balanced() (at the shell: --sampling balanced) requires a target with one class per "
        "image. Received: "
        + (", ".join(target.text for target in targets.values()) or "no targets")
        + '. To balance the values of a column, pass its name: Balanced("camera").'
    )


def _numbered(classes: Any) -> Positions:
    numbers: Positions = np.unique(classes, return_inverse=True)[1].astype(np.int64)
    return numbers


def _groups(manifest: "Manifest", option: str, column: str) -> tuple[Positions, list[Any]]:
    """Return a number for the value of each record in a column, and these values in order."""
    check_no_missing(manifest, option, column, _MISSING)
    stored = manifest.arrow_column(column, option)
    if str(stored.type).startswith(("list", "large_list", "fixed_size_list", "struct")):
        raise ArgumentError(
            f"{option} requires one value for each image, but the column {column!r} has lists. "
            "Add a column with the value to sample by: manifest.with_column('group', values)."
        )
    values = stored.combine_chunks().dictionary_encode()
    return values.indices.to_numpy().astype(np.int64), values.dictionary.to_pylist()


def _content(sampling: Sampling, *arrays: Any) -> str:
    hashes = " ".join(array_text(array).rpartition(" #")[2] for array in arrays)
    return f"{sampling!r} #{hashes}"
