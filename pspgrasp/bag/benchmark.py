"""What reading and bookkeeping cost beside a network, in one run on one machine."""

from __future__ import annotations

import tempfile
import time
from collections import deque
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Callable, Iterator, List, Sequence, Tuple, TypeVar

import numpy as np
import torch
from rosbags.rosbag1 import Writer
from rosbags.typesys import Stores, get_typestore

from pspgrasp.bag.figures.measures import Gripper
from pspgrasp.bag.judging.judge import judge_recording
from pspgrasp.bag.judging.model import Model
from pspgrasp.bag.judging.predictor_model import PredictorModel
from pspgrasp.bag.judging.specs import ModelSpec, specs_of
from pspgrasp.bag.reading.open import open_recordings
from pspgrasp.bag.recording import Recording, Selection
from pspgrasp.bag.report.frames_csv import write_frames
from pspgrasp.bag.report.output import write_lines
from pspgrasp.bag.report.results_json import write_results
from pspgrasp.bag.results.frame import TOTAL
from pspgrasp.bag.results.result import RecordingResult
from pspgrasp.bag.results.rows import STAGES
from pspgrasp.bag.run import run_of
from pspgrasp.data.tabletop import tabletop_frames
from pspgrasp.depth import DepthFrame
from pspgrasp.node_config import NodeConfig
from pspgrasp.predictor import GraspPredictor
from pspgrasp.shipped import find_checkpoint

PARTS = 10  # in which inference alone and all of it take turns
DISTINCT = 12  # frames that are generated; the bag repeats them
PERIOD_NS = 33_333_333
DEPTH, INFO = "/camera/depth/image_rect_raw", "/camera/depth/camera_info"
Value = TypeVar("Value")


@dataclass(frozen=True)
class Cost:
    """What was measured.

    Attributes:
        where: On what.
        frames: How many.
        megabytes: Size of the bag.
        reading_s: Reading and decoding alone [s].
        inference_s: `GraspPredictor.predict` alone, frames in memory [s].
        together_s: All of it: reading, judging, figures, files [s].
        inside_s: Of that, the time within the models [s].
    """

    where: str
    frames: int
    megabytes: float
    reading_s: float
    inference_s: float
    together_s: float
    inside_s: float

    def lines(self) -> List[str]:
        """Return it for people."""
        return [
            f"{self.frames} frames of 640x480, {self.megabytes:.0f} MB, {self.where}",
            f"reading     {self.frames / self.reading_s:.1f} frames/s, read and decoded, alone",
            f"inference   {self.frames / self.inference_s:.1f} frames/s, alone",
            f"together    {self.frames / self.together_s:.1f} frames/s, with figures and files",
            f"ratios      reading / inference {self.reading_s / self.inference_s:.3f}, "
            f"together / inference {self.together_s / self.inference_s:.3f}, "
            f"together / what of it is inference {self.together_s / self.inside_s:.3f}",
        ]


def benchmark(frames: int, checkpoint: str, device: str) -> Cost:
    """Measure on a generated bag, in a folder that is gone afterwards.

    Inference alone and all of it take turns, part by part: a machine that gets slower meanwhile does so for both.

    Raises:
        PspGraspError: No such checkpoint or device.
    """
    specs = specs_of([checkpoint], NodeConfig(device=device, runtime=""))
    predictor = GraspPredictor.from_checkpoint(find_checkpoint(checkpoint), device)
    some = [frame for frame, _ in tabletop_frames(seed=3, frames=DISTINCT)]
    with tempfile.TemporaryDirectory(prefix="pspgrasp_") as folder:
        path = Path(folder) / "generated.bag"
        write_bag(some, frames, path)
        megabytes = path.stat().st_size / 1e6
        reading_s = _read(open_recordings([path], Selection())[0])
        model, inference_s, together_s = PredictorModel(specs[0].name, predictor), 0.0, 0.0
        model.warm_up()
        found: List[RecordingResult] = []
        for part in _parts(frames):
            into = Path(folder) / str(len(found))
            result, spent_s = _timed(partial(_judge, path, part, model, into))
            inference_s += _timed(partial(_infer, predictor, some, result.read))[1]
            found, together_s = [*found, result], together_s + spent_s
        together_s += _timed(partial(_write, found, specs, Path(folder)))[1]
        judged, inside_s = sum(result.read for result in found), sum(map(_inside_s, found))
    where = f"{predictor.name} on {predictor.runtime.device}, {torch.get_num_threads()} threads"
    return Cost(where, judged, megabytes, reading_s, inference_s, together_s, inside_s)


def _parts(frames: int) -> Iterator[Selection]:
    """Yield the parts of a recording, cut in the middle between two frames."""
    cuts = [max(0.0, 1e-9 * PERIOD_NS * (frames * part // PARTS - 0.5)) for part in range(PARTS + 1)]
    return (Selection(start_s=begin, seconds=end - begin) for begin, end in zip(cuts, cuts[1:]))


def _timed(work: Callable[[], Value]) -> Tuple[Value, float]:
    """Return what the work returns, and how long it took [s]."""
    start_s = time.perf_counter()
    value = work()
    return value, time.perf_counter() - start_s


def _read(recording: Recording) -> float:
    return _timed(partial(deque, recording, maxlen=0))[1]


def _judge(path: Path, part: Selection, model: Model, folder: Path) -> RecordingResult:
    (recording,) = open_recordings([path], part)
    return judge_recording(recording, [model], folder)


def _infer(predictor: GraspPredictor, some: Sequence[DepthFrame], frames: int) -> None:
    for number in range(frames):
        predictor.predict(some[number % len(some)])


def _write(found: Sequence[RecordingResult], specs: Sequence[ModelSpec], folder: Path) -> None:
    run = run_of(found, specs, Gripper(), [], Selection(), len(found), "")
    write_results(run, folder / "results.json")
    write_frames(run.results, folder / "frames.csv")
    write_lines(run.results, folder / "frames.jsonl")


def _inside_s(result: RecordingResult) -> float:
    return sum(float(np.nansum(model.best["stages_ms"][:, STAGES.index(TOTAL)])) for model in result.models) / 1000


def write_bag(some: Sequence[DepthFrame], frames: int, path: Path) -> None:
    """Write a bag as a RealSense's driver publishes depth: 16UC1 [mm], uncompressed, 30 Hz; frames come round again."""
    store = get_typestore(Stores.ROS1_NOETIC)
    image, info, header, time_type = (
        store.types[name]
        for name in (
            "sensor_msgs/msg/Image",
            "sensor_msgs/msg/CameraInfo",
            "std_msgs/msg/Header",
            "builtin_interfaces/msg/Time",
        )
    )
    region = store.types["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False)
    raw = [np.rint(1000 * np.nan_to_num(frame.depth_m)).astype("<u2").view(np.uint8).ravel() for frame in some]
    camera = some[0].camera
    width, height = camera.width_px, camera.height_px
    k = np.array([camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0])
    p = np.insert(k.reshape(3, 3), 3, 0.0, axis=1).ravel()
    with Writer(path) as writer:
        depth = writer.add_connection(DEPTH, image.__msgtype__, typestore=store)
        infos = writer.add_connection(INFO, info.__msgtype__, typestore=store)
        for number in range(frames):
            stamp_ns = 10**18 + number * PERIOD_NS
            head = header(number, time_type(*divmod(stamp_ns, 10**9)), some[0].frame_id)
            about = info(head, height, width, "plumb_bob", np.zeros(5), k, np.eye(3).ravel(), p, 0, 0, region)
            writer.write(infos, stamp_ns, store.serialize_ros1(about, info.__msgtype__))
            picture = image(head, height, width, "16UC1", 0, 2 * width, raw[number % len(raw)])
            writer.write(depth, stamp_ns, store.serialize_ros1(picture, image.__msgtype__))
