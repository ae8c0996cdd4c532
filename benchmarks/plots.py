"""Draw the tables: one bar per row, with augseq's bars in their own colour.

python benchmarks/plots.py results/results.json --into docs
"""

import argparse
import json
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Results = dict[str, Any]

# Tables of each figure, by file name.
FIGURES = {
    "benchmark_small_jpeg": ("small-jpeg",),
    "benchmark_images": ("float32", "png", "photo-2048", "photo-12mp"),
    "benchmark_cached": ("cached", "scaling"),
    "benchmark_fit": ("fit-tensorflow", "fit-jax", "fit-torch"),
    "benchmark_index": ("index", "index-flat"),
    "benchmark_memory": ("memory", "memory-million"),
}
_OURS, _OTHERS = "#d95f02", "#9aa5b1"
# Characters that fit above the narrowest axes.
_TITLE_WIDTH = 50
_FONTS = {"title": 11, "text": 10, "small": 9}


def draw_all(results: Results, folder: Path) -> list[Path]:
    """Draw each figure with at least one measured table; return the files."""
    measured = {table["name"]: table for table in results["tables"]}
    paths = []
    for file_name, names in FIGURES.items():
        tables = [measured[name] for name in names if _bars(measured.get(name))]
        if tables:
            paths.append(folder / f"{file_name}.png")
            _draw(tables).savefig(paths[-1], dpi=150, facecolor="white")
    return paths


def _draw(tables: list[Results]) -> Figure:
    heights = [0.7 + 0.32 * len(_bars(table)) for table in tables]
    figure = Figure(figsize=(8, 0.2 + sum(heights)), layout="constrained")
    axes = figure.subplots(len(tables), squeeze=False, gridspec_kw={"height_ratios": heights})
    for one, table in zip(axes[:, 0], tables, strict=True):
        _draw_bars(one, table)
    return figure


def _bars(table: Results | None) -> list[tuple[str, list[float]]]:
    """Return label and quartiles (first, median, third) of each bar, from the bottom up."""
    if table is None:
        return []
    ran = [s for s in table["summary"] if "skipped" not in s and "failed" not in s]
    if table["kind"] == "memory":
        bars = [(s["contender"], [s["total_mb"]] * 3) for s in ran]
    elif table["kind"] == "index":
        bars = [(s["contender"], [1e6 * s["s_per_image"]] * 3) for s in ran]
    else:
        bars = [(s["contender"], s["speed_ratio"]) for s in ran if s["speed_ratio"]]
    if table["name"] == "scaling":
        return bars[::-1]
    smaller_is_better = table["kind"] in {"memory", "index"}
    return sorted(bars, key=lambda bar: bar[1][1], reverse=smaller_is_better)


def _draw_bars(axes: Axes, table: Results) -> None:
    bars = _bars(table)
    labels = [label for label, _ in bars]
    low, middle, high = np.array([values for _, values in bars]).T
    colours = [_OURS if label.startswith("augseq") else _OTHERS for label in labels]
    spread = None if np.array_equal(low, high) else [middle - low, high - middle]
    axes.barh(labels, middle, xerr=spread, color=colours, height=0.7, ecolor="#444444", capsize=2)
    is_ratio = table["kind"] in {"passes", "waiting", "fit"}
    for place, (value, end) in enumerate(zip(middle, high, strict=True)):
        text = f" {value:.0f}" if table["kind"] == "memory" else f" {value:.2f}"
        axes.text(end, place, text, va="center", fontsize=_FONTS["small"])
    if is_ratio:
        axes.axvline(1, color="#444444", linewidth=0.8, linestyle=":")
    axes.set_xlim(0, 1.12 * high.max())
    title = textwrap.fill(table["title"].replace("`", ""), _TITLE_WIDTH)
    axes.set_title(title, fontsize=_FONTS["title"], loc="left")
    axes.set_xlabel(_axis_label(table), fontsize=_FONTS["small"])
    axes.tick_params(axis="y", length=0, labelsize=_FONTS["text"])
    axes.tick_params(axis="x", labelsize=_FONTS["small"])
    axes.spines[["top", "right", "left"]].set_visible(False)


def _axis_label(table: Results) -> str:
    if table["kind"] == "memory":
        return "memory of all processes, MB (less is better)"
    if table["kind"] == "index":
        return "seconds for 10⁶ files (less is better)"
    return f"images per second, {table['reference']} = 1 (more is better)"


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the tables of a run.")
    parser.add_argument("results", type=Path, nargs="?", default=Path("results/results.json"))
    parser.add_argument("--into", type=Path, default=Path("docs"), help="[%(default)s]")
    options = parser.parse_args()
    options.into.mkdir(parents=True, exist_ok=True)
    for path in draw_all(json.loads(options.results.read_text("utf-8")), options.into):
        print(path)


if __name__ == "__main__":
    main()
