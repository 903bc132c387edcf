"""The command `pspgrasp bench`."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, List, Optional

from pspgrasp.data.commands import check_bounds

if TYPE_CHECKING:
    from pspgrasp.benchmark.run import BenchConfig
    from pspgrasp.depth import DepthFrame

ROUNDS, QUICK_ROUNDS = 200, 20
BOUNDS = {"rounds": (1, 10**6), "threads": (1, 1024), "sizes": (32, 4096)}
#: Options that make a run what it is, in the order of the command line.
SETTINGS = ("checkpoints", "runtimes", "sizes", "devices", "threads", "ggcnn", "frames", "rounds")

DESCRIPTION = """\
Time the whole road from a depth image in memory to a list of grasps: every checkpoint by every runtime that passes its
check, beside GG-CNN's own road (its window, Navier-Stokes inpainting, Gaussians and peaks), and hold each network to
what the device can do at most. All rows take turns, round by round, at the same images. Needs a machine that does
nothing else meanwhile."""

EXAMPLES = """\
examples:
  pspgrasp bench --quick                                        the default checkpoint, in a minute or so
  pspgrasp bench --threads 1 2 --json bench.json
  pspgrasp bench --checkpoints mine.safetensors --ggcnn ggcnn_published.safetensors --frames recordings/
  pspgrasp bench --checkpoints resnet18 --runtimes torch torch-compile openvino
  pspgrasp bench --page docs/performance.md                     puts tables and plot into the page"""


def add_bench(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `bench` to the command line."""
    command = commands.add_parser(
        "bench",
        help="how fast is it? every runtime beside GG-CNN's road, and what the device could do",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--quick", action="store_true", help=f"the default checkpoint, {QUICK_ROUNDS} rounds")
    command.add_argument("--checkpoints", nargs="+", metavar="NAME", help="names or files (default: all that ship)")
    command.add_argument(
        "--runtimes",
        nargs="+",
        metavar="NAME",
        help="see docs/runtimes.md (default: those that runtime:=auto would try)",
    )
    command.add_argument(
        "--sizes", nargs="+", type=int, metavar="PX", help="sides of the network's input (default: each one's own)"
    )
    command.add_argument("--devices", nargs="+", metavar="NAME", help="cpu, cuda, cuda:1 (default: all there are)")
    command.add_argument(
        "--threads", nargs="+", type=int, metavar="N", help="of the CPU (default: OMP_NUM_THREADS, or one a core)"
    )
    command.add_argument("--ggcnn", metavar="NAME", help="checkpoint of GG-CNN's own road (default: ggcnn)")
    command.add_argument(
        "--frames", nargs="+", type=Path, metavar="PATH", help="folders of depth PNGs, or bags (default: generated)"
    )
    command.add_argument("--rounds", type=int, help=f"in which each row takes one turn (default: {ROUNDS})")
    command.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    command.add_argument(
        "--page",
        type=Path,
        metavar="FILE",
        help="put the tables into this Markdown file, between its two marks, and a plot into pictures/ beside it",
    )
    command.set_defaults(run=_bench)


def _bench(parsed: argparse.Namespace) -> None:
    check_bounds(parsed, BOUNDS)
    from pspgrasp.benchmark.docs_page import MARKS, put_into
    from pspgrasp.benchmark.markdown import markdown
    from pspgrasp.benchmark.report import circumstances, write_json
    from pspgrasp.benchmark.run import bench
    from pspgrasp.evaluation.marked_page import check_page

    if parsed.page:
        check_page(parsed.page, MARKS)
    made = circumstances(_command(parsed))
    run = bench(_config(parsed), _frames(parsed.frames))
    print(markdown(run))
    if parsed.json:
        write_json(run, made, parsed.json)
    if parsed.page:
        put_into(parsed.page, run, made)


def _config(parsed: argparse.Namespace) -> BenchConfig:
    from pspgrasp.benchmark.run import BenchConfig
    from pspgrasp.runtimes.machine import thread_count
    from pspgrasp.shipped import DEFAULT, shipped_checkpoints

    every = (DEFAULT,) if parsed.quick else tuple(shipped_checkpoints())
    return BenchConfig(
        tuple(parsed.checkpoints or every),
        tuple(parsed.runtimes or ()),
        tuple(parsed.sizes or (0,)),
        tuple(parsed.devices or ()),
        tuple(parsed.threads or (thread_count(),)),
        parsed.ggcnn or "ggcnn",
        parsed.rounds or (QUICK_ROUNDS if parsed.quick else ROUNDS),
    )


def _frames(paths: Optional[List[Path]]) -> List[DepthFrame]:
    from pspgrasp.benchmark.frames import generated_frames, recorded_frames

    return recorded_frames(paths) if paths else generated_frames()


def _command(parsed: argparse.Namespace) -> str:
    """Return the command that makes this run, wherever its figures go."""
    words = ["pspgrasp", "bench"] + ["--quick"] * parsed.quick
    for name in SETTINGS:
        given: Any = getattr(parsed, name)
        if given:
            words += [f"--{name}", *map(str, given if isinstance(given, list) else [given])]
    return shlex.join(words)
