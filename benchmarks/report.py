"""Turn the runs into figures that can be compared: ratios, tables, a plot."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

Run = dict[str, Any]
Summary = dict[str, Any]

_HEAD = ("contender", "img/s", "ratio", "quartiles", "CPU ms/img", "CPU ratio", "memory MB")


def images_per_s(run: Run) -> float:
    return float(run["num_images"] / run["wall_s"])


def cpu_ms_per_image(run: Run) -> float:
    return float(1000 * run["cpu_s"] / run["num_images"])


def progress_line(run: Run) -> str:
    """Say in one line what came of a run."""
    name = f"round {run['round'] + 1}  {run['contender']:34}"
    if "num_images" not in run:
        return name + " ".join(f"{state}: {run[state]}" for state in _states(run))
    return f"{name}{images_per_s(run):7.0f} img/s  {cpu_ms_per_image(run):6.2f} CPU ms/img"


def _states(run: Run) -> list[str]:
    return [state for state in ("skipped", "failed") if state in run]


def summarize(runs: list[Run], reference: str) -> list[Summary]:
    """Return one summary for each contender, in the order in which they first ran.

    Ratios are taken within a round and only then summarized: what slowed the machine down in a
    round slowed contender and reference alike.

    Returns:
        `contender` and either `skipped` or `failed`, or medians over the rounds: `images_per_s`,
        `cpu_ms_per_image`, `between_s`, `memory_mb`; and over the ratios to the reference,
        `speed_ratio` and `cpu_ratio`: [first quartile, median, third quartile], None without a
        reference.
    """
    by_round = {(run["round"], run["contender"]): run for run in runs if "num_images" in run}
    return [
        _summarize_one(name, runs, by_round, reference)
        for name in dict.fromkeys(run["contender"] for run in runs)
    ]


def _summarize_one(
    name: str, runs: list[Run], by_round: dict[tuple[int, str], Run], reference: str
) -> Summary:
    for run in runs:
        if run["contender"] == name and _states(run):
            return {"contender": name, **{state: run[state] for state in _states(run)}}
    own = [run for (_, contender), run in by_round.items() if contender == name]
    pairs = [
        (run, by_round[run["round"], reference])
        for run in own
        if (run["round"], reference) in by_round
    ]
    return {
        "contender": name,
        "images_per_s": _median(images_per_s(run) for run in own),
        "cpu_ms_per_image": _median(cpu_ms_per_image(run) for run in own),
        "between_s": _median(run["between_s"] for run in own),
        "memory_mb": _median(run["memory_mb"] for run in own),
        "speed_ratio": _quartiles(images_per_s(a) / images_per_s(b) for a, b in pairs),
        "cpu_ratio": _quartiles(cpu_ms_per_image(a) / cpu_ms_per_image(b) for a, b in pairs),
    }


def _median(values: Iterable[float]) -> float:
    return round(float(np.median(list(values))), 4)


def _quartiles(ratios: Iterable[float]) -> list[float] | None:
    found = list(ratios)
    if not found:
        return None
    return [round(float(q), 4) for q in np.quantile(found, [0.25, 0.5, 0.75])]


def _rows(summary: list[Summary]) -> list[list[str]]:
    """Return the cells of a table, fastest first; who did not run comes last, with the reason."""
    ran = [s for s in summary if "images_per_s" in s]
    rest = [s for s in summary if "images_per_s" not in s]
    rows = [_row(s) for s in sorted(ran, key=lambda s: -s["images_per_s"])]
    for s in rest:
        reason = " ".join(f"{state}: {s[state].splitlines()[0]}" for state in _states(s))
        rows.append([s["contender"], *[""] * (len(_HEAD) - 2), reason])
    return rows


def _row(s: Summary) -> list[str]:
    low, ratio, high = s["speed_ratio"] or [np.nan] * 3
    cpu_ratio = (s["cpu_ratio"] or [np.nan] * 3)[1]
    return [
        s["contender"],
        f"{s['images_per_s']:.0f}",
        f"{ratio:.2f}",
        f"{low:.2f}-{high:.2f}",
        f"{s['cpu_ms_per_image']:.2f}",
        f"{cpu_ratio:.2f}",
        f"{s['memory_mb']:.0f}",
    ]


def text_table(summary: list[Summary]) -> str:
    """Return an aligned table: names to the left, numbers to the right."""
    lines = [list(_HEAD), *_rows(summary)]
    # A reason for not running is no number and makes no column wider.
    full = [line for line in lines if line[1]]
    widths = [max(len(line[k]) for line in full) for k in range(len(_HEAD))]
    widths[0] = max(len(line[0]) for line in lines)
    return "\n".join(_aligned(line, widths) for line in lines)


def _aligned(cells: list[str], widths: list[int]) -> str:
    if not cells[1]:
        return f"{cells[0]:<{widths[0]}}  {cells[-1]}"
    first, *others = (f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
    return "  ".join([f"{first.strip():<{widths[0]}}", *others])


def write_markdown(results: dict[str, Any], path: Path) -> None:
    """Write the table, and below it what the figures depend on."""
    machine, options = results["machine"], results["options"]
    lines = [
        "| " + " | ".join(_HEAD) + " |",
        "|---|" + "---:|" * (len(_HEAD) - 1),
        *("| " + " | ".join(row) + " |" for row in _rows(results["summary"])),
        "",
        f"Ratios to `{results['reference']}` in the same round; medians of {options['rounds']} "
        f"rounds of {options['passes']} passes{', inside `fit`' if options['fit'] else ''}; "
        f"batches of {options['batch_size']}, {options['dtype']}, {options['cores']} workers.",
        "",
        f"{machine['cpu']}, {machine['num_cores']} cores, load {machine['load_at_start']} at the "
        f"start, {machine['date']}. "
        + ", ".join(f"{k} {v}" for k, v in results["versions"].items() if v)
        + ".",
        "",
        "Images: " + ", ".join(f"{k} {v}" for k, v in results["data"].items()) + ".",
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def draw_ratios(results: dict[str, Any], path: Path) -> None:
    """Draw a bar for each contender that ran: median of its ratio, with quartiles."""
    from matplotlib.figure import Figure

    ran = [s for s in results["summary"] if s.get("speed_ratio")]
    ran.sort(key=lambda s: s["speed_ratio"][1])
    figure = Figure(figsize=(8, 1 + 0.45 * len(ran)), layout="constrained")
    axes = figure.add_subplot()
    low, ratio, high = np.array([s["speed_ratio"] for s in ran]).reshape(-1, 3).T
    colours = ["tab:orange" if s["contender"].startswith("augseq") else "tab:blue" for s in ran]
    names = [s["contender"] for s in ran]
    axes.barh(names, ratio, xerr=[ratio - low, high - ratio], color=colours, capsize=3)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel(f"images per second, divided by {results['reference']}'s in the same round")
    figure.savefig(path, dpi=120)
