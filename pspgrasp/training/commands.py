"""The command `pspgrasp train`."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

from pspgrasp.data.commands import add_dataset_options
from pspgrasp.errors import ConfigError, PspGraspError

if TYPE_CHECKING:
    from pspgrasp.checkpoint import Checkpoint
    from pspgrasp.data.labelled import LabelledConfig
    from pspgrasp.training.config import TrainConfig
    from pspgrasp.training.run_folder import RunFolder

DESCRIPTION = """\
Train a network as a config says, or go on from a checkpoint with labelled frames of your own. OUTPUT then holds
best.safetensors, the checkpoint that was best in validation, last.ckpt to resume from, config.yaml, and curves and
pictures for TensorBoard."""

EXAMPLES = """\
examples:
  pspgrasp train config/train/efficientnet_lite0.yaml --output runs/lite0
  pspgrasp train --resume --output runs/lite0
  pspgrasp train --from efficientnet_lite0 --data my_frames --unit 0.001
  pspgrasp train --print-config > mine.yaml
  torchrun --nproc-per-node 4 -m pspgrasp.cli train config/train/resnet18.yaml"""


def add_train(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `train` to the command line."""
    command = commands.add_parser(
        "train",
        help="train a network, or fine-tune one on labelled frames",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("config", nargs="?", type=Path, help="YAML (see: --print-config, and config/train)")
    command.add_argument("--output", type=Path, help="folder of the run (default: runs/CONFIG, or runs/CHECKPOINT)")
    command.add_argument("--resume", action="store_true", help="go on with the run in OUTPUT")
    command.add_argument(
        "--from", dest="origin", default="", help="checkpoint to start from: one that ships, or a file"
    )
    command.add_argument("--data", type=Path, nargs="+", metavar="FOLDER", help="labelled images in place of CONFIG's")
    add_dataset_options(command)
    command.add_argument(
        "--clearance", type=float, default=0.0, metavar="PX", help="opening of these labels beyond the contact width"
    )
    command.add_argument(
        "--leave-out",
        default="",
        metavar="F/K",
        help="learn from all but fold F of K (0/2: the first of two)",
    )
    command.add_argument("--split", default="object", help="deal folds by object or by image (default: object)")
    command.add_argument("--focal", type=float, default=0.0, metavar="PX", help="focal length of their camera")
    command.add_argument("--steps", type=int, help="in place of CONFIG's max_steps")
    command.add_argument("--minutes", type=float, default=0.0, help="end after the first validation later than this")
    command.add_argument("--device", help="auto, cpu or cuda")
    command.add_argument("--devices", type=int, help="GPUs of this machine (or CPU processes)")
    command.add_argument("--print-config", action="store_true", help="print the config with its defaults, and end")
    command.add_argument("--benchmark", type=int, metavar="STEPS", help="measure the speed of so many steps, and end")
    command.set_defaults(run=_train)


def _train(parsed: argparse.Namespace) -> None:
    _check_options(parsed)
    origin = _origin(parsed)
    if parsed.print_config:
        from pspgrasp.config import to_yaml

        print(to_yaml(_config(parsed, origin, None)))
        return
    _check_lightning()
    from pspgrasp.training.run_folder import RunFolder

    folder = RunFolder(_output(parsed))
    config = _config(parsed, origin, folder)
    if parsed.benchmark is not None:
        _benchmark(config, parsed.benchmark)
        return
    _fit(parsed, config, folder, origin)


def _check_options(parsed: argparse.Namespace) -> None:
    if parsed.minutes < 0:
        raise ConfigError(f"--minutes must be at least 0, got {parsed.minutes:g}")
    if parsed.benchmark is not None and parsed.benchmark < 1:
        raise ConfigError(f"--benchmark must be at least 1 step, got {parsed.benchmark}")
    alone = parsed.config is None and not parsed.resume and not parsed.print_config
    if alone and not (parsed.origin and parsed.data):
        raise ConfigError("give a CONFIG, or --from CHECKPOINT with --data FOLDER; --print-config shows the defaults")
    if parsed.resume and parsed.output is None and parsed.config is None:
        raise ConfigError("--resume needs the folder of the run: --output DIR")
    if parsed.resume and parsed.origin:
        raise ConfigError("--resume goes on with the weights of the run; without --from")


def _check_lightning() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("lightning", "tensorboard", "yaml") if find_spec(name) is None]
    if missing:
        raise PspGraspError(f"training needs {', '.join(missing)}: pip install 'pspgrasp[training]'")


def _output(parsed: argparse.Namespace) -> Path:
    if parsed.output is not None:
        return parsed.output
    return Path("runs") / (parsed.config.stem if parsed.config else Path(parsed.origin).stem)


def _origin(parsed: argparse.Namespace) -> Optional[Checkpoint]:
    from pspgrasp.shipped import find_weights

    return find_weights(parsed.origin) if parsed.origin else None


def _config(parsed: argparse.Namespace, origin: Optional[Checkpoint], folder: Optional[RunFolder]) -> TrainConfig:
    """Return the config of the file, of the run to be resumed or of fine-tuning, with the options in place."""
    from pspgrasp.config import to_tree
    from pspgrasp.training.config import TrainConfig, read_config, train_config
    from pspgrasp.training.fine_tuning import fine_tuning_config

    if parsed.config:
        tree = to_tree(read_config(parsed.config))
    elif parsed.resume and folder:
        from pspgrasp.training.run_folder import config_of

        tree = to_tree(config_of(folder.load_state()))
    elif origin and parsed.data:
        tree = to_tree(fine_tuning_config(origin, _folders(parsed)))
    else:
        tree = to_tree(TrainConfig())
    if parsed.data:
        tree["data"]["labelled"] = [to_tree(labelled) for labelled in _folders(parsed)]
    return train_config(_with_options(tree, parsed))


def _with_options(tree: Dict[str, Any], parsed: argparse.Namespace) -> Dict[str, Any]:
    machine = {name: getattr(parsed, name) for name in ("device", "devices") if getattr(parsed, name) is not None}
    steps = {"max_steps": parsed.steps} if parsed.steps is not None else {}
    return {**tree, **steps, "machine": {**tree["machine"], **machine}}


def _folders(parsed: argparse.Namespace) -> Tuple[LabelledConfig, ...]:
    from pspgrasp.config import from_tree
    from pspgrasp.data.labelled import LabelledConfig

    settings = {"layout": parsed.layout, "unit_m": parsed.unit or 0.0, "depth": parsed.depth}
    settings.update(clearance_px=parsed.clearance, focal_px=parsed.focal)
    settings.update(left_out=parsed.leave_out, left_out_by=parsed.split)
    return tuple(from_tree(LabelledConfig, {"folder": str(folder), **settings}, "--data") for folder in parsed.data)


def _fit(parsed: argparse.Namespace, config: TrainConfig, folder: RunFolder, origin: Optional[Checkpoint]) -> None:
    from pspgrasp.training.fit import Run, is_first_process, train

    run = Run(config, folder, origin=origin, resume=parsed.resume, minutes=parsed.minutes, command=_command(parsed))
    figures = train(run)
    best = folder.load_best()
    if not is_first_process() or best is None:
        return
    if not figures:
        print(f"the run in {folder.path} is at its end, step {config.max_steps}, already")
    held = best.training["figures"]
    print(f"{folder.best}: loss {held['validation_loss']:.4f}, map_hit {held['validation_map_hit']:.3f} in validation,")
    print(f"after step {best.training['steps']} of {config.max_steps}")


def _command(parsed: argparse.Namespace) -> str:
    """Return the command line for the record, as far as it decides what was trained."""
    words: List[str] = ["pspgrasp", "train"]
    words += [str(parsed.config)] if parsed.config else []
    words += ["--from", parsed.origin] if parsed.origin else []
    for name in ("data", "layout", "unit", "depth", "clearance", "leave-out", "split", "focal", "steps"):
        value = getattr(parsed, name.replace("-", "_"))
        if value and value not in ("perfect", "object"):
            words += [f"--{name}", *(str(v) for v in (value if isinstance(value, list) else [value]))]
    return shlex.join(words)


def _benchmark(config: TrainConfig, steps: int) -> None:
    from pspgrasp.training.benchmark import benchmark
    from pspgrasp.training.fit import chosen_device
    from pspgrasp.training.sources import shares_of

    training, _ = shares_of(config, chosen_device(config.machine))
    print("\n".join(benchmark(config, training, steps).lines()))
