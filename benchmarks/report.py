"""Summarize the runs: medians, ratios, tables.

python benchmarks/report.py results/results.json      # print all tables as Markdown
"""

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

Run = dict[str, Any]
Summary = dict[str, Any]
Results = dict[str, Any]

# Cell without a figure, such as a ratio without a reference.
_NOTHING = "-"


def _figure(field: str, digits: int, factor: float = 1) -> Callable[[Summary], str]:
    def show(summary: Summary) -> str:
        value = summary.get(field)
        return _NOTHING if value is None else f"{factor * value:.{digits}f}"

    return show


def _median_of(field: str) -> Callable[[Summary], str]:
    return lambda summary: f"{summary[field][1]:.2f}" if summary.get(field) else _NOTHING


def _quartiles_of(field: str) -> Callable[[Summary], str]:
    def show(summary: Summary) -> str:
        found = summary.get(field)
        return f"{found[0]:.2f}-{found[2]:.2f}" if found else _NOTHING

    return show


_SPEED = {
    "img/s": _figure("images_per_s", 0),
    "ratio": _median_of("speed_ratio"),
    "quartiles": _quartiles_of("speed_ratio"),
    "CPU ms/img": _figure("cpu_ms_per_image", 2),
    "CPU ratio": _median_of("cpu_ratio"),
    "memory MB": _figure("memory_mb", 0),
}
# Header and cell of each column, by kind of table.
_COLUMNS: dict[str, dict[str, Callable[[Summary], str]]] = {
    "passes": _SPEED,
    "waiting": _SPEED,
    "fit": _SPEED,
    "index": {
        "s per 10⁶ files": _figure("s_per_image", 2, factor=1e6),
        "speed ratio": _median_of("speed_ratio"),
        "CPU s per 10⁶ files": _figure("cpu_ms_per_image", 2, factor=1e3),
        "memory MB": _figure("memory_mb", 0),
    },
    "memory": {
        "main process MB": _figure("main_mb", 0),
        "each worker process MB": _figure("worker_mb", 0),
        "all together MB": _figure("total_mb", 0),
        "growth MB": _figure("growth_mb", 1),
    },
}


def states(run: Run | Summary) -> list[str]:
    """Return "skipped" or "failed" if a run has no figures."""
    return [state for state in ("skipped", "failed") if state in run]


def _reason(run: Run | Summary) -> str:
    return " ".join(f"{state}: {run[state].splitlines()[0]}" for state in states(run))


def progress_line(run: Run) -> str:
    """Describe the result of a run in one line."""
    name = f"round {run['round'] + 1}  {run['contender']:42}"
    if states(run):
        return name + _reason(run)
    if "total_mb" in run:
        return f"{name}{run['total_mb']:7.0f} MB"
    figures = _with_rates(run)
    return f"{name}{figures['images_per_s']:7.0f} img/s  {figures['cpu_ms_per_image']:6.2f} CPU ms"


def summarize(runs: list[Run], reference: str) -> list[Summary]:
    """Return one summary per contender, in the order in which they first ran.

    Ratios are computed within a round and then summarized: whatever slowed the machine down in a
    round slowed contender and reference alike.

    Returns:
        `contender` and either `skipped` or `failed`, or the medians over the rounds. Timed runs
        also have `images_per_s`, `s_per_image`, `cpu_ms_per_image`, and the ratios to the
        reference, `speed_ratio` and `cpu_ratio`: [first quartile, median, third quartile], or
        None without a reference.
    """
    figures = {
        (run["round"], run["contender"]): _with_rates(run) for run in runs if not states(run)
    }
    names = dict.fromkeys(run["contender"] for run in runs)
    return [_summarize_one(name, runs, figures, reference) for name in names]


def _with_rates(run: Run) -> dict[str, float]:
    figures = {
        name: float(value)
        for name, value in run.items()
        if name not in {"round", "contender", "tensorflow_loaded"} and value is not None
    }
    if "wall_s" in figures:
        num_images = figures["num_images"]
        figures["images_per_s"] = num_images / figures["wall_s"]
        figures["s_per_image"] = figures["wall_s"] / num_images
        figures["cpu_ms_per_image"] = 1000 * figures["cpu_s"] / num_images
    return figures


def _summarize_one(
    name: str, runs: list[Run], figures: dict[tuple[int, str], dict[str, float]], reference: str
) -> Summary:
    for run in runs:
        if run["contender"] == name and states(run):
            return {"contender": name, **{state: run[state] for state in states(run)}}
    own = [found for (_, contender), found in figures.items() if contender == name]
    medians = {field: _median(found[field] for found in own) for field in own[0]}
    if "wall_s" not in medians:
        return {"contender": name, **medians}
    pairs = [
        (found, figures[round_, reference])
        for (round_, contender), found in figures.items()
        if contender == name and (round_, reference) in figures
    ]
    return {
        "contender": name,
        **medians,
        "speed_ratio": _ratio_quartiles(pairs, "images_per_s"),
        "cpu_ratio": _ratio_quartiles(pairs, "cpu_ms_per_image"),
    }


def _median(values: Iterable[float]) -> float:
    return float(f"{np.median(list(values)):.6g}")


def _ratio_quartiles(
    pairs: list[tuple[dict[str, float], dict[str, float]]], field: str
) -> list[float] | None:
    # The system counts CPU time in ticks of 10 ms, so a very short run can have 0.
    found = [own[field] / other[field] for own, other in pairs if other[field]]
    if not found:
        return None
    return [round(float(q), 4) for q in np.quantile(found, [0.25, 0.5, 0.75])]


def markdown_table(table: Results) -> str:
    """Return one table: title, results, and the reason for each missing result."""
    columns = _COLUMNS[table["kind"]]
    lines = [
        f"**{table['title']}**",
        "",
        "| " + " | ".join(["", *columns]) + " |",
        "|---|" + "---:|" * len(columns),
    ]
    for summary in _in_order(table):
        cells = [show(summary) for show in columns.values()]
        lines.append("| " + " | ".join([summary["contender"], *cells]) + " |")
    lines += ["", _how(table)]
    missing = [f"{s['contender']} ({_reason(s)})" for s in table["summary"] if states(s)]
    if missing:
        lines += ["", f"Not measured: {'; '.join(missing)}."]
    return "\n".join(lines)


def _in_order(table: Results) -> list[Summary]:
    """Return contenders with results: fastest first, but memory and scaling in table order."""
    ran = [s for s in table["summary"] if not states(s)]
    if table["kind"] in {"memory", "waiting"} or table["name"] == "scaling":
        return ran
    return sorted(ran, key=lambda s: -s["images_per_s"])


def _how(table: Results) -> str:
    rounds, passes = table["num_rounds"], table["num_passes"]
    if table["kind"] == "memory":
        return f"{passes} passes of batches of {table['batch_size']}."
    how = f"Ratios to {table['reference']} in the same round; medians of {rounds} rounds of"
    if table["kind"] == "index":
        return f"{how} {passes} index each, names cached by the system."
    return f"{how} {passes} passes, batches of {table['batch_size']}, {table['dtype']}."


def overview(results: Results) -> str:
    """Return the speed ratios of all first epochs in one table, one column per kind of file.

    Only tables with the reference of the first table are included.
    """
    tables = [table for table in results["tables"] if table["kind"] == "passes"]
    tables = [table for table in tables if table["reference"] == tables[0]["reference"]]
    ratios = [
        {one["contender"]: _median_of("speed_ratio")(one) for one in table["summary"]}
        for table in tables
    ]
    names = dict.fromkeys(name for column in ratios for name in column)
    lines = [
        "| " + " | ".join(["", *(table["name"] for table in tables)]) + " |",
        "|---|" + "---:|" * len(tables),
    ]
    for name in names:
        cells = [column.get(name, _NOTHING) for column in ratios]
        if set(cells) != {_NOTHING}:
            lines.append("| " + " | ".join([name, *cells]) + " |")
    return "\n".join(lines)


def markdown(results: Results) -> str:
    """Return all tables, followed by machine, versions and images."""
    machine = results["machine"]
    tables = [markdown_table(table) for table in results["tables"]]
    where = (
        f"{machine['cpu']}, {results['options']['cores']} of {machine['num_cores']} cores, load "
        f"{machine['load_at_start']} at the start, {machine['date']}. "
    )
    versions = ", ".join(f"{name} {v}" for name, v in results["versions"].items() if v)
    images = [
        f"{table['name']}: " + ", ".join(f"{k} {v}" for k, v in table["data"].items()) + "."
        for table in results["tables"]
        if table["data"]
    ]
    # Tables of the same images have the same line.
    seen = dict.fromkeys(line.split(": ", 1)[1] for line in images)
    return "\n\n".join([*tables, where + versions + ".", *(f"Images: {line}" for line in seen)])


def main() -> None:
    parser = argparse.ArgumentParser(description="Print the tables of a run as Markdown.")
    parser.add_argument("results", type=Path, nargs="?", default=Path("results/results.json"))
    parser.add_argument("--tables", nargs="+", metavar="NAME", help="print only these tables")
    parser.add_argument("--overview", action="store_true", help="print ratios of first epochs only")
    options = parser.parse_args()
    results = json.loads(options.results.read_text("utf-8"))
    if options.tables:
        results["tables"] = [t for t in results["tables"] if t["name"] in options.tables]
    print(overview(results) if options.overview else markdown(results))


if __name__ == "__main__":
    main()
