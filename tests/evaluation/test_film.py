"""Laws of films: all pictures, in order, or nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Iterator, List

import cv2
import numpy as np
import pytest

from pspgrasp.errors import DataError, PspGraspError
from pspgrasp.evaluation.film import write_video


def moving(count: int, height: int = 48, width: int = 64) -> Iterator[np.ndarray]:
    for number in range(count):
        frame = np.full((height, width, 3), 200, np.uint8)
        frame[10:30, number : number + 20] = (20, 20, 250)
        yield frame


def test_a_film_has_the_frames_that_were_written(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs PyAV")
    path = tmp_path / "film.mp4"
    path.write_text("what was there before")
    assert write_video(path, moving(30), 25) == 30
    film = cv2.VideoCapture(str(path))
    frames = []
    while True:
        there, frame = film.read()
        if not there:
            break
        frames.append(frame)
    assert len(frames) == 30
    assert film.get(cv2.CAP_PROP_FPS) == pytest.approx(25)
    for seen, made in zip(frames, moving(30)):
        assert np.abs(seen.astype(int) - made).mean() < 6, "in the order and the colours that they were written in"
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "a browser finds the index first"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ([], "one frame"),
        (list(moving(2, 47)), "even"),
        ([*moving(2), *moving(1, 64)], "the first was 64 x 48"),
        ([frame / 255 for frame in moving(1)], "uint8"),
    ],
)
def test_what_makes_no_film_is_refused_and_leaves_what_was_there(
    tmp_path: Path, frames: List[np.ndarray], said: str
) -> None:
    pytest.importorskip("av", reason="needs PyAV")
    path = tmp_path / "film.mp4"
    path.write_text("what was there before")
    with pytest.raises(DataError, match=said):
        write_video(path, frames, 25)
    assert path.read_text() == "what was there before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_film_that_is_broken_off_leaves_what_was_there(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs PyAV")
    path = tmp_path / "film.mp4"
    path.write_text("what was there before")

    def broken_off() -> Iterator[np.ndarray]:
        yield from moving(3)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(path, broken_off(), 25)
    assert path.read_text() == "what was there before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_film_that_cannot_be_written_is_one_line_for_the_user(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs PyAV")
    with pytest.raises(PspGraspError, match=r"film\.mp4 can't be written: No such file"):
        write_video(tmp_path / "none" / "film.mp4", moving(2), 25)


def test_without_pyav_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(PspGraspError, match=r"pip install 'av>=12'"):
        write_video(tmp_path / "film.mp4", moving(2), 25)
