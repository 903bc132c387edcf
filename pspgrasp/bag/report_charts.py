"""The report's charts: what went on over time, how often which value comes up, and what became of frames."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import Callable, Dict, List, NamedTuple, Sequence, Tuple

import numpy as np

from pspgrasp.bag.figures import all_series
from pspgrasp.bag.report_figures import stack
from pspgrasp.bag.results import ModelResult, RecordingResult
from pspgrasp.bag.run import Run
from pspgrasp.bag.series import LATENCY, QUALITY, series_of
from pspgrasp.evaluation.html.histogram import Values, histogram
from pspgrasp.evaluation.html.parts import head, legend, row_colour, section, table
from pspgrasp.evaluation.html.time_chart import NARROW_WIDTH, WIDTH, Line, time_chart

CHARTED = 6  # recordings of which charts over time are drawn
WHYS = 4  # colours for reasons, --why-0 and so on in the page
SPREAD = "spread in a second, fixed frame"


class Told(NamedTuple):
    """A chart of what is measured of each frame.

    Attributes:
        series: Its name, see series.py.
        title: Of the chart.
        unit: Of the values.
        span: Of them; NaN leaves it to them.
    """

    series: str
    title: str
    unit: str
    span: Tuple[float, float]


OVER_TIME = (
    Told(LATENCY, "Latency [ms]", "ms", (0.0, np.nan)),
    Told(QUALITY, "Quality of the best grasp", "", (0.0, 1.0)),
    Told(
        SPREAD,
        "Best grasp in a frame that stands still (TF): distance from where it is in that second [mm]",
        "mm",
        (0.0, np.nan),
    ),
)
OFTEN = (
    Told(LATENCY, "Latency [ms]", "ms", (np.nan, np.nan)),
    Told(QUALITY, "Quality of the best grasp", "", (0.0, 1.0)),
    Told("opening", "Opening [mm]", "mm", (0.0, np.nan)),
    Told("jitter, distance", "Jitter while nothing moves [px]", "px", (0.0, np.nan)),
    Told("jitter, angle", "Jitter of the angle [deg]", "deg", (0.0, np.nan)),
)

Chart = Callable[[Told, Sequence[np.ndarray]], str]


def over_time(run: Run) -> str:
    """Return the section of charts over time, for each recording."""
    judged = [result for result in run.results if len(result.seen) > 1]
    parts = [_of_recording(run, result, len(run.results) > 1) for result in judged[:CHARTED]]
    if not parts:
        return ""
    more = len(judged) - CHARTED
    text = (
        "Each frame; a chart with more frames than pixels shows the lowest and the highest of each column. A gap is a "
        "frame without a grasp, a triangle a value beyond the chart."
        + (f" {more} more recordings are in frames.csv." if more > 0 else "")
    )
    return section("Over time", text, _key(run) + "".join(parts))


def _of_recording(run: Run, result: RecordingResult, several: bool) -> str:
    times_s = (np.array([one.stamp_ns for one in result.seen], float) - result.seen[0].stamp_ns) / 1e9
    if np.any(np.diff(times_s) < 0):  # stamps went back: when it was written is what is left
        times_s = (np.array([one.recorded_ns for one in result.seen], float) - result.seen[0].recorded_ns) / 1e9
    names = [spec.name for spec in run.specs]
    measured = [{one.name: one.values for one in series_of(result, name, run.gripper)} for name in names]
    charts = []
    for told in OVER_TIME:
        lines = [
            Line(name, number, times_s, series[told.series])
            for number, (name, series) in enumerate(zip(names, measured))
            if told.series in series
        ]
        drawn = time_chart(f"{told.title} over time", told.unit, lines, told.span, NARROW_WIDTH if several else WIDTH)
        charts.append(f'<div class="card scroll"><h3>{told.title}</h3>{drawn}</div>' if drawn else "")
    heading = f"<h4>{escape(result.recording)}</h4>" if several else ""
    kind = "charts narrow-charts" if several else "stacked-charts"
    return f'{heading}<div class="{kind}">{"".join(charts)}</div>'


def histograms(run: Run) -> str:
    """Return the section of how often which value comes up, over all recordings."""
    judged = [result for result in run.results if result.seen]
    if not judged:
        return ""
    names = [spec.name for spec in run.specs]
    measured = [{one.name: one.values for one in all_series(judged, name, run.gripper)} for name in names]
    charts = []
    for told in OFTEN:
        rows = [
            Values(name, number, series[told.series])
            for number, (name, series) in enumerate(zip(names, measured))
            if told.series in series
        ]
        drawn = histogram(f"{told.title}, share of frames", told.unit, rows, told.span)
        charts.append(f'<div class="card"><h3>{told.title}</h3>{drawn}</div>' if drawn else "")
    text = "Share of frames [%], over all recordings; what lies far beyond all others counts in the last bin."
    return section("How often", text, f'{_key(run)}<div class="charts">{"".join(charts)}</div>')


def _key(run: Run) -> str:
    return legend((spec.name, row_colour(number)) for number, spec in enumerate(run.specs))


def outcomes(run: Run) -> str:
    """Return the section of what became of frames, and of peaks that are no grasp."""
    models = {spec.name: [result.of(spec.name) for result in run.results] for spec in run.specs}
    whys = list(dict.fromkeys(frame.nothing for every in models.values() for frame in _frames(every) if frame.nothing))
    parts = []
    for name, every in models.items():
        parts.append(f'<div class="card"><h3>{escape(name)}</h3>{stack(_outcomes(every, whys))}</div>')
    text = "Frames with a grasp, and why there is none in the others."
    body = f'<div class="stacked-charts">{"".join(parts)}</div>{_refused(models)}'
    return section("What became of frames", text, body)


def _outcomes(every: Sequence[ModelResult], whys: Sequence[str]) -> List[Tuple[str, int, str]]:
    frames = _frames(every)
    counts = Counter(frame.nothing for frame in frames if not frame.grasps)
    lines = [("a grasp", sum(bool(frame.grasps) for frame in frames), "--colour:var(--found)")]
    lines += [(why, counts[why], f"--colour:var(--why-{n % WHYS})") for n, why in enumerate(whys)]
    return [*lines, ("the model failed", sum(len(model.errors) for model in every), "--colour:var(--failed)")]


def _frames(every: Sequence[ModelResult]) -> List:
    return [frame for model in every for frame in model.frames]


def _refused(models: Dict[str, List[ModelResult]]) -> str:
    """Return a table of peaks that the limits refused; "" where there is none."""
    counts: Dict[str, Counter] = {name: Counter() for name in models}
    for name, every in models.items():
        for frame in _frames(every):
            counts[name].update(frame.refused)
    reasons = sorted({reason for counter in counts.values() for reason in counter})
    lines = [
        f'<tr><th scope="row">{escape(reason)}</th>'
        + "".join(f'<td class="number">{counter[reason]}</td>' for counter in counts.values())
        + "</tr>"
        for reason in reasons
    ]
    heads = [head("peaks refused since"), *(head(name, "number", "", row_colour(n)) for n, name in enumerate(models))]
    return f'<div class="told">{table(heads, lines)}</div>' if lines else ""
