"""From a config to the sources of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import labelled_data
import pytest
import torch

from pspgrasp.data.labelled import LabelledConfig
from pspgrasp.errors import ConfigError, DataError
from pspgrasp.rectangle import GraspRectangle
from pspgrasp.training.config import DataConfig, TrainConfig, ValidationConfig, train_config
from pspgrasp.training.sources import scenes, shares_of

BOX = GraspRectangle(270.0, 200.0, 1.2, 70.0, 30.0)
CPU, GPU = torch.device("cpu"), torch.device("cuda")
SMALL = train_config({"preprocess": {"input_size_px": 48}, "batch_size": 8})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cornell")
    labelled_data.write_cornell(path, range(10), [BOX], labelled_data.scene_m((480, 640)))
    return path


def with_folders(*labelled: LabelledConfig, scenes_share: float = 0.0, **more: object) -> TrainConfig:
    return replace(SMALL, data=DataConfig(scenes_share, labelled=labelled), **more)


def test_scenes_alone_are_the_default_and_validation_has_others() -> None:
    training, validation = shares_of(SMALL, CPU)
    assert [(share.name, share.samples) for share in training] == [("generated scenes", 8)]
    assert [(share.name, share.samples) for share in validation] == [("generated scenes", 256)]
    first, other = (shares[0].source.batch([0], CPU) for shares in (training, validation))
    assert first.image.shape == (1, 1, 48, 48)
    assert first.target.shape == (1, 4, 48, 48)
    assert not torch.equal(first.image, other.image)


def test_scenes_are_made_on_a_gpu_and_by_processes_on_a_cpu() -> None:
    assert all(share.on_device for shares in shares_of(SMALL, GPU) for share in shares)
    assert not any(share.on_device for shares in shares_of(SMALL, CPU) for share in shares)


def test_a_seed_is_a_draw_of_scenes() -> None:
    first, again, other = (scenes(SMALL, seed).batch([3], CPU).image for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_folder_is_split_by_object_and_its_held_out_part_is_not_augmented(folder: Path) -> None:
    config = with_folders(LabelledConfig(folder=str(folder)), scenes_share=1.0)
    training, validation = shares_of(config, GPU)
    assert [share.samples for share in training] == [4, 4]
    kept, held = training[1], validation[1]
    assert (len(kept.source), len(held.source), held.samples) == (8, 2, 2)
    assert not {e.object_id for e in kept.source.entries} & {e.object_id for e in held.source.entries}
    assert kept.source.augment is not None
    assert held.source.augment is None
    assert not kept.on_device, "images are read by processes, on a GPU too"
    assert held.name == f"{folder.name} (cornell, 2 images), held out"


def test_validation_may_have_folders_of_its_own(folder: Path) -> None:
    other = ValidationConfig(scenes=0, labelled=(LabelledConfig(folder=str(folder)),))
    config = replace(with_folders(LabelledConfig(folder=str(folder))), validation=other)
    config = replace(config, data=replace(config.data, held_out=0.0))
    _, validation = shares_of(config, CPU)
    assert [(share.samples, share.source.augment) for share in validation] == [(10, None)]


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        shares_of(with_folders(LabelledConfig(folder=str(tmp_path / "none"))), CPU)
    with pytest.raises(DataError, match="holds no labelled images, but nothing"):
        shares_of(with_folders(LabelledConfig(folder=str(tmp_path))), CPU)
    with pytest.raises(ConfigError, match="nothing to learn from"):
        shares_of(with_folders(), CPU)
