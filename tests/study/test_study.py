"""Laws of the study: what differs is what is asked, a piece leaves a result, and the page says what results say."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List

import pytest
import torch

pytest.importorskip("lightning")

from pspgrasp.config import PreprocessConfig
from pspgrasp.data.batch import GraspBatch
from pspgrasp.errors import ConfigError, DataError
from pspgrasp.models import ModelConfig, build_model
from pspgrasp.study.piece import Piece, read_results, refuse_other_study, run_piece, write_result
from pspgrasp.study.probes import knock_outs, receptive_field
from pspgrasp.study.report import difference, page
from pspgrasp.study.training import FullSize, batches_of, train_side_by_side
from pspgrasp.study.variants import QUESTIONS, models_of, preprocess_of, question_of
from pspgrasp.training.config import MachineConfig, TrainConfig, train_config

CPU = torch.device("cpu")
SMALL = {"backbone": "test_efficientnet", "head_channels": 8, "lateral_channels": 8, "refine_channels": 8}
TREE: Dict[str, Any] = {
    "model": {"network": {**SMALL, "relief_boxes_px": [15]}},
    "preprocess": {"input_size_px": 96},
    "width_scale_px": 48.0,
    "batch_size": 2,
    "max_steps": 2,
    "validation": {"scenes": 4},
}


@pytest.fixture(scope="module")
def base() -> TrainConfig:
    return train_config(TREE)


class Bars:
    """Bars at places that follow from their number."""

    def __init__(self, channels: int = 1, side: int = 64) -> None:
        self.channels, self.side = channels, side
        self.asked: List[int] = []

    def batch(self, indices: Any, device: torch.device) -> GraspBatch:
        self.asked += list(indices)
        image = torch.zeros(len(indices), self.channels, self.side, self.side)
        target = torch.zeros(len(indices), 4, self.side, self.side)
        for place, index in enumerate(indices):
            row = 8 + 7 * index % (self.side - 16)
            image[place, 0, row : row + 6, 10:50] = -0.05
            target[place, 0, row : row + 6, 20:40] = 1.0
            target[place, 1], target[place, 3] = -1.0, 0.1
        return GraspBatch(image.to(device), target.to(device))


@pytest.mark.parametrize("name", QUESTIONS)
def test_networks_of_a_question_differ_and_all_can_be_built(name: str, base: TrainConfig) -> None:
    question = question_of(name)
    preprocess, models = preprocess_of(base, question), models_of(base, question)
    assert len({json.dumps(model.to_tree(), sort_keys=True) for model in models.values()}) == len(models) >= 3
    side = preprocess.input_size_px if name != "peers" else 96
    for model in models.values():
        assert model.in_channels <= preprocess.channels
        network = FullSize(build_model(model), model.in_channels).eval()
        assert network(torch.zeros(1, preprocess.channels, side, side)).shape == (1, 4, side, side)


def test_the_questions_ask_for_everything_that_is_to_be_compared() -> None:
    bins = {
        tuple(n.get("bins", ())) for q in QUESTIONS.values() for n in q.networks.values() if n.get("context") == "ppm"
    }
    assert bins >= {(1,), (1, 2), (1, 2, 3, 6), (1, 2, 3, 6, 9, 12), (6,), (12,)}
    contexts = {n.get("context") for q in QUESTIONS.values() for n in q.networks.values()}
    assert contexts >= {"fcn", "ppm", "aspp", "sppm", "dappm"}
    assert {n["output_stride"] for n in QUESTIONS["stride"].networks.values()} == {8, 16, 32}


def test_an_unknown_question_names_the_near_miss() -> None:
    with pytest.raises(ConfigError, match="did you mean 'context'"):
        question_of("contexts")


def test_side_by_side_is_as_alone_and_on_the_same_batches(base: TrainConfig) -> None:
    models = models_of(base, question_of("context"))
    some = {name: models[name] for name in ("fcn", "ppm 1")}
    preprocess, in_this_process = PreprocessConfig(input_size_px=64), replace(base, machine=MachineConfig(workers=0))
    source = Bars()
    together = train_side_by_side(some, base, preprocess, batches_of(source, in_this_process, CPU), CPU)
    assert source.asked == [0, 1, 2, 3]
    alone = train_side_by_side({"fcn": models["fcn"]}, base, preprocess, batches_of(Bars(), base, CPU), CPU)
    for one, other in zip(together["fcn"].parameters(), alone["fcn"].parameters()):
        assert torch.equal(one, other)


def test_a_network_of_one_channel_sees_the_first_of_two(base: TrainConfig) -> None:
    models = models_of(base, question_of("scale"))
    preprocess = PreprocessConfig(input_size_px=64, pixel_size_channel=True)
    networks = train_side_by_side(models, base, preprocess, [Bars(channels=2).batch([0, 1], CPU)], CPU)
    image = torch.randn(1, 2, 64, 64)
    other = torch.cat([image[:, :1], image[:, 1:] + 1], dim=1)
    changes = {name: not torch.equal(network(image), network(other)) for name, network in networks.items()}
    assert changes == {"fcn": False, "ppm": False, "fcn, pixel size": True, "ppm, pixel size": True}


class Blur(torch.nn.Module):
    """Sees exactly the square of 2 r + 1 pixels around each."""

    def __init__(self, radius: int) -> None:
        super().__init__()
        self.radius = radius

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        size = 2 * self.radius + 1
        return torch.nn.functional.avg_pool2d(image, size, 1, self.radius).expand(-1, 4, -1, -1)


@pytest.mark.parametrize("radius", [1, 5, 15])
def test_the_receptive_field_of_a_mean_is_its_window(radius: int) -> None:
    field = receptive_field(Blur(radius), torch.randn(3, 1, 65, 65))
    # Half of a square's area lies within sqrt(2 / pi) of half its side.
    assert field.half_px == pytest.approx(math.sqrt(2 / math.pi) * (radius + 0.5), abs=1.0)
    assert radius * 0.8 <= field.most_px <= radius * math.sqrt(2)
    assert list(field.profile) == sorted(field.profile)
    assert field.profile[-1] == pytest.approx(1.0, abs=1e-3)


def test_a_bin_is_knocked_out_and_put_back(base: TrainConfig) -> None:
    network = build_model(models_of(base, question_of("context"))["ppm 1 2 3 6"]).eval()
    batches = [Bars().batch(range(4), CPU)]
    before = network(batches[0].image)
    found = knock_outs(network, batches, base)
    assert set(found) == {f"bin {n} {how}" for n in (1, 2, 3, 6) for how in ("zeroed", "shuffled")}
    assert len({figures.loss for figures in found.values()}) > 1
    assert torch.equal(network(batches[0].image), before)
    assert knock_outs(build_model(models_of(base, question_of("context"))["fcn"]), batches, base) == {}


def test_a_piece_leaves_a_result_that_the_page_is_made_of(base: TrainConfig, tmp_path: Path) -> None:
    for seed in (0, 1):
        piece = Piece("scale", seed, 4)
        write_result(run_piece(piece, base, CPU), tmp_path / piece.file_name)
    results = read_results(tmp_path)
    assert [(r["question"], r["seed"]) for r in results] == [("scale", 0), ("scale", 1)]
    for network in results[0]["networks"].values():
        assert len(network["hits"]) == 4
        assert network["success"] == network["hits"].count("1") / 4
    text = page(results, "pspgrasp study x.yaml")
    assert "2 steps of 2 generated scenes" in text
    assert "| ppm, pixel size |" in text
    assert "**A small version.**" in text
    assert "`--questions context`; not run" in text


def made_up(question: str, seed: int, success: Dict[str, float]) -> Dict[str, Any]:
    network = {
        "parameters": 1000, "map_hit": 0.5, "loss": 0.3, "verdicts": {}, "hits": "1010", "knock_outs": {},
        "by_kind": {"single": {"images": 4, "hits": 2}},
        "receptive_field": {"profile": [0.5] * 50, "half_px": 10.0, "most_px": 20.0},
    }  # fmt: skip
    return {
        "question": question, "seed": seed, "scenes": 4, "device": "CPU", "trained_s": 1.0,
        "preprocess": {}, "config": json.loads(json.dumps({**TREE, "model": train_config(TREE).model.to_tree()})),
        "networks": {name: {**network, "success": share} for name, share in success.items()},
    }  # fmt: skip


def test_a_verdict_follows_from_the_seeds() -> None:
    names = list(QUESTIONS["joining"].networks)
    results = [
        made_up("joining", seed, dict(zip(names, (0.5 + off, 0.6 + off, 0.3 + off, 0.5 + 3 * off))))
        for seed, off in enumerate((0.0, 0.01, -0.01))
    ]
    answer = page(results, "c").partition("## Joining")[0].partition("## Answers")[2]
    assert "Better than ppm, concat: ppm, sum (+10.0)." in answer
    assert "Worse than ppm, concat: ppm, max (-20.0)." in answer
    assert "Not decided against ppm, concat: ppm, auxiliary 0.4 (+0.0)." in answer
    assert "3 seeds" in answer
    assert "small version" not in page(results, "c")


def test_one_seed_decides_nothing() -> None:
    assert difference([0.9], [0.1]).verdict == "not decided"
    assert difference([0.9, 0.91, 0.9], [0.1, 0.12, 0.1]).verdict == "better"
    assert difference([0.1, 0.12, 0.1], [0.9, 0.91, 0.9]).verdict == "worse"
    assert difference([0.5, 0.9], [0.5, 0.1]).verdict == "not decided"


def test_results_of_different_budgets_make_no_page() -> None:
    names = list(QUESTIONS["joining"].networks)
    one, other = (made_up("joining", seed, dict.fromkeys(names, 0.5)) for seed in (0, 1))
    other["config"]["max_steps"] = 99
    with pytest.raises(DataError, match="different configs"):
        page([one, other], "c")
    with pytest.raises(DataError, match="no result yet"):
        page([], "c")


@pytest.mark.parametrize("text", ["{", "[]", '{"question": "scale"}'])
def test_a_broken_result_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "scale_0.json").write_text(text)
    with pytest.raises(DataError, match=r"scale_0\.json is no result of a study"):
        read_results(tmp_path)


def test_only_a_pyramid_can_be_varied() -> None:
    ggcnn = train_config({"model": {"architecture": "ggcnn"}})
    with pytest.raises(ConfigError, match="the config's network is a 'ggcnn'"):
        models_of(ggcnn, question_of("context"))
    assert isinstance(models_of(train_config(TREE), question_of("peers"))["ggcnn"], ModelConfig)


def test_a_network_is_held_against_what_the_question_names() -> None:
    question = QUESTIONS["stride"]
    assert question.reference("ppm, stride 8") == "fcn, stride 8"
    assert question.reference("ppm, stride 16") == question.reference("fcn, stride 8") == "fcn, stride 16"
    for some in QUESTIONS.values():
        assert set(some.against) | set(some.against.values()) <= set(some.networks)


def test_a_study_of_another_budget_does_not_take_its_place(base: TrainConfig, tmp_path: Path) -> None:
    names = list(QUESTIONS["joining"].networks)
    write_result(made_up("joining", 0, dict.fromkeys(names, 0.5)), tmp_path / "joining_0.json")
    with pytest.raises(DataError, match=r"joining_0\.json was made with another config"):
        refuse_other_study(tmp_path / "joining_0.json", Piece("joining", 0, 4), base)
