"""The widgets of one augmentation: switch, cost, sliders, and its place in the list."""

import math
from collections.abc import Callable
from typing import Any

from augseq.inspection.explorer.choices import Choice
from augseq.inspection.explorer.parameters import Parameter, Value
from augseq.inspection.html_displays.markup import element
from augseq.terminal_text import shortened

_WIDTH = "360px"


class Controls:
    """Switch and sliders of an augmentation.

    Sliders report a new value only when released, so that a slow transform runs once and not for
    each position of the mouse.

    Args:
        choice: The augmentation to control.
        is_open: Whether its sliders are initially shown.
        on_switch: Called with whether it is on.
        on_move: Called with the name of a parameter and its new value.
        on_shift: Called with -1 to move it up in the list, with 1 to move it down.
        on_remove: Called to remove it from the list.
    """

    def __init__(
        self,
        choice: Choice,
        *,
        is_open: bool,
        on_switch: Callable[[bool], None],
        on_move: Callable[[str, Value], None],
        on_shift: Callable[[int], None],
        on_remove: Callable[[], None],
    ) -> None:
        import ipywidgets

        self._is_setting = False
        self.switch = ipywidgets.Checkbox(
            value=choice.is_on,
            description=shortened(choice.name, 40),
            indent=False,
            tooltip=shortened(choice.code, 300),
            layout={"width": "184px"},
        )
        self.cost = ipywidgets.HTML(layout={"width": "52px"})
        self.opener = ipywidgets.ToggleButton(
            value=is_open,
            description="adjust",
            tooltip=f"Show the parameters of {shortened(choice.name, 40)}",
            layout={"width": "52px", "height": "24px", "padding": "0"},
        )
        self.sliders = {parameter.name: _slider(parameter) for parameter in choice.parameters}
        self._steps = {parameter.name: parameter.step for parameter in choice.parameters}
        self._box = ipywidgets.VBox(
            list(self.sliders.values()), layout={"margin": "0 0 6px 0", "overflow": "hidden"}
        )
        self.opener.layout.visibility = "visible" if self.sliders else "hidden"
        name = shortened(choice.name, 40)
        self.up = _button("\u2191", f"Move {name} up", lambda: on_shift(-1))
        self.down = _button("\u2193", f"Move {name} down", lambda: on_shift(1))
        self.remover = _button("\u00d7", f"Remove {name}", on_remove)
        row = ipywidgets.HBox(
            [self.switch, self.cost, self.opener, self.up, self.down, self.remover],
            layout={"align_items": "center", "width": _WIDTH},
        )
        self.widget = ipywidgets.VBox([row, self._box], layout={"overflow": "hidden"})
        self.switch.observe(self._unless_setting(on_switch), "value")
        for name, slider in self.sliders.items():
            slider.observe(self._unless_setting(self._move(name, on_move)), "value")
        self.opener.observe(lambda _: self._open(), "value")
        self._open()

    def show(self, choice: Choice) -> None:
        """Set the widgets to a choice, without calling `on_switch` or `on_move`."""
        self._is_setting = True
        try:
            self.switch.value = choice.is_on
            for parameter in choice.parameters:
                self.sliders[parameter.name].value = parameter.value
            self.switch.tooltip = shortened(choice.code, 300)
        finally:
            self._is_setting = False

    def show_cost(self, text: str) -> None:
        """Show the cost of the augmentation."""
        self.cost.value = element("div", text, class_="augseq-cost", title="mean time per image")

    def _open(self) -> None:
        self._box.layout.display = "flex" if self.opener.value else "none"

    def _move(self, name: str, on_move: Callable[[str, Value], None]) -> Callable[[Value], None]:
        return lambda value: on_move(name, rounded(value, self._steps[name]))

    def _unless_setting(self, call: Callable[[Any], None]) -> Callable[[Any], None]:
        def observer(change: Any) -> None:
            if not self._is_setting:
                call(change["new"])

        return observer


def _button(sign: str, tooltip: str, call: Callable[[], None]) -> Any:
    import ipywidgets

    button = ipywidgets.Button(
        description=sign,
        tooltip=tooltip,
        layout={"width": "18px", "height": "24px", "padding": "0", "margin": "2px 1px"},
    )
    button.on_click(lambda _: call())
    return button


def rounded(value: Any, step: float) -> Value:
    """Return the value of a slider, without rounding errors in the last digits."""
    if isinstance(value, tuple):
        low, high = (rounded(part, step) for part in value)
        return low, high  # type: ignore[return-value]
    return round(value, _digits(step)) if isinstance(value, float) else value


def _digits(step: float) -> int:
    return max(0, -math.floor(math.log10(step)))


def _slider(parameter: Parameter) -> Any:
    import ipywidgets

    value, name = parameter.value, parameter.name
    if isinstance(value, bool):
        return ipywidgets.Checkbox(
            value=value, description=name, tooltip=name, layout={"width": _WIDTH}
        )
    kinds = {
        (True, True): ipywidgets.IntRangeSlider,
        (True, False): ipywidgets.IntSlider,
        (False, True): ipywidgets.FloatRangeSlider,
        (False, False): ipywidgets.FloatSlider,
    }
    first, last = value if isinstance(value, tuple) else (value, value)
    options: dict[str, Any] = {
        "value": value,
        # A value that was not set here can be outside the range.
        "min": min(parameter.low, first),
        "max": max(parameter.high, last),
        "step": parameter.step,
        "description": name,
        "tooltip": name,
        "continuous_update": False,
        "readout_format": "d" if parameter.is_whole else f".{_digits(parameter.step)}f",
        "style": {"description_width": "112px"},
        "layout": {"width": _WIDTH},
    }
    return kinds[parameter.is_whole, isinstance(value, tuple)](**options)
