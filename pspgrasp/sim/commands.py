"""The commands `pspgrasp sim ...`."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import time
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Callable, ContextManager, Iterator, Optional, Sequence, Tuple

from pspgrasp.data.commands import check_bounds
from pspgrasp.errors import ConfigError, PspGraspError

if TYPE_CHECKING:
    from pspgrasp.sim.cells import Cell
    from pspgrasp.sim.publish import Finished
    from pspgrasp.sim.records import SceneRecord
    from pspgrasp.sim.rows import Row

    RosRows = Callable[[str, str], ContextManager[Tuple[Row, ...]]]

NODE, ENCODING = "/grasp_detector", "16UC1"  # of --through-ros
ROWS = ("efficientnet_lite0:checked", "efficientnet_lite0", "resnet18", "ggcnn", "labels", "centroid")
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
        help="checkpoints by name or file, with `:checked` behind it if grasps without room for the hand are to be "
        "passed over, as the node does; and the bounds `labels` and `centroid`; the others are compared with the first "
        f"(default: {' '.join(ROWS)})",
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
        "--page",
        type=Path,
        metavar="FILE",
        help="put the tables into this Markdown file, between its two marks, and a plot into pictures/ beside it",
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
    from pspgrasp.data.output import make_empty_folder
    from pspgrasp.data.progress import with_progress
    from pspgrasp.parallel import cores, one_thread, results
    from pspgrasp.sim.verified import VerifyJob, lines_of, verified, write_scene

    if parsed.output:
        make_empty_folder(parsed.output)
    jobs = (VerifyJob(parsed.seed, number) for number in range(parsed.scenes))
    found = []
    one_thread()
    with _stopped_by_sigterm():
        done = results(verified, jobs, parsed.processes or cores(), parsed.ray)
        for scene in with_progress(done, parsed.scenes, "scenes"):
            found.append(scene)
            if parsed.output:
                write_scene(scene, parsed.output)
    print("\n".join(lines_of(found)))


def _run(parsed: argparse.Namespace, ros_rows: RosRows) -> None:
    check_bounds(parsed, BOUNDS)
    _check_physics()
    from pspgrasp.parallel import cores
    from pspgrasp.sim.bench import BenchConfig
    from pspgrasp.sim.camera import choose_camera
    from pspgrasp.sim.cells import CELLS, cells_of
    from pspgrasp.sim.publish import Finished
    from pspgrasp.sim.run import LIBRARIES, attempts_of, header_of, run
    from pspgrasp.sim.run_folder import RunFolder
    from pspgrasp.sim.table import tables_of

    cells = cells_of(parsed.cells or list(CELLS))
    _check_publishing(parsed, cells)
    camera = choose_camera(parsed.camera)
    # Chosen once, for all processes: pictures by rays and by OpenGL differ in their last digits.
    config = BenchConfig(tuple(parsed.rows), parsed.seed, camera.kind)
    connected = ros_rows(parsed.through_ros, parsed.ros_encoding) if parsed.through_ros else nullcontext(())
    with _stopped_by_sigterm(), connected as more:
        header = header_of(config, cells, more)
        ros = {row.name: row.description for row in more}
        with RunFolder(parsed.output, header) as folder:
            print("\n".join(f"{what:12}{how}" for what, how in {"camera": camera.name, **ros}.items()))
            processes = parsed.processes or (1 if more else cores())
            began_s = time.monotonic()
            records = run(config, cells, parsed.attempts, folder, processes, parsed.ray, more)
            print(_pace(folder.appended, time.monotonic() - began_s, processes))
            versions = {name: str(header[name]) for name in ("pspgrasp", *LIBRARIES)}
            command = _command(parsed, camera.kind, attempts_of(records, cells))
            _publish(parsed, Finished(config, cells, records, tables_of(records, cells), versions, command, ros))


def _check_publishing(parsed: argparse.Namespace, cells: Sequence[Cell]) -> None:
    """Say before a run of hours what would be missing after it."""
    from pspgrasp.evaluation.film import check_film
    from pspgrasp.sim.cells import Task
    from pspgrasp.sim.docs_page import check_page

    if parsed.page:
        check_page(parsed.page)
    if parsed.film and any(cell.task == Task.CLEARING.value for cell in cells):
        check_film()


def _pace(records: Sequence[SceneRecord], seconds: float, processes: int) -> str:
    """Say how fast scenes were tried."""
    attempts = sum(len(tried) for record in records for tried in record.rows.values())
    pace = f", {attempts / seconds:.2f} attempts/s with {processes} process(es)" if records else ""
    return f"{'scenes':12}{len(records)} new, {attempts} attempts in {seconds:.0f} s{pace}"


def _publish(parsed: argparse.Namespace, run: Finished) -> None:
    from pspgrasp.sim.docs_page import put_into
    from pspgrasp.sim.markdown import markdown
    from pspgrasp.sim.publish import worst, write_figures, write_film, write_page

    folder, page = parsed.output, parsed.output / "index.html"
    print(markdown(run.tables))
    write_figures(run, folder / "figures.json")
    if parsed.page:
        put_into(parsed.page, run)
    failures = worst(run, parsed.pictures)
    write_page(run, page, failures)
    film = write_film(run, folder / "bin.mp4") if parsed.film else None
    if film:  # now that it is there
        write_page(run, page, failures, film)
    print(f"{page}: {len(run.records)} scenes")


def _command(parsed: argparse.Namespace, camera: str, attempts: int) -> str:
    """Return the command that makes this run, whatever the machine's processes.

    Args:
        parsed: Of this call.
        camera: As "auto" was understood.
        attempts: That there are of each cell, of all calls together.
    """
    words = ["pspgrasp", "sim", "run", str(parsed.output), "--rows", *parsed.rows]
    words += ["--cells", *parsed.cells] if parsed.cells else []
    words += ["--through-ros", parsed.through_ros, "--ros-encoding", parsed.ros_encoding] if parsed.through_ros else []
    words += ["--attempts", str(attempts), "--seed", str(parsed.seed), "--camera", camera]
    return shlex.join(words)


def _cells(_: argparse.Namespace) -> None:
    from pspgrasp.sim.cells import CELLS, told
    from pspgrasp.sim.object_sets import OBJECT_SETS

    print("cells: name, factor, scenes")
    print("\n".join(f"  {cell.name:19}{cell.factor:13}{told(cell)}" for cell in CELLS.values()))
    print("\nsets of things; each is a cell, too: one of its things on the table")
    print("\n".join(f"  {name:19}{_set_told(name)}" for name in OBJECT_SETS))
    print(f"  {'FOLDER':19}meshes of a folder, in metres")
    print(f"  {'FOLDER@SCALE':19}meshes in another unit, parts@0.001 in millimetres")


def _set_told(name: str) -> str:
    from pspgrasp.sim.object_sets import object_set

    try:
        return object_set(name).description
    except ConfigError as error:  # its package is not installed
        return str(error)


@contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """Let SIGTERM, by which systems stop what runs, be as Ctrl-C."""

    def stop(_number: int, _frame: Optional[FrameType]) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _check_physics() -> None:
    """Say in one line what is missing.

    Raises:
        PspGraspError: MuJoCo is not installed, or can't be loaded.
    """
    from importlib.util import find_spec

    if find_spec("mujoco") is None:
        raise PspGraspError("`pspgrasp sim` needs MuJoCo: pip install 'pspgrasp[sim]'")
    try:
        import mujoco  # noqa: F401
    except Exception as error:  # it loads OpenGL by whatever MUJOCO_GL says, even where nothing is drawn
        said, variable = (str(error) or type(error).__name__).splitlines()[0], os.environ.get("MUJOCO_GL")
        advice = f"; MUJOCO_GL is {variable!r}: unset it, or say egl" if variable else ""
        raise PspGraspError(f"MuJoCo can't be loaded ({said}){advice}") from error
