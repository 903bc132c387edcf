"""What a run leaves behind for people: figures, a page with pictures, and a film."""

from __future__ import annotations

import json
import platform
from datetime import date
from pathlib import Path
from typing import Any, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from pspgrasp.data.output import write_text
from pspgrasp.data.progress import with_progress
from pspgrasp.evaluation.film import Film
from pspgrasp.evaluation.html.parts import Shown
from pspgrasp.parallel import cores
from pspgrasp.sim.bench import BenchConfig, camera_of, cleared_by, rows_of
from pspgrasp.sim.cells import Cell, Task
from pspgrasp.sim.failures import shown, worst_failures
from pspgrasp.sim.pictures import SIDE_CAMERA, Painter, choose_painter, side_view_pose
from pspgrasp.sim.records import SceneRecord
from pspgrasp.sim.report import Head, write_report
from pspgrasp.sim.stage import set_up
from pspgrasp.sim.table import CellTable, to_tree
from pspgrasp.sim.world import FRAMES_S, World


class Finished(NamedTuple):
    """A run that has come to its end.

    Attributes:
        config: What was judged, and in what world.
        cells: The conditions.
        records: Of all scenes.
        tables: What they add up to.
        versions: Library -> version.
        command: That made it.
        more_rows: Those that aren't named in the config -> how they come to a grasp.
    """

    config: BenchConfig
    cells: Tuple[Cell, ...]
    records: Sequence[SceneRecord]
    tables: Sequence[CellTable]
    versions: Mapping[str, str]
    command: str
    more_rows: Mapping[str, str]


def write_figures(run: Finished, path: Path) -> None:
    """Write everything that a program may want to know.

    Raises:
        PspGraspError: It can't be written.
    """
    tree: Mapping[str, Any] = {
        "command": run.command,
        "date": date.today().isoformat(),
        "versions": run.versions,
        "cells": to_tree(run.tables),
    }
    write_text(path, json.dumps(tree, indent=1) + "\n")


def write_page(run: Finished, path: Path, failures: Sequence[Shown], film: Optional[Path] = None) -> None:
    """Write the page.

    Args:
        run: That it tells of.
        path: HTML.
        failures: Pictures, see `worst`.
        film: Of a bin that is cleared.

    Raises:
        PspGraspError: It can't be written.
    """
    rows = {row.name: row.description for row in rows_of(run.config.rows)}
    head = Head(
        "Does it grasp?",
        "Things fall by physics, a simulated RealSense looks at them, and a gripper of 80 mm lifts what each row says. "
        "All rows try the same scenes.",
        {**_facts(run), "camera": camera_of(run.config.camera).name},
        {**rows, **run.more_rows},
    )
    write_report(path, head, run.tables, failures, film)


def _facts(run: Finished) -> Mapping[str, str]:
    return {
        "date": date.today().isoformat(),
        "command": run.command,
        "seed": str(run.config.seed),
        "versions": ", ".join(f"{name} {version}" for name, version in run.versions.items()),
        "machine": f"{platform.machine()}, {cores()} cores, Python {platform.python_version()}",
    }


def worst(run: Finished, count: int) -> List[Shown]:
    """Return pictures of the first row's worst failures, so many at most, tried again."""
    if not count:
        return []
    config, painter = run.config, choose_painter(run.config.camera)
    row = rows_of(config.rows)[0].name
    failures = worst_failures(run.records, run.cells, row, count)
    found = []
    for failure in with_progress(failures, len(failures), "pictures"):
        stage = set_up(failure.cell, config.seed, failure.record.number, config.gripper, config.physics)
        found.append(shown(failure, stage, camera_of(config.camera), painter))
    return found


def write_film(run: Finished, path: Path) -> Optional[Path]:
    """Write a film of the first row at clearing a bin, and return where it is; None if the run has no bin.

    Raises:
        PspGraspError: It can't be written.
    """
    bins = [cell for cell in run.cells if cell.task == Task.CLEARING.value]
    if not bins:
        return None
    config, painter = run.config, choose_painter(run.config.camera)
    stage = set_up(bins[0], config.seed, _busiest(run.records, bins[0].name), config.gripper, config.physics)
    with Film(path, FRAMES_S) as film:
        stage.world.watch = lambda: film.add(_frame(painter, stage.world))
        cleared_by(rows_of(config.rows)[0], stage, camera_of(config.camera))
    return path


def _busiest(records: Sequence[SceneRecord], cell: str) -> int:
    """Return the number of the bin of which the first row took out most."""
    mine = [record for record in records if record.cell == cell and not record.exploded]
    taken = {record.number: sum(one.taken for one in next(iter(record.rows.values()))) for record in mine}
    return max(sorted(taken), key=lambda number: taken[number], default=0)


def _frame(painter: Painter, world: World) -> np.ndarray:
    return painter.picture(world, SIDE_CAMERA, side_view_pose())
