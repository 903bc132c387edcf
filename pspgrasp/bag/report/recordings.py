"""The report's tables of what was read, and of what couldn't be."""

from __future__ import annotations

from html import escape
from typing import List

import numpy as np

from pspgrasp.bag.recording import Fault
from pspgrasp.bag.results.result import ModelResult, RecordingResult
from pspgrasp.bag.run import Run
from pspgrasp.evaluation.html.parts import head, row_colour, section, table

LISTED = 200  # recordings


def recordings(run: Run) -> str:
    """Return the section of what was read."""
    heads = (head("recording"), *(head(name, "number") for name in ("judged", "of", "faults", "reading", "all [s]")))
    lines = [_recording(result) for result in run.results[:LISTED]]
    more = len(run.results) - LISTED
    text = "Reading is the share of the time that reading and decoding took; it goes on while a network works."
    text += f" {more} more recordings are in results.json." if more > 0 else ""
    return section("Recordings", text, table(heads, lines))


def _recording(result: RecordingResult) -> str:
    stopped = " Stopped by the user." if result.interrupted else ""
    share = 100 * result.read_s / result.wall_s if result.wall_s else 0.0
    numbers = (result.read, result.expected, len(result.faults) or "-", f"{share:.0f} %", f"{result.wall_s:.1f}")
    cells = "".join(f'<td class="number">{number}</td>' for number in numbers)
    return (
        f'<tr><th scope="row">{escape(result.recording)}<small class="soft">{escape(result.description)}{stopped}'
        f"</small></th>{cells}</tr>"
    )


def by_recording(run: Run) -> str:
    """Return the section of what models come to on each recording; "" where there is just one."""
    judged = [result for result in run.results if result.read]
    if len(judged) < 2:
        return ""
    heads = (head("recording"), *(head(spec.name, "number", "", row_colour(n)) for n, spec in enumerate(run.specs)))
    lines = [
        f'<tr><th scope="row">{escape(result.recording)}</th>'
        f"{''.join(_outcome(result.of(spec.name)) for spec in run.specs)}</tr>"
        for result in judged[:LISTED]
    ]
    text = "Frames without a grasp, and below it the median quality of the best one in the others."
    return section("By recording", text, table(heads, lines))


def _outcome(made: ModelResult) -> str:
    found = made.best["found"]
    asked = np.count_nonzero(found >= 0)
    if not asked:
        return '<td class="number soft">-</td>'
    share = 100 * np.count_nonzero(found == 0) / asked
    quality = f"quality {np.nanmedian(made.best['quality']):.2f}" if np.any(found > 0) else ""
    return f'<td class="number figures"><b>{share:.0f}</b> %<small>{quality}</small></td>'


def faults(run: Run) -> str:
    """Return the section of what couldn't be read or judged; "" where there is nothing."""
    lines = [line for result in run.results for line in (*_faults(result), *_failures(result))]
    heads = (head("recording"), head("what"), head("count", "number"), head("which"))
    text = "What could be read is judged all the same, and a frame on which a model fails counts for the others."
    return section("Faults", text, table(heads, lines)) if lines else ""


def _faults(result: RecordingResult) -> List[str]:
    faults = result.faults
    return [_line(result.recording, kind, count, faults.of(kind)) for kind, count in sorted(faults.counts.items())]


def _failures(result: RecordingResult) -> List[str]:
    return [
        _line(result.recording, f"{model.model} failed", len(model.failures), model.failures.first)
        for model in result.models
        if len(model.failures)
    ]


def _line(recording: str, kind: str, count: int, first: List[Fault]) -> str:
    said = "<br>".join(escape(f"frame {one.number}: {one.detail}" if one.number >= 0 else one.detail) for one in first)
    said += f"<br>and {count - len(first)} more, see frames.jsonl" if count > len(first) else ""
    return (
        f'<tr><th scope="row">{escape(recording)}</th><td>{escape(kind)}</td><td class="number">{count}</td>'
        f'<td class="words">{said}</td></tr>'
    )
