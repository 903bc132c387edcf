"""Messages and the types of the core, in pairs: from_x_msg, to_x_msg."""

from __future__ import annotations

import math
from typing import Any, List, Sequence, Tuple

import numpy as np
from cv_bridge import CvBridge
from geometry_msgs.msg import Point, Pose, PoseStamped, Quaternion, TransformStamped, Vector3
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from pspgrasp.camera import PinholeCamera
from pspgrasp.compressed_depth import decode_compressed_depth
from pspgrasp.depth import DepthFrame, decode_depth
from pspgrasp.detect import Reason
from pspgrasp.grasp import Grasp, ImageGrasp, wrap_half_turn
from pspgrasp.ros.interfaces import DetectorState, FrameStatus, GraspArray
from pspgrasp.ros.interfaces import Grasp as GraspMsg
from pspgrasp.ros.outcome import Outcome
from pspgrasp.ros.states import Standing

FINGER_M = 0.05  # length of the fingers in the markers


def from_camera_info_msg(msg: CameraInfo) -> PinholeCamera:
    """Return the camera of K; distortion is not modelled (depth images come rectified, or with none)."""
    return PinholeCamera(msg.width, msg.height, msg.K[0], msg.K[4], msg.K[2], msg.K[5])


def to_camera_info_msg(camera: PinholeCamera, header: Header) -> CameraInfo:
    """Return the camera_info of a camera without distortion; the inverse of `from_camera_info_msg`."""
    k = [camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0]
    return CameraInfo(header=header, width=camera.width_px, height=camera.height_px, K=k)


def from_image_msg(msg: Any, camera: PinholeCamera) -> DepthFrame:
    """Return the depth frame of an Image or of a CompressedImage (compressedDepth).

    Raises:
        DepthError: Wrong encoding, short data, or another size than the camera's.
    """
    if isinstance(msg, CompressedImage) or msg._type == CompressedImage._type:
        depth_m = decode_compressed_depth(msg.data, msg.format)
    else:
        depth_m = decode_depth(msg.data, msg.encoding, msg.height, msg.width, msg.step, bool(msg.is_bigendian))
    return DepthFrame(depth_m, camera, msg.header.frame_id, msg.header.stamp.to_nsec())


def to_image_msg(image: np.ndarray, encoding: str, header: Header) -> Image:
    """Return an Image: (H, W, 3) uint8 as bgr8, (H, W) float32 as 32FC1, (H, W) uint16 as 16UC1."""
    msg = CvBridge().cv2_to_imgmsg(np.ascontiguousarray(image), encoding)
    msg.header = header
    return msg


def to_depth_msg(frame: DepthFrame, encoding: str, header: Header) -> Image:
    """Return a depth frame as a driver publishes it, 0 where nothing was measured; the inverse of `from_image_msg`.

    Args:
        frame: Nearer than 65 m, which is as far as 16UC1 goes.
        encoding: 16UC1, rounded to millimetres, or 32FC1.
        header: Of the message.
    """
    depth_m = np.nan_to_num(frame.depth_m)
    return to_image_msg(np.rint(1000 * depth_m).astype(np.uint16) if encoding == "16UC1" else depth_m, encoding, header)


def to_pose_msg(position_m: np.ndarray, rotation: np.ndarray) -> Pose:
    """Return a Pose of a position (3,) [m] and a rotation (3, 3)."""
    x, y, z, w = Rotation.from_matrix(rotation).as_quat()
    return Pose(Point(*(float(c) for c in position_m)), Quaternion(x, y, z, w))


def from_transform_msg(msg: TransformStamped) -> Tuple[np.ndarray, np.ndarray]:
    """Return the rotation (3, 3) and the translation (3,) [m] of a transform."""
    q, t = msg.transform.rotation, msg.transform.translation
    return Rotation.from_quat((q.x, q.y, q.z, q.w)).as_matrix(), np.array((t.x, t.y, t.z))


def to_grasp_msg(grasp: Grasp, image_grasp: ImageGrasp, pose: Pose) -> GraspMsg:
    """Return a Grasp message; `pose` is that of the grasp in the frame of the header."""
    return GraspMsg(
        pose=pose,
        width=grasp.width_m,
        quality=grasp.quality,
        u=image_grasp.u,
        v=image_grasp.v,
        width_px=image_grasp.width_px,
    )


def from_grasp_msg(msg: GraspMsg) -> Grasp:
    """Return the grasp of a message whose header is in the camera's optical frame; the inverse of `to_grasp_msg`."""
    p, q = msg.pose.position, msg.pose.orientation
    # A turn about the optical axis alone: see `Grasp.rotation`.
    angle_rad = wrap_half_turn(-2 * math.atan2(q.z, q.w))
    return Grasp(np.array((p.x, p.y, p.z)), angle_rad, msg.width, msg.quality)


def to_pose_stamped_msg(header: Header, grasp: GraspMsg) -> PoseStamped:
    """Return the pose of one grasp."""
    return PoseStamped(header, grasp.pose)


def to_transform_msg(header: Header, grasp: GraspMsg, child_frame: str) -> TransformStamped:
    """Return the grasp as a TF frame."""
    p = grasp.pose.position
    msg = TransformStamped(header=header, child_frame_id=child_frame)
    msg.transform.translation, msg.transform.rotation = Vector3(p.x, p.y, p.z), grasp.pose.orientation
    return msg


def to_detector_state_msg(standing: Standing, header: Header) -> DetectorState:
    """Return how the node fares; the number of a state is the constant of its name."""
    state = standing.state
    return DetectorState(
        header=header, state=getattr(DetectorState, state.name), name=state.value, reason=standing.reason
    )


def to_frame_status_msg(outcome: Outcome, message: str, refused: Sequence[Reason], header: Header) -> FrameStatus:
    """Return what became of a frame; numbers are the constants of the same names."""
    return FrameStatus(
        header=header,
        outcome=getattr(FrameStatus, outcome.name),
        message=message,
        refused=bytes(getattr(FrameStatus, f"PEAK_{reason.name}") for reason in refused),
    )


def to_marker_array_msg(array: GraspArray) -> MarkerArray:
    """Return the grasps as grippers of lines, green where the quality is high; earlier ones are deleted."""
    markers = [Marker(header=array.header, ns="grasps", action=Marker.DELETEALL)]
    return MarkerArray(markers + [_gripper(array.header, rank, grasp) for rank, grasp in enumerate(array.grasps)])


def _gripper(header: Header, rank: int, grasp: GraspMsg) -> Marker:
    marker = Marker(header=header, ns="grasps", id=rank, type=Marker.LINE_LIST, action=Marker.ADD, pose=grasp.pose)
    marker.points = _gripper_lines(grasp.width)
    marker.scale.x = 0.004 if rank == 0 else 0.002
    marker.color = ColorRGBA(1.0 - grasp.quality, grasp.quality, 0.1, 1.0 if rank == 0 else 0.6)
    return marker


def _gripper_lines(width_m: float) -> List[Point]:
    """Return pairs of points: two fingers that close along x and end at the grasp, a palm behind them, a wrist."""
    half, palm = width_m / 2, -FINGER_M
    corners: Sequence[Tuple[float, float]] = (
        *((-half, palm), (-half, 0.0)),
        *((half, palm), (half, 0.0)),
        *((-half, palm), (half, palm)),
        *((0.0, palm), (0.0, 2 * palm)),
    )
    return [Point(x, 0.0, z) for x, z in corners]
