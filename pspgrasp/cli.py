"""The command line: `pspgrasp COMMAND --help`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, ContextManager, List, Optional, Tuple

from pspgrasp import __version__
from pspgrasp.bag.commands import add_bag
from pspgrasp.benchmark.commands import add_bench
from pspgrasp.data.commands import add_data
from pspgrasp.data.labelling.commands import add_label
from pspgrasp.errors import DepthError, PspGraspError
from pspgrasp.evaluation.commands import add_evaluate
from pspgrasp.export.commands import add_export
from pspgrasp.release.commands import add_release
from pspgrasp.sim.commands import add_sim
from pspgrasp.study.commands import add_study
from pspgrasp.training.commands import add_train

if TYPE_CHECKING:
    from pspgrasp.sim.rows import Row

STOPPED = 130  # by Ctrl-C, as shells tell it
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")  # of a norm: tensors, but no parameters


def main(arguments: Optional[List[str]] = None) -> int:
    """Run a command and return its exit status; a user's error is one line on stderr and status 1."""
    parsed = _parser().parse_args(arguments)
    try:
        return parsed.run(parsed) or 0
    except (PspGraspError, OSError) as error:  # of the system's: a name that is too long, a disk that is full
        print(f"pspgrasp: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("pspgrasp: stopped", file=sys.stderr)
        return STOPPED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pspgrasp", description="Planar grasps from depth images.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_predict(commands)
    _add_models(commands)
    _add_config(commands)
    _add_import_weights(commands)
    add_data(commands)
    add_label(commands)
    add_train(commands)
    add_evaluate(commands)
    add_study(commands)
    add_release(commands)
    add_sim(commands, _ros_rows)
    add_bag(commands)
    add_export(commands)
    add_bench(commands)
    return parser


def _add_predict(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "predict",
        help="grasps of one depth image",
        description="Print the grasps of a depth image, best first.",
    )
    command.add_argument("image", type=Path, help="16-bit PNG, 0 = no measurement")
    command.add_argument(
        "--camera",
        type=float,
        nargs=4,
        metavar=("FX", "FY", "CX", "CY"),
        required=True,
        help="focal lengths and principal point [px]",
    )
    command.add_argument("--unit", type=float, default=0.001, help="metres per step of the PNG (default: 0.001)")
    command.add_argument("--checkpoint", default="", help="name of one that ships, or a file (see: pspgrasp models)")
    command.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    command.add_argument(
        "--runtime", default="", help="what runs the network, or auto (default: torch, or what the file is for)"
    )
    command.add_argument("--overlay", type=Path, help="write the image with the grasps drawn on it (PNG)")
    command.set_defaults(run=_predict)


def _add_models(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("models", help="checkpoints that ship, and architectures")
    command.set_defaults(run=_models)


def _add_config(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("config", help="all parameters of the ROS node, as YAML with their defaults")
    command.set_defaults(run=_config)


def _add_import_weights(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "import-weights",
        help="make a checkpoint of published weights",
        description="Read a published PyTorch state dict (never a pickled module) and write a checkpoint.",
    )
    command.add_argument("file", type=Path, help="state dict, .pt or .pth")
    command.add_argument("--architecture", required=True, help="ggcnn, ggcnn2 or grconvnet")
    command.add_argument("--output", type=Path, required=True, help="checkpoint to write, .safetensors")
    command.set_defaults(run=_import_weights)


# Each command imports what it needs itself, so that --help doesn't wait for torch.


def _predict(parsed: argparse.Namespace) -> None:
    from pspgrasp.camera import PinholeCamera
    from pspgrasp.data.sheet import write_picture
    from pspgrasp.depth import DepthFrame
    from pspgrasp.image_file import decode_uint16
    from pspgrasp.overlay import draw
    from pspgrasp.predictor import GraspPredictor
    from pspgrasp.shipped import DEFAULT, find_checkpoint

    try:
        raw = decode_uint16(parsed.image.read_bytes())
    except (OSError, DepthError) as error:
        raise DepthError(f"{parsed.image} is not a 16-bit single-channel image that can be read: {error}") from error
    if not 0 < parsed.unit < float("inf"):
        raise DepthError(f"--unit must be a positive number of metres, got {parsed.unit}")
    camera = PinholeCamera(raw.shape[1], raw.shape[0], *parsed.camera)
    frame = DepthFrame(raw.astype("float32") * parsed.unit, camera)
    checkpoint = find_checkpoint(parsed.checkpoint or DEFAULT)
    predictor = GraspPredictor.from_checkpoint(checkpoint, parsed.device, runtime=parsed.runtime)
    prediction = predictor.predict(frame)
    for grasp, place in zip(prediction.grasps, prediction.image_grasps):
        x, y, z = grasp.position_m
        print(
            f"quality {grasp.quality:.2f}  at ({place.u:.0f}, {place.v:.0f}) px  x {x:+.3f} y {y:+.3f} z {z:.3f} m  "
            f"angle {grasp.angle_rad:+.2f} rad  width {grasp.width_m:.3f} m"
        )
    for rejection in prediction.rejections:
        print(f"refused at ({rejection.image_grasp.u:.0f}, {rejection.image_grasp.v:.0f}) px: {rejection.reason.value}")
    if prediction.nothing:
        print(f"no grasp: {prediction.nothing.value}")
    if parsed.overlay:
        write_picture(parsed.overlay, draw(frame, prediction))


def _models(_parsed: argparse.Namespace) -> None:
    from pspgrasp.checkpoint import load_checkpoint
    from pspgrasp.models import ARCHITECTURES
    from pspgrasp.shipped import shipped_checkpoints

    for name, path in shipped_checkpoints().items():
        checkpoint = load_checkpoint(path)
        millions = sum(t.numel() for n, t in checkpoint.weights.items() if not n.endswith(STATISTICS)) / 1e6
        print(f"{name}: {checkpoint.model.architecture}, {millions:.2f} M, {checkpoint.training.get('data', '')}")
    print(f"architectures: {', '.join(sorted(ARCHITECTURES))}")


def _config(_parsed: argparse.Namespace) -> None:
    from pspgrasp.config import to_yaml
    from pspgrasp.node_config import NodeConfig

    print(to_yaml(NodeConfig()))


def _import_weights(parsed: argparse.Namespace) -> None:
    from pspgrasp.checkpoint import save_checkpoint
    from pspgrasp.import_weights import import_weights

    checkpoint = import_weights(parsed.file, parsed.architecture)
    save_checkpoint(checkpoint, parsed.output)
    print(f"{parsed.output}: {checkpoint.model.architecture}, {len(checkpoint.weights)} tensors")


def _ros_rows(node: str, encoding: str) -> ContextManager[Tuple[Row, ...]]:
    """Return a connection to a node; here, since the bench stands below ROS."""
    try:
        from pspgrasp.ros.bench_rows import rows_through
    except ImportError as error:
        raise PspGraspError(f"--through-ros needs ROS 1, and an interpreter that sees it: {error}") from error
    return rows_through(node, encoding)


if __name__ == "__main__":
    sys.exit(main())
