"""What tables, page and plot share: factors, names of rows, and what marks mean."""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple

from pspgrasp.sim.table import BETTER, ENOUGH, SURE, WORSE, CellTable, comparisons

#: Factor -> heading, and whether its levels have an order.
FACTORS: Dict[str, Tuple[str, bool]] = {
    "objects": ("Things", False),
    "clutter": ("Clutter: things on the table", True),
    "noise": ("Noise of the camera", True),
    "height": ("Height of the camera [m]", True),
    "tilt": ("Tilt of the camera [deg]", True),
    "calibration": ("Wrong hand-eye calibration", False),
    "bin": ("Clearing a bin", False),
    "motion": ("Things that are moved meanwhile", False),
}
NOTHING = "-"  # a figure that there isn't
STAR = "*"  # of a condition that is told too early
BINS = "Intervals are by a bootstrap over whole bins, since attempts of one bin depend on each other."


def row_names(tables: Sequence[CellTable]) -> List[str]:
    """Return the names of all rows, in the order in which they come up."""
    return list(dict.fromkeys(figure.row for table in tables for figure in table.figures))


def marks_told(tables: Sequence[CellTable]) -> str:
    """Say what a mark beside a figure means; "" where nothing is compared."""
    count = comparisons(tables)
    if not count:
        return ""
    return (
        f"{BETTER}, {WORSE}: better or worse than {row_names(tables)[0]} on the same scenes, by McNemar's exact test: "
        f"p below {SURE:g} after Holm's correction for all comparisons ({count})."
    )


def star_told(tables: Sequence[CellTable]) -> str:
    """Say what a star beside a condition means; "" where there is none."""
    few = f"{STAR}: fewer than {ENOUGH} attempts of each row, in bins fewer than {ENOUGH} things."
    return few if any(table.few for table in tables) else ""


def named(table: CellTable) -> str:
    """Return the name of a table's condition, with a star where it is told too early."""
    return f"{table.cell.name} {STAR}" if table.few else table.cell.name
