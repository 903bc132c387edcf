"""Laws of what a run writes into a Markdown page: between the marks, a plot beside it, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Tuple

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="needs the extra sim")
pytest.importorskip("matplotlib", reason="needs the extra training")

from pspgrasp.errors import DataError, PspGraspError
from pspgrasp.evaluation import plot as plots
from pspgrasp.sim.bench import BenchConfig
from pspgrasp.sim.cells import CELLS, Cell
from pspgrasp.sim.docs_page import BEGIN, END, check_page, put_into
from pspgrasp.sim.plot import panels_of, success_figure
from pspgrasp.sim.publish import Finished
from pspgrasp.sim.ratio import share
from pspgrasp.sim.table import CellTable, Figure

NAMES = ("household", "clutter-5", "clutter-10", "height-1", "tilt-40", "calibration", "bin-10")


def cell_table(cell: Cell, held: Tuple[int, int] = (240, 100)) -> CellTable:
    figures = (Figure(row, 300, n, share(n, 300), {}, 0, None, None) for row, n in zip(("ours", "ggcnn"), held))
    return CellTable(cell, 300, 0, tuple(figures))


def finished(*tables: CellTable) -> Finished:
    versions = {"pspgrasp": "0.1.0"}
    return Finished(BenchConfig(("ours",)), tuple(CELLS.values()), [], tables, versions, "pspgrasp sim run x", {})


def test_a_page_gets_command_plot_and_tables_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "physics.md"
    page.write_text(f"before\n\n{BEGIN}\nof last year\n{END}\n\nbehind\n", encoding="utf-8")
    check_page(page)
    run = finished(cell_table(CELLS["household"]), cell_table(CELLS["clutter-5"]))
    put_into(page, run)
    first = page.read_text(encoding="utf-8"), (tmp_path / "pictures/physics_success.png").read_bytes()
    text = first[0]
    assert text.startswith(f"before\n\n{BEGIN}\n\n```sh\npspgrasp sim run x\n```")
    assert text.endswith(f"\n\n{END}\n\nbehind\n")
    assert "](pictures/physics_success.png)" in text
    assert "| household | 300 | 0.80 (0.75 to 0.84) | 0.33 (0.28 to 0.39) |" in text
    assert "of last year" not in text
    put_into(page, run)
    assert first == (page.read_text(encoding="utf-8"), (tmp_path / "pictures/physics_success.png").read_bytes())


def test_a_run_of_one_condition_has_no_plot(tmp_path: Path) -> None:
    page = tmp_path / "physics.md"
    page.write_text(f"{BEGIN}{END}", encoding="utf-8")
    put_into(page, finished(cell_table(CELLS["household"])))
    assert ".png" not in page.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [page]


def test_a_page_that_cannot_be_filled_is_told_before_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "physics.md"
    with pytest.raises(DataError, match="can't be read"):
        check_page(page)
    for text in ("no marks", f"{END} {BEGIN}"):
        page.write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match="lacks the line"):
            check_page(page)
    page.write_text(f"{BEGIN}{END}", encoding="utf-8")
    monkeypatch.setattr(plots, "find_spec", lambda name: None)
    with pytest.raises(PspGraspError, match="plots need matplotlib"):
        check_page(page)


def test_conditions_stand_in_their_groups_beside_the_usual_one() -> None:
    panels = panels_of([cell_table(CELLS[name]) for name in NAMES])
    assert [[one.cell.name for one in panel.tables] for panel in panels] == [
        ["household", "clutter-5", "clutter-10"],
        ["household", "height-1", "tilt-40"],
        ["household", "calibration"],
    ]


def test_every_share_is_drawn_with_its_interval() -> None:
    names = [name for name in NAMES if name != "bin-10"]
    tables = [cell_table(CELLS[name], (30 * number, 300 - 30 * number)) for number, name in enumerate(names)]
    none = replace(tables[1].figures[0], success=None)
    tables[1] = replace(tables[1], figures=(none, tables[1].figures[1]))
    axes = success_figure(tables).axes
    for panel, drawn in zip(panels_of(tables), axes):
        shares = [one.success for table in panel.tables for one in table.figures if one.success is not None]
        dots = [line.get_ydata()[0] for line in drawn.lines if len(line.get_ydata())]
        ends = [segment[:, 1] for lines in drawn.collections for segment in lines.get_segments()]
        np.testing.assert_allclose(sorted(dots), sorted(100 * one.value for one in shares))
        wanted = [tuple(100 * np.array(one.interval_95)) for one in shares]
        np.testing.assert_allclose(sorted(map(tuple, ends)), sorted(wanted))
    assert len(axes) == 3
