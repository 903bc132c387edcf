"""The parameters of the ROS node, as one tree; knows no ROS itself. `config/grasp_detector.yaml` mirrors it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict

from pspgrasp.clearance import ClearanceConfig
from pspgrasp.config import CropConfig, DetectionConfig, LimitsConfig, from_tree, setting
from pspgrasp.errors import ConfigError, unknown_name
from pspgrasp.ggcnn_api import QUIRKS
from pspgrasp.ggcnn_stream import PRESETS
from pspgrasp.gripper import HandConfig
from pspgrasp.predictor import GraspPredictor
from pspgrasp.runtimes.table import AUTO, RUNTIMES
from pspgrasp.shipped import DEFAULT
from pspgrasp.table_plane import TableConfig


@dataclass(frozen=True)
class TopicsConfig:
    """What the node listens to."""

    depth: str = setting(
        "", "depth image; .../compressedDepth is understood; empty: the camera's, or GG-CNN's with a preset"
    )
    camera_info: str = setting("", "its camera_info; empty: beside the depth image")
    robot_pose: str = setting("/m1n6s200_driver/out/tool_pose", "tool pose of which GG-CNN's kinova preset reads z")

    def resolved(self, ggcnn: bool) -> TopicsConfig:
        """Return the topics with empty ones filled in."""
        depth = self.depth or ("/camera/depth/image_meters" if ggcnn else "/camera/depth/image_rect_raw")
        image = depth[: -len("/compressedDepth")] if depth.endswith("/compressedDepth") else depth
        folder = image[: image.rfind("/") + 1]
        return replace(self, depth=depth, camera_info=self.camera_info or folder + "camera_info")


@dataclass(frozen=True)
class FramesConfig:
    """In which frame grasps are published."""

    base: str = setting("", "frame of the published grasps, by TF at the image's stamp; empty: the camera's")
    tf_timeout_s: float = setting(0.1, "longest wait for TF; then the frame is dropped, never guessed [s]", 0.0, 10.0)
    broadcast: str = setting("", "name of a TF frame to broadcast at the best grasp; empty: none")

    def __post_init__(self) -> None:
        for name in (self.base, self.broadcast):
            if name.startswith("/"):
                raise ConfigError(f"TF frames have no leading slash: {name[1:]!r}, not {name!r}")


@dataclass(frozen=True)
class HealthConfig:
    """When the node is no longer well, and when it gives up."""

    watchdog_s: float = setting(
        2.0,
        "a frame that takes this much longer than usual ends the process, to be respawned [s]; 0: never",
        0.0,
        3600.0,
    )
    stall_s: float = setting(5.0, "it is degraded when no frame was judged for this long [s]", 0.1, 3600.0)
    most_failed: int = setting(3, "it is degraded when as many frames failed within 5 s", 1, 1000)
    min_rate_hz: float = setting(0.0, "it is degraded below as many judged frames a second; 0: any rate", 0.0, 1000.0)
    failed_after_s: float = setting(10.0, "it has failed when every frame fails for this long [s]", 0.1, 3600.0)


@dataclass(frozen=True)
class ServicesConfig:
    """Which services that change the node's state are offered."""

    set_model: bool = setting(True, "~set_model")
    pause: bool = setting(True, "~pause and ~resume")
    reset_tracking: bool = setting(True, "~reset_tracking")
    reconfigure: bool = setting(True, "dynamic_reconfigure; without it settings are those of the start")
    set_logger_level: bool = setting(True, "~set_logger_level, which rospy offers in each node")


@dataclass(frozen=True)
class NodeConfig:
    """Everything under the node's `~`."""

    checkpoint: str = setting("", "path of a checkpoint; empty: the one that ships for `backbone`")
    backbone: str = setting(DEFAULT, "name of a checkpoint that ships: efficientnet_lite0, resnet18 or ggcnn")
    device: str = setting("auto", "auto, cpu or cuda; auto prefers a GPU")
    runtime: str = setting(
        AUTO, "what runs the network: auto is the fastest that passes its check; empty: torch, or what the file is for"
    )
    topics: TopicsConfig = TopicsConfig()
    crop: CropConfig = CropConfig()
    detection: DetectionConfig = DetectionConfig()
    limits: LimitsConfig = LimitsConfig()
    gripper: HandConfig = HandConfig()
    clearance: ClearanceConfig = ClearanceConfig()
    table: TableConfig = TableConfig()
    frames: FramesConfig = FramesConfig()
    health: HealthConfig = HealthConfig()
    services: ServicesConfig = ServicesConfig()
    publish_maps: bool = setting(
        False, "publish ~quality, ~angle and ~width, 32FC1, in the size of the network's input"
    )
    tracking: bool = setting(False, "~grasp follows the grasp nearest to the last one instead of the best")
    max_age_s: float = setting(
        1.0, "a frame older than this when its grasps are ready isn't published [s]; 0: any age", 0.0, 3600.0
    )
    info_timeout_s: float = setting(5.0, "warn this often while images or camera_info don't come [s]", 0.1, 3600.0)
    predict_timeout_s: float = setting(
        2.0, "longest wait of ~predict for the next frame, if the call names none [s]", 0.01, 3600.0
    )
    ggcnn: str = setting("off", "speak GG-CNN's interfaces, too: kinova, mvp or off")
    quirks: str = setting("strict", "GG-CNN's faults that a consumer can see: strict repeats them, fixed doesn't")
    ggcnn_service: str = setting("/ggcnn_service", "namespace of GG-CNN's service and of its parameters camera/...")

    def __post_init__(self) -> None:
        _check("ggcnn", self.ggcnn, ("off", *PRESETS))
        _check("quirks", self.quirks, QUIRKS)
        _check("runtime", self.runtime, ("", AUTO, *RUNTIMES))
        if self.table.plane == "base" and not self.frames.base:
            raise ConfigError("table/plane is 'base', and frames/base is empty: name the robot's base frame")

    def of_robot(self, predictor: GraspPredictor) -> GraspPredictor:
        """Return the predictor as it is for this robot's gripper and table."""
        return replace(predictor, gripper=self.gripper, clearance=self.clearance, table=self.table)

    @classmethod
    def from_parameters(cls, tree: Dict[str, Any]) -> NodeConfig:
        """Return the config of a tree of ROS parameters.

        Raises:
            ConfigError: Unknown, ill-typed or out of bounds; names the parameter and what would be right.
        """
        # YAML reads a bare `off` as false.
        return from_tree(cls, {**tree, "ggcnn": "off"} if tree.get("ggcnn") is False else tree)


def _check(name: str, value: str, valid: Any) -> None:
    if value not in valid:
        raise ConfigError(unknown_name(name, value, valid))
