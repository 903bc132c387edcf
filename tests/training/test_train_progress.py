"""What a run says and draws while it goes."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

import numpy as np
import pytest
import torch
from bars import SIDE, Bars, bars_config, bars_run

from pspgrasp.data.batch import GraspBatch
from pspgrasp.training import progress
from pspgrasp.training.batches import Share
from pspgrasp.training.fit import train
from pspgrasp.training.pictures import CAPTION_PX, TITLES, maps_sheet
from pspgrasp.training.progress import spoken_time

BATCH = Bars().batch(range(2), torch.device("cpu"))
IMAGES, TARGETS = BATCH.image.numpy(), BATCH.target.numpy()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple:
    """Run six steps, telling after each, and return stderr and the folder."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        said: list = []
        patch.setattr(progress, "EVERY_S_IN_A_LOG", 0.0)
        patch.setattr(progress, "CURVE_POINT_EVERY", 2)
        patch.setattr(progress.Progress, "_say", lambda self, text, end: said.append(text))
        train(bars_run(folder, bars_config()))
    return said, folder


def test_steps_are_told_with_the_time_left_and_validations_with_the_best(told: tuple) -> None:
    said, _ = told
    assert [line.split(",")[0] for line in said if line.startswith("step")] == [f"step {n}/6" for n in range(1, 7)]
    assert all(line.endswith(" s left") and "images/s" in line for line in said if line.startswith("step"))
    validations = [line for line in said if line.startswith("validation")]
    assert [line.split(":")[0] for line in validations] == ["validation after step 3", "validation after step 6"]
    assert validations[0].endswith("the best so far")


def test_tensorboard_has_curves_by_part_and_pictures(told: tuple) -> None:
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    _, folder = told
    board = event_accumulator.EventAccumulator(str(folder / "tensorboard")).Reload()
    tags = board.Tags()
    wanted = {f"training/{part}" for part in ("loss", "quality", "cos", "sin", "width")} | {"rate"}
    wanted |= {f"validation/{name}" for name in ("loss", "quality", "map_hit")}
    assert wanted <= set(tags["scalars"])
    assert [event.step for event in board.Scalars("training/loss")] == [2, 4, 6]
    assert [event.step for event in board.Scalars("validation/loss")] == [3, 6]
    assert tags["images"] == ["maps"]
    assert board.Images("maps")[0].width == len(TITLES) * SIDE


def test_a_row_a_sample_a_column_a_map() -> None:
    sheet = maps_sheet(IMAGES, TARGETS, TARGETS)
    assert sheet.shape == (CAPTION_PX + 2 * SIDE, len(TITLES) * SIDE, 3)
    columns = np.split(sheet[CAPTION_PX:], len(TITLES), axis=1)
    for wanted, put_out in ((1, 2), (3, 4), (5, 6)):
        assert np.array_equal(columns[wanted], columns[put_out]), "an output that is the target looks like it"
    other = maps_sheet(IMAGES, TARGETS, np.roll(TARGETS, 5, axis=-1))
    columns = np.split(other[CAPTION_PX:], len(TITLES), axis=1)
    assert not any(np.array_equal(columns[wanted], columns[put_out]) for wanted, put_out in ((1, 2), (3, 4), (5, 6)))


def test_small_maps_are_drawn_as_large_as_the_image() -> None:
    assert maps_sheet(IMAGES, TARGETS[..., ::2, ::2], TARGETS[..., ::2, ::2]).shape[0] == CAPTION_PX + 2 * SIDE


@pytest.mark.parametrize(
    ("stopped_at", "said"),
    [(1, "stopped at step 1; nothing was saved before the first validation"), (4, "--resume goes on after step 3")],
)
def test_who_stops_a_run_is_told_how_to_go_on(
    stopped_at: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    class Stopped(Bars):
        def batch(self, indices: Sequence[int], device: torch.device) -> GraspBatch:
            if indices[0] >= 4 * stopped_at:
                raise KeyboardInterrupt
            return super().batch(indices, device)

    with pytest.raises(SystemExit):
        train(bars_run(tmp_path, bars_config(), training=(Share("bars", Stopped(), 4),)))
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "spoken"), [(0.4, "0 s"), (89, "89 s"), (91, "2 min"), (5300, "88 min"), (11_100, "3 h 05 min")]
)
def test_durations_are_told_as_people_do(seconds: float, spoken: str) -> None:
    assert spoken_time(seconds) == spoken


def test_a_log_gets_lines_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    train(bars_run(tmp_path, bars_config()))
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["validation after step 3", "validation after step 6"]
