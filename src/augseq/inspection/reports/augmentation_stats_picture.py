"""Plots of how often transforms fire, and how their parameters are distributed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.inspection.drawing.picture import Picture
from augseq.terminal_text import shortened

_COLOR = "#4878a8"
_NUM_COLUMNS = 4
# More plots would be unreadable; the text of a report has all parameters.
_MOST_PLOTS = 24
_PLOT_INCHES = (2.5, 1.9)
_BAR_INCHES = 0.24


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The values of one parameter.

    Attributes:
        transform: Name of the transform.
        parameter: Name of the parameter.
        unit: Unit of the values; empty if unknown.
        values: Shape (n,), float64.
    """

    transform: str
    parameter: str
    unit: str
    values: npt.NDArray[np.float64]


def draw_augmentation_stats(
    shares: Mapping[str, float | None], spreads: Sequence[Spread], *, heading: str
) -> Picture:
    """Draw a bar for each transform, and a histogram for each parameter that varies.

    Args:
        shares: Share of samples in which each transform fires, 0 to 1; None if unknown.
        spreads: Values of the parameters.
        heading: Title of the figure.
    """
    varying = [spread for spread in spreads if np.ptp(spread.values) > 0]
    shown = varying[:_MOST_PLOTS]
    if len(shown) < len(varying):
        heading += f"; the first {len(shown)} of {len(varying)} parameters that vary"
    rows = -(-len(shown) // _NUM_COLUMNS)
    heights = [0.75 + _BAR_INCHES * max(len(shares), 1), *[_PLOT_INCHES[1]] * rows]
    size = (_NUM_COLUMNS * _PLOT_INCHES[0], sum(heights))
    figure = Picture(figsize=size, dpi=110, layout="constrained")
    # Separate subfigures: otherwise the names of the bars would take width from every histogram.
    ratios = [heights[0], *([sum(heights[1:])] if rows else [])]
    parts = figure.subfigures(len(ratios), height_ratios=ratios, squeeze=False).ravel()
    _draw_shares(parts[0].subplots(), shares)
    for part in parts[1:]:
        plots = part.subplots(rows, _NUM_COLUMNS, squeeze=False).ravel()
        for axes, spread in zip(plots, shown, strict=False):
            _draw_spread(axes, spread)
        for axes in plots[len(shown) :]:
            axes.remove()
    figure.suptitle(heading, fontsize=10)
    return figure


def _draw_shares(axes: Any, shares: Mapping[str, float | None]) -> None:
    names = [shortened(name, 40) for name in shares]
    percents = [100 * (share or 0) for share in shares.values()]
    places = range(len(names))
    axes.barh(places, percents, color=_COLOR, height=0.7)
    for place, (share, percent) in enumerate(zip(shares.values(), percents, strict=True)):
        text = "unknown" if share is None else f"{percent:.0f}%"
        axes.text(percent + 1, place, text, va="center", fontsize=8)
    axes.set_yticks(places, names, fontsize=8, parse_math=False)
    axes.set_ylim(max(len(names), 1) - 0.5, -0.5)
    axes.set_xlim(0, 110)
    axes.set_xticks(range(0, 101, 25))
    axes.tick_params(axis="x", labelsize=8)
    axes.set_xlabel("samples in which the transform fires (%)", fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_spread(axes: Any, spread: Spread) -> None:
    axes.hist(spread.values, bins=_edges(spread.values), color=_COLOR)
    label = f"{spread.parameter} ({spread.unit})" if spread.unit else spread.parameter
    axes.set_title(shortened(spread.transform, 26), fontsize=9, parse_math=False)
    axes.set_xlabel(shortened(label, 32), fontsize=7, parse_math=False)
    axes.set_ylabel("samples", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.locator_params(nbins=4)
    axes.spines[["top", "right"]].set_visible(False)


def _edges(values: npt.NDArray[np.float64]) -> Any:
    """Return the edges of bins: one bin per integer if the values are a few integers."""
    low, high = values.min(), values.max()
    if high - low <= 20 and np.array_equal(values, np.rint(values)):
        return np.arange(low - 0.5, high + 1)
    return 20
