"""Laws of the bench: bounds are bounds, a wrong hand or camera lifts nothing, a run is the same wherever it runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import List, NamedTuple, Sequence

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="needs the extra sim")

from pspgrasp.cli import main
from pspgrasp.config import CropConfig, DetectionConfig
from pspgrasp.data.cornell import read_corner_labels
from pspgrasp.data.dataset import open_dataset
from pspgrasp.errors import ConfigError
from pspgrasp.predictor import GraspPredictor
from pspgrasp.shipped import find_checkpoint
from pspgrasp.sim import run as run_module
from pspgrasp.sim.attempt import Outcome, Plan, attempt
from pspgrasp.sim.bench import BenchConfig, Job, camera_of, done_by, tried
from pspgrasp.sim.cells import CELLS, Cell, cells_of
from pspgrasp.sim.decision import decided, planned
from pspgrasp.sim.docs_page import BEGIN, END
from pspgrasp.sim.planning import DOWN, hand_pose
from pspgrasp.sim.records import SceneRecord
from pspgrasp.sim.rows import CentroidRow, LabelsRow, Row
from pspgrasp.sim.run import header_of, run
from pspgrasp.sim.run_folder import RunFolder
from pspgrasp.sim.shot import Shot, misjudged
from pspgrasp.sim.stage import set_up
from pspgrasp.sim.verified import VerifyJob, verified, write_scene
from pspgrasp.sim.world import HandPose, World

CONFIG = BenchConfig(("labels", "centroid"))
RANDOM = CELLS["random"]


class Scene(NamedTuple):
    """What was seen of a world."""

    world: World
    shot: Shot


@pytest.fixture(scope="module")
def scenes() -> List[Scene]:
    """Return scenes of one thing."""
    stages = [set_up(RANDOM, 0, number, CONFIG.gripper, CONFIG.physics) for number in range(16)]
    assert not any(stage.world.exploded for stage in stages)
    return [Scene(stage.world, stage.shot(camera_of("auto"))) for stage in stages]


def held(scenes: Sequence[Scene], row: Row) -> int:
    return sum(done_by(world, decided(row, shot)).outcome is Outcome.HELD for world, shot in scenes)


def test_labels_lift_far_more_than_middles(scenes: List[Scene]) -> None:
    by_labels, by_middles = held(scenes, LabelsRow()), held(scenes, CentroidRow())
    assert by_labels >= 12
    assert by_labels >= by_middles + 3


def test_nothing_is_lifted_upside_down(scenes: List[Scene]) -> None:
    for world, shot in scenes[:12]:
        choice = decided(LabelsRow(), shot).choice
        if choice is not None:
            upside_down = choice.plan.pose._replace(approach=-choice.plan.pose.approach)
            assert not attempt(world, Plan(upside_down, choice.plan.opening_m), choice.target).in_hand


def test_a_wrong_camera_transform_lifts_nothing(scenes: List[Scene]) -> None:
    rng, lifted = np.random.default_rng(0), 0
    for world, shot in scenes:
        wrong = replace(shot, believed_pose=misjudged(shot.camera_pose, rng, 200.0, 10.0))
        plans = [planned(grasp, wrong) for grasp in LabelsRow()(shot)[:1]]
        lifted += sum(bool(attempt(world, plan, 0).in_hand) for plan in plans)
    assert lifted <= 1


def test_a_misjudged_camera_is_off_by_what_it_says() -> None:
    pose = np.eye(4)
    wrong = misjudged(pose, np.random.default_rng(1), 10.0, 3.0)
    assert np.linalg.norm(wrong[:3, 3]) == pytest.approx(0.01)
    assert np.degrees(np.arccos((np.trace(wrong[:3, :3]) - 1) / 2)) == pytest.approx(3.0)


def test_cells_show_the_same_things_and_more_of_them_begin_alike() -> None:
    def laid(name: str) -> List[np.ndarray]:
        stage = set_up(CELLS[name], 0, 3, CONFIG.gripper, CONFIG.physics)
        return [np.concatenate(thing.pieces) for thing in stage.world.objects]

    (alone,) = laid("household")
    (seen_badly,) = laid("noise-poor")
    np.testing.assert_array_equal(alone, seen_badly)
    # Where it falls depends on how many there are; what it is doesn't.
    first = laid("clutter-5")[0]
    np.testing.assert_allclose(np.ptp(first, axis=0), np.ptp(alone, axis=0), atol=1e-9)


def without_times(record: SceneRecord) -> SceneRecord:
    rows = {row: tuple(replace(one, predict_s=0.0) for one in all_of) for row, all_of in record.rows.items()}
    return replace(record, rows=rows)


def test_a_scene_is_the_same_in_any_process_and_a_run_goes_on_where_it_was(tmp_path: Path) -> None:
    cells, folder = (CELLS["household"],), RunFolder(tmp_path, header_of(CONFIG, (CELLS["household"],)))
    first = run(CONFIG, cells, 1, folder, processes=1)
    every = run(CONFIG, cells, 2, folder, processes=2)
    assert every[:1] == first
    assert sorted((record.cell, record.number) for record in every) == [("household", number) for number in range(2)]
    for record in every:
        assert without_times(tried(Job(CONFIG, cells[0], record.number))) == without_times(record)
    assert run(CONFIG, cells, 2, folder, processes=1) == folder.records()


def test_what_is_tried_is_what_a_detector_says_of_the_measured_frame() -> None:
    cell, name = CELLS["calibration"], "efficientnet_lite0"
    (done,) = tried(Job(replace(CONFIG, rows=(name,)), cell, 1)).rows[name]
    stage = set_up(cell, CONFIG.seed, 1, CONFIG.gripper, CONFIG.physics)
    shot = stage.shot(camera_of(CONFIG.camera))
    window, whatever = CropConfig(size_px=300), DetectionConfig(min_quality=0.0)
    predictor = GraspPredictor.from_checkpoint(find_checkpoint(name), "cpu", window, whatever)
    best = predictor.predict(shot.frame).grasps[0]
    pose = hand_pose(best, stage.believed_pose, CONFIG.gripper)
    assert (done.tip_m, done.closing) == (tuple(pose.tip_m), tuple(pose.closing))
    assert done.opening_m == min(best.width_m, 0.08)
    assert done.quality == pytest.approx(best.quality, abs=1e-4)
    assert done.predict_s > 0
    again = attempt(stage.world, Plan(HandPose(np.array(done.tip_m), np.array(done.closing), DOWN), done.opening_m), 0)
    assert (again.outcome.value, again.held) == (done.outcome, done.held), "a record is enough to try again"


def test_bins_are_as_many_as_give_each_row_its_attempts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = (CELLS["household"], CELLS["bin-10"])
    monkeypatch.setattr(run_module, "tried", lambda job, more: SceneRecord(job.cell.name, job.number, ()))
    records = run(CONFIG, cells, 21, RunFolder(tmp_path, header_of(CONFIG, cells)), processes=1)
    numbers = {cell.name: sorted(record.number for record in records if record.cell == cell.name) for cell in cells}
    assert numbers == {"household": list(range(21)), "bin-10": [0, 1, 2]}


def test_each_row_begins_with_the_bin_as_it_was() -> None:
    cell = replace(CELLS["bin-10"], things=1)
    alone, second = (
        tried(Job(replace(CONFIG, rows=rows), cell, 0)) for rows in (("centroid",), ("labels", "centroid"))
    )
    assert without_times(alone).rows["centroid"] == without_times(second).rows["centroid"]


def test_while_things_move_only_a_closed_loop_gets_them() -> None:
    outcomes = {}
    for name in ("moved-closed-loop", "moved-open-loop"):
        cell = replace(CELLS[name], noise="none")
        records = [tried(Job(replace(CONFIG, rows=("labels",)), cell, number)) for number in (1,)]
        outcomes[name] = [record.rows["labels"][0].outcome for record in records]
    assert outcomes["moved-closed-loop"] == ["held"]
    assert "held" not in outcomes["moved-open-loop"]


def test_the_middle_of_the_nearest_thing_is_on_it(scenes: List[Scene]) -> None:
    for _, shot in scenes[:6]:
        assert decided(CentroidRow(), shot).choice.target == 0  # type: ignore[union-attr]


def test_a_set_of_things_is_a_cell_and_anything_else_is_refused(tmp_path: Path) -> None:
    assert cells_of(["random", "household"]) == (RANDOM, CELLS["household"])
    with pytest.raises(ConfigError, match="did you mean 'clutter-5'"):
        cells_of(["cluter-5"])


def test_a_run_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, folder = tmp_path / "page.md", tmp_path / "run"
    page.write_text(f"# Physics\n\n{BEGIN}\nyesterday\n{END}\n\nthe end\n")
    words = ["sim", "run", str(folder), "--rows", "centroid", "labels", "--cells", "household", "--attempts", "2"]
    assert main([*words, "--processes", "1", "--pictures", "1", "--page", str(page)]) == 0
    told = capsys.readouterr().out
    assert "| household * | 2 |" in told
    text = page.read_text()
    assert "| household * | 2 |" in text
    assert "yesterday" not in text
    assert text.endswith("the end\n")
    assert {"figures.json", "index.html", "run.json", "scenes.jsonl"} <= {file.name for file in folder.iterdir()}
    assert "labels" in (folder / "index.html").read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--rows", "resnet_18"], "did you mean 'resnet18'"),
        (["--rows", "ggcnn", "ggcnn"], "2 rows are called 'ggcnn'"),
        (["--cells", "nowhere"], "unknown cell"),
        (["--attempts", "0"], "--attempts"),
        (["--camera", "eyes"], "unknown camera"),
    ],
)
def test_what_can_not_be_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: List[str], told: str
) -> None:
    assert main(["sim", "run", str(tmp_path / "run"), "--rows", "centroid", "--cells", "household", *words]) == 1
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_labels_that_physics_confirms_become_a_data_set(tmp_path: Path) -> None:
    scenes = [verified(VerifyJob(3, number)) for number in range(3)]
    labels = [label for scene in scenes for label in scene.labels]
    assert sum(label.held for label in labels) >= len(labels) / 2 >= 4
    for scene in scenes:
        write_scene(scene, tmp_path)
    dataset = open_dataset(tmp_path)
    entry = dataset.entries[0]
    sample = dataset.read(entry)
    kept = [label.rectangle for label in scenes[0].labels if label.held]
    assert len(sample.rectangles) == len(kept)
    for read, written in zip(sample.rectangles, kept):
        assert (read.u, read.v) == pytest.approx((written.u, written.v), abs=0.01)
        assert read.opening_px == pytest.approx(written.opening_px, abs=0.01)
    np.testing.assert_array_equal(sample.depth_m, scenes[0].frame.depth_m)
    refused = read_corner_labels(Path(str(entry.labels).replace("cpos", "cneg")))[0]
    assert len(refused) == len(scenes[0].labels) - len(kept)


def test_a_cell_says_what_is_varied() -> None:
    usual = CELLS["household"]
    for cell in CELLS.values():
        plain: Cell = replace(cell, name=usual.name, factor=usual.factor)
        assert cell is usual or plain != usual
