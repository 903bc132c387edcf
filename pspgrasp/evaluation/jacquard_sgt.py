"""Grasps as Jacquard's server takes them for simulated grasp trials (SGT)."""

from __future__ import annotations

from typing import Sequence

from pspgrasp.data.dataset import GraspDataset
from pspgrasp.data.jacquard import jacquard_line
from pspgrasp.errors import DataError
from pspgrasp.evaluation.evaluator import ImageOutcome


def sgt_text(outcomes: Sequence[ImageOutcome], dataset: GraspDataset) -> str:
    """Return the best grasp of each image, two lines each: its name, N_OBJECT, and `x;y;theta;opening;jaw`.

    Rectangles are in pixels of the image, which Jacquard's reader holds to 1024x1024, so the scale is right whatever
    the size of the network's input. An image without a grasp is left out, as GG-CNN does.

    Raises:
        DataError: The data set is not Jacquard.
    """
    if dataset.layout != "jacquard":
        raise DataError(f"simulated grasp trials are Jacquard's; {dataset.folder} is {dataset.layout}")
    told = [outcome for outcome in outcomes if outcome.guesses]
    return "".join(f"{o.name.rpartition('/')[2]}\n{jacquard_line(o.guesses[0].rectangle)}\n" for o in told)
