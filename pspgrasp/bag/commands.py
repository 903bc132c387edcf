"""The commands `pspgrasp bag ...`."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Iterator, NamedTuple, Optional, Sequence, Tuple

from pspgrasp.bag import options
from pspgrasp.bag.ending import held_back, say, stopped_by_sigterm
from pspgrasp.bag.export.commands import add_export
from pspgrasp.bag.libraries import check_libraries
from pspgrasp.errors import ConfigError, PspGraspError

if TYPE_CHECKING:
    from pspgrasp.bag.judging.specs import ModelSpec
    from pspgrasp.bag.recording import Recording
    from pspgrasp.bag.results.result import RecordingResult
    from pspgrasp.bag.run import Run

DESCRIPTION = """\
What would a network have done on a recording? Every depth image goes the road that it goes on the robot, and what
comes of it is measured: latency, frames without a grasp and why, quality, jitter while the scene stands still, openings
against the gripper's, and agreement with what the robot's own detector published. Nothing is written into an input."""

EXIT_CODES = """\
exit code: 0 all was read; 1 a user's error; 3 something in a recording couldn't be read or isn't as it should be, or a
model failed on a frame: the rest is judged, and faults are counted; 130 stopped by Ctrl-C or SIGTERM: what was done is
told and written."""

INFO_EPILOG = """\
exit code: 0 all can be read, as far as is seen without reading it all; 1 nothing can be read, or a user's error;
3 some of it can't be, or isn't as it should be."""
USERS_ERROR = 1

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
    command = actions.add_parser(
        "info",
        help="what recordings hold, and what would be read of them",
        epilog=INFO_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
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
    from pspgrasp.bag.reading.info import info_of, shown
    from pspgrasp.bag.run import ALL_READ, IN_PART

    selection = options.selection_of(parsed)
    infos = [info for path in parsed.inputs for info in info_of(path, selection)]
    say(shown(infos))
    if all(info.why_not for info in infos):
        return USERS_ERROR
    return IN_PART if any(info.why_not or info.faults for info in infos) else ALL_READ


def _judge(parsed: argparse.Namespace) -> int:
    check_libraries()
    from pspgrasp.bag.reading.open import open_recordings
    from pspgrasp.bag.report.output import TABLES, working_folder, write_tables
    from pspgrasp.bag.run import INTERRUPTED, run_of

    _check(parsed)
    selection, specs = options.selection_of(parsed), options.specs_from(parsed)
    if parsed.paired and len(specs) < 2:
        raise ConfigError("compare needs at least two models: --checkpoint FIRST OTHER...; `eval` judges one")
    gripper = options.gripper_of(parsed, options.node_config(parsed))
    # Other machines have another working directory.
    inputs = [path.absolute() for path in parsed.inputs] if parsed.ray else parsed.inputs
    recordings = open_recordings(inputs, selection)
    with stopped_by_sigterm(), working_folder(parsed.output) as folder:
        done = _done(parsed, recordings, specs, folder)
        found, read = list(done.results.values()), [recordings[place] for place in done.results]
        error, output = done.error, parsed.output
        if error and not found:
            raise error
        try:
            if output:
                with held_back():
                    write_tables(found, folder, output)
        except PspGraspError as unwritten:  # a full disk, say: the figures are told all the same
            error, output = unwritten, None
        try:
            run = run_of(found, specs, gripper, read, selection, len(recordings), _command())
            code = _tell(run, output)
        except KeyboardInterrupt:
            say(f"stopped; {output}: {', '.join(TABLES)}" if output else "stopped")
            return INTERRUPTED
    if error:
        raise error
    return code


def _tell(run: Run, output: Optional[Path]) -> int:
    """Write what a run adds up to, then print it; return the exit code."""
    from rich.console import Console

    from pspgrasp.bag.progress import progress
    from pspgrasp.bag.report.output import FILES, write_run
    from pspgrasp.bag.report.terminal import shown, width_of

    code, told = run.exit_code, ""
    try:
        if output:
            with progress(Console(stderr=True)) as tells_of:
                pictures = write_run(run, output, tells_of)
            code = max(code, pictures.exit_code)
            told = f"{output}: {', '.join(FILES)}"
            told += f"\nthe report has no pictures: {pictures.why_not}" if pictures.why_not else ""
    finally:
        say(shown(run), *filter(None, [told]), columns=width_of(run))
    return code


def _check(parsed: argparse.Namespace) -> None:
    options.check_processes(parsed)
    if parsed.output:
        options.check_output(parsed.output, parsed.inputs)


class Done(NamedTuple):
    """What was done.

    Attributes:
        results: By the places of their recordings; those that were begun, if the user stopped it.
        error: That ended it before its time.
    """

    results: Dict[int, RecordingResult]
    error: Optional[Exception]


def _done(
    parsed: argparse.Namespace, recordings: Sequence[Recording], specs: Sequence[ModelSpec], folder: Path
) -> Done:
    """Judge the recordings. Whatever ends it, what was done isn't lost."""
    found: Dict[int, RecordingResult] = {}
    error = None
    try:
        for place, result in _results(parsed, recordings, specs, folder):
            found[place] = result
    except KeyboardInterrupt:  # the second one: what was under way is lost
        pass
    except Exception as ended:  # noqa: BLE001 (raised again when what was done is written)
        error = ended
    return Done({place: found[place] for place in sorted(found)}, error)


def _results(
    parsed: argparse.Namespace, recordings: Sequence[Recording], specs: Sequence[ModelSpec], folder: Path
) -> Iterator[Tuple[int, RecordingResult]]:
    from rich.console import Console

    from pspgrasp.bag.progress import progress
    from pspgrasp.bag.run import Job, judge_apart, judge_here, window_of
    from pspgrasp.data.progress import with_progress

    count = len(recordings)
    if not parsed.ray and 1 in (parsed.processes, count):
        models = [spec.build() for spec in specs]
        with progress(Console(stderr=True)) as tells_of:
            yield from judge_here(recordings, models, window_of(specs), folder, tells_of)
        return
    jobs = [Job(recording, place, tuple(specs), folder.absolute()) for place, recording in enumerate(recordings)]
    yield from with_progress(judge_apart(jobs, parsed.processes, parsed.ray), count, "recordings")


def _command() -> str:
    """Return the command that makes this run."""
    return shlex.join(["pspgrasp", *sys.argv[1:]])


def _bench(parsed: argparse.Namespace) -> int:
    check_libraries()
    from pspgrasp.bag.benchmark import benchmark
    from pspgrasp.data.commands import check_bounds

    check_bounds(parsed, {"frames": (20, 10**6)})
    say("\n".join(benchmark(parsed.frames, parsed.checkpoint, parsed.device).lines()))
    return 0
