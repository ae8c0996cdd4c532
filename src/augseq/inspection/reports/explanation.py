"""How one image was processed in one epoch, stage by stage."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

from augseq.augment.augmentation import Fired
from augseq.augment.crop import Crop
from augseq.augment.moving_map import MovingMap
from augseq.inspection.drawing.grid import draw_looks
from augseq.inspection.drawing.picture import Picture
from augseq.inspection.drawing.sample_look import look_at
from augseq.inspection.reports.drawn_parameters import NOT_TOLD
from augseq.inspection.reports.frame import Frame, first_crop, resized_frame, shown_frame
from augseq.inspection.reports.instrumentation import Call, instrument
from augseq.loading.pipeline import NO_MAPS, ArrayKey, Pipeline
from augseq.loading.plan import BatchPlan
from augseq.loading.sample import load_sample
from augseq.loading.targets.target import Target
from augseq.manifest.record import Record
from augseq.pixels.options import Bands
from augseq.terminal_text import call_text, shortened, table_text
from augseq.types import Array, Image, Value

# Larger arrays are useless in a caption; `print` of the explanation shows them.
_MOST_NUMBERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """An image after one stage.

    Attributes:
        name: "decoded", "resized", or the name of the augmentation.
        image: Shape (height, width, channels), uint8 or float32; a copy.
        targets: The targets by name. A mask or value map is as it was after this stage. An image
            with draws of its own is part of the last stage only.
        inputs: Inputs other than the image, in the same way.
        fired: The albumentations transforms that took effect, each with the parameters it drew;
            empty if none did; None if the stage does not report it.
        crop: (top, left, height, width) in px of `image`. In the first stage, the part of it that
            the model sees, as far as that is an upright rectangle; in later stages, the part that
            the next stage crops. None if nothing is cropped, or if that is unknown.
    """

    name: str
    image: Image = field(repr=False)
    targets: Mapping[str, Value] = field(default_factory=dict, repr=False)
    inputs: Mapping[str, Array] = field(default_factory=dict, repr=False)
    fired: Fired | None = None
    crop: tuple[float, float, float, float] | None = None

    def __repr__(self) -> str:
        return call_text("Stage", self.name, _size(self.image), *filter(None, [_effect(self)]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """How one record became a training sample.

    Attributes:
        record: The record.
        seed: The seed of the run.
        epoch: The epoch of the sample.
        repeat: How many times the record was used earlier in the epoch.
        stages: From the original image, upright, to the pixels of the batch, in order.
        kinds: What targets and further inputs of the stages are, by name.
        bands: What images of bands are alike in; None for colours.
        partner: How the record that it is mixed with became a sample, before both are mixed in the
            last stage; None if it is not mixed.
    """

    record: Record
    seed: int
    epoch: int
    stages: tuple[Stage, ...]
    repeat: int = 0
    kinds: Mapping[str, Target] = field(default_factory=dict)
    bands: Bands | None = None
    partner: "Explanation | None" = None

    @property
    def image(self) -> Image:
        """What the model saw, shape (height, width, channels)."""
        return self.stages[-1].image

    @property
    def _when(self) -> str:
        repeat = f", repeat {self.repeat}" if self.repeat else ""
        return f"epoch {self.epoch}{repeat}, seed {self.seed}"

    def __repr__(self) -> str:
        return table_text(
            f"Explanation of {self.record}, {self._when}",
            {"stages": " > ".join(stage.name for stage in self.stages)},
        )

    def __str__(self) -> str:
        title = f"{self.record}, {self._when}"
        rows = [(stage.name, _size(stage.image), _effect(stage)) for stage in self.stages]
        widths = [max(len(row[k]) for row in rows) for k in range(2)]
        lines = [f"  {a:<{widths[0]}}  {b:<{widths[1]}}  {c}".rstrip() for a, b, c in rows]
        mixed_with = [] if self.partner is None else [f"mixed with {self.partner}"]
        return "\n".join([title, *lines, *mixed_with])

    def draw(self) -> Picture:
        """Draw the image after each stage, with its targets and the drawn parameters.

        The first is the original image, with a rectangle around the part that the model sees.
        Names of transforms that did not fire are in parentheses. Masks, boxes and key points are
        drawn over each image, and value maps below it, as this stage has moved them. If the image
        is mixed, the stages of the other one are below.
        """
        count = len(self.stages)
        columns = _columns(count) if self.partner is None else count
        others = [] if self.partner is None else self.partner.stages
        stages = [*self.stages, *others]
        titles = [
            stage.name if stage.fired is None or stage.fired else f"({stage.name})"
            for stage in stages
        ]
        captions = [_caption(stage) for stage in stages]
        looks = [
            look_at(stage.image, {**stage.inputs, **stage.targets}, self.kinds, self.bands)
            for stage in stages
        ]
        where = f"{shortened(self.record.path, 50)}, index {self.record.index}"
        return draw_looks(
            looks,
            titles,
            captions=captions,
            boxes=[stage.crop for stage in stages],
            num_columns=columns,
            heading=f"{where}, {self._when}",
        )

    def _repr_png_(self) -> bytes:
        return self.draw()._repr_png_()


def explain_sample(
    record: Record, pipeline: Pipeline, *, seed: int, epoch: int, repeat: int = 0
) -> Explanation:
    """Load the sample of a record in an epoch, and keep the image after every stage.

    Raises:
        Exception: As in `load_sample`.
    """
    pipeline = pipeline.fitted_to(record)
    stages: list[Stage] = []
    steps, names = pipeline.augment.details, ["decoded", *pipeline.augment.names]
    moving: list[MovingMap] = []
    is_part = False

    def note(number: int, call: Call) -> Any:
        nonlocal is_part
        result = call()
        if isinstance(result, Crop):
            is_part = result.box is not None
        if isinstance(result, MovingMap):
            moving.append(result)
        # If the result is not an image, the list raises an error.
        if isinstance(result, np.ndarray):
            image, fired = result.copy(), steps[number - 1].fired() if number else None
            if not number:
                # Perhaps after an attempt that lost all objects.
                stages.clear()
                moving.clear()
            # The maps of the decoded image are not read yet; `_first_stages` reads them.
            maps = dict(zip(pipeline.with_maps, moving, strict=True)) if number else NO_MAPS
            loaded = _loaded(record, pipeline, image, maps) if number else {}
            stages.append(Stage(name=names[number], image=image, fired=fired, **loaded))
        return result

    sample = load_sample(record, instrument(pipeline, note), seed=seed, epoch=epoch, repeat=repeat)
    # With a crop, only a part was decoded; a cache returned the resized image.
    is_whole = not is_part and pipeline.source.cache is None
    stages[:1] = _first_stages(record, pipeline, stages[0].image if is_whole else None)
    # Possibly a second resize, if an augmentation changed the size.
    if stages[-1].image.shape != sample.image.shape:
        stages.append(Stage(name="resized", image=sample.image))
    inputs = {name: sample.inputs[name] for name in pipeline.inputs}
    stages[-1] = replace(stages[-1], targets=sample.targets, inputs=inputs)
    return Explanation(
        record=record,
        seed=seed,
        epoch=epoch,
        repeat=repeat,
        stages=tuple(_with_crops(stages, pipeline)),
        kinds=pipeline.kinds,
        bands=pipeline.bands,
    )


def explain_turn(plan: BatchPlan, record: Record, epoch: int, repeat: int = 0) -> Explanation:
    """Replay the sample of a record in an epoch of a plan, and of the one that it is mixed with.

    Args:
        plan: The plan.
        record: The record.
        epoch: From 0.
        repeat: How many times the record was used earlier in the epoch.

    Raises:
        ArgumentError: Images are mixed, and the record is not used that often.
        Exception: As in `load_sample`.
    """
    where = {"seed": plan.schedule.seed, "epoch": epoch}
    own = explain_sample(record, plan.pipeline, **where, repeat=repeat)
    sample = plan.sample(record, epoch, repeat) if plan.pipeline.mix else None
    if sample is None or sample.mixed is None:
        return own
    mixed = sample.mixed
    drawn: dict[str, Any] = {"share": mixed.mix.share, "other": mixed.record.path}
    if mixed.mix.box is not None:
        drawn["box"] = mixed.mix.box
    stage = Stage(
        name=mixed.mix.name,
        image=sample.image,
        targets=sample.targets,
        inputs={name: sample.inputs[name] for name in plan.pipeline.inputs},
        fired=((mixed.mix.name, drawn),),
    )
    partner = explain_sample(mixed.record, plan.pipeline, **where, repeat=mixed.repeat)
    return replace(own, stages=(*own.stages, stage), partner=partner)


def _first_stages(record: Record, pipeline: Pipeline, image: Image | None) -> Iterator[Stage]:
    """Yield the stages before the augmentations.

    Args:
        record: The record.
        pipeline: How it is loaded.
        image: Its whole image, if it was decoded.
    """
    maps: Mapping[ArrayKey, MovingMap] = NO_MAPS
    if image is None or pipeline.with_maps:
        opened = pipeline.source.open(record)
        region = replace(pipeline.region(opened, None), resize=None)
        image = opened.read(region) if image is None else image
        maps = pipeline.read_maps(record, opened.shape, region, image)
    yield Stage(name="decoded", image=image, **_loaded(record, pipeline, image, maps))
    if pipeline.resizes_first:
        image = pipeline.resized(image, maps)
        yield Stage(name="resized", image=image, **_loaded(record, pipeline, image, maps))


def _loaded(
    record: Record, pipeline: Pipeline, image: Image, maps: Mapping[ArrayKey, MovingMap]
) -> dict[str, Any]:
    """Return `targets` and `inputs` of a stage, without images that have draws of their own."""
    inputs = {}
    for name, value in pipeline.inputs.items():
        if value.own_source is None:
            moving = maps.get(("inputs", name))
            source = None if moving is None else moving.values
            inputs[name] = pipeline.load_value(value, record, source, maps)
    return {"targets": pipeline.load_targets(record, image, maps), "inputs": inputs}


def _with_crops(stages: Sequence[Stage], pipeline: Pipeline) -> Iterator[Stage]:
    """Yield the stages with their crops."""
    steps = pipeline.augment.details
    first = 1 + pipeline.resizes_first
    frame: Frame | None = Frame.whole(stages[0].image.shape)
    visible: Frame | None = None
    crops: list[Frame | None] = []
    shown: Frame | None
    crop: Frame | None
    for number, (before, stage) in enumerate(pairwise(stages), 1 - first):
        shape = before.image.shape
        if 0 <= number < len(steps):
            shown, crop = shown_frame(steps[number], stage.fired, shape), first_crop(stage.fired)
        elif pipeline.resize is not None:
            shown = crop = resized_frame(shape, pipeline.resize)
        frame = frame.part(shown, shape) if frame and shown else None
        visible = frame or visible
        crops.append(crop)
    crops = [visible, *crops[1:], None][: len(stages)]
    for stage, crop in zip(stages, crops, strict=True):
        yield replace(stage, crop=_box(crop, stage.image.shape))


def _box(crop: Frame | None, shape: tuple[int, ...]) -> tuple[float, float, float, float] | None:
    """Return (top, left, height, width) of a crop; None if it removes nothing."""
    if crop is None:
        return None
    top, bottom = np.clip(sorted((crop.top, crop.bottom)), 0, shape[0]).tolist()
    left, right = np.clip(sorted((crop.left, crop.right)), 0, shape[1]).tolist()
    box = (top, left, bottom - top, right - left)
    return None if np.allclose(box, (0, 0, *shape[:2]), atol=0.5) else box


def _size(image: Image) -> str:
    height, width, channels = image.shape
    return f"{height} x {width} x {channels} {image.dtype}"


def _effect(stage: Stage) -> str:
    if stage.fired is None:
        top, left, height, width = stage.crop or (0, 0, 0, 0)
        cut = f"crop: {height:.0f} x {width:.0f} at top {top:.0f}, left {left:.0f}"
        return cut if stage.crop else ""
    if not stage.fired:
        return "not fired"
    calls = (
        f"{name}({', '.join(f'{key}={_short(value)}' for key, value in drawn.items())})"
        for name, drawn in stage.fired
    )
    return ", ".join(calls)


def _caption(stage: Stage) -> list[str]:
    """Return the lines below a picture: the size, and the parameters except large arrays."""
    height, width, _ = stage.image.shape
    lines = [f"{height} x {width} px"]
    if stage.crop:
        lines += [f"crop: {stage.crop[2]:.0f} x {stage.crop[3]:.0f} px"]
    for name, drawn in stage.fired or ():
        lines += [name] * (name != stage.name)
        lines += [
            f"{key} = {_short(value)}"
            for key, value in drawn.items()
            if key not in NOT_TOLD and value is not None and np.size(value) <= _MOST_NUMBERS
        ]
    return lines


def _columns(count: int) -> int:
    """Return a number of columns, at most 6, that fills the last row best."""
    rows = -(-count // 6)
    return -(-count // rows)


def _short(value: Any) -> str:
    """Return a short text for a parameter."""
    if isinstance(value, np.ndarray) and value.size > 9:
        return f"<{' x '.join(map(str, value.shape))} {value.dtype}>"
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, np.ndarray | tuple | list):
        return f"({', '.join(map(_short, np.asarray(value, object).ravel()))})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_short(part)}' for key, part in value.items())}}}"
    return repr(value) if len(repr(value)) <= 60 else f"<{type(value).__name__}>"
