"""Does a network grasp as well as before? Both on the same images, counted in pairs."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, Optional, Sequence, Tuple

from pspgrasp.data.dataset import open_dataset
from pspgrasp.data.progress import with_progress
from pspgrasp.evaluation.evaluator import evaluate
from pspgrasp.evaluation.paired import paired
from pspgrasp.evaluation.scene_evaluator import evaluate_scenes
from pspgrasp.evaluation.sources import PredictorSource
from pspgrasp.evaluation.synthetic_scenes import JudgedScenes, ScenePredictor
from pspgrasp.predictor import GraspPredictor

MOST_LOST = 0.005  # of success, as judged; a share


@dataclass(frozen=True)
class ScoreCheck:
    """How a network does against the one that it was made of.

    Attributes:
        data: On what both were judged.
        images: How many.
        hits_before: Images whose best grasp is right, in float32 by torch.
        hits_after: The same for the new one.
        wins: Images where the new one alone is right.
        losses: Images where the old one alone is right.
    """

    data: str
    images: int
    hits_before: int
    hits_after: int
    wins: int
    losses: int

    @classmethod
    def of(cls, data: str, before: Sequence[bool], after: Sequence[bool]) -> ScoreCheck:
        """Return what hits of both, image by image, add up to."""
        pairs = paired(after, before)
        return cls(data, len(before), sum(before), sum(after), pairs.wins, pairs.losses)

    @property
    def change(self) -> float:
        """Success after minus success before."""
        return (self.hits_after - self.hits_before) / self.images

    @property
    def interval_95(self) -> Tuple[float, float]:
        """Of `change`: Agresti and Min 2005, "Simple improved confidence intervals for comparing matched proportions".

        Half an image is added to each of the four ways in which a pair can come out, so that a few images on which
        both agree don't pass for certainty. Images are taken as independent.
        """
        images, split = self.images + 2, self.wins + self.losses + 1
        centre = (self.wins - self.losses) / images
        spread = 1.96 * math.sqrt(split / images - centre**2) / math.sqrt(images)
        return centre - spread, centre + spread

    @property
    def lost(self) -> bool:
        """Whether the new one lost more than MOST_LOST on these images; chance or not."""
        return self.change < -MOST_LOST

    def line(self) -> str:
        """Return it for people."""
        low, high = (100 * bound for bound in self.interval_95)
        return (
            f"{self.data}: {self.hits_before} of {self.images} before, {self.hits_after} after ({self.wins} won, "
            f"{self.losses} lost): {100 * self.change:+.1f} points, 95 % interval {low:+.1f} to {high:+.1f}"
        )

    def to_tree(self) -> Dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def score(before: GraspPredictor, after: GraspPredictor, scenes: int, folder: Optional[Path]) -> ScoreCheck:
    """Return how `after` does against `before`.

    Args:
        before: In float32 by torch.
        after: The same network by another runtime.
        scenes: How many generated scenes both are judged on.
        folder: A labelled data set in their place; by the rectangle metric.

    Raises:
        DataError: The data set can't be read, or the network needs the focal length of its camera.
    """
    return _on_images(before, after, folder) if folder else _on_scenes(before, after, scenes)


def _on_scenes(before: GraspPredictor, after: GraspPredictor, count: int) -> ScoreCheck:
    scenes = JudgedScenes(count)
    sources = [("before", ScenePredictor(before)), ("after", ScenePredictor(after))]
    seen = with_progress(scenes, count, "judged")
    results = evaluate_scenes(sources, seen, scenes.description, scenes.config.gripper)
    hits = [[outcome.hit for outcome in result.outcomes] for result in results]
    return ScoreCheck.of(scenes.description, *hits)


def _on_images(before: GraspPredictor, after: GraspPredictor, folder: Path) -> ScoreCheck:
    dataset = open_dataset(folder)
    window = "whole" if dataset.layout == "jacquard" else "labels"
    hits = []
    for predictor in (before, after):
        source = PredictorSource(predictor, window)
        seen = with_progress(dataset, len(dataset), "judged")
        hits.append([outcome.hit for outcome in evaluate(source, seen, predictor.name, str(folder)).outcomes])
    return ScoreCheck.of(str(folder), *hits)
