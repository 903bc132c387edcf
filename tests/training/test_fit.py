"""A run: it learns, keeps the best, stops when it should, and refuses what can't be right."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, List, Sequence

import numpy as np
import pytest
import torch
from bars import SIDE, Bars, bars_config, bars_run

from pspgrasp.checkpoint import Checkpoint, load_checkpoint
from pspgrasp.data.batch import GraspBatch
from pspgrasp.errors import CheckpointError, ConfigError, DataError, NetworkError
from pspgrasp.models import ModelConfig, build_model
from pspgrasp.predictor import GraspPredictor
from pspgrasp.training.batches import Share
from pspgrasp.training.fit import chosen_device, first_network, train
from pspgrasp.training.keeping import Keeping
from pspgrasp.training.module import build_optimiser
from pspgrasp.training.run_folder import RunFolder

PSP = {"backbone": "test_efficientnet", "relief_boxes_px": [15]}


class Poisoned(Bars):
    """Bars up to a number, and then one with a NaN in a map."""

    def __init__(self, first: int, channel: int) -> None:
        super().__init__()
        self.first, self.channel = first, channel

    def batch(self, indices: Sequence[int], device: torch.device) -> GraspBatch:
        batch = super().batch(indices, device)
        for place, index in enumerate(indices):
            if index >= self.first:
                batch.target[place, self.channel] = math.nan
        return batch


class Broken(Bars):
    def batch(self, *_: Any) -> GraspBatch:
        raise DataError("pcd0001cpos.txt:3: expected a corner 'u v'")


def test_it_learns_bars_and_its_checkpoint_finds_them(tmp_path: Path) -> None:
    config = bars_config(
        max_steps=90,
        validate_every=90,
        batch_size=8,
        stored_bits=16,
        optimisation={"rate": 1e-2, "average_decay": 0.9, "warmup_steps": 10},
    )
    figures = train(bars_run(tmp_path, config, command="pspgrasp train bars.yaml"))
    untrained = train(bars_run(tmp_path / "none", replace(config, max_steps=1)))
    assert figures["loss"] < 0.5 * untrained["loss"]
    checkpoint = load_checkpoint(tmp_path / "best.safetensors")
    predictor = GraspPredictor.from_checkpoint(checkpoint, "cpu")
    batch = Bars(seed=2).batch(range(20), torch.device("cpu"))
    off_px = []
    for image, target in zip(batch.image.numpy(), batch.target.numpy()):
        best, wanted = (
            np.unravel_index(maps.argmax(), (SIDE, SIDE)) for maps in (predictor.run(image).quality, target[0])
        )
        off_px.append(math.hypot(*np.subtract(best, wanted)))
    assert np.median(off_px) < 4
    assert next(iter(checkpoint.weights.values())).dtype == torch.float16
    assert checkpoint.width == "contact"


@pytest.mark.parametrize(
    ("architecture", "network", "machine"),
    [
        ("ggcnn2", {}, {"workers": 2}),
        ("grconvnet", {"channels": 4}, {"precision": "bf16"}),
        ("pspgraspnet", {**PSP, "auxiliary_channels": 8}, {"channels_last": True}),
    ],
)
def test_every_network_trains_at_batch_1_and_the_record_tells_how(
    architecture: str, network: dict, machine: dict, tmp_path: Path
) -> None:
    config = bars_config(
        model={"architecture": architecture, "network": network},
        batch_size=1,
        max_steps=2,
        validate_every=2,
        machine=machine,
    )
    train(bars_run(tmp_path, config, command="pspgrasp train x.yaml"))
    record = load_checkpoint(tmp_path / "best.safetensors").training
    assert record["data"] == "bars, 1 a batch"
    assert record["validation_data"] == "other bars, 5 in all"
    assert (record["steps"], record["samples"], record["batch"], record["seed"]) == (2, 2, 1, 0)
    assert (record["command"], record["origin"], record["device"]) == ("pspgrasp train x.yaml", "random", "CPU")
    assert record["versions"]["torch"] == torch.__version__
    assert record["config"]["model"]["architecture"] == architecture
    assert {"validation_loss", "validation_quality", "validation_map_hit"} <= set(record["figures"])


@pytest.mark.parametrize(("channel", "part"), [(0, "quality"), (1, "cos"), (2, "sin"), (3, "width")])
def test_a_loss_that_is_not_finite_ends_the_run_and_leaves_the_checkpoints(
    channel: int, part: str, tmp_path: Path
) -> None:
    training = (Share("bars", Poisoned(first=17, channel=channel), 4),)
    with pytest.raises(NetworkError, match=rf"the loss at step 4 is not finite \(.*{part} is nan"):
        train(bars_run(tmp_path, bars_config(), training=training))
    assert RunFolder(tmp_path).load_state()["step"] == 3
    best = RunFolder(tmp_path).load_best()
    assert best is not None
    assert all(torch.isfinite(tensor).all() for tensor in best.weights.values())


def test_a_validation_that_is_not_finite_is_not_kept(tmp_path: Path) -> None:
    validation = (Share("bars", Poisoned(first=0, channel=3), 6),)
    with pytest.raises(NetworkError, match=r"validation loss after step 3 is not finite \(width is nan\)"):
        train(bars_run(tmp_path, bars_config(), validation=validation))
    assert not (tmp_path / "best.safetensors").exists()
    assert not (tmp_path / "last.ckpt").exists()


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_label_is_told_in_its_own_words_by_a_process_too(workers: int, tmp_path: Path) -> None:
    config = bars_config(machine={"workers": workers})
    with pytest.raises(DataError) as caught:
        train(bars_run(tmp_path, config, training=(Share("broken", Broken(), 4),)))
    assert str(caught.value) == "pcd0001cpos.txt:3: expected a corner 'u v'"


def kept(folder: Path, figures: List[float], config: Any) -> List[int]:
    """Return the steps of the best checkpoint after validations with these figures; it stops when `Keeping` says so."""

    class Trainer:
        is_global_zero, should_stop = True, False

        class strategy:  # noqa: N801
            broadcast = staticmethod(lambda value: value)

    class Module:
        device, trainer = torch.device("cpu"), SimpleNamespace(precision="32-true")
        judged = build_model(config.model)

        def state(self) -> dict:
            return {"step": self.step}

    keeping, module, steps = Keeping(RunFolder(folder), config, {"command": "", "origin": "random"}), Module(), []
    module.config = config
    for number, figure in enumerate(figures, 1):
        module.step, module.figures = number * config.validate_every, {config.monitor: figure}
        keeping.on_validation_end(Trainer, module)
        steps.append(load_checkpoint(folder / "best.safetensors").training["steps"])
        if Trainer.should_stop:
            break
    return steps


def test_the_best_is_never_overwritten_by_a_worse_one_nor_after_a_resumed_run(tmp_path: Path) -> None:
    config = bars_config()
    assert kept(tmp_path, [0.5, 0.3, 0.4, 0.3], config) == [3, 6, 6, 6]
    assert kept(tmp_path, [0.31, 0.9], config) == [6, 6], "begun anew in the same folder"
    assert kept(tmp_path, [0.29], config) == [3]


def test_more_hits_are_better(tmp_path: Path) -> None:
    assert kept(tmp_path, [0.5, 0.3, 0.6], bars_config(monitor="map_hit")) == [3, 3, 9]


def test_patience_ends_a_run_that_gets_no_better(tmp_path: Path) -> None:
    assert kept(tmp_path, [0.5, 0.4, 0.6, 0.7, 0.1], bars_config(patience=2)) == [3, 6, 6, 6]
    assert len(kept(tmp_path, [0.9, 0.9, 0.9, 0.9], bars_config(patience=0))) == 4


def test_a_run_without_patience_ends_early(tmp_path: Path) -> None:
    config = bars_config(max_steps=40, validate_every=2, patience=2, optimisation={"rate": 1e-8, "average_decay": 0.0})
    train(bars_run(tmp_path, replace(config, monitor="map_hit")))
    assert RunFolder(tmp_path).load_state()["step"] == 6


def trained(folder: Path, **more: Any) -> Checkpoint:
    train(bars_run(folder, bars_config(max_steps=1, **more)))
    return load_checkpoint(folder / "best.safetensors")


def test_fine_tuning_starts_from_the_weights_of_a_checkpoint(tmp_path: Path) -> None:
    origin = trained(tmp_path / "first")
    config = bars_config(max_steps=1, optimisation={"rate": 1e-8, "average_decay": 0.0})
    train(bars_run(tmp_path / "second", config, origin=origin))
    second = load_checkpoint(tmp_path / "second" / "best.safetensors")
    assert second.training["origin"] == "checkpoint best"
    assert all(torch.allclose(second.weights[name], tensor, atol=1e-6) for name, tensor in origin.weights.items())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": {"architecture": "ggcnn2"}}, "model/architecture: ggcnn2, not ggcnn"),
        ({"width_scale_px": 30.0}, "width_scale_px: 30, not 20"),
        (
            {"width": "opening", "data": {"scenes_share": 0.0}, "validation": {"scenes": 0}},
            "width: opening, not contact",
        ),
    ],
)
def test_another_networks_checkpoint_is_refused_with_what_differs(changes: dict, said: str, tmp_path: Path) -> None:
    config = bars_config()
    weights = build_model(config.model).state_dict()
    origin = Checkpoint("mine", config.model, weights, config.preprocess, 20.0, {"steps": 1}, "contact")
    with pytest.raises(CheckpointError, match=f"checkpoint 'mine' is another network than the config's: {said}"):
        first_network(bars_config(**changes), origin)


def test_initial_weights_follow_the_seed() -> None:
    first, again, other = (first_network(bars_config(seed=seed), None).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(tensor, again[name]) for name, tensor in first.items())
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])


def test_new_modules_may_learn_faster_than_the_backbone() -> None:
    config = bars_config(model={"architecture": "pspgraspnet", "network": PSP}, optimisation={"new_module_rate": 10.0})
    network = build_model(config.model)
    slow, fast = build_optimiser(network, config).param_groups
    assert (slow["lr"], fast["lr"]) == (1e-3, 1e-2)
    assert [id(p) for p in slow["params"]] == [id(p) for p in network.backbone.parameters()]
    assert len(slow["params"]) + len(fast["params"]) == len(list(network.parameters()))
    with pytest.raises(ConfigError, match="a Ggcnn has none; make it 1"):
        build_optimiser(build_model(ModelConfig.from_tree({"architecture": "ggcnn"})), config)


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_optimisers_by_name(optimiser: str) -> None:
    config = bars_config(optimisation={"optimiser": optimiser, "weight_decay": 0.5})
    built = build_optimiser(build_model(config.model), config)
    assert type(built).__name__.lower() == optimiser
    assert built.param_groups[0]["weight_decay"] == 0.5


def test_a_device_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=r"device 'cuda' was asked for, but torch .* sees no GPU; use auto or cpu"):
        chosen_device(bars_config(machine={"device": "cuda"}).machine)
    with pytest.raises(ConfigError, match="sync_batch_norm needs GPUs"):
        chosen_device(bars_config(machine={"sync_batch_norm": True}).machine)
    with pytest.raises(ConfigError, match="precision 16 needs a GPU"):
        chosen_device(bars_config(machine={"precision": "16"}).machine)


def test_batch_norm_over_several_gpus_is_the_same_function_where_it_is_used() -> None:
    config = bars_config(model={"architecture": "pspgraspnet", "network": PSP})
    plain = first_network(config, None).eval()
    synced = first_network(replace(config, machine=replace(config.machine, sync_batch_norm=True)), None).eval()
    assert any(isinstance(module, torch.nn.SyncBatchNorm) for module in synced.modules())
    assert list(synced.state_dict()) == list(plain.state_dict())
    image = Bars().batch([0, 1], torch.device("cpu")).image
    assert torch.allclose(synced(image), plain(image), atol=1e-6)


def test_nothing_to_validate_on_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing to validate on: set validation/scenes"):
        train(bars_run(tmp_path, bars_config(), validation=()))
    assert list(tmp_path.iterdir()) == []
