"""The commands `pspgrasp data ...`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pspgrasp.data.dataset import GraspDataset

LISTED = 10  # of what is broken or left out
TILES = 30  # on a contact sheet


def add_data(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `data` to the command line."""
    data = commands.add_parser("data", help="look at a data set: data check DIR")
    actions = data.add_subparsers(metavar="ACTION", required=True)
    command = actions.add_parser(
        "check",
        help="what a data set holds, and what is broken in it",
        description="Read every image and label of a data set and say what is there. Broken images are listed with "
        "file and line, and don't stop the check; the exit status is 1 if there are any.",
    )
    command.add_argument("folder", type=Path, help="the data set")
    add_dataset_options(command)
    command.add_argument("--sheet", type=Path, help=f"write up to {TILES} images with their labels on one sheet (PNG)")
    command.set_defaults(run=_check)


def add_dataset_options(command: argparse.ArgumentParser) -> None:
    """Add what tells how a data set is read."""
    command.add_argument(
        "--layout", default="", help="cornell, jacquard, ocid_grasp or graspnet (default: it is recognised)"
    )
    command.add_argument(
        "--unit",
        type=float,
        help="metres per step of PNG depth (default: 0.0001 for cornell and jacquard, else 0.001; TIFF is in metres)",
    )
    command.add_argument(
        "--depth", default="perfect", help="which of Jacquard's depths: perfect or stereo (default: perfect)"
    )


def dataset_of(parsed: argparse.Namespace, folder: Path) -> GraspDataset:
    """Return the data set that a command line asks for.

    Raises:
        DataError: It is not there, or not known.
    """
    from pspgrasp.data.dataset import open_dataset

    return open_dataset(folder, parsed.layout, parsed.unit, parsed.depth)


def _check(parsed: argparse.Namespace) -> None:
    from pspgrasp.data.check import check
    from pspgrasp.data.progress import with_progress
    from pspgrasp.errors import DataError

    dataset = dataset_of(parsed, parsed.folder)
    print(f"layout      {dataset.layout}, PNG depth at {dataset.png_unit_m:g} m a step")
    found = check(dataset, with_progress(dataset.entries, len(dataset), "read"))
    print("\n".join(found.lines()))
    for title, lines in (("left out", found.skipped), ("broken", found.broken)):
        for line in lines[:LISTED]:
            print(f"{title}: {line}")
        if len(lines) > LISTED:
            print(f"{title}: and {len(lines) - LISTED} more")
    if parsed.sheet:
        _write_sheet(dataset, parsed.sheet)
    if found.broken:
        raise DataError(f"{len(found.broken)} of {len(dataset)} images of {dataset.folder} are broken, see above")


def _write_sheet(dataset: GraspDataset, path: Path) -> None:
    from pspgrasp.data.sheet import contact_sheet, evenly, labelled_tile, write_picture
    from pspgrasp.errors import DataError

    tiles = []
    for index in evenly(range(len(dataset)), TILES):
        try:
            tiles.append(labelled_tile(dataset.read(dataset.entries[index])))
        except DataError:  # told by the check
            continue
    if not tiles:
        raise DataError(f"no image of {dataset.folder} can be drawn")
    write_picture(path, contact_sheet(tiles, f"{dataset.folder}: {len(tiles)} of {len(dataset)} images"))
    print(f"sheet       {path}")
