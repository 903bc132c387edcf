"""The study's three plots."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from pspgrasp.evaluation.plot import open_pyplot, save_plot
from pspgrasp.study.probes import PROFILE_POINTS
from pspgrasp.study.report import bins_lost
from pspgrasp.study.variants import QUESTIONS

Result = Mapping[str, Any]
SIZE_IN = (8.0, 3.6)
OURS, OTHER = "#1f6f8b", "#99a8b2"
FIELDS = ("fcn", "ppm 1 2 3 6", "ppm", "aspp", "dappm", "ggcnn", "grconvnet")


def draw_plots(results: Sequence[Result], folder: Path) -> List[Path]:
    """Write the plots and return where they are; one for which there is no result is left out.

    Raises:
        PspGraspError: matplotlib is not installed, or the folder can't be written.
    """
    drawn = {
        "study_success.png": _success(results),
        "study_receptive_field.png": _fields(results),
        "study_bins.png": _bins(results),
    }
    written = []
    for name, figure in drawn.items():
        if figure is not None:
            written.append(save_plot(figure, folder / name))
    return written


def _figure() -> Tuple[Any, Any]:
    figure, axes = open_pyplot().subplots(figsize=SIZE_IN, layout="constrained")
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _success(results: Sequence[Result]) -> Any:
    """Draw each network of the context question: a dot a seed, a line at the mean."""
    question = "context" if any(result["question"] == "context" for result in results) else results[0]["question"]
    some = [result for result in results if result["question"] == question]
    figure, axes = _figure()
    for place, name in enumerate(QUESTIONS[question].networks):
        values = [100 * result["networks"][name]["success"] for result in some]
        colour = OURS if name.startswith("ppm") else OTHER
        axes.plot([place] * len(values), values, "o", color=colour, alpha=0.7)
        axes.hlines(statistics.fmean(values), place - 0.3, place + 0.3, color=colour, linewidth=2.5)
    names = [name.replace("ppm ", "ppm\n") for name in QUESTIONS[question].networks]
    axes.set_xticks(range(len(names)), names, fontsize=8)
    axes.set_ylabel("success [%]")
    axes.set_title(f"{question}: best grasp antipodal and free, a dot a seed", loc="left", fontsize=10)
    return figure


def _fields(results: Sequence[Result]) -> Any:
    """Draw how much of a pixel's gradient comes from within a radius."""
    figure, axes = _figure()
    side_px = results[0]["config"]["preprocess"]["input_size_px"]
    radii = [(k + 1) / PROFILE_POINTS * side_px / 2 for k in range(PROFILE_POINTS)]
    for name in FIELDS:
        profiles = [r["networks"][name]["receptive_field"]["profile"] for r in results if name in r["networks"]]
        if profiles:
            mean = [100 * statistics.fmean(values) for values in zip(*profiles)]
            axes.plot(radii, mean, label=name, linewidth=2.2 if name.startswith("ppm") else 1.3)
    axes.set_xlabel(f"radius [px], input {side_px} px")
    axes.set_ylabel("share of the gradient [%]")
    axes.set_title("how far the middle pixel sees (effective receptive field)", loc="left", fontsize=10)
    axes.legend(fontsize=8, frameon=False)
    return figure


def _bins(results: Sequence[Result]) -> Any:
    """Draw what is lost without each bin of the paper's pyramid."""
    lost: Dict[str, Tuple[float, ...]] = bins_lost(results)
    if not lost:
        return None
    figure, axes = _figure()
    for place, (name, values) in enumerate(lost.items()):
        shown = [100 * value for value in values]
        axes.bar(place, statistics.fmean(shown), color=OURS if name.endswith("zeroed") else OTHER, width=0.7)
        axes.plot([place] * len(shown), shown, "k.", markersize=5)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xticks(range(len(lost)), [name.replace(" ", "\n", 2).replace("\n", " ", 1) for name in lost], fontsize=8)
    axes.set_ylabel("change of map hit [points]")
    axes.set_title("a bin of the pyramid zeroed, or swapped between images", loc="left", fontsize=10)
    return figure
