"""The report's charts: what went on over time, how often which value comes up, and what became of frames."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import Callable, Dict, List, NamedTuple, Sequence, Tuple

import numpy as np

from pspgrasp.bag.figures.measures import all_series, series_of
from pspgrasp.bag.figures.series import LATENCY, QUALITY, table_by_name
from pspgrasp.bag.report.tables import stack
from pspgrasp.bag.results.result import ModelResult, RecordingResult
from pspgrasp.bag.results.rows import REFUSALS, SAID_NOTHING
from pspgrasp.bag.run import Run
from pspgrasp.evaluation.html.histogram import Values, histogram
from pspgrasp.evaluation.html.parts import head, legend, row_colour, section, table
from pspgrasp.evaluation.html.time_chart import NARROW_WIDTH, WIDTH, Line, time_chart

CHARTED = 6  # recordings of which charts over time are drawn
PAUSE, SHORTEST_PAUSE_S = 4.0, 0.5  # times the usual time between frames, beyond which a line is broken
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
    judged = [result for result in run.results if result.read > 1]
    parts = [_of_recording(run, result, len(run.results) > 1) for result in judged[:CHARTED]]
    if not parts:
        return ""
    more = len(judged) - CHARTED
    text = (
        "Each frame; a chart with more frames than pixels shows the lowest and the highest of each column. A gap is a "
        "frame without a grasp, or a pause in the recording; a triangle is a value beyond the chart."
        + (f" {more} more recordings are in frames.csv." if more > 0 else "")
    )
    return section("Over time", text, _key(run) + "".join(parts))


def _of_recording(run: Run, result: RecordingResult, several: bool) -> str:
    times_s = _times_s(result)
    names = [spec.name for spec in run.specs]
    measured = [table_by_name(series_of(result, name, run.gripper)) for name in names]
    charts = []
    for told in OVER_TIME:
        lines = [
            Line(name, number, *broken(times_s, series[told.series].values))
            for number, (name, series) in enumerate(zip(names, measured))
            if told.series in series
        ]
        drawn = time_chart(f"{told.title} over time", told.unit, lines, told.span, NARROW_WIDTH if several else WIDTH)
        charts.append(f'<div class="card scroll"><h3>{told.title}</h3>{drawn}</div>' if drawn else "")
    heading = f"<h4>{escape(result.recording)}</h4>" if several else ""
    kind = "charts narrow-charts" if several else "stacked-charts"
    return f'{heading}<div class="{kind}">{"".join(charts)}</div>'


def broken(times_s: np.ndarray, values: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Return times and values with a gap wherever no frames came for a while."""
    steps_s = np.diff(times_s)
    pauses = np.flatnonzero(steps_s > max(SHORTEST_PAUSE_S, PAUSE * float(np.median(steps_s)))) + 1
    return np.insert(times_s, pauses, times_s[pauses]), np.insert(values, pauses, np.nan)


def _times_s(result: RecordingResult) -> np.ndarray:
    """Return (N,): since the first frame [s], by stamps; where they go back, by when frames were written."""
    times_s = [(result.seen[name] - result.seen.row(0)[name]) / 1e9 for name in ("stamp_ns", "recorded_ns")]
    return times_s[1] if np.any(np.diff(times_s[0]) < 0) else times_s[0]


def histograms(run: Run) -> str:
    """Return the section of how often which value comes up, over all recordings."""
    judged = [result for result in run.results if result.read]
    if not judged:
        return ""
    names = [spec.name for spec in run.specs]
    measured = [table_by_name(all_series(judged, name, run.gripper)) for name in names]
    charts = []
    for told in OFTEN:
        rows = [
            Values(name, number, series[told.series].values)
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
    if not any(result.read for result in run.results):
        return ""
    whys = list(dict.fromkeys(why for every in models.values() for model in every for why in model.reasons))
    parts = []
    for name, every in models.items():
        parts.append(f'<div class="card"><h3>{escape(name)}</h3>{stack(_outcomes(every, whys))}</div>')
    text = "Frames with a grasp, and why there is none in the others."
    body = f'<div class="stacked-charts">{"".join(parts)}</div>{_refused(models)}'
    return section("What became of frames", text, body)


def _outcomes(every: Sequence[ModelResult], whys: Sequence[str]) -> List[Tuple[str, int, str]]:
    counts: Counter[str] = Counter()
    for model in every:
        numbers = np.bincount(model.best["nothing"] - SAID_NOTHING, minlength=1 + len(model.reasons))
        counts.update({why: int(number) for why, number in zip(model.reasons, numbers[1:])})
        counts["a grasp"] += int(np.count_nonzero(model.best["found"] > 0))
    lines = [("a grasp", counts["a grasp"], "--colour:var(--found)")]
    lines += [(why, counts[why], f"--colour:var(--why-{n % WHYS})") for n, why in enumerate(whys)]
    return [*lines, ("the model failed", sum(len(model.failures) for model in every), "--colour:var(--failed)")]


def _refused(models: Dict[str, List[ModelResult]]) -> str:
    """Return a table of peaks that the limits refused; "" where there is none."""
    columns = [
        sum((one.best["refused"].sum(0) for one in every), np.zeros(len(REFUSALS), int)) for every in models.values()
    ]
    lines = [
        f'<tr><th scope="row">{escape(reason)}</th>'
        + "".join(f'<td class="number">{count}</td>' for count in counts)
        + "</tr>"
        for reason, *counts in sorted(zip(REFUSALS, *columns))
        if any(counts)
    ]
    heads = [head("peaks refused since"), *(head(name, "number", "", row_colour(n)) for n, name in enumerate(models))]
    return f'<div class="told">{table(heads, lines)}</div>' if lines else ""
