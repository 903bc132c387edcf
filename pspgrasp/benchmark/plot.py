"""The plot of a run: a bar a row, its stages one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Sequence

from pspgrasp.benchmark.figures import STAGES, Figures
from pspgrasp.benchmark.markdown import named, where
from pspgrasp.evaluation.plot import open_pyplot, save_plot

WIDTH_IN, ROW_IN, REST_IN = 9.0, 0.32, 1.1
#: Of STAGES; they differ in lightness, so that a print in grey can be read.
COLOURS = ("#a9c4e6", "#1d4f91", "#f3c48b", "#c9661b")
INK = "#22252a"


def draw_roads(figures: Sequence[Figures], path: Path) -> Path:
    """Write the plot as a PNG; return where it is.

    Raises:
        PspGraspError: matplotlib is not installed, or the file can't be written.
    """
    return save_plot(roads_figure(figures), path)


def roads_figure(figures: Sequence[Figures]) -> Any:
    """Return the plot as a figure of matplotlib: medians of stages [ms], and a mark at the 99 % of the road."""
    size = (WIDTH_IN, ROW_IN * len(figures) + REST_IN)
    figure, axes = open_pyplot().subplots(figsize=size, layout="constrained")
    places = range(len(figures))
    left_ms = [0.0] * len(figures)
    for stage, colour in zip(STAGES, COLOURS):
        medians_ms = [one.stages[stage].median_ms for one in figures]
        axes.barh(places, medians_ms, left=left_ms, height=0.7, color=colour, label=stage)
        left_ms = [left + median for left, median in zip(left_ms, medians_ms)]
    axes.plot([one.whole.p99_ms for one in figures], places, "|", color=INK, markersize=10, label="99 % of frames")
    axes.set_yticks(places, [_label(one) for one in figures], fontsize=9, color=INK)
    axes.margins(y=0.02)
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_xlabel("from a depth image in memory to grasps, ms", color=INK)
    axes.grid(axis="x", color="#dcdcd8", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    figure.legend(loc="outside upper left", ncols=len(STAGES) + 1, frameon=False, fontsize=9)
    return figure


def _label(one: Figures) -> str:
    return f"{named(one)}, {one.key.runtime}, {one.key.input_px} px, {where(one.key.device, one.key.threads)}"
