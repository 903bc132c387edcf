"""The single road: a depth frame in, grasps out. A live topic and a bag meet here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import Callable, Optional, Tuple

import numpy as np

from pspgrasp.clearance import ANY_WAY, ClearanceConfig, WayDown
from pspgrasp.config import CropConfig, DetectionConfig, LimitsConfig, PreprocessConfig
from pspgrasp.crop import SquareCrop, resize_depth
from pspgrasp.depth import NEAREST_M, DepthFrame
from pspgrasp.detect import Rejection, detect
from pspgrasp.errors import ConfigError, DepthError, NetworkError
from pspgrasp.grasp import Grasp, ImageGrasp
from pspgrasp.gripper import HandConfig
from pspgrasp.maps import FrameMaps, GraspMaps, SmoothedMaps
from pspgrasp.preprocess import network_input, within_range, without_holes
from pspgrasp.runtimes import RoadRuntime, Runtime
from pspgrasp.runtimes.parity import check_road, probe_depth_m
from pspgrasp.runtimes.start import Started, run
from pspgrasp.shipped import Network
from pspgrasp.table_plane import TableConfig, TablePlane, find_table

NO_TABLE = "no table plane was found: fingers go in as far as they may, and nothing keeps them above a table"


def unheard(_stage: str) -> None:
    """Take note of nothing: nobody measures."""


class NoGrasp(Enum):
    """Why a frame has no grasp, in words."""

    NO_DEPTH = "no depth is measured in the window"
    NO_PEAK = "no peak of quality reaches the threshold"
    ALL_REFUSED = "every peak was refused by the limits or lacks depth"


@dataclass(frozen=True)
class Prediction:
    """What one frame gave.

    Attributes:
        crop: The window that was judged.
        smoothed: Maps of the window as the grasps were read from them, None where no depth was measured.
        image_grasps: In the full image, best first.
        grasps: The same in the camera's optical frame.
        rejections: Peaks that were refused, and why.
        note: What else there is to be said of the frame; "" for nothing.
    """

    crop: SquareCrop
    smoothed: Optional[FrameMaps]
    image_grasps: Tuple[ImageGrasp, ...] = ()
    grasps: Tuple[Grasp, ...] = ()
    rejections: Tuple[Rejection, ...] = ()
    note: str = ""

    @property
    def maps(self) -> Optional[GraspMaps]:
        """Smoothed maps of the window, None where no depth was measured; worked out when first asked for."""
        return self.smoothed.whole if self.smoothed else None

    @property
    def nothing(self) -> Optional[NoGrasp]:
        """Why there is no grasp; None where there is one."""
        if self.grasps:
            return None
        if self.smoothed is None:
            return NoGrasp.NO_DEPTH
        return NoGrasp.ALL_REFUSED if self.rejections else NoGrasp.NO_PEAK

    def remarks(self) -> str:
        """Return why there is no grasp, what else is to be said, and which peaks were refused and why, in words."""
        refused = Counter(rejection.reason.value for rejection in self.rejections)
        said = [text for text in (self.nothing and self.nothing.value, self.note) if text]
        return "; ".join(said + [f"refused {count}: {reason}" for reason, count in refused.items()])


@dataclass(frozen=True)
class GraspPredictor:
    """Network, device and settings; stateless between frames. `dataclasses.replace` changes a setting.

    Attributes:
        name: Of the checkpoint.
        runtime: Runs the network.
        preprocess: How the network's input is made, from the checkpoint.
        width_scale_px: From the checkpoint.
        width: From the checkpoint: whether its widths are openings, or contact widths to be opened by
            `detection.clearance_m`.
        crop: The window of the image.
        detection: Smoothing, thresholds.
        limits: Of the gripper and the cell.
        gripper: Its sizes, and how deep it goes.
        clearance: How it comes, and what it must be clear of; nothing, if not said otherwise.
        table: The plane on which things stand; none, if not said otherwise.
        allowed: (H, W) bool, where grasps may lie in the image; None is everywhere.
        stage_done: Called with the name of each stage of the road as it ends, for whoever takes the time: prepare,
            network, maps, detect. A runtime that walks the whole road on its device has no prepare and no maps.
    """

    name: str
    runtime: Runtime
    preprocess: PreprocessConfig
    width_scale_px: float
    width: str = "opening"
    crop: CropConfig = CropConfig()
    detection: DetectionConfig = DetectionConfig()
    limits: LimitsConfig = LimitsConfig()
    gripper: HandConfig = HandConfig()
    clearance: ClearanceConfig = ANY_WAY.config
    table: TableConfig = TableConfig("none")
    allowed: Optional[np.ndarray] = None
    stage_done: Callable[[str], None] = unheard

    @classmethod
    def from_checkpoint(
        cls,
        checkpoint: Network,
        device: str = "auto",
        crop: CropConfig = CropConfig(),
        detection: DetectionConfig = DetectionConfig(),
        limits: LimitsConfig = LimitsConfig(),
        runtime: str = "",
    ) -> GraspPredictor:
        """Return a predictor with the network of `checkpoint` on `device` (auto, cpu, cuda).

        Args:
            checkpoint: Weights, or an exported network.
            device: Where it runs.
            crop: The window of the image.
            detection: Smoothing, thresholds.
            limits: Of the gripper and the cell.
            runtime: A key of `runtimes.table.RUNTIMES`, or `auto`: the fastest that is installed and passes its check.
                "" is torch, or what an exported network is for.

        Raises:
            CheckpointError: The weights don't fit, or the network wants more than depth.
            ConfigError: No such device or runtime, or they don't go together.
            NetworkError: The runtime doesn't do what the network does.
            PspGraspError: The runtime can't be had here.
        """
        return cls.started(run(checkpoint, runtime, device), crop, detection, limits)

    @classmethod
    def started(
        cls, started: Started, crop: CropConfig, detection: DetectionConfig, limits: LimitsConfig
    ) -> GraspPredictor:
        """Return a predictor with a network that runs."""
        network = started.network
        return cls(
            network.name,
            started.runtime,
            network.preprocess,
            network.width_scale_px,
            network.width,
            crop,
            detection,
            limits,
        )

    def predict(self, frame: DepthFrame, table: Optional[TablePlane] = None) -> Prediction:
        """Return the grasps of one depth frame. No grasp is not an error.

        Args:
            frame: The depth image.
            table: The plane on which things stand, of whoever knows where the camera is; None asks the settings.

        Raises:
            NetworkError: The network's output is not finite, or not of its input's size.
            DepthError: The mask `allowed` is of another size than the image.
            ConfigError: The settings leave the table to a caller who doesn't give it.
        """
        if self.allowed is not None and self.allowed.shape != frame.depth_m.shape:
            raise DepthError(
                f"the mask `allowed` is {self.allowed.shape}, the image {frame.depth_m.shape}; both (H, W)"
            )
        # 1. The window; what lies outside the working range is missing, where a grasp's depth is looked up too.
        range_m = (self.crop.near_m, self.crop.far_m)
        crop = SquareCrop.placed(self.crop, frame.depth_m.shape, self.preprocess.input_size_px)
        window_m = within_range(crop.cut(frame.depth_m), *range_m)
        depth_m = resize_depth(window_m, crop.out_px)
        if np.isnan(depth_m).all():
            return Prediction(crop, None)
        # 2. Its maps.
        maps = self.looked(depth_m, frame.camera.focal_px / crop.scale)
        # 3. Their peaks, in pixels and in metres, as far as the gripper gets there.
        window = frame.camera.window(crop.left_px, crop.top_px, crop.size_px)
        table = table or find_table(self.table, window_m, window)
        way = WayDown(self.gripper, self.clearance, table, self.table.below_m, range_m)
        found = detect(maps, crop, frame, self.detection, self.limits, self.allowed, range_m, way)
        self.stage_done("detect")
        return Prediction(crop, maps, *found, note="" if table or self.table.plane == "none" else NO_TABLE)

    def warm_up(self) -> None:
        """Look once, so that the first frame doesn't pay for what is set up lazily.

        Raises:
            NetworkError: The runtime walks the whole road on its device, and it isn't the road that is walked here.
        """
        side = self.preprocess.input_size_px
        depth_m = probe_depth_m(side)
        found = self.looked(depth_m, float(side))
        if isinstance(self.runtime, RoadRuntime) and self.runtime.has_network:
            check_road(self.looked_here(depth_m, float(side)), found, "half", self.runtime.name)

    def looked(self, depth_m: np.ndarray, focal_px: float) -> FrameMaps:
        """Return what grasps are read from; where nothing was measured there is no quality.

        Args:
            depth_m: (S, S) float32 [m] of the window, NaN = no measurement; at least one pixel is measured.
            focal_px: Focal length [px of the window].

        Raises:
            NetworkError: The network's output is not finite, or not of its input's size.
            ConfigError: Other settings are built into the network's file.
        """
        if not isinstance(self.runtime, RoadRuntime):
            return self.looked_here(depth_m, focal_px)
        maps = self.runtime.look(depth_m, focal_px, self.detection)
        self.stage_done("network")
        return maps

    def looked_here(self, depth_m: np.ndarray, focal_px: float) -> SmoothedMaps:
        """Return the same as `looked`, for which the runtime gives no more than the network."""
        filled_m, missing = without_holes(depth_m, self.preprocess.fill)
        maps = SmoothedMaps.of(self.raw_maps(filled_m, focal_px).without(missing), self.detection)
        self.stage_done("maps")
        return maps

    def raw_maps(self, filled_m: np.ndarray, focal_px: Optional[float]) -> GraspMaps:
        """Return the maps of a window, before mask and Gaussians; their widths are openings.

        Args:
            filled_m: (S, S) float32 [m], without holes.
            focal_px: Of the window [px of the window]; None where the camera isn't known.

        Raises:
            NetworkError: The network's output is not finite, or not of its input's size.
            ConfigError: The network needs the focal length, and it isn't known.
        """
        image = network_input(filled_m, self.preprocess, focal_px)
        self.stage_done("prepare")
        maps = self.run(image)
        self.stage_done("network")
        if self.width == "opening":
            return maps
        if focal_px is None:
            raise ConfigError(f"checkpoint {self.name!r} puts out contact widths; give the focal length to open them")
        # Nearer than the camera can measure is no depth, and would open without end.
        depth_m = np.maximum(filled_m, np.float32(NEAREST_M))
        return maps.opened(np.float32(self.detection.clearance_m * focal_px) / depth_m)

    def run(self, image: np.ndarray) -> GraspMaps:
        """Return what the network puts out for its input (C, S, S), widths as it means them.

        Raises:
            NetworkError: The output is not finite, or not of the input's size.
        """
        output, side = self.runtime(image), self.preprocess.input_size_px
        if output.shape != (4, side, side):
            raise NetworkError(
                f"the network of checkpoint {self.name!r} put out {output.shape} for an input of {side}x{side} px; "
                f"it must be (4, {side}, {side}): another input_size_px, or zoom_factor 0"
            )
        return GraspMaps.decode(output, self.width_scale_px)
