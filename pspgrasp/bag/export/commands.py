"""The command `pspgrasp bag export`."""

from __future__ import annotations

import argparse
from pathlib import Path

from pspgrasp.bag import options
from pspgrasp.bag.ending import say, stopped_by_sigterm
from pspgrasp.bag.libraries import check_libraries
from pspgrasp.errors import ConfigError

KINDS = ("rerun", "mcap", "video", "bag")
COMPRESSIONS = ("none", "bz2")
SAID = 6  # recordings that are told by name
IN_PART, INTERRUPTED = 3, 130  # exit codes

DESCRIPTION = """\
Write a recording with the grasps of models, for another program:
  rerun   .rrd for the Rerun viewer: depth, its camera, grasps in the image and in space, quality and latency over time
  mcap    .mcap for Foxglove: depth in colours, calibration, grasps as annotations and in 3D
  video   .mp4: grasps on depth, and the quality that they are taken from beside it
  bag     .bag of ROS 1: all messages of the recording, and /grasp_detector/grasps, /grasp_detector/markers; a model on
          GG-CNN's road (CHECKPOINT@kinova) adds /ggcnn/out/command
The file appears whole or not at all, and nothing is written into an input."""

EXAMPLES = """\
examples:
  pspgrasp bag export drive.bag --to rerun --output drive.rrd
  pspgrasp bag export drive.bag --to video --output both.mp4 --checkpoint efficientnet_lite0 ggcnn@kinova
  pspgrasp bag export drive.bag --to bag --output judged.bag --compression bz2

exit code: 0 all was read; 1 a user's error; 3 something couldn't be read, or a model failed on a frame, the
rest is written; 130 stopped by Ctrl-C or SIGTERM, nothing is written."""


def add_export(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `export` to the actions of `bag`."""
    command = actions.add_parser(
        "export",
        help="a recording with grasps, for Rerun, Foxglove, a video player or ROS 1",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_reading_options(command)
    options.add_model_options(command)
    command.add_argument("--to", required=True, choices=KINDS, help="kind of file")
    command.add_argument("--output", required=True, type=Path, metavar="FILE", help=".rrd, .mcap, .mp4 or .bag")
    command.add_argument(
        "--compression", choices=COMPRESSIONS, default="none", help="of a bag; bz2 is small and slow (default: none)"
    )
    command.set_defaults(run=_export)


def _export(parsed: argparse.Namespace) -> int:
    check_libraries()
    from rich.console import Console

    from pspgrasp.bag.export.job import Job, check_output, export
    from pspgrasp.bag.progress import FRAMES, progress
    from pspgrasp.bag.reading.open import open_recordings, sources

    check_output(parsed.to, parsed.output, parsed.inputs)
    paths = [path for given in parsed.inputs for path in sources(given)]
    if len(paths) != 1:
        some = ", ".join(str(path) for path in paths[:SAID])
        raise ConfigError(f"export writes one recording, and there are {len(paths)}: {some}; name one")
    specs = tuple(options.specs_from(parsed))
    recording = open_recordings(paths, options.selection_of(parsed))[0]
    job = Job(recording, paths[0], specs, parsed.output, parsed.compression)
    try:
        with stopped_by_sigterm(), progress(Console(stderr=True)) as tells_of:
            exported = export(parsed.to, job, tells_of(recording.name, FRAMES))
    except KeyboardInterrupt:
        say(f"stopped; {parsed.output} isn't written")
        return INTERRUPTED
    say(*exported.faults.lines(), f"{parsed.output}: {exported.frames} frames")
    return IN_PART if len(exported.faults) else 0
