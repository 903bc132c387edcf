"""What `pspgrasp evaluate` can be told, and what goes together."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Tuple

from pspgrasp.config import DetectionConfig
from pspgrasp.data.commands import add_dataset_options, check_bounds
from pspgrasp.errors import ConfigError, unknown_name

LABELS = "labels"  # judged in place of a checkpoint
SYNTHETIC = "synthetic"  # in place of a folder: generated scenes
PROTOCOLS = ("pspgrasp", "ggcnn")
TOP_OF_A_SCENE = 5  # grasps by which calibration is judged
BOUNDS = {
    "top": (1, 100),
    "window_size": (16, 4096),
    "min_quality": (0, 1),
    "focal": (0, 1e6),
    "scenes": (1, 10**6),
    "seed": (0, 2**31 - 1),
    "clearance_m": (0, 1),
    "max_width": (0.001, 10),
}
ONLY_IMAGES = (
    *("layout", "unit", "depth", "protocol", "window", "window_size", "focal", "jaw_share", "jaw", "clearance"),
    *("split", "folds", "only", "sgt"),
)
ONLY_SCENES = ("scenes", "clearance_m", "max_width")
ONLY_ONE = ("folds", "sgt", "overlay")

DESCRIPTION = """\
Judge checkpoints on labelled images by the rectangle metric: the best grasp of an image is right if it overlaps a
label by more than 0.25 (exact areas) and is turned by at most 30 degrees. The network saw none of the labels; that it
was not trained on these images is for you to know.

A grasp has no jaw: --jaw-share, --jaw and --clearance make it a rectangle, and they move the score. They are part of
the JSON, as are the window, each image's outcome, thresholds up to 0.75 and the folds.

With --data synthetic, judge them on generated scenes that nothing is trained on: the best grasp is right if it is
antipodal and the fingers come down free, by the labeller's own check on exact depth.

Several checkpoints make one table, each paired with the first, image by image. What ends in .json is the result of an
earlier run."""

EXAMPLES = """\
examples:
  pspgrasp evaluate efficientnet_lite0 --data cornell --split object --folds 5 --json result.json
  pspgrasp evaluate tuned.safetensors efficientnet_lite0 --data cornell --split object --only 0/2
  pspgrasp evaluate mine.safetensors --data jacquard --depth stereo --overlay pictures --top 3
  pspgrasp evaluate published.safetensors --data cornell --protocol ggcnn
  pspgrasp evaluate labels --data cornell     judges the labels: which can't be reached with this jaw?
  pspgrasp evaluate mine.safetensors --data synthetic --scenes 512 --overlay pictures
  pspgrasp evaluate mine.safetensors resnet18 ggcnn --data synthetic
  pspgrasp evaluate mine.json yours.json"""


def add_options(command: argparse.ArgumentParser) -> None:
    """Add what `evaluate` can be told."""
    command.add_argument(
        "checkpoints",
        nargs="+",
        metavar="CHECKPOINT",
        help="name of one that ships, a file, or `labels`: the labels themselves",
    )
    command.add_argument("--data", default="", help="a data set (see: pspgrasp data check), or `synthetic`")
    add_dataset_options(command)
    _add_road(command)
    _add_scenes(command)
    command.add_argument("--split", default="image", help="folds by image or by object (default: image)")
    command.add_argument("--only", default="", metavar="F/K", help="judge fold F of K alone (0/2: the first of two)")
    command.add_argument("--folds", type=int, default=0, help="number of folds; their spread is told (default: none)")
    command.add_argument("--seed", type=int, default=0, help="of the folds, or of the scenes (default: 0)")
    command.add_argument("--table", action="store_true", help="one table, as of several checkpoints")
    command.add_argument("--json", type=Path, help="write the whole result")
    command.add_argument(
        "--overlay", type=Path, help="folder for a picture of each image, one sheet of them, and the reliability curve"
    )
    command.add_argument("--sgt", type=Path, help="write the best grasps for Jacquard's simulated trials (SGT)")
    command.set_defaults(default_of=command.get_default)


def _add_road(command: argparse.ArgumentParser) -> None:
    """Add what tells how an image becomes a rectangle."""
    command.add_argument("--protocol", default="pspgrasp", help="pspgrasp, or ggcnn: its own pre- and post-processing")
    command.add_argument(
        "--window",
        default="",
        help="labels: centred on them, as the field does; centre: as on a robot; whole: the largest square "
        "(default: whole for jacquard, else labels)",
    )
    command.add_argument("--window-size", type=int, default=300, help="side of the window [px] (default: 300)")
    command.add_argument("--focal", type=float, default=0.0, metavar="PX", help="focal length of the data's camera")
    command.add_argument(
        "--top", type=int, help=f"grasps of an image that are judged (default: 1, of a scene {TOP_OF_A_SCENE})"
    )
    command.add_argument("--min-quality", type=float, default=0.0, help="grasps below are none (default: 0)")
    command.add_argument("--jaw-share", type=float, default=0.5, help="jaw as a share of the opening (default: 0.5)")
    command.add_argument("--jaw", type=float, default=0.0, metavar="PX", help="jaw in px instead of a share")
    command.add_argument("--clearance", type=float, default=0.0, metavar="PX", help="added to the opening (default: 0)")
    command.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    command.add_argument(
        "--runtime", default="", help="what runs the network, or auto (default: torch, or what the file is for)"
    )


def _add_scenes(command: argparse.ArgumentParser) -> None:
    """Add what only generated scenes have."""
    command.add_argument("--scenes", type=int, default=512, help="how many are generated (default: 512)")
    command.add_argument(
        "--clearance-m",
        type=float,
        default=DetectionConfig.clearance_m,
        metavar="M",
        help="added to contact widths, both sides together, as the detector's clearance_m (default: %(default)s)",
    )
    command.add_argument(
        "--max-width",
        type=float,
        metavar="M",
        help="wider grasps are refused, as by the detector's limits/max_width_m (default: none is)",
    )


def check(parsed: argparse.Namespace) -> None:
    """Check what a command line says.

    Raises:
        ConfigError: A value is out of range or unknown, or options don't go together.
    """
    from pspgrasp.data.folds import SPLITS

    if parsed.split not in SPLITS:
        raise ConfigError(unknown_name("split", parsed.split, SPLITS))
    if parsed.protocol not in PROTOCOLS:
        raise ConfigError(unknown_name("protocol", parsed.protocol, PROTOCOLS))
    check_bounds(parsed, BOUNDS)
    if parsed.data == SYNTHETIC:
        _refuse(parsed, ONLY_IMAGES, "is for labelled images, not for --data synthetic")
    else:
        _refuse(parsed, ONLY_SCENES, "is for --data synthetic")
    if makes_table(parsed):
        _refuse(parsed, ONLY_ONE, "is for one checkpoint, not for a table")
    if not parsed.data and not all(map(is_result, parsed.checkpoints)):
        raise ConfigError("say on what: --data FOLDER or --data synthetic")


def makes_table(parsed: argparse.Namespace) -> bool:
    """Tell whether a command line asks for a table."""
    return parsed.table or len(parsed.checkpoints) > 1 or is_result(parsed.checkpoints[0])


def is_result(checkpoint: str) -> bool:
    """Tell whether the name is of an earlier result instead of a checkpoint."""
    return checkpoint.endswith(".json")


def _refuse(parsed: argparse.Namespace, names: Tuple[str, ...], why: str) -> None:
    for name in names:
        if getattr(parsed, name) != parsed.default_of(name):
            raise ConfigError(f"{_option(name)} {why}")


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
