"""A recording for the Rerun viewer: depth with its camera, grasps in the image and in space, quality over time."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Optional, Sequence, Type

import numpy as np

from pspgrasp.bag.export.exporter import Judged
from pspgrasp.bag.pictures import gripper_in_camera, outline
from pspgrasp.bag.recording import RecordedFrame
from pspgrasp.camera import PinholeCamera
from pspgrasp.depth import DepthFrame
from pspgrasp.errors import PspGraspError

CAMERA, IMAGE = "world/camera", "world/camera/image"
TIMELINE, FRAMES = "stamp", "frame"
MM_PER_M = 1000
BEST_RGB, OTHER_RGB = (255, 60, 60), (235, 235, 235)


class RerunExport:
    """See `pspgrasp.bag.export.exporter.Exporter`."""

    def __init__(self, part: Path, name: str) -> None:
        """Begin a file.

        Raises:
            PspGraspError: rerun-sdk is not installed, or the file can't be written.
        """
        self._rerun = _library()
        self._stream = self._rerun.RecordingStream("pspgrasp")
        self._camera: Optional[PinholeCamera] = None
        try:
            self._stream.save(str(part))
        except (OSError, RuntimeError) as error:
            raise PspGraspError(f"{part} can't be written: {error}") from error
        self._stream.send_recording_name(name)
        # x right, y down, z forward: as optical frames are.
        self._stream.log("world", self._rerun.ViewCoordinates.RDF, static=True)

    def __enter__(self) -> RerunExport:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._stream.flush()
        self._stream.disconnect()

    def add(self, recorded: RecordedFrame, judged: Sequence[Judged], pose: Optional[np.ndarray]) -> None:
        """See `Exporter`."""
        frame, stream = recorded.frame, self._stream
        stream.set_time(TIMELINE, timestamp=np.datetime64(frame.stamp_ns, "ns"))
        stream.set_time(FRAMES, sequence=recorded.number)
        self._log_camera(frame, pose)
        for one in judged:
            self._log_model(frame, one)

    def _log_camera(self, frame: DepthFrame, pose: Optional[np.ndarray]) -> None:
        if frame.camera != self._camera:
            self._camera = frame.camera
            self._stream.log(IMAGE, self._pinhole(frame.camera))
        if pose is not None:
            self._stream.log(CAMERA, self._rerun.Transform3D(translation=pose[:3, 3], mat3x3=pose[:3, :3]))
        farthest = np.iinfo(np.uint16).max
        depth_mm = np.clip(np.rint(MM_PER_M * np.nan_to_num(frame.depth_m)), 0, farthest).astype(np.uint16)
        self._stream.log(f"{IMAGE}/depth", self._rerun.DepthImage(depth_mm, meter=float(MM_PER_M)))

    def _pinhole(self, camera: PinholeCamera) -> Any:
        return self._rerun.Pinhole(
            focal_length=(camera.fx, camera.fy),
            principal_point=(camera.cx, camera.cy),
            width=camera.width_px,
            height=camera.height_px,
        )

    def _log_model(self, frame: DepthFrame, one: Judged) -> None:
        rerun, name, found = self._rerun, one.model, one.result.grasps
        colours = [BEST_RGB, *[OTHER_RGB] * (len(found) - 1)][: len(found)]
        strips = [strip for place in found for strip in gripper_in_camera(place)]
        in_space = rerun.LineStrips3D(strips, colors=np.repeat(np.array(colours, np.uint8).reshape(-1, 3), 4, axis=0))
        self._stream.log(f"{CAMERA}/grasps/{name}", in_space)
        corners = [outline(place, frame.camera) for place in found]
        self._stream.log(f"{IMAGE}/grasps/{name}", rerun.LineStrips2D(corners, colors=colours))
        if one.quality is not None:
            level = np.rint(255 * np.clip(one.quality[0], 0, 1)).astype(np.uint8)
            self._stream.log(f"quality_map/{name}", rerun.Image(level))
        if found:
            self._stream.log(f"quality/{name}", rerun.Scalars(found[0].quality))
        else:
            self._stream.log(f"log/{name}", rerun.TextLog(f"no grasp: {one.result.nothing}"))
        self._stream.log(f"latency_ms/{name}", rerun.Scalars(one.result.stages_ms.get("total", 0.0)))


def _library() -> Any:
    try:
        import rerun
    except ImportError as error:
        raise PspGraspError(f"--to rerun needs rerun-sdk: pip install 'pspgrasp[export]' ({error})") from error
    return rerun
