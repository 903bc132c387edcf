"""A run of the bench: which scenes are left to do, and who does them."""

from __future__ import annotations

import itertools
import math
from dataclasses import asdict, replace
from functools import partial
from typing import Any, Dict, List, Sequence, Tuple

from pspgrasp import __version__
from pspgrasp.data.progress import with_progress
from pspgrasp.errors import ConfigError
from pspgrasp.parallel import one_thread, results
from pspgrasp.runtimes.machine import versions
from pspgrasp.shipped import find_checkpoint
from pspgrasp.sim.bench import BenchConfig, Job, tried
from pspgrasp.sim.cells import Cell, Task
from pspgrasp.sim.object_sets import object_set
from pspgrasp.sim.records import SceneRecord
from pspgrasp.sim.rows import BOUNDS, Row, checkpoint_of, row_name
from pspgrasp.sim.run_folder import CELLS, RunFolder

LIBRARIES = ("mujoco", "numpy", "torch")


def header_of(config: BenchConfig, cells: Sequence[Cell], more: Tuple[Row, ...] = ()) -> Dict[str, Any]:
    """Return what a run is: checkpoints and things by their fingerprints, more rows by description.

    Args:
        config: What is judged; its camera is "gl" or "rays", since "auto" is another one on another machine.
        cells: The conditions; a run may get more of them later.
        more: Rows beside the named ones.

    Raises:
        CheckpointError: No such checkpoint, or it is broken.
        ConfigError: Two rows of one name.
    """
    names = [row_name(name) for name in config.rows]
    for name in {name for name in names if names.count(name) > 1}:
        raise ConfigError(f"{names.count(name)} rows are called {name!r}; give their files different names")
    # Where a file lies doesn't matter, nor does what it is called: its fingerprint tells.
    prints = ["" if name in BOUNDS else find_checkpoint(checkpoint_of(name)).fingerprint for name in config.rows]
    return {
        "pspgrasp": __version__,
        **versions(LIBRARIES),
        "rows": {**dict(zip(names, prints)), **{row.name: row.description for row in more}},
        "config": asdict(replace(config, rows=tuple(names))),
        CELLS: {cell.name: {**asdict(cell), "files": object_set(cell.objects).fingerprint} for cell in cells},
    }


def scenes_of(cell: Cell, attempts: int) -> int:
    """Return how many scenes give a row as many attempts: things of a bin are tried one after the other."""
    return math.ceil(attempts / cell.things) if cell.task == Task.CLEARING.value else attempts


def attempts_of(records: Sequence[SceneRecord], cells: Sequence[Cell]) -> int:
    """Return how many attempts, at least, records hold of each cell: see `scenes_of`, which this undoes."""
    return min(_whole(records, cell) * (cell.things if cell.task == Task.CLEARING.value else 1) for cell in cells)


def _whole(records: Sequence[SceneRecord], cell: Cell) -> int:
    """Return how many scenes of a cell there are up to the first that is missing."""
    numbers = {record.number for record in records if record.cell == cell.name}
    return next(number for number in itertools.count() if number not in numbers)


def run(
    config: BenchConfig,
    cells: Sequence[Cell],
    attempts: int,
    folder: RunFolder,
    processes: int,
    ray: str = "",
    more: Tuple[Row, ...] = (),
) -> List[SceneRecord]:
    """Do what is left of a run, and return all of it. Each scene is written as soon as it is done.

    Args:
        config: What is judged, and in what world.
        cells: The conditions.
        attempts: That each row gets in each cell, at least.
        folder: Of the run; scenes that are there aren't done again.
        processes: On this machine.
        ray: See `parallel.results`.
        more: Rows beside the named ones, which only this process has.

    Raises:
        ConfigError: More rows, and more processes than this one.
    """
    if more and (processes != 1 or ray):
        names = ", ".join(row.name for row in more)
        raise ConfigError(f"{names} can only be tried in one process: leave out --processes and --ray")
    one_thread()  # as in every other process, so that a record has the same digits wherever it is made
    records = folder.records()
    done = {(record.cell, record.number) for record in records}
    # Number by number, so that a run that is stopped knows about as much of each cell.
    jobs = [
        Job(config, cell, number)
        for number in range(max(scenes_of(cell, attempts) for cell in cells))
        for cell in cells
        if number < scenes_of(cell, attempts) and (cell.name, number) not in done
    ]
    for record in with_progress(results(partial(tried, more=more), jobs, processes, ray), len(jobs), "scenes"):
        folder.append(record)
        records.append(record)
    return records
