"""How a model walks from depth to grasps, in words: whoever reads figures has to know of what they are."""

from __future__ import annotations

import torch

from pspgrasp.config import CropConfig, LimitsConfig
from pspgrasp.predictor import GraspPredictor
from pspgrasp.runtimes import Runtime
from pspgrasp.runtimes.machine import cpu_name, thread_count


def window_said(crop: CropConfig) -> str:
    """Return the window in words."""
    shifts = ((crop.offset_u_px, "right", "left"), (crop.offset_v_px, "down", "up"))
    moved = [f"{abs(px)} px {plus if px > 0 else minus}" for px, plus, minus in shifts if px]
    return f"the middle {crop.size_px} px" + (f" moved {' and '.join(moved)}" if moved else "")


def opened_said(predictor: GraspPredictor) -> str:
    """Return by how much contact widths are opened."""
    return f"contact widths opened by {1000 * predictor.detection.clearance_m:g} mm"


def limits_said(limits: LimitsConfig) -> str:
    """Return the limits of the gripper and the cell in words, as far as any are set."""
    every = LimitsConfig()
    said = [f"opening {1000 * limits.min_width_m:g} to {1000 * limits.max_width_m:g} mm"]
    if (limits.min_width_m, limits.max_width_m) == (every.min_width_m, every.max_width_m):
        said = ["any opening"]
    if (limits.min_depth_m, limits.max_depth_m) != (every.min_depth_m, every.max_depth_m):
        said.append(f"grasps {limits.min_depth_m:g} to {limits.max_depth_m:g} m away")
    return ", ".join(said + (["within the workspace"] if limits.workspace_px else []))


def way_said(predictor: GraspPredictor) -> str:
    """Return in words how the gripper comes, and what its way must be clear of."""
    config, plane = predictor.clearance, predictor.table.plane
    parts = [part for part, asked in (("fingers", config.fingers), ("palm", config.palm)) if asked]
    room = f"room for {' and '.join(parts)}" if parts else "whatever is in its way"
    unseen = f", at most {100 * config.most_unseen:g} % of it unseen" if config.most_unseen < 1 else ""
    tips = "no table" if plane == "none" else f"fingertips above the table ({plane})"
    along = "the camera's axis" if config.approach == "camera" else "the table's normal"
    return f"gripper along {along}, {room}{unseen}, {tips}"


def runtime_said(runtime: Runtime) -> str:
    """Return in words what runs a network, and on what."""
    return f"run by {runtime.name} on {runtime.device}{_device_said(runtime)}"


def _device_said(runtime: Runtime) -> str:
    if runtime.device == "cpu":
        threads = torch.get_num_threads() if runtime.name.startswith("torch") else thread_count()
        return f" ({cpu_name()}, {threads} thread{'s' if threads > 1 else ''})"
    if runtime.device.startswith("cuda") and torch.cuda.is_available():
        return f" ({torch.cuda.get_device_name(runtime.device)})"
    return ""
