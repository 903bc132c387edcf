"""What the study compares: each question is a few networks that differ in one thing, the first being the reference."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping

from pspgrasp.config import PreprocessConfig, from_tree, to_tree
from pspgrasp.errors import ConfigError, unknown_name
from pspgrasp.models import ModelConfig
from pspgrasp.training.config import TrainConfig

PAPERS_BINS = [1, 2, 3, 6]
AUXILIARY_CHANNELS = 128


@dataclass(frozen=True)
class Question:
    """One thing that is varied.

    Attributes:
        text: The question.
        networks: Name -> what differs from the base: settings of the network, or another `architecture`.
        preprocess: What differs from the base for all of them.
        against: Network -> another one that it is held against, instead of the first.
    """

    text: str
    networks: Mapping[str, Mapping[str, Any]]
    preprocess: Mapping[str, Any]
    against: Mapping[str, str] = field(default_factory=dict)

    def reference(self, name: str) -> str:
        """Return the network that another is held against; the first is held against itself."""
        return self.against.get(name, next(iter(self.networks)))


def _ppm(*bins: int) -> Dict[str, Any]:
    return {"context": "ppm", "bins": list(bins)}


#: The study. To ask something else, add a line.
QUESTIONS: Dict[str, Question] = {
    "scale": Question(
        "Does the network gain from being told how large a pixel is, and does the pyramid then pay?",
        {
            "fcn": {"context": "fcn"},
            "ppm": _ppm(*PAPERS_BINS),
            "fcn, pixel size": {"context": "fcn", "in_channels": 2},
            "ppm, pixel size": {**_ppm(*PAPERS_BINS), "in_channels": 2},
        },
        {"pixel_size_channel": True},
        {"ppm, pixel size": "fcn, pixel size"},
    ),
    "context": Question(
        "Which context module, and which bins?",
        {
            "fcn": {"context": "fcn"},
            "ppm 1": _ppm(1),
            "ppm 1 2": _ppm(1, 2),
            "ppm 1 2 3 6": _ppm(*PAPERS_BINS),
            "ppm 1 2 3 6 9 12": _ppm(1, 2, 3, 6, 9, 12),
            "ppm 6": _ppm(6),
            "ppm 12": _ppm(12),
            "aspp": {"context": "aspp"},
            "sppm": {"context": "sppm", "bins": [1, 2, 4]},
            "dappm": {"context": "dappm"},
        },
        {},
    ),
    "joining": Question(
        "Concatenate or add, average or maximum, with an auxiliary loss or without?",
        {
            "ppm, concat": _ppm(*PAPERS_BINS),
            "ppm, sum": {**_ppm(*PAPERS_BINS), "fusion": "sum"},
            "ppm, max": {**_ppm(*PAPERS_BINS), "pooling": "max"},
            "ppm, auxiliary 0.4": {**_ppm(*PAPERS_BINS), "auxiliary_channels": AUXILIARY_CHANNELS},
        },
        {},
    ),
    "stride": Question(
        "Does the pyramid pay at another output stride?",
        {
            f"{context}, stride {stride}": {**settings, "output_stride": stride}
            for stride in (16, 8, 32)
            for context, settings in (("fcn", {"context": "fcn"}), ("ppm", _ppm(*PAPERS_BINS)))
        },
        {},
        {f"ppm, stride {stride}": f"fcn, stride {stride}" for stride in (8, 32)},
    ),
    "zoom": Question(
        "How large must the maps be?",
        {f"zoom {zoom}": {**_ppm(*PAPERS_BINS), "zoom_factor": zoom} for zoom in (8, 4, 2, 1)},
        {"input_size_px": "8k+1"},
    ),
    "peers": Question(
        "How do the networks that the field uses compare?",
        {
            "ppm": _ppm(*PAPERS_BINS),
            "ggcnn": {"architecture": "ggcnn"},
            "ggcnn2": {"architecture": "ggcnn2"},
            "grconvnet": {"architecture": "grconvnet"},
        },
        {},
    ),
}


def question_of(name: str) -> Question:
    """Return a question by name.

    Raises:
        ConfigError: There is no such question.
    """
    if name not in QUESTIONS:
        raise ConfigError(unknown_name("question", name, QUESTIONS))
    return QUESTIONS[name]


def preprocess_of(base: TrainConfig, question: Question) -> PreprocessConfig:
    """Return the preprocessing of a question's batches."""
    tree = {**to_tree(base.preprocess), **question.preprocess}
    if tree["input_size_px"] == "8k+1":
        tree["input_size_px"] = base.preprocess.input_size_px // 8 * 8 + 1
    return from_tree(PreprocessConfig, tree, "preprocess")


def models_of(base: TrainConfig, question: Question) -> Dict[str, ModelConfig]:
    """Return the networks of a question, by name."""
    return {name: _model(base, changes) for name, changes in question.networks.items()}


def _model(base: TrainConfig, changes: Mapping[str, Any]) -> ModelConfig:
    if "architecture" in changes:
        return ModelConfig.from_tree(dict(changes))
    tree = copy.deepcopy(base.model.to_tree())
    if tree["architecture"] != "pspgraspnet":
        raise ConfigError(f"the study varies a 'pspgraspnet'; the config's network is a {tree['architecture']!r}")
    tree["network"].update(changes)
    return ModelConfig.from_tree(tree)
