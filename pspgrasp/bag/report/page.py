"""The report of a run: one page that needs nothing else, neither a network nor a script."""

from __future__ import annotations

import platform
from datetime import date
from html import escape
from pathlib import Path
from typing import Dict, List, Sequence

import torch

from pspgrasp import __version__
from pspgrasp.bag.report.charts import histograms, outcomes, over_time
from pspgrasp.bag.report.recordings import by_recording, faults, recordings
from pspgrasp.bag.report.strip import Seen
from pspgrasp.bag.report.tables import agreement, all_figures, summary
from pspgrasp.bag.results.result import RecordingResult
from pspgrasp.bag.run import Run
from pspgrasp.evaluation.html.page import PageHead, framed
from pspgrasp.evaluation.html.parts import pictures, section
from pspgrasp.parallel import cores
from pspgrasp.runtimes.machine import cpu_name
from pspgrasp.whole_file import whole_file

#: Word of the page -> what it means.
GLOSSARY: Dict[str, str] = {
    "95 % interval": "Wilson's for shares, which takes frames as independent: of long still scenes it is too narrow. "
    "Else by a bootstrap that draws blocks of neighbouring frames, since those are alike (K&uuml;nsch, Annals of "
    "Statistics 1989); none where fewer than five frames are to be expected beyond a percentile.",
    "difference": "To the first model, on the frames in which both have the figure: the median or the mean of the "
    "difference of each frame; for other percentiles the difference of the two. It is marked where its interval leaves "
    "out zero.",
    "latency": "From a decoded depth image to grasps, one frame at a time, as on the robot; reading and drawing aren't "
    "in it.",
    "quality": "What the network says of its best grasp, 0 to 1: a ranking, not a probability.",
    "jitter": "The best grasp of a frame against that of the frame before, where nothing moved between them.",
    "jump": "Two such grasps more than 20 px apart: the detector has chosen another one. In a frame that stands "
    "still: more than 30 mm.",
    "same grasp": "At most 10 mm and 30&deg; apart.",
    "opening": "Between the jaws, of the best grasp, against the limits of the gripper.",
}
STYLE = """
  td.figures { min-width: 172px; } td.figures b { font-weight: 600; font-size: 15px; }
  .figures small { display: block; white-space: nowrap; }
  details { margin-top: 14px; } summary { cursor: pointer; color: var(--soft); font-size: 14px; }
  .bars h3:not(:first-child) { margin-top: 20px; }
  .stacked-charts svg { min-width: 760px; } .narrow-charts svg { min-width: 440px; }
  .charts.narrow-charts { grid-template-columns: repeat(auto-fit, minmax(min(520px, 100%), 1fr)); }
  .stacked-charts { display: grid; gap: 16px; } h4 { font-size: 14px; margin: 22px 0 8px; }
  h4 span { color: var(--soft); font-weight: 400; } .better { color: var(--good); } .worse { color: var(--bad); }
  td.words { max-width: 72ch; } p.note { margin: 12px 0 0; }
  :root { --found: #3d9a5f; --both: #5f6b7a; --failed: #c4473a;
          --why-0: #a9adb4; --why-1: #e0a72e; --why-2: #d98a5b; --why-3: #7a5aa6; }
"""


def write_report(path: Path, run: Run, seen: Sequence[Seen] = ()) -> None:
    """Write the report of a run.

    Args:
        path: An HTML file; what is there is replaced, by the whole page or not at all.
        run: That it tells of.
        seen: Frames that are worth a look, see `strip`.

    Raises:
        PspGraspError: The page can't be written.
    """
    text = page(run, seen)
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")


def page(run: Run, seen: Sequence[Seen] = ()) -> str:
    """Return the report as HTML.

    Args:
        run: That it tells of.
        seen: Frames that are worth a look.
    """
    sections = [
        summary(run),
        by_recording(run),
        recordings(run),
        faults(run),
        outcomes(run),
        agreement(run),
        over_time(run),
    ]
    sections += [histograms(run), _extremes(seen), _differing(seen), all_figures(run)]
    return framed(_head(run), sections, GLOSSARY, STYLE)


def _head(run: Run) -> PageHead:
    names = [spec.name for spec in run.specs]
    title = " against ".join(names) if 1 < len(names) < 4 else f"{names[0]} on recordings"
    stopped = " The run was stopped by the user: it tells of what was done until then." if run.interrupted else ""
    empty = "" if any(result.read for result in run.results) else " No image could be judged; the faults say why."
    told = "All models judge" if len(names) > 1 else "The model judges"
    return PageHead(
        title,
        f"What would it have done on the robot? {told} every depth image of the recordings, on the road that a live "
        f"image goes.{stopped}{empty}",
        _facts(run),
    )


def _facts(run: Run) -> Dict[str, str]:
    read, expected = (sum(getattr(result, name) for result in run.results) for name in ("read", "expected"))
    some = f"{run.results[0].recording}" if len(run.results) == 1 else f"{len(run.results)} recordings"
    seconds = sum(span_s(result) for result in run.results)
    return {
        "recording": f"{some}, {seconds:.1f} s",
        "depth images": f"{read} judged of {expected}",
        "gripper": str(run.gripper),
        "date": date.today().isoformat(),
        "versions": f"pspgrasp {__version__}, torch {torch.__version__}, Python {platform.python_version()}",
        "machine": f"{cpu_name()}, {cores()} cores",
        "command": run.command,
    }


def span_s(result: RecordingResult) -> float:
    """Return the time from the first stamp to the last [s], 0 where stamps went back."""
    stamps_ns = [int(result.seen.row(row)["stamp_ns"]) for row in (0, result.read - 1)] if result.read else [0, 0]
    return max(0.0, (stamps_ns[1] - stamps_ns[0]) / 1e9)


def _extremes(seen: Sequence[Seen]) -> str:
    shown = [picture for one in seen if len(one.pick.models) == 1 for picture in one.pictures]
    lost = sum(not one.pictures for one in seen)
    text = (
        "Grasps on depth: the best one is red, and the thick sides are the jaws; the frame is the window that is "
        "judged. Beside it the quality that they are taken from, dark is 0."
        + (f" {lost} frames more couldn't be read a second time." if lost else "")
    )
    return section("Surest and least sure", text, pictures(shown)) if shown or lost else ""


def _differing(seen: Sequence[Seen]) -> str:
    parts: List[str] = []
    for one in seen:
        if len(one.pick.models) > 1 and one.pictures:
            parts.append(f"<h4>{escape(one.pick.title)} <span>{escape(one.pick.why)}</span></h4>")
            parts.append(pictures(one.pictures))
    text = "Frames on which the best grasps of two models are farthest from each other, or just one finds a sure one."
    return section("Where models differ most", text, "".join(parts)) if parts else ""
