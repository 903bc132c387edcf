"""The whole road: a bag is made, roslaunch plays it to the node, grasps and pictures come out, and it ends."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import List

import cv2
import pytest

DEMO = Path(__file__).resolve().parents[2] / "scripts" / "demo.sh"
FRAMES = 12

pytestmark = [pytest.mark.ros, pytest.mark.slow]


def run_demo(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(DEMO), *map(str, arguments)]
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=240, check=False
    )


def table(output: Path) -> List[List[str]]:
    """Return the cells of the table's rows without its heading."""
    return [line.split() for line in (output / "grasps.txt").read_text().splitlines()[1:]]


def test_the_demo_finds_grasps_in_both_scenes_and_ends_by_itself(tmp_path: Path) -> None:
    done = run_demo(tmp_path, "pictures:=2", "rate:=0.5", DEMO_FRAMES=str(FRAMES))
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    summary = (tmp_path / "summary.txt").read_text().splitlines()
    assert [line.split(":")[0] for line in summary] == ["real bin", "table", "PASS"]
    rows = table(tmp_path)
    assert len(rows) >= FRAMES // 2
    assert all(" ".join(row) in " ".join(done.stdout.split()) for row in rows), "each row is printed as it comes"
    for scene in ("real_bin", "table"):
        pictures = sorted(tmp_path.glob(f"{scene}_*.png"))
        assert len(pictures) == 2
        assert cv2.imread(str(pictures[0])).shape == (508, 640, 3)
    assert cv2.imread(str(tmp_path / "contact_sheet.png")).shape == (2 * 508, 2 * 640, 3)


def test_the_demo_fails_where_no_grasp_is_found(tmp_path: Path) -> None:
    done = run_demo(tmp_path, "far:=0.31", "pictures:=1", DEMO_FRAMES="4")
    assert done.returncode == 1
    assert "FAIL: no grasp in: real bin, table" in done.stdout
    assert str(tmp_path) in done.stderr, "it says where the logs lie"


def test_a_recording_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = run_demo(tmp_path, DEMO_BAG=str(tmp_path / "none.bag"))
    assert done.returncode == 1
    assert f"there is no recording {tmp_path / 'none.bag'}" in done.stderr
