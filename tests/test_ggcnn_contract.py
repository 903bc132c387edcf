"""Parity with the original GG-CNN: its own network, its own frames, what it put out.

`py3` values come from the original source on present-day libraries and are held tightly; `py2` values are what
robots received, from libraries whose hole filling differs, and are held loosely.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Tuple

import golden
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pspgrasp.camera import PinholeCamera
from pspgrasp.depth import DepthFrame
from pspgrasp.errors import ConfigError, DepthError
from pspgrasp.ggcnn_api import filtered
from pspgrasp.ggcnn_service import GgcnnServiceConfig, service_grasp
from pspgrasp.ggcnn_stream import PRESETS, GgcnnOutput, GgcnnStream, local_maxima
from pspgrasp.import_weights import import_weights
from pspgrasp.maps import GraspMaps
from pspgrasp.predictor import GraspPredictor

STREAMS = ("kinova_max", "kinova_track", "kinova_mixed", "mvp")
#: x, y, z [m], angle [rad], width [px]; index 5 apart, since `mvp` computes it on the wrong image.
TOLERANCE_PY3 = (1e-6, 1e-6, 1e-6, 1e-4, 5e-3)
TOLERANCE_PY2 = (1e-6, 1e-6, 1e-6, 6e-3, 0.4)
#: Frames of edge cases in which 0 stands for "no measurement": the one fault that is never repeated.
ZERO_DEPTH = ("edge/all_zero", "edge/zero_invalid_uoc_000", "edge/zero_invalid_arc_000")


@pytest.fixture(scope="module")
def ggcnn(data: Path) -> GraspPredictor:
    """Return the published GG-CNN."""
    return GraspPredictor.from_checkpoint(
        import_weights(data / "peers" / "ggcnn_epoch_23_cornell_statedict.pt", "ggcnn"), "cpu"
    )


class Seen(NamedTuple):
    """One golden entry and what a node of ours made of it."""

    entry: Dict[str, Any]
    frame: DepthFrame
    output: GgcnnOutput
    tracked: Tuple[float, float]


Replay = Callable[..., List[Seen]]


@pytest.fixture(scope="module")
def replay(data: Path, ggcnn: GraspPredictor) -> Replay:
    """Return a function that plays a run to a node of ours, each run once."""

    @lru_cache(maxsize=None)
    def replayed(run: str, quirks: str = "strict") -> List[Seen]:
        return list(_seen(data, run, ggcnn, quirks))

    return replayed


def _seen(data: Path, run: str, predictor: GraspPredictor, quirks: str) -> Iterator[Seen]:
    """Yield the entries of a run as a node sees them: a fresh one for each recording, or for each edge case."""
    recording, stream = "", GgcnnStream("kinova", quirks)
    for entry in golden.runs(data)[run]:
        name = entry["id"] if run.startswith("edge") else entry["id"].split("/")[0]
        if name != recording and (run != "kinova_mixed" or not recording):
            stream = GgcnnStream("mvp" if "mvp" in run else "kinova", quirks)
        recording = name
        frame = golden.frame(data, entry)
        output = stream.update(frame, predictor, entry.get("robot_z", 0.0))
        yield Seen(entry, frame, output, stream.tracker.point)


@pytest.mark.parametrize("run", STREAMS)
def test_strict_streams_equal_the_original(replay: Replay, run: str) -> None:
    count = 0
    for entry, _, output, tracked in replay(run):
        expected = entry["py3"]
        assert not output.silence
        assert output.peak == tuple(expected["pixel"]), entry["id"]
        assert tracked == tuple(expected["prev_mp_after"]), entry["id"]
        errors = np.abs(np.array(output.command[:5]) - np.array(expected["command"][:5]))
        assert (errors <= TOLERANCE_PY3).all(), (entry["id"], errors)
        if run != "mvp":
            assert output.command[5] == pytest.approx(expected["command"][5], abs=1e-3)
        count += 1
    assert count >= 22


@pytest.mark.parametrize("run", ["kinova_max", "kinova_track", "kinova_mixed"])
def test_strict_streams_are_what_robots_received(replay: Replay, run: str) -> None:
    for entry, _, output, _ in replay(run):
        errors = np.abs(np.array(output.command[:5]) - np.array(entry["py2"]["command"][:5]))
        assert (errors <= TOLERANCE_PY2).all(), (entry["id"], errors)


@pytest.mark.parametrize("run", ["edge_kinova_max", "edge_kinova_track", "edge_mvp"])
def test_strict_edge_cases_publish_what_the_original_published(replay: Replay, run: str) -> None:
    for entry, _, output, _ in replay(run):
        if entry["id"] in ZERO_DEPTH:
            continue
        expected = entry["py3"]
        assert bool(output.silence) is not expected["published"], (entry["id"], output.silence)
        if expected["published"]:
            assert output.peak == tuple(expected["pixel"]), entry["id"]
            errors = np.abs(np.array(output.command[:5]) - np.array(expected["command"][:5]))
            assert (errors <= TOLERANCE_PY3).all(), (entry["id"], errors)


@pytest.mark.parametrize("run", ["edge_kinova_max", "edge_kinova_track", "edge_mvp"])
def test_depth_zero_never_becomes_a_position(data: Path, replay: Replay, run: str) -> None:
    seen = []
    for entry, _, output, _ in replay(run):
        if entry["id"] in ZERO_DEPTH:
            seen.append(entry["id"])
            assert not output.command or output.command[2] > 0.1
    assert tuple(seen) == ZERO_DEPTH
    sent_home = [e for e in golden.runs(data)[run] if e["py3"]["command"] and e["py3"]["command"][2] == 0]
    assert sent_home, "the original did send x = y = z = 0 here"


@pytest.mark.parametrize(("transform", "every"), [("T1", 2), ("T2", 5)])
def test_strict_service_equals_the_original(data: Path, ggcnn: GraspPredictor, transform: str, every: int) -> None:
    rotation, translation_m = camera_in_base(data, transform)
    for entry in golden.runs(data)[f"service_{transform}"][::every]:
        grasp = service_grasp(golden.frame(data, entry), ggcnn, rotation, translation_m, GgcnnServiceConfig())
        expected = entry["py3"]["response"]
        assert grasp is not None
        assert grasp.peak == tuple(entry["py3"]["pixel"]), entry["id"]
        np.testing.assert_allclose(grasp.position_m, expected["position"], atol=1e-6)
        assert same_rotation(grasp.orientation_xyzw, expected["orientation"], atol=1e-4)
        assert grasp.width_m == pytest.approx(expected["width"], abs=1e-5)
        assert grasp.quality == pytest.approx(expected["quality"], abs=5e-5)


def test_strict_service_edge_cases(data: Path, ggcnn: GraspPredictor) -> None:
    rotation, translation_m = camera_in_base(data, "T1")
    for entry in golden.runs(data)["edge_service_T1"]:
        grasp = service_grasp(golden.frame(data, entry), ggcnn, rotation, translation_m, GgcnnServiceConfig())
        expected = entry["py3"]["response"]
        if "NaN" in expected["position"]:
            assert grasp is None, "where the original answers success with NaN, there is no grasp"
        elif entry["id"] not in ZERO_DEPTH:
            assert grasp is not None
            np.testing.assert_allclose(grasp.position_m, expected["position"], atol=1e-6)


@pytest.mark.parametrize("run", ["kinova", "mvp"])
def test_maps_equal_the_original(data: Path, replay: Replay, run: str) -> None:
    """End to end: a present-day OpenCV fills large holes a little differently from release to release."""
    seen = {s.entry["id"].replace("/", "_"): s.output for s in replay("kinova_max" if run == "kinova" else "mvp")}
    paths = sorted((data / "golden").glob(f"full_{run}_*.npz"))
    assert len(paths) == 6
    for path in paths:
        expected, output = np.load(path), seen[path.stem[len(f"full_{run}_") :]]
        assert (np.abs(output.network_input - expected["input"]) <= 1e-5).mean() >= 0.995
        for ours, theirs, bound in (("quality", "q", 1e-2), ("angle_rad", "ang", 5e-2), ("width_px", "width", 0.5)):
            error = np.abs(getattr(output, ours)[1::3, 1::3] - expected[theirs])
            assert np.median(error) <= bound / 100, (path.name, ours)
            assert np.quantile(error, 0.99) <= bound, (path.name, ours)


@pytest.mark.parametrize("run", ["kinova", "mvp"])
def test_filtered_maps_follow_from_raw_maps(data: Path, run: str) -> None:
    for path in sorted((data / "golden").glob(f"full_{run}_*.npz")):
        expected = np.load(path)
        if expected["raw_pos"].shape != (300, 300):
            continue
        raw = GraspMaps(*(expected[f"raw_{name}"] for name in ("pos", "cos", "sin")), expected["raw_width"] * 150)
        _, angle_rad, width_px = filtered(raw, np.zeros((300, 300), bool), PRESETS[run].sigmas_px, strict=True)
        np.testing.assert_allclose(angle_rad[1::3, 1::3], expected["ang"], rtol=2e-3, atol=1e-3)
        np.testing.assert_allclose(width_px[1::3, 1::3], expected["width"], rtol=2e-3, atol=2e-2)


def test_raw_maps_equal_the_original(data: Path, ggcnn: GraspPredictor) -> None:
    for path in sorted((data / "golden").glob("full_*.npz")):
        expected = np.load(path)
        output = ggcnn.runtime(expected["input"][None])
        for channel, name in enumerate(("pos", "cos", "sin", "width")):
            raw = expected[f"raw_{name}"]
            ours = output[channel] if raw.shape == (300, 300) else output[channel][1::3, 1::3]
            np.testing.assert_allclose(ours, raw, rtol=2e-4, atol=2e-4, err_msg=f"{path.name} {name}")


def test_fixed_differs_by_its_corrections_only(replay: Replay) -> None:
    """Width: 400/300 times as wide (quirk 7). Angle: smoothed as cos and sin (quirk 3): differs where it wraps."""
    angles: List[float] = []
    pairs = zip(replay("kinova_max"), replay("kinova_max", "fixed"))
    for (entry, _, strict, _), (_, _, fixed, _) in pairs:
        assert fixed.peak == strict.peak, entry["id"]
        assert fixed.command[:3] == strict.command[:3]
        assert fixed.command[4] == pytest.approx(strict.command[4] * 400 / 300)
        assert fixed.command[5] == strict.command[5]
        angles.append(abs((fixed.command[3] - strict.command[3] + math.pi / 2) % math.pi - math.pi / 2))
    assert np.median(angles) < 0.02, "where the angle doesn't wrap, both smooth alike"
    assert max(angles) > 0.01, "somewhere it does"


def test_fixed_mask_keeps_rows_0_and_1_and_drops_holes(data: Path, ggcnn: GraspPredictor) -> None:
    """Quirk 1: the original's mask clears the first rows and leaves the holes' false quality."""
    entry = next(e for e in golden.runs(data)["mvp"] if e["id"] == "arc_bins/000")
    frame = golden.frame(data, entry)
    strict = GgcnnStream("mvp", "strict").update(frame, ggcnn)
    fixed = GgcnnStream("mvp", "fixed").update(frame, ggcnn)
    holes = np.isnan(frame.depth_m[50:350, 170:470])
    assert fixed.quality[holes].max() < strict.quality[holes].max()


def test_fixed_grasp_at_the_border_is_published(data: Path, ggcnn: GraspPredictor) -> None:
    """The original fails while it draws a disc at row 296, and publishes nothing."""
    entry = next(e for e in golden.runs(data)["edge_mvp"] if e["id"] == "edge/box_mvp_corner")
    frame = golden.frame(data, entry)
    assert "border" in GgcnnStream("mvp", "strict").update(frame, ggcnn).silence
    fixed = GgcnnStream("mvp", "fixed").update(frame, ggcnn)
    assert not fixed.silence
    assert (fixed.grasp != fixed.grasp_plain).any()


@pytest.mark.parametrize("turn", [1, -1])
def test_the_service_stands_a_camera_turned_by_a_right_angle(predictor: GraspPredictor, turn: int) -> None:
    depth_m = np.full((480, 640), 0.6, np.float32)
    depth_m[190:210, 260:380] = 0.55
    frame = DepthFrame(depth_m, PinholeCamera(640, 480, 615.0, 615.0, 320.0, 240.0))
    rotation = Rotation.from_quat((0.7071068, turn * 0.7071068, 0.0, 0.0)).as_matrix()
    assert abs(rotation[0, 1]) > 1, "rounded up, as scipy does"
    assert service_grasp(frame, predictor, rotation, np.zeros(3), GgcnnServiceConfig()) is not None


def test_fixed_service_refuses_unmeasured_depth(data: Path, ggcnn: GraspPredictor) -> None:
    rotation, translation_m = camera_in_base(data, "T1")
    entry = next(e for e in golden.runs(data)["edge_service_T1"] if e["id"] == "edge/box_nan_inside")
    frame, config = golden.frame(data, entry), GgcnnServiceConfig()
    strict = service_grasp(frame, ggcnn, rotation, translation_m, config, "strict")
    fixed = service_grasp(frame, ggcnn, rotation, translation_m, config, "fixed")
    assert strict is not None
    assert np.isnan(frame.depth_m[50 + strict.peak[0], 170 + strict.peak[1]])
    assert fixed is None or not np.isnan(frame.depth_m[50 + fixed.peak[0], 170 + fixed.peak[1]])


def test_grasp_images(replay: Replay) -> None:
    for entry, _, output, _ in replay("kinova_max"):
        assert output.grasp.shape == output.grasp_plain.shape == (300, 300, 3)
        changed = (output.grasp != output.grasp_plain).any(axis=2).sum()
        assert changed == entry["py3"]["grasp_disc_pixels"]


def test_a_window_that_does_not_fit_is_refused(predictor: GraspPredictor) -> None:
    small = DepthFrame(np.full((240, 424), 0.5, np.float32), PinholeCamera(424, 240, 212.0, 212.0, 212.0, 120.0))
    with pytest.raises(DepthError, match="424x240"):
        GgcnnStream("kinova").update(small, predictor)


@pytest.mark.parametrize(("preset", "quirks"), [("kinowa", "strict"), ("kinova", "strickt")])
def test_unknown_presets_and_quirks_give_the_near_miss(preset: str, quirks: str) -> None:
    with pytest.raises(ConfigError, match="did you mean"):
        GgcnnStream(preset, quirks)


def test_local_maxima_are_best_first_apart_and_off_the_border() -> None:
    image = np.zeros((60, 60), np.float32)
    for (row, column), value in {(3, 30): 0.9, (20, 20): 0.8, (24, 24): 0.7, (40, 40): 0.6, (40, 20): 0.05}.items():
        image[row, column] = value
    assert local_maxima(image, 10, 0.1, 3, border_px=10) == [(20, 20), (40, 40)]
    assert local_maxima(image, 10, 0.1, 3, border_px=0) == [(3, 30), (20, 20), (40, 40)]
    assert local_maxima(image, 10, 0.1, 1, border_px=0) == [(3, 30)]


def test_local_maxima_take_one_of_a_plateau() -> None:
    image = np.zeros((60, 60), np.float32)
    image[30, 30:34] = 0.5
    assert local_maxima(image, 10, 0.1, 3, border_px=10) == [(30, 30)]


def camera_in_base(data: Path, name: str) -> Tuple[np.ndarray, np.ndarray]:
    """Return the rotation (3, 3) and translation (3,) [m] of the golden service runs."""
    transform = golden.transforms(data)[name]
    return Rotation.from_quat(transform["quaternion_xyzw"]).as_matrix(), np.array(transform["position"])


def same_rotation(a: np.ndarray, b: List[float], atol: float) -> bool:
    """Tell whether two quaternions turn alike; q and -q do."""
    return bool(np.allclose(a, b, atol=atol) or np.allclose(-a, b, atol=atol))
