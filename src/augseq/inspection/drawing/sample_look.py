"""A sample as a person sees it: its image, and its targets over, beside and below it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from augseq.inspection.drawing.drawn_objects import DrawnObject, drawn_objects, point_colors
from augseq.inspection.drawing.objects_pixels import with_objects
from augseq.inspection.drawing.overlays import class_color, colored, overlaid, shrunk_map
from augseq.inspection.drawing.thumbnails import record_title, shown_bands, shrunk
from augseq.loading.batch import Batch
from augseq.loading.mixed import Mixed
from augseq.loading.sample import Sample
from augseq.loading.targets.label import LabelTarget
from augseq.loading.targets.target import Target
from augseq.loading.targets.view import ObjectsView, TargetView
from augseq.manifest.record import Record
from augseq.pixels.options import Bands
from augseq.terminal_text import first_few, shortened
from augseq.types import Image, Value

IGNORED = "ignored"
NO_VALUE = "no value"
# Of up to so many classes, the legend shows all; of more, those that have the most pixels.
_MOST_CLASSES = 20
_MOST_LETTERS = 70

Range: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassCount:
    """A class of a mask or of objects, or a key point, as the legend shows it.

    Attributes:
        name: Its name.
        color: "#rrggbb"; empty if its pixels are not coloured.
        num_pixels: Number of its pixels in masks.
        num_objects: Number of its objects, or how often the key point is labelled.
    """

    name: str
    color: str
    num_pixels: int = 0
    num_objects: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleLook:
    """What to draw of a sample.

    Attributes:
        image: The image, under its mask if it has exactly one.
        beside: Further pictures, by name of the target, each with `values` or an `image`.
        lines: Lines of text below the image.
        classes: The classes of its masks and objects, those that do not occur too.
        unknown: What stripes mean in these pictures: `IGNORED`, `NO_VALUE`, both or neither.
        objects: Boxes and key points, to draw over the image.
        note: Which bands the image shows; "" for colours.
    """

    image: Image
    beside: Mapping[str, TargetView] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    classes: tuple[ClassCount, ...] = ()
    unknown: tuple[str, ...] = ()
    objects: tuple[DrawnObject, ...] = ()
    note: str = ""

    def shrunk(self, side_px: int, *, names: bool = False) -> "SampleLook":
        """Return it with pictures of at most this side, uint8 except for values.

        Objects are drawn into the image, which is then twice as large, since thin lines would be
        blurred on high-resolution screens.

        Args:
            side_px: Longer side of the pictures as they are displayed.
            names: Whether to write the classes of the objects into the image.
        """
        beside = {
            name: TargetView(values=shrunk_map(view.values, side_px))
            if view.values is not None
            else TargetView(image=None if view.image is None else shrunk(view.image, side_px))
            for name, view in self.beside.items()
        }
        image = shrunk(self.image, 2 * side_px if self.objects else side_px)
        if self.objects:
            image = with_objects(image, self.objects, side_px=2 * side_px, names=names)
        return replace(self, image=image, beside=beside, objects=())


def look_at_sample(sample: Sample) -> SampleLook:
    """Return what to draw of a sample."""
    look = look_at(sample.image, {**sample.inputs, **sample.targets}, sample.kinds, sample.bands)
    return _with_mixed(look, sample.mixed)


def sample_title(sample: Sample, class_names: Sequence[str]) -> str:
    """Return the class name of a sample, or its file name if there are no class names."""
    label, _ = labels_seen(sample.record, sample.mixed, sample.targets, sample.kinds)
    return record_title(sample.record, class_names, label)


def look_at_batch(batch: Batch, *, most: int) -> list[SampleLook]:
    """Return what to draw of the first samples of a batch, at most `most`."""
    values = {**batch.inputs, **batch.targets}
    looks = [
        look_at(
            image,
            {name: _row(value, row) for name, value in values.items()},
            batch.kinds,
            batch.bands,
        )
        for row, image in enumerate(batch.images[:most])
    ]
    labels, names = [other for _, other in labels_of(batch)], batch.class_names
    return [
        _with_mixed(look, one, names, label)
        for look, one, label in zip(looks, batch.mixed, labels, strict=False)
    ]


def batch_titles(batch: Batch, class_names: Sequence[str], *, most: int) -> list[str]:
    """Return the class names of the first samples of a batch, or their file names."""
    return [
        record_title(record, class_names, label)
        for record, (label, _) in zip(batch.records[:most], labels_of(batch), strict=False)
    ]


def labels_of(batch: Batch) -> Iterator[tuple[int | None, int | None]]:
    """Yield the labels of each image of a batch, and of the other one that is mixed into it."""
    for row, (record, mixed) in enumerate(zip(batch.records, batch.mixed, strict=True)):
        values = {name: _row(value, row) for name, value in batch.targets.items()}
        yield labels_seen(record, mixed, values, batch.kinds)


def labels_seen(
    record: Record,
    mixed: Mixed | None,
    values: Mapping[str, Value],
    kinds: Mapping[str, Target],
) -> tuple[int | None, int | None]:
    """Return the labels of an image, and of the other one that is mixed into it.

    They differ from those of the manifest if classes have changed places.

    Args:
        record: The record of the image.
        mixed: How it is mixed; None if it is not.
        values: The values of its targets by name.
        kinds: What these are, by name.
    """
    for name, value in values.items():
        kind = kinds.get(name)
        if isinstance(kind, LabelTarget) and kind.class_mirror and record.target is not None:
            share = 1.0 if mixed is None else mixed.mix.share
            shares = kind.shares(np.asarray(value))
            return kind.class_mirror.labels_in(shares, record.target, share)
    return record.target, None if mixed is None else mixed.record.target


def _with_mixed(
    look: SampleLook,
    mixed: Mixed | None,
    class_names: Sequence[str] = (),
    label: int | None = None,
) -> SampleLook:
    """Return a look whose first line says what the sample was mixed with."""
    if mixed is None:
        return look
    return replace(look, lines=(mixed.text(class_names, label), *look.lines))


def _row(value: Value, row: int) -> Value:
    if isinstance(value, Mapping):
        return {name: array[row] for name, array in value.items()}
    return np.asarray(value[row])


def look_at(
    image: Image,
    values: Mapping[str, Value],
    kinds: Mapping[str, Target],
    bands: Bands | None = None,
) -> SampleLook:
    """Return what to draw of a sample.

    Args:
        image: The image, shape (height, width, channels).
        values: The values of its targets and further inputs by name.
        kinds: What these are, by name; other values are not drawn.
        bands: What images of bands are alike in; None for colours.
    """
    views = {name: kind.view(values[name]) for name, kind in kinds.items() if name in values}
    if len(views) == 1:
        views = {view.title: view for view in views.values()}
    return look_at_views(image, views, bands)


def look_at_views(
    image: Image, views: Mapping[str, TargetView], bands: Bands | None = None
) -> SampleLook:
    """Return what to draw of an image with some views by name."""
    image, note = shown_bands(image, bands)
    num_masks = sum(view.labels is not None for view in views.values())
    shown, beside, classes = image, dict[str, TargetView](), list[ClassCount]()
    objects: list[DrawnObject] = []
    for name, view in views.items():
        if view.objects is not None:
            objects += drawn_objects(view.objects, image.shape, first_color=len(classes))
            classes += _object_classes(view.objects, first_color=len(classes))
        if view.labels is not None:
            found = _classes(view, first_color=len(classes))
            classes += found.values()
            colors = {number: one.color for number, one in found.items() if one.num_pixels}
            under = overlaid(image, view.labels, colors)
            # Several masks would hide each other.
            if num_masks == 1:
                shown = under
            else:
                beside[name] = TargetView(image=under)
        elif view.values is not None or view.image is not None:
            beside[name] = view
    return SampleLook(
        image=shown,
        beside=beside,
        lines=tuple(_line(name, text) for name, view in views.items() if (text := _text(view))),
        classes=tuple(classes),
        unknown=_unknown(views.values()),
        objects=tuple(objects),
        note=note,
    )


def _text(view: TargetView) -> str:
    if view.text or view.objects is None:
        return view.text
    return objects_text(view.objects)


def objects_text(view: ObjectsView) -> str:
    """Return how many objects of each class there are: "2 car, 1 person"."""
    counts = Counter(view.classes.tolist())
    texts = [f"{counts[k]} {name}" for k, name in enumerate(view.class_names) if counts[k]]
    count = len(view.classes)
    if count and not texts:
        return f"{count} object{'s' * (count != 1)}"
    return first_few(texts, _MOST_CLASSES) or "no objects"


def _line(name: str, text: str) -> str:
    return shortened(f"{name}: {text}" if name else text, _MOST_LETTERS)


def _unknown(views: Iterable[TargetView]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for view in views:
        if view.labels is not None and (view.labels < 0).any():
            found[IGNORED] = None
        if view.values is not None and not np.isfinite(view.values).all():
            found[NO_VALUE] = None
    return tuple(found)


def _classes(view: TargetView, *, first_color: int) -> dict[int, ClassCount]:
    """Return the classes of a mask by number."""
    assert view.labels is not None
    numbers, counts = np.unique(view.labels[view.labels >= 0], return_counts=True)
    count_of = dict(zip(numbers.tolist(), counts.tolist(), strict=True))
    names = dict(enumerate(view.class_names)) or {number: str(number) for number in count_of}
    return {
        number: ClassCount(
            name=name,
            color=class_color(first_color + number, name),
            num_pixels=count_of.get(number, 0),
        )
        for number, name in names.items()
    }


def _object_classes(view: ObjectsView, *, first_color: int) -> list[ClassCount]:
    """Return the classes of objects, then the names of their key points."""
    counts = Counter(view.classes.tolist())
    found = [
        ClassCount(name=name, color=class_color(first_color + number), num_objects=counts[number])
        for number, name in enumerate(view.class_names)
    ]
    seen: Counter[str] = Counter()
    for one in drawn_objects(view, (1, 1), first_color=first_color):
        seen.update(one.point_names)
    colors = point_colors(view, first_color=first_color)
    return found + [
        ClassCount(name=name, color=color, num_objects=seen[name]) for name, color in colors.items()
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What the colours in the pictures of several samples mean.

    Attributes:
        classes: Names of classes, each with its colour; "" for one that is not coloured.
        num_more: Number of further classes.
        unknown: What stripes mean.
        ranges: Lowest and highest number, by name of the target.
        note: Which bands the images show; "" for colours.
    """

    classes: Sequence[tuple[str, str]]
    num_more: int
    unknown: tuple[str, ...]
    ranges: Mapping[str, Range]
    note: str = ""

    def pictures(self, look: SampleLook) -> dict[str, Image]:
        """Return the pictures beside an image, by name of the target."""
        found = {}
        for name, view in look.beside.items():
            if view.values is not None:
                found[name] = colored(view.values, self.ranges.get(name, (0.0, 1.0)))
            elif view.image is not None:
                found[name] = view.image
        return found


def key_of(looks: Iterable[SampleLook]) -> Key:
    """Return the key to all pictures of some samples, which share their colours."""
    looks = list(looks)
    totals: dict[tuple[str, str], int] = {}
    for one in (one for look in looks for one in look.classes):
        amount = one.num_pixels + one.num_objects
        totals[one.name, one.color] = totals.get((one.name, one.color), 0) + amount
    shown = _most_frequent(totals)
    return Key(
        classes=shown,
        num_more=len(totals) - len(shown),
        unknown=tuple(sorted({text for look in looks for text in look.unknown})),
        ranges=_ranges(looks),
        note=max((look.note for look in looks), default=""),
    )


def _most_frequent(totals: Mapping[tuple[str, str], int]) -> list[tuple[str, str]]:
    """Return all classes if they are few; otherwise some that occur, in their own order."""
    if len(totals) <= _MOST_CLASSES:
        return list(totals)
    found = sorted(filter(totals.get, totals), key=lambda one: -totals[one])[:_MOST_CLASSES]
    return [one for one in totals if one in found]


def _ranges(looks: Sequence[SampleLook]) -> dict[str, Range]:
    ranges: dict[str, Range] = {}
    for name, view in (item for look in looks for item in look.beside.items()):
        known = None if view.values is None else view.values[np.isfinite(view.values)]
        if known is None or not known.size:
            continue
        low, high = ranges.get(name, (np.inf, -np.inf))
        ranges[name] = min(low, float(known.min())), max(high, float(known.max()))
    return ranges
