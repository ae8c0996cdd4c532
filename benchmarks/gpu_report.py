"""The results of `gpu_feed.py` as JSON, as a table and as a plot; any of them can be incomplete."""

import json
import os
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from matplotlib.figure import Figure

CONSTANT = "one batch in memory"
RESULTS_NAME = "gpu_feed"
Results = dict[str, Any]


def find_waits(training: dict[str, list[float]]) -> dict[str, float]:
    """Return the share of time that the accelerator waits for each feed.

    Args:
        training: Images per second by feed, one per round.

    Returns:
        By feed, the share by which it is slower than `CONSTANT` in the same round: the median of
        the rounds that have both.
    """
    whole = training.get(CONSTANT, [])
    return {
        name: median(1 - rate / most for rate, most in zip(rates, whole, strict=False))
        for name, rates in training.items()
        if whole and name != CONSTANT
    }


def write(results: Results, into: Path) -> None:
    """Write JSON and a plot, atomically, so that an interruption leaves no partial JSON."""
    into.mkdir(parents=True, exist_ok=True)
    unfinished = into / f"{RESULTS_NAME}.json.unfinished"
    unfinished.write_text(json.dumps(results, indent=2), "utf-8")
    os.replace(unfinished, into / f"{RESULTS_NAME}.json")
    if results["training"]:
        draw(results).savefig(into / f"{RESULTS_NAME}.png", dpi=130, facecolor="white")


def table(results: Results) -> str:
    """Return device and settings, the results as a Markdown table, and errors."""
    sizes = results["sizes"]
    lines = [
        f"{results['device']}, Keras on {results['backend']}, {sizes['precision']}, "
        f"{results['workers']} workers, batches of {sizes['batch_size']}",
        "",
        "| feed | images/s in training | alone | accelerator waits |",
        "|---|---:|---:|---:|",
    ]
    for name, rates in results["training"].items():
        alone = results["alone"].get(name)
        waits = results["waits"].get(name)
        cells = [
            name,
            f"{median(rates):.0f}",
            "" if alone is None else f"{median(alone):.0f}",
            "" if waits is None else f"{max(waits, 0):.1%}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    failed = [f"{name} failed: {why}" for name, why in results["failed"].items()]
    return "\n".join([*lines, "", *failed]).rstrip()


def draw(results: Results) -> Figure:
    """Draw images per second of each feed, in training and alone."""
    names = list(results["training"])[::-1]
    figure = Figure(figsize=(8, 1.2 + 0.55 * len(names)), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(names))
    training = [median(results["training"][name]) for name in names]
    alone = [median(results["alone"].get(name, [np.nan])) for name in names]
    axes.barh(places + 0.2, training, 0.38, color="#d95f02", label="in training")
    axes.barh(places - 0.2, alone, 0.38, color="#9aa5b1", label="without training")
    if CONSTANT in names:
        whole = training[names.index(CONSTANT)]
        axes.axvline(whole, color="#444444", linewidth=0.8, linestyle=":")
    for place, name, rate in zip(places, names, training, strict=True):
        waits = results["waits"].get(name)
        text = "" if waits is None else f" waits {max(waits, 0):.0%}"
        axes.text(rate, place + 0.2, text, va="center", fontsize=9)
    axes.set_yticks(places, names)
    axes.set_xlim(0, 1.18 * np.nanmax([*training, *alone]))
    axes.set_xlabel("images per second (more is better)")
    title = f"ResNet-50 on {results['device']}, Keras on {results['backend']}"
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    figure.legend(loc="outside lower right", ncols=2, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
