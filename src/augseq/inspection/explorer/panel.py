"""The augmentation explorer: a panel of widgets that Python can read."""

from collections.abc import Sequence
from typing import Any

from augseq.augment.augmentation_list import AugmentationList
from augseq.inspection.drawing.sample_look import SampleLook, look_at_sample
from augseq.inspection.drawing.thumbnails import load_within
from augseq.inspection.explorer.browser import Browser
from augseq.inspection.explorer.choices import Choice, Choices
from augseq.inspection.explorer.controls import Controls
from augseq.inspection.explorer.list_menu import ListMenu
from augseq.inspection.explorer.messages import problem_of, refusal
from augseq.inspection.explorer.pages import (
    Row,
    code_html,
    grid_html,
    head_html,
    notes_html,
)
from augseq.inspection.explorer.parameters import Value
from augseq.inspection.explorer.preview import MOST_SIDE_PX, Preview, Timing
from augseq.loading.pipeline import Pipeline
from augseq.loading.sample import Sample
from augseq.manifest.manifest import Manifest
from augseq.manifest.record import Record

_NUM_EPOCHS = 4
# Of a crop that is added, if images keep their sizes.
_SIZE = (224, 224)
# Pictures are displayed at 112 px; larger for high-resolution screens.
_SIDE_PX = 160
# A change should show immediately, and a slow transform must not block the notebook.
_LIMIT_S = 3.0
_SHRUNK = (
    f"The list sets the size itself: previews start from images shrunk to {MOST_SIDE_PX} px, so a "
    "crop of a fixed number of pixels shows more than in training."
)


class Explorer:
    """A panel to try augmentations on images, created by `augseq.explore`.

    Put it on the last line of a cell to display it. Its settings can be read at any time, so that
    a later cell can train with `augment=panel.augment`.

    Args:
        manifest: The images.
        pipeline: How samples are made; `items` replace its augmentations.
        items: Initial augmentations.
        seed: Initial seed.
        epoch: Initial epoch.
    """

    def __init__(
        self,
        manifest: Manifest,
        pipeline: Pipeline,
        items: Sequence[Any],
        *,
        seed: int,
        epoch: int,
    ) -> None:
        import ipywidgets

        self._manifest, self._preview = manifest, Preview(pipeline)
        self._choices = Choices(items)
        self._browser = Browser(manifest, seed=seed, epoch=epoch, on_change=self._draw)
        self._list = ipywidgets.VBox()
        self._control_all()
        size = pipeline.resize and "{} x {} px".format(*pipeline.resize.image_size)
        facts = f"{len(manifest):,} images · {size or 'original sizes'}"
        self._grid, self._code, self._notes = (ipywidgets.HTML() for _ in range(3))
        menu = ListMenu(
            pipeline.resize.image_size if pipeline.resize else _SIZE,
            on_add=self._add,
            on_start=self._start,
        )
        controls = ipywidgets.VBox([menu.widget, self._list])
        body = ipywidgets.HBox(
            [self._grid, controls], layout={"flex_flow": "row wrap", "grid_gap": "8px 20px"}
        )
        self.widget = ipywidgets.VBox(
            [
                ipywidgets.HTML(head_html(facts)),
                self._browser.widget,
                body,
                self._notes,
                self._code,
            ]
        )
        self.widget.add_class("augseq")
        self.widget.add_class("augseq-explorer")
        self._draw()

    @property
    def augment(self) -> list[Any]:
        """The augmentations that are on, as set now, for `ImageSequence(augment=...)`."""
        return self._choices.items

    @property
    def code(self) -> str:
        """The same as code: `augment=[...]`, with `import albumentations as A`."""
        return self._choices.code

    @property
    def records(self) -> list[Record]:
        """The records whose images are shown."""
        return self._browser.records

    @property
    def epoch(self) -> int:
        """The first epoch being shown."""
        return self._browser.epoch

    @property
    def seed(self) -> int:
        """The seed of the pictures."""
        return self._browser.seed

    def __repr__(self) -> str:
        return f"Explorer({len(self._manifest)} images, seed={self.seed})\n{self.code}"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = self.widget._repr_mimebundle_(**options)
        data, *metadata = bundle if isinstance(bundle, tuple) else (bundle,)
        data = {**data, "text/plain": repr(self)}
        return (data, *metadata) if metadata else data

    def _control_all(self) -> None:
        self._controls = [
            self._control(choice, is_open=place == 0) for place, choice in enumerate(self._choices)
        ]
        self._list.children = [controls.widget for controls in self._controls]

    def _control(self, choice: Choice, *, is_open: bool) -> Controls:
        controls = Controls(
            choice,
            is_open=is_open,
            on_switch=lambda is_on: self._switch(self._controls.index(controls), is_on),
            on_move=lambda name, value: self._move(self._controls.index(controls), name, value),
            on_shift=lambda by: self._shift(self._controls.index(controls), by),
            on_remove=lambda: self._remove(self._controls.index(controls)),
        )
        return controls

    def _add(self, item: Any) -> None:
        self._choices.add(item)
        self._arrange([*self._controls, self._control(self._choices[-1], is_open=True)])

    def _remove(self, place: int) -> None:
        self._choices.remove(place)
        self._arrange(self._controls[:place] + self._controls[place + 1 :])

    def _shift(self, place: int, by: int) -> None:
        self._choices.shift(place, by)
        rest = self._controls[:place] + self._controls[place + 1 :]
        new = max(0, place + by)
        self._arrange([*rest[:new], self._controls[place], *rest[new:]])

    def _start(self, items: Sequence[Any] | None) -> None:
        self._choices.replace(items)
        self._control_all()
        self._draw()

    def _arrange(self, controls: list[Controls]) -> None:
        """Show controls in the order of the list, with their sliders as they are."""
        self._controls = controls
        self._list.children = [one.widget for one in controls]
        self._draw()

    def _switch(self, place: int, is_on: bool) -> None:
        self._choices.switch(place, is_on)
        self._draw()

    def _move(self, place: int, name: str, value: Value) -> None:
        problems: list[str] = []
        try:
            self._choices.move(place, name, value)
        except Exception as error:
            problems.append(refusal(self._choices[place], name, value, error))
        self._controls[place].show(self._choices[place])
        self._draw(problems)

    def _draw(self, problems: Sequence[str] = ()) -> None:
        drawing = _Drawing(self._preview, self._choices, self.seed)
        records, epochs = self.records, [self.epoch + k for k in range(_NUM_EPOCHS)]
        cells = [(record, epoch) for record in records for epoch in (None, *epochs)]
        looks = load_within(cells, drawing.look, limit_s=_LIMIT_S)
        width = 1 + len(epochs)
        rows = [
            Row(record=record, looks=looks[k * width : (k + 1) * width])
            for k, record in enumerate(records)
        ]
        self._grid.value = grid_html(rows, epochs, self._manifest.class_names)
        self._code.value = code_html(
            self.code, has_elements_by_place=self._choices.has_elements_by_place
        )
        messages = dict.fromkeys([*problems, *drawing.problems])
        self._notes.value = notes_html(list(messages), [_SHRUNK] * drawing.is_shrunk)
        self._show_costs(drawing.timing)

    def _show_costs(self, timing: Timing) -> None:
        means = timing.mean_ms()
        numbers = {place: number for number, place in enumerate(self._choices.places_on, 1)}
        for place, controls in enumerate(self._controls):
            mean = means.get(numbers.get(place, 0))
            text = (
                "off" if place not in numbers else "not timed" if mean is None else f"{mean:.2f} ms"
            )
            controls.show_cost(text)


class _Drawing:
    """The samples for one state of the panel, even if the panel changes meanwhile."""

    def __init__(self, preview: Preview, choices: Choices, seed: int) -> None:
        self._preview, self._augment, self._seed = preview, choices.augment, seed
        self.problems: list[str] = []
        self.timing = Timing()
        self.is_shrunk = False

    def look(self, cell: tuple[Record, int | None]) -> SampleLook:
        """Return what to draw of a record, plain or in an epoch."""
        record, epoch = cell
        try:
            sample = self._sample(record, epoch)
            return look_at_sample(sample).shrunk(_SIDE_PX)
        except Exception as error:
            self.problems.append(problem_of(error, record))
            raise

    def _sample(self, record: Record, epoch: int | None) -> Sample:
        if epoch is None:
            return self._preview.sample(record, AugmentationList(), seed=self._seed, epoch=0)
        if self._preview.is_shrunk(record, self._augment):
            self.is_shrunk = True
        return self._preview.sample(
            record, self._augment, seed=self._seed, epoch=epoch, timing=self.timing
        )
