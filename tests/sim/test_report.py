"""Laws of what people get to see: pictures, films, and a page that has every figure and needs nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Dict, Optional, Tuple

import cv2
import numpy as np
import pytest
from html_page import Page

pytest.importorskip("mujoco", reason="needs the extra sim")


from pspgrasp.data.synthetic.antipodal import GripperConfig
from pspgrasp.data.synthetic.things import box
from pspgrasp.depth import DepthFrame
from pspgrasp.errors import PspGraspError
from pspgrasp.evaluation.html.parts import Shown
from pspgrasp.evaluation.paired import Paired
from pspgrasp.grasp import Grasp
from pspgrasp.sim import gl
from pspgrasp.sim.attempt import Outcome, Plan
from pspgrasp.sim.camera import REALSENSE, choose_camera
from pspgrasp.sim.cells import CELLS, Cell
from pspgrasp.sim.failures import seen_by, shown, worst_failures
from pspgrasp.sim.model import PhysicsConfig
from pspgrasp.sim.objects import of_parts
from pspgrasp.sim.pictures import GRASP_BGR, SIDE_CAMERA, beside, choose_painter, grasp_picture, jpeg, side_view_pose
from pspgrasp.sim.planning import hand_pose
from pspgrasp.sim.ratio import Estimate, share
from pspgrasp.sim.records import SceneRecord, Tried
from pspgrasp.sim.report import EMBEDDED_BYTES, Head, page, write_report
from pspgrasp.sim.stage import set_up
from pspgrasp.sim.table import CellTable, Figure
from pspgrasp.sim.world import HandPose, World

ROWS = ("ours", "ggcnn")
HEAD = Head("Grasps tried by lifting", "A test.", {"Seed": "0", "Command": "pspgrasp sim run"}, {"ours": "best peak"})


def figure(row: str, held: int, other: Optional[Paired] = None) -> Figure:
    outcomes = {Outcome.HELD.value: held, Outcome.DROPPED.value: 100 - held}
    picks = Estimate(371.0, (350.0, 390.0))
    cleared = Estimate(0.8, None)
    return Figure(row, 100, held, share(held, 100), outcomes, 2, picks, 42.0, cleared, other, other and other.p)


def cell_table(cell: Cell, held: Tuple[int, int] = (87, 53), p: float = 1e-6) -> CellTable:
    figures = (figure(ROWS[0], held[0]), figure(ROWS[1], held[1], Paired(3, 37, p)))
    return CellTable(cell, 100, 4, figures)


TABLES = tuple(cell_table(cell) for cell in CELLS.values())


def test_a_page_has_every_cell_and_every_row_and_is_well_formed() -> None:
    parsed = Page(page(HEAD, TABLES))
    assert not parsed.open
    for name in (*CELLS, *ROWS, "350 to 390", *HEAD.facts.values(), "best peak"):
        assert name in parsed.texts or any(name in text for text in parsed.texts), name
    assert parsed.texts.count("87 %") >= len(CELLS)
    assert parsed.texts.count("87/100") >= len(CELLS)


def test_a_page_needs_neither_network_nor_script() -> None:
    failures = [Shown(jpeg(np.zeros((20, 30, 3), np.uint8)), "dropped", "a mug")]
    text = page(HEAD, TABLES, failures, "data:video/mp4;base64,AAAA")
    parsed = Page(text)
    assert "script" not in parsed.tags
    assert len(parsed.fetched) == 3, "icon, picture, film"
    assert all(source.startswith("data:") for source in parsed.fetched)
    assert not re.search(r"https?://|@import|url\(", text)


def test_names_are_text_and_never_markup() -> None:
    evil = '<script>alert("&")</script>'
    cell = replace(CELLS["household"], name=evil, objects=evil, factor=evil)
    tables = [replace(cell_table(cell), figures=(figure(evil, 50), figure("b", 40)))]
    head = Head(evil, evil, {evil: evil, "long": evil * 5}, {evil: evil})
    parsed = Page(page(head, tables, [Shown(b"", evil, evil)], '"><script>'))
    assert "script" not in parsed.tags
    assert not parsed.open
    assert any(evil in text for text in parsed.texts)


@pytest.mark.parametrize(("p", "said"), [(1e-6, "▼ p<0.001"), (0.02, "▼ p 0.020"), (0.05, "\xa0"), (0.4, "\xa0")])
def test_a_difference_is_marked_only_if_it_is_sure(p: float, said: str) -> None:
    assert said in Page(page(HEAD, [cell_table(CELLS["household"], p=p)])).texts


def test_what_is_better_and_what_is_worse_have_different_marks() -> None:
    worse = figure("b", 53, Paired(3, 37, 1e-6))
    assert (worse.mark, replace(worse, against_first=Paired(37, 3, 1e-6)).mark) == ("▼", "▲")
    assert replace(worse, corrected_p=None).mark == ""


def test_a_figure_that_there_is_not_is_a_dash() -> None:
    none = Figure("ours", 0, 0, None, {}, 100, None, None)
    texts = Page(
        page(HEAD, [replace(cell_table(CELLS[name]), figures=(none,)) for name in ("household", "bin-10")])
    ).texts
    assert texts.count("-") == 6, "success; of bins: taken out, success, picks; the detector's time and picks"
    assert "0 %" not in texts


def test_what_is_told_too_early_has_a_star() -> None:
    early, enough = cell_table(CELLS["household"]), replace(cell_table(CELLS["household"]), scenes=300)
    assert "household *" in Page(page(HEAD, [early])).texts
    text = page(HEAD, [enough])
    assert "household *" not in text
    assert "fewer than 300 attempts" not in text


def test_what_was_not_run_has_no_section() -> None:
    text = page(HEAD, [cell_table(CELLS["household"])])
    for heading in ("Clearing a bin</h2>", "What makes it hard", "Worst failures", "A bin is cleared"):
        assert heading not in text
    assert "Clearing a bin</h2>" in page(HEAD, [cell_table(CELLS["bin-10"])])


def test_a_small_video_becomes_part_of_the_page_and_a_large_one_stays_beside_it(tmp_path: Path) -> None:
    film, large = tmp_path / "film.mp4", tmp_path / "large film.mp4"
    film.write_bytes(b"film")
    large.write_bytes(b"0" * (EMBEDDED_BYTES + 1))
    for video, source in ((film, "data:video/mp4;base64,ZmlsbQ=="), (large, "large%20film.mp4")):
        write_report(tmp_path / "index.html", HEAD, TABLES, video=video)
        assert source in Page((tmp_path / "index.html").read_text(encoding="utf-8")).fetched
    with pytest.raises(PspGraspError, match=r"none\.mp4 can't be read"):
        write_report(tmp_path / "index.html", HEAD, TABLES, video=tmp_path / "none.mp4")


# --- failures


def record(number: int, ours: Tried, other: str, cell: str = "household") -> SceneRecord:
    return SceneRecord(cell, number, ("mug", "bowl"), rows={"ours": (ours,), "labels": (Tried(other),)})


def test_a_failure_is_the_worse_the_surer_it_was_and_worst_where_others_could_do_it() -> None:
    dropped, sure = Tried("dropped", 1, quality=0.3), Tried("missed", 0, quality=0.9)
    records = [
        record(0, Tried("held", 0, quality=1.0), "held"),
        record(1, sure, "dropped"),
        record(2, dropped, "held"),
        record(3, sure, "held"),
        record(4, Tried("exploded", 0), "held"),
        record(5, Tried("no grasp"), "held"),
        record(6, sure, "held", cell="bin-10"),
        SceneRecord("household", 7, ("mug",), exploded=True),
    ]
    worst = worst_failures(records, list(CELLS.values()), "ours", 10)
    assert [one.record.number for one in worst] == [3, 2, 1]
    assert worst[0].held_by == ("labels",)
    assert len(worst_failures(records, list(CELLS.values()), "ours", 2)) == 2


def test_a_failure_is_tried_again_to_be_seen() -> None:
    stage = set_up(CELLS["household"], 0, 0, GripperConfig(opening_m=0.08), PhysicsConfig())
    beside_it = tuple(stage.world.middle_m(0) + np.array([0.0, 0.0, 0.15]))
    tried = Tried("missed", 0, quality=0.9, tip_m=beside_it, closing=(1.0, 0.0, 0.0), opening_m=0.08)
    failure = worst_failures([record(0, tried, "held")], [stage.cell], "ours", 1)[0]
    one = shown(failure, stage, choose_camera("auto"), choose_painter("auto"))
    assert (one.title, one.caption) == ("missed: mug", "household, scene 0: ours, quality 0.90; held by labels")
    picture = cv2.imdecode(np.frombuffer(one.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[0] == 360
    _, at_grip, at_end = np.split(picture, [360, 840], axis=1)
    assert np.abs(at_grip.astype(int) - at_end).max() > 100, "the gripper went up"
    assert stage.world.watch is None


@pytest.mark.parametrize("angle_rad", [-1.2, 0.0, 0.7])
def test_a_plan_is_drawn_where_the_grasp_was_that_it_came_from(angle_rad: float) -> None:
    gripper = GripperConfig(opening_m=0.08)
    grasp = Grasp(np.array([0.03, -0.02, 0.58]), angle_rad, 0.06, 1.0)
    pose = np.array([[1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0], [0.0, 0.0, -1.0, 0.6], [0.0, 0.0, 0.0, 1.0]])
    seen = seen_by(Plan(hand_pose(grasp, pose, gripper), grasp.width_m), pose)
    np.testing.assert_allclose(seen.position_m[:2], grasp.position_m[:2], atol=1e-9)
    assert seen.angle_rad == pytest.approx(angle_rad)
    assert seen.width_m == 0.06


# --- pictures


@pytest.fixture(scope="module")
def scene() -> World:
    """Return a world of two blocks, and the gripper above one of them."""
    world = World([of_parts([box((0.05, 0.05, 0.05), (x, 0.0, 0.0))]) for x in (-0.06, 0.06)])
    down = np.array([0.0, 0.0, -1.0])
    world.place_hand(HandPose(np.array([-0.06, 0.0, 0.12]), np.array([1.0, 0.0, 0.0]), down), 0.08)
    return world


@pytest.fixture(scope="module")
def pictures(scene: World) -> Dict[str, np.ndarray]:
    return {name: choose_painter(name).picture(scene, SIDE_CAMERA, side_view_pose()) for name in ("auto", "rays")}


def at(picture: np.ndarray, place_m: Tuple[float, float, float]) -> np.ndarray:
    """Return the colour BGR with which a place of the world is drawn."""
    pose = side_view_pose()
    u, v = SIDE_CAMERA.project(pose[:3, :3].T @ (np.array(place_m) - pose[:3, 3]))
    return picture[round(v), round(u)].astype(int)


@pytest.mark.parametrize("name", ["auto", "rays"])
def test_things_have_colours_of_their_own_and_the_gripper_is_there(
    pictures: Dict[str, np.ndarray], scene: World, name: str
) -> None:
    picture = pictures[name]
    assert picture.shape == (SIDE_CAMERA.height_px, SIDE_CAMERA.width_px, 3)
    assert picture.dtype == np.uint8
    first, second = at(picture, (-0.06, 0.0, 0.05)), at(picture, (0.06, 0.0, 0.05))
    assert first.argmax() == 2, "the first thing is red"
    assert second.argmax() == 0, "the second is blue"
    finger, table = at(picture, (-0.1, -0.005, 0.14)), at(picture, (0.2, 0.1, 0.0))
    assert finger.max() < 100 < table.min(), "fingers are dark, the table is light"


def test_pictures_look_alike_with_and_without_opengl(pictures: Dict[str, np.ndarray]) -> None:
    off = np.abs(pictures["auto"].astype(int) - pictures["rays"]).max(axis=2)
    assert np.mean(off > 60) < 0.05


def test_painters_stand_in_for_each_other_only_where_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise OSError("no libEGL")

    monkeypatch.setattr(gl, "_context_maker", missing)
    assert choose_painter("auto").name == "rays"
    with pytest.raises(PspGraspError, match="--camera rays"):
        choose_painter("gl")
    with pytest.raises(PspGraspError, match="unknown camera"):
        choose_painter("oil")


def test_a_grasp_is_drawn_where_it_is() -> None:
    depth_m = np.full((480, 640), 0.6, np.float32)
    depth_m[200:280, 280:360] = 0.55
    frame = DepthFrame(depth_m, REALSENSE)
    grasp = Grasp(REALSENSE.deproject(319.5, 239.5, 0.55), 0.0, 0.08, 0.9)
    picture = grasp_picture(frame, grasp)
    assert picture.shape == (600, 600, 3)
    plain = grasp_picture(frame, replace(grasp, position_m=REALSENSE.deproject(5000, 5000, 0.55)))
    red, bare = (np.abs(one.astype(int) - GRASP_BGR).max(axis=2) < 40 for one in (picture, plain))
    assert not bare.any(), "what lies outside is not drawn"
    rows, columns = np.nonzero(red)
    opening_px = 2 * 0.08 * 615 / 0.55
    assert (columns.min() + columns.max()) / 2 == pytest.approx(299.5, abs=2)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(299.5, abs=2)
    assert columns.max() - columns.min() == pytest.approx(opening_px, abs=8)
    assert beside([picture, picture], 200).shape == (200, 400, 3)
