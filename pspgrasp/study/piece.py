"""One piece of the study: the networks of one question, trained from one seed and judged. It leaves one file."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Dict, List, Mapping

import torch
from torch import nn

from pspgrasp.config import CropConfig, DetectionConfig, PreprocessConfig, to_tree
from pspgrasp.data.batch import GraspBatch
from pspgrasp.data.progress import with_progress
from pspgrasp.data.synthetic.source import SyntheticSource
from pspgrasp.errors import DataError
from pspgrasp.evaluation.scene_evaluator import SceneEvaluation, evaluate_scenes
from pspgrasp.evaluation.synthetic_scenes import JudgedScenes, ScenePredictor
from pspgrasp.predictor import GraspPredictor
from pspgrasp.runtimes.eager import EagerRuntime
from pspgrasp.study.probes import knock_outs, receptive_field
from pspgrasp.study.training import batches_of, map_figures, preprocess_for, train_side_by_side
from pspgrasp.study.variants import models_of, preprocess_of, question_of
from pspgrasp.training.config import TrainConfig, decisive
from pspgrasp.whole_file import whole_file

FIELD_IMAGES = 16  # on which the receptive field is averaged


@dataclass(frozen=True)
class Piece:
    """What is to be done.

    Attributes:
        question: Its name.
        seed: Of weights and scenes.
        scenes: That the trained networks are judged on.
    """

    question: str
    seed: int
    scenes: int

    @property
    def file_name(self) -> str:
        """Where its result goes."""
        return f"{self.question}_{self.seed}.json"


def run_piece(piece: Piece, base: TrainConfig, device: torch.device) -> Dict[str, Any]:
    """Return the result of a piece as plain values: what was trained, how, and how good it is."""
    question = question_of(piece.question)
    preprocess, models = preprocess_of(base, question), models_of(base, question)
    config = train_config_of(base, piece)
    source = SyntheticSource(base.data.synthetic, preprocess, base.width_scale_px, piece.seed)
    began_s = time.monotonic()
    what = f"{piece.question}, seed {piece.seed}: step"
    batches = with_progress(batches_of(source, config, device), config.max_steps, what)
    networks = train_side_by_side(models, config, preprocess, batches, device)
    trained_s = time.monotonic() - began_s
    held_out = _held_out(base, preprocess, device)
    judged = _judged(networks, preprocess, base, piece.scenes, device)
    results = {
        name: {
            "parameters": sum(p.numel() for p in network.parameters()),
            **asdict(map_figures(network, held_out, config)),
            **_success(judged[name]),
            "receptive_field": asdict(receptive_field(network, _field_images(held_out))),
            "knock_outs": {k: asdict(f) for k, f in knock_outs(network, held_out, config).items()},
        }
        for name, network in networks.items()
    }
    return {
        "question": piece.question,
        "seed": piece.seed,
        "scenes": piece.scenes,
        "config": decisive(base),
        "preprocess": to_tree(preprocess),
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "CPU",
        "trained_s": round(trained_s, 1),
        "networks": results,
    }


def train_config_of(base: TrainConfig, piece: Piece) -> TrainConfig:
    """Return the config with the seed of a piece."""
    return replace(base, seed=piece.seed)


def _held_out(base: TrainConfig, preprocess: PreprocessConfig, device: torch.device) -> List[GraspBatch]:
    source = SyntheticSource(base.data.synthetic, preprocess, base.width_scale_px, base.validation.scenes_seed)
    size = base.batch_size
    return [source.batch(range(begin, begin + size), device) for begin in range(0, base.validation.scenes, size)]


def _field_images(held_out: List[GraspBatch]) -> torch.Tensor:
    return torch.cat([batch.image for batch in held_out])[:FIELD_IMAGES]


def _judged(
    networks: Mapping[str, nn.Module],
    preprocess: PreprocessConfig,
    base: TrainConfig,
    scenes: int,
    device: torch.device,
) -> Dict[str, SceneEvaluation]:
    judged = JudgedScenes(scenes, side_px=preprocess.input_size_px)
    sources = [
        (name, ScenePredictor(predictor_of(name, network, preprocess, base, device)))
        for name, network in networks.items()
    ]
    shown = with_progress(judged, scenes, "judged")
    return dict(zip(networks, evaluate_scenes(sources, shown, judged.description, judged.config.gripper)))


def predictor_of(
    name: str, network: nn.Module, preprocess: PreprocessConfig, base: TrainConfig, device: torch.device
) -> GraspPredictor:
    """Return a predictor of a network that was just trained."""
    channels = int(getattr(network, "channels", 1))
    return GraspPredictor(
        name,
        EagerRuntime(network, device),
        preprocess_for(preprocess, channels),
        base.width_scale_px,
        width=base.width,
        crop=CropConfig(size_px=preprocess.input_size_px),
        detection=DetectionConfig(min_quality=0.0, max_grasps=1),
    )


def _success(evaluation: SceneEvaluation) -> Dict[str, Any]:
    by_kind = {kind: {"images": share.images, "hits": share.hits} for kind, share in evaluation.by_kind.items()}
    hits = "".join("1" if outcome.hit else "0" for outcome in evaluation.outcomes)
    return {"success": evaluation.success, "by_kind": by_kind, "verdicts": evaluation.verdicts, "hits": hits}


def write_result(result: Mapping[str, Any], path: Path) -> None:
    """Write a result; the file appears whole or not at all.

    Raises:
        PspGraspError: It can't be written.
    """
    with whole_file(path) as part:
        part.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def refuse_other_study(path: Path, piece: Piece, base: TrainConfig) -> None:
    """Compare a result that is there with what is asked for.

    Raises:
        DataError: It is of another config or number of scenes, or no result.
    """
    result = read_result(path)
    if result["config"] != json.loads(json.dumps(decisive(base))) or result["scenes"] != piece.scenes:
        raise DataError(f"{path} was made with another config or another --scenes; a study has its own --output")


def read_results(folder: Path) -> List[Dict[str, Any]]:
    """Return the results in a folder, by question and seed.

    Raises:
        DataError: One is not a result; names the file.
    """
    return [read_result(path) for path in sorted(folder.glob("*_*.json"))]


def read_result(path: Path) -> Dict[str, Any]:
    """Return the result in a file.

    Raises:
        DataError: It is not a result; names the file.
    """
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} is no result of a study: {error}; move it away to do it again") from error
    if not isinstance(result, dict) or not {"question", "seed", "networks", "config", "scenes"} <= set(result):
        raise DataError(f"{path} is no result of a study; move it away to do it again")
    return result
