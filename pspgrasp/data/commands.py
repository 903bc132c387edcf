"""The commands `pspgrasp data ...`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Mapping, Tuple

if TYPE_CHECKING:
    from pspgrasp.data.dataset import GraspDataset

LISTED = 10  # of what is broken or left out
TILES = 30  # on a contact sheet
SCENES, MOST_SCENES = 12, 300  # of a preview


def add_data(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `data` to the command line."""
    data = commands.add_parser("data", help="look at data: data check DIR, data preview synthetic")
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
    _add_preview(actions)


def _add_preview(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = actions.add_parser(
        "preview",
        help="draw generated scenes with their labels",
        description="Generate scenes and draw each twice: the depth that a camera measures, with the best of the "
        "labels, and the quality that a network is to learn.",
    )
    command.add_argument("what", choices=["synthetic"], help="what is generated")
    command.add_argument("--output", type=Path, default=Path("synthetic.png"), help="picture (default: synthetic.png)")
    command.add_argument("--scenes", type=int, default=SCENES, help=f"how many (default: {SCENES})")
    command.add_argument("--seed", type=int, default=0, help="another seed gives other scenes (default: 0)")
    command.add_argument("--side", type=int, default=300, help="of the images [px] (default: 300)")
    command.set_defaults(run=_preview)


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


def check_bounds(parsed: argparse.Namespace, bounds: Mapping[str, Tuple[float, float]]) -> None:
    """Compare the options that are given with their bounds, both included; of a list each value.

    Raises:
        ConfigError: One lies outside; names it.
    """
    from pspgrasp.errors import ConfigError

    for name, (low, high) in bounds.items():
        given = getattr(parsed, name)
        for value in given if isinstance(given, list) else [given]:
            if value is not None and not low <= value <= high:
                raise ConfigError(f"--{name.replace('_', '-')} must lie in [{low}, {high}], got {value}")


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


def _preview(parsed: argparse.Namespace) -> None:
    from pspgrasp.config import PreprocessConfig, from_tree
    from pspgrasp.data.progress import with_progress
    from pspgrasp.data.sheet import contact_sheet, write_picture
    from pspgrasp.data.synthetic.preview import scene_tiles
    from pspgrasp.data.synthetic.source import SyntheticConfig, SyntheticSource
    from pspgrasp.errors import DataError

    if not 1 <= parsed.scenes <= MOST_SCENES:
        raise DataError(f"--scenes must lie in [1, {MOST_SCENES}], got {parsed.scenes}")
    if parsed.seed < 0:
        raise DataError(f"--seed must be 0 or more, got {parsed.seed}")
    preprocess = from_tree(PreprocessConfig, {"input_size_px": parsed.side}, "--side")
    source = SyntheticSource(SyntheticConfig(), preprocess, 150.0, parsed.seed)
    numbers = with_progress(range(parsed.scenes), parsed.scenes, "drawn")
    tiles = [tile for number in numbers for tile in scene_tiles(source, [number])]
    title = f"{parsed.scenes} generated scenes, seed {parsed.seed}: depth with the best labels, quality"
    write_picture(parsed.output, contact_sheet(tiles, title, columns=6))
    print(f"{parsed.output}: {title}")


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
