"""Frames that are worth a look: the surest, the least sure, one without a grasp, and those on which models differ."""

from __future__ import annotations

from collections import defaultdict
from typing import Dict, List, NamedTuple, Sequence, Set, Tuple

import numpy as np

from pspgrasp.bag.figures.pair import Differing, Place
from pspgrasp.bag.judging.model import Model
from pspgrasp.bag.judging.read_ahead import ReadAhead
from pspgrasp.bag.pictures import beside, jpeg
from pspgrasp.bag.progress import PICTURES, TellsOf, in_silence
from pspgrasp.bag.recording import RecordedFrame, Recording, Told
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


def strip(run: Run, tells_of: TellsOf = in_silence) -> List[Seen]:
    """Return the frames that are worth a look, with pictures; they are read and judged once more, one by one.

    Raises:
        PspGraspError: A model can't be built again, or fails on a frame that it judged before.
    """
    chosen = picks(run)
    wanted: Dict[int, Dict[int, Set[str]]] = defaultdict(lambda: defaultdict(set))
    for pick in chosen:
        wanted[pick.place[0]][pick.place[1]].update(pick.models)
    models = [spec.build() for spec in run.specs if any(spec.name in pick.models for pick in chosen)]
    drawn: Dict[Tuple[Place, str], bytes] = {}
    for place in sorted(wanted):
        told = tells_of(run.results[place].recording, PICTURES)
        drawn.update(_drawn(place, run.recordings[place], run.results[place], models, wanted[place], told))
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


def _drawn(
    place: int,
    recording: Recording,
    result: RecordingResult,
    models: Sequence[Model],
    wanted: Dict[int, Set[str]],
    told: Told,
) -> Dict[Tuple[Place, str], bytes]:
    """Return the pictures of some frames of a recording, which is read up to the last of them."""
    rows = {int(result.seen.row(row)["number"]): row for row in wanted}
    last = max(rows)
    drawn: Dict[Tuple[Place, str], bytes] = {}
    with ReadAhead(recording) as reader:
        for item in reader:
            told(item.number, last)
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
            said = _said(result.of(model), row, result.has_guessed_camera)
            shown.append(Shown(drawn[pick.place, model], title, f"{where}: {said}"))
    return tuple(shown)


def _said(made: ModelResult, row: int, guessed: bool) -> str:
    best = made.best.row(row)
    if not best["found"]:
        return made.reasons[best["nothing"]]
    opening_mm, away_m = 1000 * best["width_m"], best["position_m"][2]
    opening = "" if guessed else f"opening {opening_mm:.0f} mm, "
    return f"quality {best['quality']:.2f}, {opening}{away_m:.2f} m away"
