"""Widgets to choose images, epoch and seed."""

from collections.abc import Callable

from augseq.inspection.explorer.filtering import find_positions, shown_classes
from augseq.inspection.html_displays.markup import note
from augseq.manifest.manifest import Manifest
from augseq.manifest.record import Record
from augseq.terminal_text import shortened

_NUM_ROWS = 3
_MOST_LETTERS = 40
# The largest integer that JavaScript can tell from its neighbours.
_MOST_NUMBER = 2**53 - 1


class Browser:
    """Widgets for a class, a search text, a page, an epoch and a seed.

    Args:
        manifest: The images to browse.
        seed: Initial seed.
        epoch: Initial epoch.
        on_change: Called when the images to show change.
    """

    def __init__(
        self, manifest: Manifest, *, seed: int, epoch: int, on_change: Callable[[], None]
    ) -> None:
        import ipywidgets

        self._manifest, self._on_change = manifest, on_change
        self._positions, self._first = find_positions(manifest, class_name=None, text=""), 0
        names = [(shortened(name, _MOST_LETTERS), name) for name in shown_classes(manifest)]
        self._class = ipywidgets.Dropdown(
            options=[("all classes", None), *names], layout={"width": "150px"}
        )
        self._text = ipywidgets.Text(
            placeholder="search paths, then Enter",
            continuous_update=False,
            layout={"width": "190px"},
        )
        self._place = ipywidgets.HTML()
        self._back, self._forth = (
            ipywidgets.Button(description=sign, tooltip=text, layout={"width": "34px"})
            for sign, text in (("<", "previous images"), (">", "next images"))
        )
        self._epoch, self._seed = (
            ipywidgets.BoundedIntText(
                value=value,
                min=0,
                max=max(_MOST_NUMBER, value),
                description=name,
                style={"description_width": "initial"},
                layout={"width": "120px"},
            )
            for name, value in (("epoch", epoch), ("seed", seed))
        )
        parts = [self._text, self._back, self._place, self._forth, self._epoch, self._seed]
        self.widget = ipywidgets.HBox(
            [self._class, *parts] if names else parts,
            layout={"flex_flow": "row wrap", "align_items": "center", "grid_gap": "2px 4px"},
        )
        self._observe()
        self._show_position()

    @property
    def records(self) -> list[Record]:
        """The records being shown."""
        return self._manifest.records(self._positions[self._first : self._first + _NUM_ROWS])

    @property
    def epoch(self) -> int:
        """The first epoch being shown."""
        return int(self._epoch.value)

    @property
    def seed(self) -> int:
        """The seed."""
        return int(self._seed.value)

    def _observe(self) -> None:
        for filtering in (self._class, self._text):
            filtering.observe(lambda _: self._filter(), "value")
        for number in (self._epoch, self._seed):
            number.observe(lambda _: self._on_change(), "value")
        self._back.on_click(lambda _: self._step(-_NUM_ROWS))
        self._forth.on_click(lambda _: self._step(_NUM_ROWS))

    def _filter(self) -> None:
        self._positions = find_positions(
            self._manifest, class_name=self._class.value, text=self._text.value.strip()
        )
        self._first = 0
        self._show_position()
        self._on_change()

    def _step(self, count: int) -> None:
        self._first += count
        self._show_position()
        self._on_change()

    def _show_position(self) -> None:
        total = len(self._positions)
        last = min(self._first + _NUM_ROWS, total)
        self._place.value = note(f"{min(self._first + 1, total):,} to {last:,} of {total:,}")
        self._back.disabled = self._first == 0
        self._forth.disabled = last >= total
