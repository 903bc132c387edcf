"""What the sections of the report share: the factors of a run, and the names of its rows."""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple

from pspgrasp.sim.table import CellTable

#: Factor -> heading, and whether its levels have an order.
FACTORS: Dict[str, Tuple[str, bool]] = {
    "objects": ("Things", False),
    "clutter": ("Clutter: things on the table", True),
    "noise": ("Noise of the camera", True),
    "height": ("Height of the camera [m]", True),
    "tilt": ("Tilt of the camera [deg]", True),
    "calibration": ("Wrong hand-eye calibration", False),
    "bin": ("Clearing a bin", False),
    "motion": ("Things that are moved while the gripper comes", False),
}


def row_names(tables: Sequence[CellTable]) -> List[str]:
    """Return the names of all rows, in the order in which they come up."""
    return list(dict.fromkeys(figure.row for table in tables for figure in table.figures))
