"""The command `pspgrasp export`."""

from __future__ import annotations

import argparse
from pathlib import Path

from pspgrasp.data.commands import check_bounds

BOUNDS = {"scenes": (10, 10**6), "calibration_images": (8, 10_000), "unit": (1e-6, 1), "focal": (0, 1e6)}

DESCRIPTION = """\
Write a checkpoint's network for another runtime. Each export is checked before it is written: its maps against torch's
on a table with things and on noise, and the best grasp; what isn't in float32 by its grasps, too, which must not lose
more than 0.5 points of success. An export that fails its check is not written.

The file is a checkpoint like any other: `checkpoint:=mine.onnx`, `--checkpoint mine.onnx`. It needs no torch. Without
--output it goes to the user's cache, where the runtimes `openvino-int8` and `tensorrt`, and `auto`, look for it."""

EXAMPLES = """\
examples:
  pspgrasp export efficientnet_lite0 --to onnx --output lite0.onnx
  pspgrasp export mine.safetensors --to openvino --output mine.xml      writes mine.bin beside it
  pspgrasp export resnet18 --to openvino --int8                         for runtime:=openvino-int8, or auto
  pspgrasp export resnet18 --to onnx --int8 --calibrate recordings --check cornell --output resnet18_int8.onnx
  pspgrasp export mine.safetensors --to onnx --with-postprocess --output mine_road.onnx
  pspgrasp export resnet18 --to tensorrt                                for this machine's GPU alone"""


def add_export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `export` to the command line."""
    command = commands.add_parser(
        "export",
        help="write a network for another runtime, once it is checked",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("checkpoint", help="name of one that ships, or a .safetensors file")
    command.add_argument("--to", required=True, help="onnx, openvino or tensorrt")
    command.add_argument("--int8", action="store_true", help="quantised; needs nncf, and minutes")
    command.add_argument(
        "--with-postprocess",
        action="store_true",
        help="all from a window's depth to the places of grasps in the graph: holes, mean, Gaussians, peaks",
    )
    command.add_argument("--output", type=Path, help=".onnx or .xml (default: the user's cache)")
    command.add_argument("--scenes", type=int, default=512, help="generated scenes of the check (default: 512)")
    command.add_argument("--check", type=Path, metavar="FOLDER", help="a labelled data set in their place")
    command.add_argument(
        "--calibrate",
        type=Path,
        metavar="FOLDER",
        help="recorded depth, 16-bit PNG, from which --int8 takes its ranges (default: generated scenes)",
    )
    command.add_argument("--calibration-images", type=int, default=64, help="how many (default: 64)")
    command.add_argument("--unit", type=float, default=0.001, help="metres per step of their PNG (default: 0.001)")
    command.add_argument("--focal", type=float, default=0.0, metavar="PX", help="focal length of their camera")
    command.set_defaults(run=_export)


def _export(parsed: argparse.Namespace) -> None:
    check_bounds(parsed, BOUNDS)
    from pspgrasp.export.calibration import Calibration
    from pspgrasp.export.make import ExportJob, export

    calibration = Calibration(parsed.calibration_images, parsed.calibrate, parsed.unit, parsed.focal)
    output = parsed.output
    road = parsed.with_postprocess
    job = ExportJob(parsed.checkpoint, parsed.to, parsed.int8, output, calibration, parsed.scenes, parsed.check, road)
    print("\n".join(export(job)))
