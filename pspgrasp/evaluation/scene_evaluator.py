"""Judge grasps on generated scenes: each scene's outcome, and what they add up to."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

from pspgrasp.data.synthetic.antipodal import GripperConfig
from pspgrasp.evaluation.calibration import Calibration, calibration
from pspgrasp.evaluation.hard_check import SceneGuess, Verdict, tried
from pspgrasp.evaluation.interval import wilson_interval
from pspgrasp.evaluation.synthetic_scenes import JudgedScene, SceneSource
from pspgrasp.grasp import ImageGrasp


@dataclass(frozen=True)
class SceneOutcome:
    """What a scene came to.

    Attributes:
        name: Seed and number: "0/17".
        kinds: What kind of scene it is.
        graspable: Whether its best label is worth the name.
        hit: Whether the best grasp holds.
        verdict: What becomes of the best grasp.
        guesses: The judged grasps, best first.
    """

    name: str
    kinds: Tuple[str, ...]
    graspable: bool
    hit: bool
    verdict: Verdict
    guesses: Tuple[SceneGuess, ...]


@dataclass(frozen=True)
class Share:
    """How many of some scenes have a best grasp that holds."""

    images: int
    hits: int
    success: float
    interval_95: Tuple[float, float]


@dataclass(frozen=True)
class SceneEvaluation:
    """What all scenes came to.

    Attributes:
        checkpoint: What was judged.
        data: On what.
        protocol: How depth became grasps.
        gripper: That tried them.
        images: Scenes, one image each.
        hits: Scenes whose best grasp holds.
        success: hits / images.
        interval_95: Wilson's, of `success`.
        without_grasp: Scenes for which no grasp was put out.
        top_n: "n" -> share of scenes with a grasp that holds among the n best.
        verdicts: What became of the best grasps, and how often.
        graspable: The share among scenes whose best label is worth the name.
        by_kind: Kind of scene -> the share among them.
        calibration: Of the quality of all judged grasps; None where there was none.
        outcomes: Each scene's.
    """

    checkpoint: str
    data: str
    protocol: str
    gripper: GripperConfig
    images: int
    hits: int
    success: float
    interval_95: Tuple[float, float]
    without_grasp: int
    top_n: Dict[str, float]
    verdicts: Dict[str, int]
    graspable: Share
    by_kind: Dict[str, Share]
    calibration: Optional[Calibration]
    outcomes: Tuple[SceneOutcome, ...]

    def to_tree(self) -> Dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)


def judge_scene(scene: JudgedScene, grasps: Sequence[ImageGrasp], gripper: GripperConfig) -> SceneOutcome:
    """Return the outcome of a scene for its grasps, best first."""
    guesses = tried(scene, grasps, gripper)
    verdict = guesses[0].verdict if guesses else Verdict.NO_GRASP
    return SceneOutcome(scene.name, scene.kinds, scene.graspable, verdict is Verdict.HELD, verdict, guesses)


def evaluate_scenes(
    sources: Sequence[Tuple[str, SceneSource]],
    scenes: Iterable[JudgedScene],
    data: str,
    gripper: GripperConfig,
    top: int = 1,
) -> Tuple[SceneEvaluation, ...]:
    """Return what each source of grasps comes to on the same scenes, which are generated once.

    Args:
        sources: What makes the grasps of a scene, each with its name for the report.
        scenes: To be judged on.
        data: Their name, for the report.
        gripper: That tries the grasps.
        top: Grasps of a scene that are judged; the first of them makes `success`.
    """
    found: List[List[SceneOutcome]] = [[] for _ in sources]
    for scene in scenes:
        for outcomes, (_, source) in zip(found, sources):
            outcomes.append(judge_scene(scene, source(scene)[:top], gripper))
    return tuple(
        summary_of_scenes(outcomes, name, data, source.description, gripper, top)
        for outcomes, (name, source) in zip(found, sources)
    )


def summary_of_scenes(
    outcomes: Sequence[SceneOutcome], checkpoint: str, data: str, protocol: str, gripper: GripperConfig, top: int = 1
) -> SceneEvaluation:
    """Return what outcomes add up to."""
    every = share_of(outcomes)
    counts = Counter(outcome.verdict for outcome in outcomes)
    kinds = sorted({kind for outcome in outcomes for kind in outcome.kinds})
    guesses = [guess for outcome in outcomes for guess in outcome.guesses]
    return SceneEvaluation(
        checkpoint,
        data,
        protocol,
        gripper,
        every.images,
        every.hits,
        every.success,
        every.interval_95,
        counts[Verdict.NO_GRASP],
        {str(n): _share_among(outcomes, n) for n in range(1, top + 1)},
        {verdict.value: counts[verdict] for verdict in Verdict},
        share_of([outcome for outcome in outcomes if outcome.graspable]),
        {kind: share_of([outcome for outcome in outcomes if kind in outcome.kinds]) for kind in kinds},
        calibration([guess.grasp.quality for guess in guesses], [guess.held for guess in guesses]),
        tuple(outcomes),
    )


def share_of(outcomes: Sequence[SceneOutcome]) -> Share:
    """Return how many of some scenes have a best grasp that holds."""
    hits = sum(outcome.hit for outcome in outcomes)
    share = hits / len(outcomes) if outcomes else 0.0
    return Share(len(outcomes), hits, share, wilson_interval(hits, len(outcomes)))


def _share_among(outcomes: Sequence[SceneOutcome], top: int) -> float:
    hits = sum(any(guess.held for guess in outcome.guesses[:top]) for outcome in outcomes)
    return hits / len(outcomes) if outcomes else 0.0
