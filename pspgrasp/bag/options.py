"""What `pspgrasp bag eval`, `compare` and `export` can be told: what is read, and by which models it is judged."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Sequence

from pspgrasp.data.commands import check_bounds
from pspgrasp.errors import ConfigError, shown
from pspgrasp.tree_file import read_tree

if TYPE_CHECKING:
    from pspgrasp.bag.figures.measures import Gripper
    from pspgrasp.bag.judging.specs import ModelSpec
    from pspgrasp.bag.recording import Selection
    from pspgrasp.node_config import NodeConfig

BOUNDS = {
    "start": (0, 1e7),
    "seconds": (0, 1e7),
    "every": (1, 10**6),
    "most": (0, 10**9),
}
COMMAND_WIDTHS = ("kinova", "mvp", "image")
PROCESS_BOUNDS = {"processes": (1, 4096)}


def add_reading_options(command: argparse.ArgumentParser) -> None:
    """Add what is read, and which part of it."""
    command.add_argument(
        "inputs",
        nargs="+",
        type=Path,
        metavar="INPUT",
        help="ROS 1 .bag, rosbag2 folder, .mcap, folder of depth images, or folder of any of them",
    )
    command.add_argument("--depth-topic", default="", metavar="TOPIC", help="depth image (default: found by type)")
    command.add_argument("--info-topic", default="", metavar="TOPIC", help="its camera_info (default: found by name)")
    command.add_argument(
        "--camera",
        type=float,
        nargs=4,
        metavar=("FX", "FY", "CX", "CY"),
        help="focal lengths and principal point [px], where no camera_info was recorded",
    )
    command.add_argument(
        "--pose-topic", default="", metavar="TOPIC", help="PoseStamped of the camera's optical frame (default: TF)"
    )
    command.add_argument(
        "--fixed-frame", default="", metavar="FRAME", help="of TF that stands still (default: the camera's root)"
    )
    command.add_argument(
        "--command-width",
        choices=COMMAND_WIDTHS,
        default=COMMAND_WIDTHS[0],
        help="whose pixels the widths of recorded ggcnn/out/command are: of the map of GG-CNN's node kinova or mvp, or "
        "of the image, as our own node sends them with quirks: fixed (default: kinova)",
    )
    command.add_argument("--start", type=float, default=0.0, metavar="S", help="leave out the first seconds")
    command.add_argument("--seconds", type=float, default=0.0, metavar="S", help="read so many (default: all)")
    command.add_argument("--every", type=int, default=1, metavar="N", help="read each N-th image (default: each)")
    command.add_argument("--most", type=int, default=0, metavar="N", help="read N images at most (default: all)")


def selection_of(parsed: argparse.Namespace) -> Selection:
    """Return which part is read.

    Raises:
        ConfigError: A value is out of range.
    """
    from pspgrasp.bag.recording import Selection

    check_bounds(parsed, BOUNDS)
    return Selection(
        depth_topic=parsed.depth_topic,
        info_topic=parsed.info_topic,
        start_s=parsed.start,
        seconds=parsed.seconds,
        every=parsed.every,
        most=parsed.most,
        camera=tuple(parsed.camera) if parsed.camera else None,
        pose_topic=parsed.pose_topic,
        fixed_frame=parsed.fixed_frame,
        command_width=parsed.command_width,
    )


def add_model_options(command: argparse.ArgumentParser) -> None:
    """Add by what it is judged."""
    command.add_argument(
        "--checkpoint",
        nargs="+",
        default=[],
        metavar="NAME",
        help="name of one that ships or a file; NAME@kinova and NAME@mvp walk the road of GG-CNN's nodes, with its own "
        "pre- and post-processing (default: what --params names)",
    )
    command.add_argument(
        "--params",
        type=Path,
        metavar="FILE",
        help="the node's parameters, as on the robot: crop, detection, limits (see: pspgrasp config)",
    )
    command.add_argument("--device", default="", help="auto, cpu or cuda (default: as --params says)")
    command.add_argument(
        "--runtime", default="", help="what runs the network, or auto (default: torch, or what the file is for)"
    )


def specs_from(parsed: argparse.Namespace) -> List[ModelSpec]:
    """Return the models.

    Raises:
        ConfigError: Parameters or names are wrong.
    """
    from pspgrasp.bag.judging.specs import specs_of

    return specs_of(parsed.checkpoint, node_config(parsed))


def node_config(parsed: argparse.Namespace) -> NodeConfig:
    """Return the node's parameters.

    Raises:
        ConfigError: The file can't be read, or a parameter is wrong.
    """
    from pspgrasp.node_config import NodeConfig

    tree = _parameters(parsed.params) if parsed.params else {}
    runtime = parsed.runtime or tree.get("runtime", "")  # a node may take the fastest; here torch is judged, unasked
    told = {"runtime": runtime, **({"device": parsed.device} if parsed.device else {})}
    try:
        return NodeConfig.from_parameters({**tree, **told})
    except ConfigError as error:
        raise ConfigError(f"{parsed.params}: {error}" if parsed.params else str(error)) from error


def _parameters(path: Path) -> Dict[str, Any]:
    tree = read_tree(path)
    if not isinstance(tree, dict):
        raise ConfigError(
            f"{path} must hold the node's parameters as a mapping, got {shown(tree)}; see: pspgrasp config"
        )
    return tree


def add_judging_options(command: argparse.ArgumentParser) -> None:
    """Add how it is judged, and where the results go."""
    command.add_argument(
        "--gripper",
        nargs=2,
        type=float,
        metavar=("MIN", "MAX"),
        help="openings [m] against which grasps are counted (default: limits of --params)",
    )
    command.add_argument(
        "--output", type=Path, metavar="DIR", help="write report.html, results.json, frames.csv and frames.jsonl there"
    )
    command.add_argument(
        "--processes", type=int, default=1, help="recordings that are judged side by side (default: 1)"
    )
    command.add_argument("--ray", default="", metavar="ADDRESS", help="of a Ray cluster, or `local` (needs Ray)")


def check_processes(parsed: argparse.Namespace) -> None:
    """Check how many processes there are.

    Raises:
        ConfigError: Out of range.
    """
    check_bounds(parsed, PROCESS_BOUNDS)


def gripper_of(parsed: argparse.Namespace, config: NodeConfig) -> Gripper:
    """Return the openings against which grasps are counted.

    Raises:
        ConfigError: They are no range.
    """
    from pspgrasp.bag.figures.measures import Gripper

    if parsed.gripper is None:
        return Gripper(config.limits.min_width_m, config.limits.max_width_m)
    low_m, high_m = parsed.gripper
    if not 0 <= low_m < high_m:
        raise ConfigError(f"--gripper needs 0 <= MIN < MAX in metres, got {low_m:g} {high_m:g}")
    return Gripper(low_m, high_m)


def check_output(output: Path, inputs: Sequence[Path]) -> None:
    """See that nothing is written into what is read.

    Raises:
        ConfigError: The output is an input, lies in one, or is a file.
    """
    place = output.resolve()
    for one in (path.resolve() for path in inputs):
        if place == one or one in place.parents:
            raise ConfigError(f"--output {output} lies in the input {one}, which is never written to; give another")
    if output.exists() and not output.is_dir():
        raise ConfigError(f"--output {output} is a file; give a folder")
