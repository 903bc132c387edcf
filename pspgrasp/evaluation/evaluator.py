"""Judge grasps against labels: each image's outcome, and what they add up to."""

from __future__ import annotations

import math
import statistics
from dataclasses import asdict, dataclass
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

from pspgrasp.data.sample import GraspSample
from pspgrasp.errors import ConfigError
from pspgrasp.evaluation.calibration import Calibration, calibration
from pspgrasp.evaluation.interval import student_interval, wilson_interval
from pspgrasp.evaluation.rectangle_metric import IOU_THRESHOLD, SWEEP, Match, match
from pspgrasp.evaluation.sources import GraspSource
from pspgrasp.grasp import ImageGrasp
from pspgrasp.rectangle import GraspRectangle


@dataclass(frozen=True)
class RectangleRule:
    """How a grasp, which has no jaw, becomes a rectangle. The choice moves the score: it is part of every result.

    Attributes:
        jaw_share: Jaw as a share of the opening (GG-CNN: a half).
        jaw_px: Jaw [image px] instead of the share; 0 is the share.
        clearance_px: Added to the opening [image px].
    """

    jaw_share: float = 0.5
    jaw_px: float = 0.0
    clearance_px: float = 0.0

    def __post_init__(self) -> None:
        for name in ("jaw_share", "jaw_px", "clearance_px"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ConfigError(f"{name} must be a number of at least 0, got {value!r}")
        if self.jaw_share == 0 and self.jaw_px == 0:
            raise ConfigError("jaw_share and jaw_px are both 0; a rectangle needs a jaw")

    def rectangle(self, grasp: ImageGrasp) -> GraspRectangle:
        """Return the rectangle of a grasp."""
        opening_px = grasp.width_px + self.clearance_px
        jaw_px = self.jaw_px or self.jaw_share * opening_px
        return GraspRectangle(grasp.u, grasp.v, grasp.angle_rad, opening_px, jaw_px)


@dataclass(frozen=True)
class Guess:
    """One grasp as it was judged.

    Attributes:
        rectangle: In pixels of the image.
        quality: As the network ranks it.
        match: How it fits the labels.
        hit: Overlap above 0.25 with a label within 30 degrees.
    """

    rectangle: GraspRectangle
    quality: float
    match: Match
    hit: bool


@dataclass(frozen=True)
class ImageOutcome:
    """What an image came to.

    Attributes:
        name: Of the image.
        object_id: "" where it is not known.
        fold: Which it belongs to; None without folds.
        labels: How many there are.
        hit: Whether the best grasp hits a label.
        guesses: The judged grasps, best first; empty where there was none.
    """

    name: str
    object_id: str
    fold: Optional[int]
    labels: int
    hit: bool
    guesses: Tuple[Guess, ...]


@dataclass(frozen=True)
class FoldOutcome:
    """What the images of a fold came to."""

    fold: int
    images: int
    hits: int
    success: float


@dataclass(frozen=True)
class Evaluation:
    """What a whole data set came to.

    Attributes:
        checkpoint: What was judged.
        data: On what.
        protocol: How images became grasps.
        rule: How grasps became rectangles.
        images: How many.
        hits: Images whose best grasp is right.
        success: hits / images.
        interval_95: Wilson's, of `success`; it takes images as independent.
        without_grasp: Images for which no grasp was put out.
        top_n: "n" -> share of images with a hit among the n best, up to as many as any image has.
        sweep: Overlap threshold -> share of images whose best grasp exceeds it, within 30 degrees.
        split: `image` or `object`; "" without folds.
        folds: Each fold's share.
        fold_mean: Mean of the folds' shares; None without folds.
        fold_spread: Their sample standard deviation; None without folds.
        fold_interval_95: Student's, of their mean; None without folds.
        labels_skipped: Labels that no image is judged by, and why.
        outcomes: Each image's.
        calibration: Of the quality of all judged grasps; None where there was none.
    """

    checkpoint: str
    data: str
    protocol: str
    rule: RectangleRule
    images: int
    hits: int
    success: float
    interval_95: Tuple[float, float]
    without_grasp: int
    top_n: Dict[str, float]
    sweep: Dict[str, float]
    split: str
    folds: Tuple[FoldOutcome, ...]
    fold_mean: Optional[float]
    fold_spread: Optional[float]
    fold_interval_95: Optional[Tuple[float, float]]
    labels_skipped: Tuple[str, ...]
    outcomes: Tuple[ImageOutcome, ...]
    calibration: Optional[Calibration] = None

    def to_tree(self) -> Dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)


def judge(
    sample: GraspSample, grasps: Sequence[ImageGrasp], rule: RectangleRule, fold: Optional[int] = None
) -> ImageOutcome:
    """Return the outcome of an image for its grasps, best first."""
    rectangles = [rule.rectangle(grasp) for grasp in grasps]
    guesses = tuple(
        Guess(rectangle, grasp.quality, found, found.hit())
        for grasp, rectangle, found in zip(grasps, rectangles, match(rectangles, sample.rectangles))
    )
    hit = bool(guesses) and guesses[0].hit
    return ImageOutcome(sample.name, sample.object_id, fold, len(sample.rectangles), hit, guesses)


def evaluate(
    source: GraspSource,
    samples: Iterable[GraspSample],
    checkpoint: str,
    data: str,
    rule: RectangleRule = RectangleRule(),
    top: int = 1,
    split: str = "",
    fold_of: Optional[Sequence[int]] = None,
) -> Evaluation:
    """Return what a source of grasps comes to on samples.

    Args:
        source: Makes grasps of an image.
        samples: The images with their labels.
        checkpoint: Name of what is judged, for the report.
        data: Name of what it is judged on, for the report.
        rule: How a grasp becomes a rectangle.
        top: Grasps of an image that are judged; the first of them makes `success`.
        split: How the folds were made, for the report.
        fold_of: Fold of each sample, in order; None is no folds.

    Raises:
        DataError: A sample is malformed.
    """
    outcomes: List[ImageOutcome] = []
    skipped: List[str] = []
    for index, sample in enumerate(samples):
        fold = None if fold_of is None else fold_of[index]
        outcomes.append(judge(sample, source(sample)[:top], rule, fold))
        skipped += sample.skipped
    return summary(outcomes, checkpoint, data, source.description, rule, top, split, tuple(skipped))


def summary(
    outcomes: Sequence[ImageOutcome],
    checkpoint: str,
    data: str,
    protocol: str,
    rule: RectangleRule = RectangleRule(),
    top: int = 1,
    split: str = "",
    labels_skipped: Tuple[str, ...] = (),
) -> Evaluation:
    """Return what outcomes add up to."""
    hits = sum(outcome.hit for outcome in outcomes)
    by_fold = _fold_outcomes(outcomes)
    shares = [fold.success for fold in by_fold]
    guesses = [guess for outcome in outcomes for guess in outcome.guesses]
    most = max((len(outcome.guesses) for outcome in outcomes), default=0)
    return Evaluation(
        checkpoint,
        data,
        protocol,
        rule,
        len(outcomes),
        hits,
        _share(hits, len(outcomes)),
        wilson_interval(hits, len(outcomes)),
        sum(not outcome.guesses for outcome in outcomes),
        {str(n): share_among(outcomes, n) for n in range(1, max(1, min(top, most)) + 1)},
        {f"{threshold:.2f}": share_among(outcomes, 1, threshold) for threshold in SWEEP},
        split,
        by_fold,
        statistics.mean(shares) if shares else None,
        statistics.stdev(shares) if len(shares) > 1 else None,
        student_interval(shares) if len(shares) > 1 else None,
        labels_skipped,
        tuple(outcomes),
        calibration([guess.quality for guess in guesses], [guess.hit for guess in guesses]),
    )


def share_among(outcomes: Sequence[ImageOutcome], top: int, iou_threshold: float = IOU_THRESHOLD) -> float:
    """Return the share of images with a hit among their `top` best grasps, at an overlap."""
    hits = sum(any(guess.match.hit(iou_threshold) for guess in outcome.guesses[:top]) for outcome in outcomes)
    return _share(hits, len(outcomes))


def _fold_outcomes(outcomes: Sequence[ImageOutcome]) -> Tuple[FoldOutcome, ...]:
    found = []
    for fold in sorted({outcome.fold for outcome in outcomes if outcome.fold is not None}):
        inside = [outcome for outcome in outcomes if outcome.fold == fold]
        hits = sum(outcome.hit for outcome in inside)
        found.append(FoldOutcome(fold, len(inside), hits, _share(hits, len(inside))))
    return tuple(found)


def _share(hits: int, trials: int) -> float:
    return hits / trials if trials else 0.0
