"""The commands `pspgrasp sim ...`."""

from __future__ import annotations

import argparse
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Callable, ContextManager, Sequence, Tuple

from pspgrasp.data.commands import check_bounds

if TYPE_CHECKING:
    from pspgrasp.sim.publish import Finished
    from pspgrasp.sim.records import SceneRecord
    from pspgrasp.sim.rows import Row

    RosRows = Callable[[str, str], ContextManager[Tuple[Row, ...]]]

NODE, ENCODING = "/grasp_detector", "16UC1"  # of --through-ros
ROWS = ("efficientnet_lite0", "resnet18", "ggcnn", "labels", "centroid")
BOUNDS = {"attempts": (1, 10**6), "processes": (1, 4096), "seed": (0, 2**30), "pictures": (0, 200)}
LABEL_BOUNDS = {"scenes": (1, 10**6), "processes": (1, 4096), "seed": (0, 2**30)}

DESCRIPTION = """\
Let things fall by physics, look at them with a simulated RealSense, give the image to detectors as on a robot, and
lift what they say with a gripper of 80 mm. Every row of the table tries the same scenes. OUTPUT gets one line for each
scene as it is done, so the same command goes on where it was stopped; at the end a table, figures.json and a page with
pictures (index.html)."""

EXAMPLES = """\
examples:
  pspgrasp sim run runs/sim                                        all cells, 300 attempts each: hours on 2 cores
  pspgrasp sim run runs/sim --cells household clutter-10 --attempts 50
  pspgrasp sim run runs/sim --rows mine.safetensors resnet18 labels
  pspgrasp sim run runs/sim --cells my_meshes/                     one thing of a folder of meshes on the table
  pspgrasp sim run runs/sim --processes 16
  pspgrasp sim run runs/ros --rows resnet18 --through-ros          beside it, the node that runs as /grasp_detector
  pspgrasp sim cells                                               what there is to choose from"""


def add_sim(commands: argparse._SubParsersAction[argparse.ArgumentParser], ros_rows: RosRows) -> None:
    """Add `sim` to the command line.

    Args:
        commands: Where it is added.
        ros_rows: Connects to the ROS node of a name, and shows it images of an encoding; the bench knows no ROS itself.
    """
    sim = commands.add_parser("sim", help="does it grasp? detectors judged by lifted things, on MuJoCo")
    actions = sim.add_subparsers(metavar="ACTION", required=True)
    _add_run(actions, ros_rows)
    _add_labels(actions)
    command = actions.add_parser("cells", help="the conditions and the sets of things")
    command.set_defaults(run=_cells)


def _add_run(actions: argparse._SubParsersAction[argparse.ArgumentParser], ros_rows: RosRows) -> None:
    command = actions.add_parser(
        "run",
        help="try detectors in many scenes",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("output", type=Path, help="folder of the run")
    command.add_argument(
        "--rows",
        nargs="+",
        default=list(ROWS),
        metavar="ROW",
        help="checkpoints by name or file, and the bounds `labels` and `centroid`; the others are compared with the "
        f"first (default: {' '.join(ROWS)})",
    )
    command.add_argument(
        "--cells", nargs="+", metavar="CELL", help="conditions, or sets of things (default: all conditions)"
    )
    command.add_argument("--attempts", type=int, default=300, help="of each row in each cell (default: 300)")
    command.add_argument("--seed", type=int, default=0, help="another seed gives other scenes (default: 0)")
    command.add_argument("--camera", default="auto", help="gl, rays (needs no OpenGL) or auto (default: auto)")
    command.add_argument("--processes", type=int, help="on this machine (default: one for each core)")
    command.add_argument("--ray", default="", metavar="ADDRESS", help="of a Ray cluster, or `local` (needs Ray)")
    command.add_argument("--pictures", type=int, default=12, help="of the worst failures (default: 12)")
    command.add_argument("--no-film", dest="film", action="store_false", help="make no film of a bin (bin.mp4)")
    command.add_argument(
        "--page", type=Path, metavar="FILE", help="put the table into this Markdown file, between its two marks"
    )
    command.add_argument(
        "--through-ros",
        nargs="?",
        const=NODE,
        metavar="NODE",
        help="also judge the ROS node that runs under this name, by its topics; it must have no camera, and no robot "
        f"may follow it (without a name: {NODE})",
    )
    command.add_argument(
        "--ros-encoding",
        default=ENCODING,
        metavar="ENCODING",
        help="of the depth images that it gets: 16UC1 [mm], as a RealSense's driver sends them, or 32FC1 [m] "
        f"(default: {ENCODING})",
    )
    command.set_defaults(run=partial(_run, ros_rows=ros_rows))


def _add_labels(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = actions.add_parser(
        "labels",
        help="try the labels of generated scenes, and keep those that hold",
        description="Let the things of training scenes fall by physics, try the best labels of each with the gripper, "
        "and say how many hold. With --output the scenes become a data set in Cornell's form (cpos: held, cneg: not), "
        "which `pspgrasp train` takes beside endless scenes: data/labelled: [{folder: DIR, share: 0.1}].",
    )
    command.add_argument("--output", type=Path, help="folder for the data set")
    command.add_argument("--scenes", type=int, default=300, help="how many (default: 300)")
    command.add_argument("--seed", type=int, default=0, help="another seed gives other scenes (default: 0)")
    command.add_argument("--processes", type=int, help="on this machine (default: one for each core)")
    command.add_argument("--ray", default="", metavar="ADDRESS", help="of a Ray cluster, or `local` (needs Ray)")
    command.set_defaults(run=_labels)


def _labels(parsed: argparse.Namespace) -> None:
    check_bounds(parsed, LABEL_BOUNDS)
    _check_physics()
    from pspgrasp.data.output import make_folder
    from pspgrasp.data.progress import with_progress
    from pspgrasp.parallel import cores, results
    from pspgrasp.sim.verified import VerifyJob, lines_of, verified, write_scene

    if parsed.output:
        make_folder(parsed.output)
    jobs = (VerifyJob(parsed.seed, number) for number in range(parsed.scenes))
    found = []
    done = results(verified, jobs, parsed.processes or cores(), parsed.ray)
    for scene in with_progress(done, parsed.scenes, "scenes"):
        found.append(scene)
        if parsed.output and scene.labels:
            write_scene(scene, parsed.output)
    print("\n".join(lines_of(found)))


def _run(parsed: argparse.Namespace, ros_rows: RosRows) -> None:
    check_bounds(parsed, BOUNDS)
    _check_physics()
    from pspgrasp.parallel import cores
    from pspgrasp.sim.bench import BenchConfig, camera_of
    from pspgrasp.sim.cells import CELLS, cells_of
    from pspgrasp.sim.publish import Finished
    from pspgrasp.sim.records import RunFolder
    from pspgrasp.sim.run import LIBRARIES, header_of, run
    from pspgrasp.sim.table import tables_of

    cells = cells_of(parsed.cells or list(CELLS))
    config = BenchConfig(tuple(parsed.rows), parsed.seed, parsed.camera)
    with ros_rows(parsed.through_ros, parsed.ros_encoding) if parsed.through_ros else nullcontext(()) as more:
        header = header_of(config, more)
        folder = RunFolder(parsed.output, header)
        ros = {row.name: row.description for row in more}
        told = {"camera": camera_of(config.camera).name, **ros}
        print("\n".join(f"{what:12}{how}" for what, how in told.items()))
        processes = parsed.processes or (1 if more else cores())
        began_s = time.monotonic()
        records = run(config, cells, parsed.attempts, folder, processes, parsed.ray, more)
        print(_pace(folder.appended, time.monotonic() - began_s, processes))
    versions = {name: str(header[name]) for name in ("pspgrasp", *LIBRARIES)}
    _publish(parsed, Finished(config, cells, records, tables_of(records, cells), versions, _command(parsed), ros))


def _pace(records: Sequence[SceneRecord], seconds: float, processes: int) -> str:
    """Say how fast scenes were tried."""
    attempts = sum(len(tried) for record in records for tried in record.rows.values())
    pace = f", {attempts / seconds:.2f} attempts/s with {processes} process(es)" if records else ""
    return f"{'scenes':12}{len(records)} new, {attempts} attempts in {seconds:.0f} s{pace}"


def _publish(parsed: argparse.Namespace, run: Finished) -> None:
    from pspgrasp.sim.publish import lines_of, put_into, write_figures, write_film, write_page

    text, folder = lines_of(run), parsed.output
    print(text)
    write_figures(run, folder / "figures.json")
    film = write_film(run, folder / "bin.mp4") if parsed.film else None
    write_page(run, folder / "index.html", parsed.pictures, film)
    print(f"{folder / 'index.html'}: {len(run.records)} scenes")
    if parsed.page:
        put_into(parsed.page, f"```sh\n{run.command}\n```\n\n{_made(run)}\n\n{text}")


def _made(run: Finished) -> str:
    """Say when and by what a table was made."""
    from datetime import date

    return f"Made on {date.today().isoformat()} with {', '.join(f'{n} {v}' for n, v in run.versions.items())}."


def _command(parsed: argparse.Namespace) -> str:
    """Return the command that makes this run, whatever the machine's processes."""
    words = ["pspgrasp sim run", str(parsed.output), f"--rows {' '.join(parsed.rows)}"]
    words += [f"--cells {' '.join(parsed.cells)}"] if parsed.cells else []
    words += [f"--through-ros {parsed.through_ros} --ros-encoding {parsed.ros_encoding}"] if parsed.through_ros else []
    return " ".join([*words, f"--attempts {parsed.attempts} --seed {parsed.seed}"])


def _cells(_: argparse.Namespace) -> None:
    _check_physics()
    from pspgrasp.sim.cells import CELLS

    for cell in CELLS.values():
        print(f"{cell.name:20} {cell.factor}")


def _check_physics() -> None:
    """Say in one line what is missing.

    Raises:
        PspGraspError: MuJoCo is not installed.
    """
    from importlib.util import find_spec

    from pspgrasp.errors import PspGraspError

    if find_spec("mujoco") is None:
        raise PspGraspError("`pspgrasp sim` needs MuJoCo: pip install 'pspgrasp[sim]'")
