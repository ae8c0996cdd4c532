"""Two menus of the explorer: start from another list, and add a transform."""

from collections.abc import Callable, Sequence
from typing import Any

from augseq.augment.catalogue import make_transform, transform_names
from augseq.augment.presets import PRESET_NAMES, preset

_ADD, _START = "add a transform ...", "start from ..."
_FIRST, _EMPTY = "the first list", "an empty list"


class ListMenu:
    """The menus above the list of augmentations.

    Args:
        size: (height, width) in pixels of what an added crop or resize returns.
        on_add: Called with a new transform.
        on_start: Called with a new list; None for the first one.
    """

    def __init__(
        self,
        size: tuple[int, int],
        *,
        on_add: Callable[[Any], None],
        on_start: Callable[[Sequence[Any] | None], None],
    ) -> None:
        import ipywidgets

        lists = [_FIRST, *(f"preset {name}" for name in PRESET_NAMES), _EMPTY]
        self.start = ipywidgets.Dropdown(
            options=[_START, *lists],
            tooltip="Replace the list",
            layout={"width": "126px"},
        )
        self.add = ipywidgets.Dropdown(
            options=[_ADD, *transform_names()],
            tooltip="Add a transform at the end of the list",
            layout={"width": "222px"},
        )
        self.widget = ipywidgets.HBox([self.start, self.add])
        _on_choice(self.start, _START, lambda name: on_start(_list_of(name)))
        _on_choice(self.add, _ADD, lambda name: on_add(make_transform(name, size)))


def _on_choice(menu: Any, title: str, call: Callable[[str], None]) -> None:
    def observer(change: Any) -> None:
        if change["new"] != title:
            # Ready for the same choice again.
            menu.value = title
            call(change["new"])

    menu.observe(observer, "value")


def _list_of(name: str) -> list[Any] | None:
    if name == _FIRST:
        return None
    return [] if name == _EMPTY else preset(name.removeprefix("preset "))
