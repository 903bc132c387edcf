"""The command `pspgrasp release`, which `make weights` calls."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Optional, Sequence

from pspgrasp.data.commands import check_bounds
from pspgrasp.data.output import make_folder
from pspgrasp.errors import ConfigError

if TYPE_CHECKING:
    from pspgrasp.checkpoint import Checkpoint
    from pspgrasp.data.dataset import GraspDataset

LICENCE = "BSD-3-Clause"  # of weights that learnt from generated scenes alone

BOUNDS = {"minutes": (0, 100_000), "scenes": (1, 1_000_000), "steps": (1, 10**8)}

DESCRIPTION = """\
Make the checkpoints that ship. Each is trained by its config, judged beside the one of its name that ships now, on the
same generated scenes and labelled images, and takes its place if it is better on the scenes, as good on all labelled
images together, and clearly worse nowhere. Stopped anywhere, the same command goes on: training resumes. All are
trained before any is judged."""

EXAMPLES = """\
examples:
  pspgrasp release                                    all that ship, for a GPU: hours on a CPU
  pspgrasp release --minutes 8                        a piece of at most about 8 minutes; again, until it says done
  pspgrasp release --names ggcnn --data cornell jacquard
  pspgrasp release --configs my_configs --steps 20 --scenes 16 --into /tmp/weights      to see it work"""


def add_release(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `release` to the command line."""
    command = commands.add_parser(
        "release",
        help="make the checkpoints that ship",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--names", nargs="+", metavar="NAME", help="which (default: all that ship)")
    command.add_argument("--configs", type=Path, default=Path("config/train"), help="NAME.yaml (default: config/train)")
    command.add_argument("--output", type=Path, default=Path("runs/weights"), help="the runs (default: runs/weights)")
    command.add_argument("--into", type=Path, help="where better ones go (default: where those are that ship)")
    command.add_argument("--minutes", type=float, default=0.0, help="end a piece of training after so many; 0: never")
    command.add_argument("--train-only", action="store_true", help="judge nothing and put nothing in its place")
    command.add_argument(
        "--trained", type=Path, metavar="FOLDER", help="judge FOLDER/NAME.safetensors, trained elsewhere; train nothing"
    )
    command.add_argument("--steps", type=int, help="in place of each config's max_steps")
    command.add_argument("--scenes", type=int, default=1024, help="on which they are judged (default: 1024)")
    command.add_argument("--data", type=Path, nargs="+", default=[], metavar="FOLDER", help="labelled images, too")
    command.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    command.set_defaults(run=_release)


def _release(parsed: argparse.Namespace) -> None:
    from pspgrasp.data.dataset import open_dataset
    from pspgrasp.shipped import shipped_checkpoints

    check_bounds(parsed, BOUNDS)
    shipped = shipped_checkpoints()
    names: Sequence[str] = parsed.names or list(shipped)
    for name in names:
        if name not in shipped:
            raise ConfigError(f"no checkpoint {name!r} ships; there are: {', '.join(shipped)}")
        if not (parsed.configs / f"{name}.yaml").is_file():
            raise ConfigError(f"{parsed.configs / name}.yaml is missing: the config that {name!r} is trained by")
    datasets = [open_dataset(folder) for folder in parsed.data]
    began_s = time.monotonic()
    trained = {name: _trained(parsed, name, began_s) for name in names}
    for name, new in trained.items():
        if new is not None and not parsed.train_only:
            _judge_and_keep(parsed, name, new, datasets)
    left = [name for name, new in trained.items() if new is None]
    print(f"not done yet: {', '.join(left)}; the same command goes on" if left else "done")


def _trained(parsed: argparse.Namespace, name: str, began_s: float) -> Optional[Checkpoint]:
    """Return a checkpoint that is trained to its end, None if the time was up before."""
    if parsed.trained:
        from pspgrasp.checkpoint import load_checkpoint

        return load_checkpoint(parsed.trained / f"{name}.safetensors")
    from pspgrasp.training.config import read_config
    from pspgrasp.training.fit import Run, train
    from pspgrasp.training.run_folder import RunFolder

    config, folder = read_config(parsed.configs / f"{name}.yaml"), RunFolder(parsed.output / name)
    config = replace(config, max_steps=parsed.steps) if parsed.steps else config
    config = replace(config, stored_bits=16, machine=replace(config.machine, device=parsed.device))
    minutes = 0.0
    if parsed.minutes:
        minutes = parsed.minutes - (time.monotonic() - began_s) / 60
        if minutes <= 0:
            return None
    resume = folder.last.exists()
    command = f"pspgrasp release --names {name}" + (f" --steps {parsed.steps}" if parsed.steps else "")
    train(Run(config, folder, resume=resume, minutes=minutes, command=command))
    if int(folder.load_state()["step"]) < config.max_steps:
        return None
    return folder.load_best()


def _judge_and_keep(parsed: argparse.Namespace, name: str, new: Checkpoint, datasets: Sequence[GraspDataset]) -> None:
    from pspgrasp.checkpoint import load_checkpoint, save_checkpoint
    from pspgrasp.release.judging import better, judge, reported
    from pspgrasp.shipped import shipped_checkpoints

    place = shipped_checkpoints()[name] if parsed.into is None else parsed.into / f"{name}.safetensors"
    old = load_checkpoint(place if place.exists() else shipped_checkpoints()[name])
    if _is_same(old, new):
        print(f"{name}: the one that ships is this one")
        return
    bouts = judge(new, old, parsed.scenes, datasets, parsed.device)
    print("\n".join(f"{name}, {bout.line()}" for bout in bouts))
    if not better(bouts):
        print(f"{name}: {place} stays as it is; the new one is in {parsed.trained or parsed.output / name}")
        return
    report = reported(new, parsed.scenes, parsed.device)
    figures = {**new.training["figures"], "judged": [bout.to_tree() for bout in bouts], "reported": report}
    make_folder(place.parent)
    record = {**new.training, **_told(new), "figures": figures}
    save_checkpoint(replace(new, name=name, training=record), place)
    print(f"{name}: {place} is the new one; docs/models.md has to tell its figures")


def _told(new: Checkpoint) -> Dict[str, str]:
    """Return what a record of a checkpoint that ships says in words."""
    settings = new.training["config"]["optimisation"]
    optimiser = (
        f"{settings['optimiser']} {settings['rate']:g}, weight decay {settings['weight_decay']:g}, "
        f"warm-up {settings['warmup_steps']} steps, {settings['schedule']}, gradient clip {settings['clip_norm']:g}, "
        f"moving average {settings['average_decay']:g}"
    )
    width = {"contact": "contact width in px of the input, as if seen face on", "opening": "opening in px of the input"}
    return {"licence": LICENCE, "optimiser": optimiser, "width": width[new.width]}


def _is_same(old: Checkpoint, new: Checkpoint) -> bool:
    """Tell whether weights are equal, name by name."""
    return set(old.weights) == set(new.weights) and all(
        old.weights[key].shape == new.weights[key].shape and bool((old.weights[key] == new.weights[key]).all())
        for key in new.weights
    )
