"""The commands `pspgrasp bag ...`."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, Sequence

from pspgrasp.bag import options
from pspgrasp.bag.export.commands import add_export
from pspgrasp.bag.libraries import check_libraries
from pspgrasp.errors import ConfigError

if TYPE_CHECKING:
    from pspgrasp.bag.judging.specs import ModelSpec
    from pspgrasp.bag.recording import Recording
    from pspgrasp.bag.results.result import RecordingResult

DESCRIPTION = """\
What would a network have done on a recording? Every depth image goes the road that it goes on the robot, and what
comes of it is measured: latency, frames without a grasp and why, quality, jitter while the scene stands still, openings
against the gripper's, and agreement with what the robot's own detector published. Nothing is written into an input."""

EXIT_CODES = """\
exit code: 0 all was read; 1 a user's error; 3 something in a recording couldn't be read, or is not as it should be: the
rest is judged, and faults are counted; 130 stopped by Ctrl-C: what was done is told and written."""

EVAL_EXAMPLES = f"""\
examples:
  pspgrasp bag eval drive.bag --output runs/drive
  pspgrasp bag eval recordings/ --checkpoint resnet18 --processes 4
  pspgrasp bag eval drive.bag --params robot.yaml --gripper 0 0.08 --every 3 --most 500

{EXIT_CODES}"""

COMPARE_EXAMPLES = f"""\
examples:
  pspgrasp bag compare drive.bag --checkpoint efficientnet_lite0 resnet18
  pspgrasp bag compare drive.bag --checkpoint published_ggcnn.safetensors@kinova efficientnet_lite0 --output runs/swap

{EXIT_CODES}"""


def add_bag(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `bag` to the command line."""
    bag = commands.add_parser("bag", help="what would a network have done on a robot's recording?")
    actions = bag.add_subparsers(metavar="ACTION", required=True)
    _add_info(actions)
    _add_judging(actions, "eval", "how a network behaves on recordings", EVAL_EXAMPLES)
    _add_judging(actions, "compare", "networks side by side on recordings, frame by frame", COMPARE_EXAMPLES)
    add_export(actions)
    _add_bench(actions)


def _add_info(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = actions.add_parser("info", help="what recordings hold, and what would be read of them")
    options.add_reading_options(command)
    command.set_defaults(run=_info)


def _add_judging(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, about: str, examples: str
) -> None:
    command = actions.add_parser(
        name,
        help=about,
        description=DESCRIPTION,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_reading_options(command)
    options.add_model_options(command)
    options.add_judging_options(command)
    command.set_defaults(run=_judge, paired=name == "compare")


def _add_bench(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = actions.add_parser("bench", help="what reading and bookkeeping cost beside a network")
    command.add_argument("--frames", type=int, default=2000, help="of the bag that is made (default: 2000)")
    command.add_argument("--checkpoint", default="efficientnet_lite0", help="(default: efficientnet_lite0)")
    command.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    command.set_defaults(run=_bench)


def _info(parsed: argparse.Namespace) -> int:
    check_libraries()
    from rich.console import Console

    from pspgrasp.bag.reading.info import info_of, shown

    console, selection = Console(), options.selection_of(parsed)
    for path in parsed.inputs:
        console.print(shown(info_of(path, selection)), soft_wrap=True, highlight=False)
    return 0


def _judge(parsed: argparse.Namespace) -> int:
    check_libraries()
    from rich.console import Console

    from pspgrasp.bag.reading.open import open_recordings
    from pspgrasp.bag.report.output import FILES, working_folder, write_output
    from pspgrasp.bag.report.terminal import shown, width_of
    from pspgrasp.bag.run import run_of

    _check(parsed)
    selection, specs = options.selection_of(parsed), options.specs_from(parsed)
    if parsed.paired and len(specs) < 2:
        raise ConfigError("compare needs at least two models: --checkpoint FIRST OTHER...; `eval` judges one")
    gripper = options.gripper_of(parsed, options.node_config(parsed))
    recordings = open_recordings(parsed.inputs, selection)
    with working_folder(parsed.output) as folder:
        found = _results(parsed, recordings, specs, folder)
        run = run_of(found, specs, gripper, parsed.inputs, selection, len(recordings), _command())
        console = Console()
        if not console.is_terminal:  # a file or a pipe has no width of its own
            console.width = max(console.width, width_of(run))
        console.print(shown(run), soft_wrap=True, highlight=False)
        if parsed.output:
            write_output(run, folder, parsed.output)
            print(f"{parsed.output}: {', '.join(FILES)}")
    return run.exit_code


def _check(parsed: argparse.Namespace) -> None:
    options.check_processes(parsed)
    if parsed.output:
        options.check_output(parsed.output, parsed.inputs)


def _results(
    parsed: argparse.Namespace, recordings: Sequence[Recording], specs: Sequence[ModelSpec], folder: Path
) -> List[RecordingResult]:
    """Return the results in the order of the recordings; those that were begun, if the user stops it."""
    from rich.console import Console

    from pspgrasp.bag.progress import progress
    from pspgrasp.bag.run import Job, judge_apart, judge_here, window_of
    from pspgrasp.data.progress import with_progress

    count = len(recordings)
    if not parsed.ray and 1 in (parsed.processes, count):
        models = [spec.build() for spec in specs]
        with progress(Console(stderr=True)) as told:
            return list(judge_here(recordings, models, window_of(specs), folder, told))
    found: Dict[int, RecordingResult] = {}
    inputs, selection = tuple(path.absolute() for path in parsed.inputs), options.selection_of(parsed)
    jobs = [Job(inputs, selection, place, tuple(specs), folder.absolute()) for place in range(count)]
    try:
        for place, result in with_progress(judge_apart(jobs, parsed.processes, parsed.ray), count, "recordings"):
            found[place] = result
    except KeyboardInterrupt:  # the second one: what was under way is lost
        pass
    return [found[place] for place in sorted(found)]


def _command() -> str:
    """Return the command that makes this run."""
    return shlex.join(["pspgrasp", *sys.argv[1:]])


def _bench(parsed: argparse.Namespace) -> int:
    check_libraries()
    from pspgrasp.bag.benchmark import benchmark
    from pspgrasp.data.commands import check_bounds

    check_bounds(parsed, {"frames": (20, 10**6)})
    print("\n".join(benchmark(parsed.frames, parsed.checkpoint, parsed.device).lines()))
    return 0
