"""Frames that are worth a look: the surest, the least sure, one without a grasp, and those on which models differ."""

from __future__ import annotations

from collections import defaultdict
from typing import Dict, List, NamedTuple, Sequence, Set, Tuple

import numpy as np

from pspgrasp.bag.figures.pair import Differing, Place
from pspgrasp.bag.judging.model import Model
from pspgrasp.bag.pictures import beside, jpeg
from pspgrasp.bag.reading.open import open_recordings
from pspgrasp.bag.recording import RecordedFrame, Recording
from pspgrasp.bag.results.frame import FrameResult
from pspgrasp.bag.results.result import ModelResult, RecordingResult
from pspgrasp.bag.run import Run
from pspgrasp.errors import PspGraspError
from pspgrasp.evaluation.html.parts import Shown

DIFFERENT = 4  # frames a comparison
HEIGHT_PX = 360


class Pick(NamedTuple):
    """A frame, and whose grasps are shown on it.

    Attributes:
        place: Which frame.
        title: What is special about it.
        why: In some more words; may be empty.
        models: In the order of the run.
    """

    place: Place
    title: str
    why: str
    models: Tuple[str, ...]


class Seen(NamedTuple):
    """A pick with its pictures: one a model; a frame that can't be read again has none."""

    pick: Pick
    pictures: Tuple[Shown, ...]


def strip(run: Run) -> List[Seen]:
    """Return the frames that are worth a look, with pictures; they are read and judged once more.

    Raises:
        PspGraspError: A recording can't be opened again.
    """
    chosen = picks(run)
    wanted: Dict[int, Dict[int, Set[str]]] = defaultdict(lambda: defaultdict(set))
    for pick in chosen:
        wanted[pick.place[0]][pick.place[1]].update(pick.models)
    drawn: Dict[Tuple[Place, str], bytes] = {}
    recordings = open_recordings(run.inputs, run.selection) if wanted else []
    for place, recording in _of_results(run.results, recordings).items():
        if place in wanted:
            models = [spec.build() for spec in run.specs if any(spec.name in names for names in wanted[place].values())]
            drawn.update(_drawn(place, recording, run.results[place], models, wanted[place]))
    return [Seen(pick, _pictures(run, pick, drawn)) for pick in chosen]


def picks(run: Run) -> List[Pick]:
    """Return which frames are worth a look."""
    return [*_extremes(run), *_differing(run)] if run.results else []


def _extremes(run: Run) -> List[Pick]:
    chosen = []
    for spec in run.specs:
        places, found, quality = _frames(run, spec.name)
        known, silent = np.flatnonzero(found > 0), np.flatnonzero(found == 0)
        if known.size:
            surest = known[np.argmax(quality[known])]
            chosen.append(Pick(_place(places[surest]), f"{spec.name}: surest", "", (spec.name,)))
        if known.size > 1:
            least = known[np.argmin(quality[known])]
            chosen.append(Pick(_place(places[least]), f"{spec.name}: least sure", "", (spec.name,)))
        if silent.size:
            place = _place(places[silent[len(silent) // 2]])
            chosen.append(Pick(place, f"{spec.name}: no grasp", _nothing(run, place, spec.name), (spec.name,)))
    return chosen


def _frames(run: Run, model: str) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the places (N, 2) of all frames, how many grasps a model found in each (N,), and the best's quality."""
    tables = [result.of(model).best for result in run.results]
    places = [np.stack([np.full(len(one), n), np.arange(len(one))], axis=1) for n, one in enumerate(tables)]
    found, quality = (np.concatenate([one[name] for one in tables]) for name in ("found", "quality"))
    return np.concatenate(places), found, quality


def _place(pair: np.ndarray) -> Place:
    return int(pair[0]), int(pair[1])


def _nothing(run: Run, place: Place, model: str) -> str:
    made = run.results[place[0]].of(model)
    return made.reasons[made.best.row(place[1])["nothing"]]


def _differing(run: Run) -> List[Pick]:
    """Return the frames on which another model differs most from the first, of as many recordings as there are."""
    chosen = []
    for comparison in run.comparisons:
        for one in _mixed(comparison.most)[:DIFFERENT]:
            title = f"{comparison.first} and {comparison.other} differ"
            chosen.append(Pick(one.place, title, one.why, (comparison.first, comparison.other)))
    return chosen


def _mixed(most: Sequence[Differing]) -> List[Differing]:
    """Return frames so that each recording comes up once before one comes up twice."""
    seen: Dict[str, int] = defaultdict(int)
    ranked = []
    for number, one in enumerate(most):
        ranked.append((seen[one.recording], number, one))
        seen[one.recording] += 1
    return [one for _, _, one in sorted(ranked, key=lambda entry: entry[:2])]


def _of_results(results: Sequence[RecordingResult], recordings: Sequence[Recording]) -> Dict[int, Recording]:
    """Return the recording of each result; a run that was stopped may lack results in between."""
    if len(results) == len(recordings):
        return dict(enumerate(recordings))
    left, found = list(recordings), {}
    for place, result in enumerate(results):
        recording = next((one for one in left if one.name == result.recording), None)
        if recording is not None:
            left.remove(recording)
            found[place] = recording
    return found


def _drawn(
    place: int, recording: Recording, result: RecordingResult, models: Sequence[Model], wanted: Dict[int, Set[str]]
) -> Dict[Tuple[Place, str], bytes]:
    """Return the pictures of some frames of a recording, which is read up to the last of them."""
    rows = {int(result.seen.row(row)["number"]): row for row in wanted}
    drawn: Dict[Tuple[Place, str], bytes] = {}
    for item in recording:
        if isinstance(item, RecordedFrame) and item.number in rows:
            row = rows.pop(item.number)
            judged = result.frame(row)
            for model in models:
                made = judged[model.name]
                if model.name in wanted[row] and not isinstance(made, str):
                    drawn[(place, row), model.name] = _picture(item, model, made)
        if not rows:
            break
    return drawn


def _picture(recorded: RecordedFrame, model: Model, judged: FrameResult) -> bytes:
    try:
        quality = model.quality(recorded.frame)
    except PspGraspError as error:
        raise PspGraspError(f"{model.name}, frame {recorded.number}: {error}") from error
    return jpeg(beside(recorded.frame, judged, quality, HEIGHT_PX, whole=False))


def _pictures(run: Run, pick: Pick, drawn: Dict[Tuple[Place, str], bytes]) -> Tuple[Shown, ...]:
    result, row = run.results[pick.place[0]], pick.place[1]
    where = f"{result.recording}, frame {int(result.seen.row(row)['number'])}"
    shown = []
    for model in pick.models:
        if (pick.place, model) in drawn:
            title = pick.title if len(pick.models) == 1 else model
            shown.append(Shown(drawn[pick.place, model], title, f"{where}: {_said(result.of(model), row)}"))
    return tuple(shown)


def _said(made: ModelResult, row: int) -> str:
    best = made.best.row(row)
    if not best["found"]:
        return made.reasons[best["nothing"]]
    opening_mm, away_m = 1000 * best["width_m"], best["position_m"][2]
    return f"quality {best['quality']:.2f}, opening {opening_mm:.0f} mm, {away_m:.2f} m away"
