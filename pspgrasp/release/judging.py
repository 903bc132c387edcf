"""A new checkpoint beside the one that ships: on generated scenes, and on labelled images where there are some."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Dict, Sequence, Tuple

from pspgrasp.checkpoint import Checkpoint
from pspgrasp.config import CropConfig, DetectionConfig
from pspgrasp.data.dataset import GraspDataset
from pspgrasp.data.progress import with_progress
from pspgrasp.evaluation.evaluator import RectangleRule, evaluate
from pspgrasp.evaluation.interval import wilson_interval
from pspgrasp.evaluation.paired import Paired, paired
from pspgrasp.evaluation.scene_evaluator import evaluate_scenes
from pspgrasp.evaluation.sources import PredictorSource
from pspgrasp.evaluation.synthetic_scenes import JudgedScenes, ScenePredictor
from pspgrasp.predictor import GraspPredictor

#: Opening of the rectangles beyond a contact width [px]: about 2 cm where Cornell's camera was.
CLEARANCE_PX = 16.0
CHOOSING_SEED = 1  # of the scenes that decide; figures are reported on those of seed 0
UNLIKELY = 0.05  # p below which a loss isn't chance


@dataclass(frozen=True)
class Bout:
    """Two checkpoints on the same images.

    Attributes:
        data: On what.
        images: How many.
        new_hits: Images whose best grasp is right by the new checkpoint.
        old_hits: The same by the one that ships.
        against_old: Image by image.
    """

    data: str
    images: int
    new_hits: int
    old_hits: int
    against_old: Paired

    @property
    def clearly_worse(self) -> bool:
        """Whether the new one loses more than chance explains."""
        return self.against_old.losses > self.against_old.wins and self.against_old.p < UNLIKELY

    def line(self) -> str:
        """Return it for people."""
        low, high = wilson_interval(self.new_hits, self.images)
        return (
            f"{self.data}: {self.new_hits} of {self.images} ({low:.2f} to {high:.2f}), before {self.old_hits}; "
            f"alone right {self.against_old.wins}, alone wrong {self.against_old.losses}, p {self.against_old.p:.3f}"
        )

    def to_tree(self) -> Dict[str, Any]:
        """Return plain values for a training record."""
        return asdict(self)


def judge(
    new: Checkpoint, old: Checkpoint, scenes: int, datasets: Sequence[GraspDataset], device: str
) -> Tuple[Bout, ...]:
    """Return how two checkpoints do on generated scenes and on each labelled data set, the scenes first."""
    predictors = [_predictor(checkpoint, device) for checkpoint in (new, old)]
    return (_on_scenes(predictors, scenes), *(_on_images(predictors, dataset) for dataset in datasets))


def reported(checkpoint: Checkpoint, count: int, device: str) -> Dict[str, Any]:
    """Return the figures of a checkpoint on scenes that decided nothing, at two thresholds of quality.

    A network that is modest may be right and yet silent at the detector's default.
    """
    figures: Dict[str, Any] = {}
    for least in (0.0, DetectionConfig().min_quality):
        predictor = replace(_predictor(checkpoint, device), detection=DetectionConfig(min_quality=least, max_grasps=1))
        scenes = JudgedScenes(count)
        shown = with_progress(scenes, count, f"reported, quality above {least:g}")
        sources = [(predictor.name, ScenePredictor(predictor))]
        (found,) = evaluate_scenes(sources, shown, scenes.description, scenes.config.gripper)
        figures[f"quality above {least:g}"] = {
            "data": found.data,
            "scenes": found.images,
            "held": found.hits,
            "without_grasp": found.without_grasp,
        }
    return figures


def better(bouts: Sequence[Bout]) -> bool:
    """Tell whether the new checkpoint replaces the old.

    It does if it is better on the scenes, as good on all labelled images together, and clearly worse on no set.
    A set of few images, or of many views of few things, can't tell more.
    """
    scenes, labelled = bouts[0], bouts[1:]
    as_good = sum(bout.new_hits for bout in labelled) >= sum(bout.old_hits for bout in labelled)
    return scenes.new_hits > scenes.old_hits and as_good and not any(bout.clearly_worse for bout in bouts)


def _predictor(checkpoint: Checkpoint, device: str) -> GraspPredictor:
    detection = DetectionConfig(min_quality=0.0, max_grasps=1)
    return GraspPredictor.from_checkpoint(checkpoint, device, CropConfig(), detection)


def _on_scenes(predictors: Sequence[GraspPredictor], count: int) -> Bout:
    scenes = JudgedScenes(count, CHOOSING_SEED)
    sources = [(predictor.name, ScenePredictor(predictor)) for predictor in predictors]
    shown = with_progress(scenes, count, "judged")
    results = evaluate_scenes(sources, shown, scenes.description, scenes.config.gripper)
    return _bout(scenes.description, *([outcome.hit for outcome in result.outcomes] for result in results))


def _on_images(predictors: Sequence[GraspPredictor], dataset: GraspDataset) -> Bout:
    window = "whole" if dataset.layout == "jacquard" else "labels"
    name = f"{dataset.folder.name} ({dataset.layout}, {window})"
    hits = []
    for predictor in predictors:
        rule = RectangleRule(clearance_px=CLEARANCE_PX if predictor.width == "contact" else 0.0)
        source = PredictorSource(predictor, window)
        samples = with_progress(dataset, len(dataset), f"judged on {dataset.folder.name}")
        result = evaluate(source, samples, predictor.name, name, rule, 1, "", None)
        hits.append([outcome.hit for outcome in result.outcomes])
    return _bout(name, *hits)


def _bout(data: str, new_hits: Sequence[bool], old_hits: Sequence[bool]) -> Bout:
    return Bout(data, len(new_hits), sum(new_hits), sum(old_hits), paired(new_hits, old_hits))
