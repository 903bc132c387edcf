"""A recording for Foxglove: depth in colours, its camera, and grasps in the image and in space, as MCAP."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Dict, List, Optional, Sequence, Tuple, Type

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from pspgrasp.bag.export.exporter import Judged
from pspgrasp.bag.pictures import gripper_in_camera, jpeg, outline
from pspgrasp.bag.recording import RecordedFrame
from pspgrasp.bag.results.frame import FoundGrasp
from pspgrasp.camera import PinholeCamera
from pspgrasp.depth import DepthFrame
from pspgrasp.errors import PspGraspError
from pspgrasp.overlay import colour_depth

DEPTH, CALIBRATION, POSE = "/camera/depth", "/camera/calibration", "/tf"
FIXED = "fixed"  # the frame in which the camera's pose is told
BEST_RGBA, OTHER_RGBA = (1.0, 0.24, 0.24, 1.0), (1.0, 1.0, 1.0, 0.8)
LINE_PX, GRIPPER_M = 2.0, 0.003  # thickness


class McapExport:
    """See `pspgrasp.bag.export.exporter.Exporter`."""

    def __init__(self, part: Path, models: Sequence[str]) -> None:
        """Begin a file.

        Raises:
            PspGraspError: foxglove-sdk is not installed, or the file can't be written.
        """
        foxglove, self._messages, channels = _library()
        # Of its own, so that nothing else is logged into the file; its channels close when nobody holds it.
        self._context = context = foxglove.Context()
        try:
            self._writer = foxglove.open_mcap(str(part), allow_overwrite=True, context=context)
        except (OSError, RuntimeError) as error:
            raise PspGraspError(f"{part} can't be written: {error}") from error
        self._depth = channels.CompressedImageChannel(DEPTH, context=context)
        self._calibration = channels.CameraCalibrationChannel(CALIBRATION, context=context)
        self._pose = channels.FrameTransformChannel(POSE, context=context)
        self._channels: Dict[str, Tuple[Any, Any, Any]] = {
            model: (
                channels.SceneUpdateChannel(f"/{model}/grasps", context=context),
                channels.ImageAnnotationsChannel(f"/{model}/annotations", context=context),
                channels.CompressedImageChannel(f"/{model}/quality", context=context),
            )
            for model in models
        }

    def __enter__(self) -> McapExport:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._writer.close()

    def add(self, recorded: RecordedFrame, judged: Sequence[Judged], pose: Optional[np.ndarray]) -> None:
        """See `Exporter`."""
        frame = recorded.frame
        at = self._messages.Timestamp(*divmod(frame.stamp_ns, 10**9))
        self._depth.log(self._image(colour_depth(frame.depth_m, frame.depth_m), frame, at), log_time=frame.stamp_ns)
        self._calibration.log(self._calibration_of(frame, at), log_time=frame.stamp_ns)
        if pose is not None:
            self._pose.log(self._transform(pose, frame, at), log_time=frame.stamp_ns)
        for one in judged:
            self._log_model(one, frame, at)

    def _log_model(self, one: Judged, frame: DepthFrame, at: Any) -> None:
        scene, annotations, quality = self._channels[one.model]
        scene.log(self._scene(one, frame, at), log_time=frame.stamp_ns)
        annotations.log(self._annotations(one, frame.camera, at), log_time=frame.stamp_ns)
        if one.quality is not None:
            level = np.rint(255 * np.clip(one.quality[0], 0, 1)).astype(np.uint8)
            picture = cv2.applyColorMap(level, cv2.COLORMAP_INFERNO)
            quality.log(self._image(picture, frame, at), log_time=frame.stamp_ns)

    def _image(self, picture: np.ndarray, frame: DepthFrame, at: Any) -> Any:
        return self._messages.CompressedImage(timestamp=at, frame_id=frame.frame_id, data=jpeg(picture), format="jpeg")

    def _calibration_of(self, frame: DepthFrame, at: Any) -> Any:
        camera = frame.camera
        k = [camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0]
        return self._messages.CameraCalibration(
            timestamp=at,
            frame_id=frame.frame_id,
            width=camera.width_px,
            height=camera.height_px,
            distortion_model="plumb_bob",
            D=[0.0] * 5,
            K=k,
            R=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
            P=[*k[:3], 0.0, *k[3:6], 0.0, *k[6:], 0.0],
        )

    def _transform(self, pose: np.ndarray, frame: DepthFrame, at: Any) -> Any:
        x, y, z, w = (float(number) for number in Rotation.from_matrix(pose[:3, :3]).as_quat())
        return self._messages.FrameTransform(
            timestamp=at,
            parent_frame_id=FIXED,
            child_frame_id=frame.frame_id,
            translation=self._messages.Vector3(x=float(pose[0, 3]), y=float(pose[1, 3]), z=float(pose[2, 3])),
            rotation=self._messages.Quaternion(x=x, y=y, z=z, w=w),
        )

    def _scene(self, one: Judged, frame: DepthFrame, at: Any) -> Any:
        """Return the grippers of a frame; they take the place of those before them."""
        messages = self._messages
        lines = [self._gripper(rank, found) for rank, found in enumerate(one.result.grasps)]
        entity = messages.SceneEntity(timestamp=at, frame_id=frame.frame_id, id="grasps", lines=lines)
        return messages.SceneUpdate(entities=[entity])

    def _gripper(self, rank: int, found: FoundGrasp) -> Any:
        points = [self._messages.Point3(x=x, y=y, z=z) for x, y, z in gripper_in_camera(found).reshape(-1, 3).tolist()]
        return self._messages.LinePrimitive(
            type=self._messages.LinePrimitiveLineType.LineList,
            pose=self._messages.Pose(
                position=self._messages.Vector3(x=0.0, y=0.0, z=0.0),
                orientation=self._messages.Quaternion(x=0.0, y=0.0, z=0.0, w=1.0),
            ),
            thickness=GRIPPER_M,
            points=points,
            color=self._colour(rank),
        )

    def _annotations(self, one: Judged, camera: PinholeCamera, at: Any) -> Any:
        messages, found = self._messages, one.result.grasps
        outlines = [
            messages.PointsAnnotation(
                timestamp=at,
                type=messages.PointsAnnotationType.LineLoop,
                # Foxglove counts from the corner of the first pixel, this project from its middle.
                points=[messages.Point2(x=u + 0.5, y=v + 0.5) for u, v in outline(place, camera)[:4].tolist()],
                outline_color=self._colour(rank),
                thickness=LINE_PX,
            )
            for rank, place in enumerate(found)
        ]
        return messages.ImageAnnotations(timestamp=at, points=outlines, texts=self._texts(one, at))

    def _texts(self, one: Judged, at: Any) -> List[Any]:
        messages, found = self._messages, one.result.grasps
        place = (found[0].u, found[0].v) if found else (8.0, 20.0)
        said = (
            f"{found[0].quality:.2f}  {1000 * found[0].width_m:.0f} mm" if found else f"no grasp: {one.result.nothing}"
        )
        return [
            messages.TextAnnotation(
                timestamp=at,
                position=messages.Point2(x=place[0], y=place[1]),
                text=f"{one.model}: {said}",
                font_size=12.0,
                text_color=messages.Color(r=1.0, g=1.0, b=1.0, a=1.0),
                background_color=messages.Color(r=0.0, g=0.0, b=0.0, a=0.5),
            )
        ]

    def _colour(self, rank: int) -> Any:
        r, g, b, a = OTHER_RGBA if rank else BEST_RGBA
        return self._messages.Color(r=r, g=g, b=b, a=a)


def _library() -> Tuple[Any, Any, Any]:
    try:
        import foxglove
        from foxglove import channels, messages
    except ImportError as error:
        raise PspGraspError(f"--to mcap needs foxglove-sdk: pip install 'pspgrasp[export]' ({error})") from error
    return foxglove, messages, channels
