"""Frames that are worth a look: the surest, the least sure, one without a grasp, and those on which models differ."""

from __future__ import annotations

from collections import defaultdict
from typing import Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from pspgrasp.bag.compare import Differing
from pspgrasp.bag.models import Model
from pspgrasp.bag.open import open_recordings
from pspgrasp.bag.pictures import beside, jpeg
from pspgrasp.bag.recording import RecordedFrame, Recording
from pspgrasp.bag.results import FrameResult, RecordingResult
from pspgrasp.bag.run import Run
from pspgrasp.errors import PspGraspError
from pspgrasp.evaluation.html.parts import Shown

DIFFERENT = 4  # frames a comparison
HEIGHT_PX = 360

Place = Tuple[int, int]  # of the recording in the run, and the number of the frame in it


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
    return [*_extremes(run), *_differing(run)]


def _extremes(run: Run) -> List[Pick]:
    chosen = []
    for spec in run.specs:
        every = [
            ((place, frame.number), frame)
            for place, result in enumerate(run.results)
            for frame in result.of(spec.name).frames
        ]
        found = sorted((one for one in every if one[1].grasps), key=lambda one: one[1].grasps[0].quality)
        nothing = [one for one in every if not one[1].grasps]
        if found:
            chosen.append(Pick(found[-1][0], f"{spec.name}: surest", "", (spec.name,)))
        if len(found) > 1:
            chosen.append(Pick(found[0][0], f"{spec.name}: least sure", "", (spec.name,)))
        if nothing:
            place, frame = nothing[len(nothing) // 2]
            chosen.append(Pick(place, f"{spec.name}: no grasp", frame.nothing, (spec.name,)))
    return chosen


def _differing(run: Run) -> List[Pick]:
    """Return the frames on which another model differs most from the first, of as many recordings as there are."""
    chosen = []
    for comparison in run.comparisons:
        for one in _mixed(comparison.most)[:DIFFERENT]:
            place = _place_of(run.results, one)
            if place is not None:
                title = f"{comparison.first} and {comparison.other} differ"
                chosen.append(Pick(place, title, one.why, (comparison.first, comparison.other)))
    return chosen


def _mixed(most: Sequence[Differing]) -> List[Differing]:
    """Return frames so that each recording comes up once before one comes up twice."""
    seen: Dict[str, int] = defaultdict(int)
    ranked = []
    for number, one in enumerate(most):
        ranked.append((seen[one.recording], number, one))
        seen[one.recording] += 1
    return [one for _, _, one in sorted(ranked, key=lambda entry: entry[:2])]


def _place_of(results: Sequence[RecordingResult], one: Differing) -> Optional[Place]:
    for place, result in enumerate(results):
        same = (seen for seen in result.seen if (seen.number, seen.stamp_ns) == (one.number, one.stamp_ns))
        if result.recording == one.recording and next(same, None):
            return place, one.number
    return None


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
    results = {model.model: {frame.number: frame for frame in model.frames} for model in result.models}
    drawn: Dict[Tuple[Place, str], bytes] = {}
    left = set(wanted)
    for item in recording:
        if isinstance(item, RecordedFrame) and item.number in left:
            for model in models:
                judged = results[model.name].get(item.number)
                if model.name in wanted[item.number] and judged is not None:
                    drawn[(place, item.number), model.name] = _picture(item, model, judged)
            left.discard(item.number)
        if not left:
            break
    return drawn


def _picture(recorded: RecordedFrame, model: Model, judged: FrameResult) -> bytes:
    try:
        quality = model.quality(recorded.frame)
    except PspGraspError as error:
        raise PspGraspError(f"{model.name}, frame {recorded.number}: {error}") from error
    return jpeg(beside(recorded.frame, judged, quality, HEIGHT_PX, whole=False))


def _pictures(run: Run, pick: Pick, drawn: Dict[Tuple[Place, str], bytes]) -> Tuple[Shown, ...]:
    result = run.results[pick.place[0]]
    shown = []
    for model in pick.models:
        if (pick.place, model) in drawn:
            frame = next(frame for frame in result.of(model).frames if frame.number == pick.place[1])
            title = pick.title if len(pick.models) == 1 else model
            caption = f"{where(run, pick.place)}: {_said(frame)}"
            shown.append(Shown(drawn[pick.place, model], title, caption))
    return tuple(shown)


def where(run: Run, place: Place) -> str:
    """Name a frame for people."""
    return f"{run.results[place[0]].recording}, frame {place[1]}"


def _said(frame: FrameResult) -> str:
    if not frame.grasps:
        return frame.nothing
    best = frame.grasps[0]
    return f"quality {best.quality:.2f}, opening {1000 * best.width_m:.0f} mm, {best.position_m[2]:.2f} m away"
