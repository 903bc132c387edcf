"""The command `pspgrasp label`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pspgrasp.data.labelling.label_folder import LabelFolder

PORT = 8765

DESCRIPTION = """\
Label depth images by clicks, in a page of your own browser: two clicks draw the opening from jaw to jaw, a third (or
the wheel) the jaw's breadth. Labels are saved at once, in Cornell's layout, which `pspgrasp train --data` and
`pspgrasp evaluate --data` read.

Images named as Cornell's (pcdNAMEd.png, pcdNAMEd.tiff) are labelled where they are. With --output an image is copied
there, in metres, when it gets its first label. With --import no page is opened: rotated boxes that were drawn in Label
Studio (JSON) or CVAT (XML "for images 1.1") become labels; a box's WIDTH is the opening, its height the jaw."""

EXAMPLES = """\
examples:
  pspgrasp label recording --output my_frames
  pspgrasp label cornell/01 --port 9000 --no-browser
  pspgrasp label recording --output my_frames --import export.json"""


def add_label(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `label` to the command line."""
    command = commands.add_parser(
        "label",
        help="label your own depth images",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("folder", type=Path, help="depth images: 16-bit PNG of one channel, or TIFF in metres")
    command.add_argument("--output", type=Path, help="folder for labels and labelled images (default: the same)")
    command.add_argument(
        "--unit",
        type=float,
        help="metres per step of PNG depth (default: 0.001, and 0.0001 for images named as Cornell's without --output)",
    )
    command.add_argument("--port", type=int, default=PORT, help=f"of the page; 0 is any free one (default: {PORT})")
    command.add_argument("--no-browser", action="store_true", help="only print the page's address")
    command.add_argument(
        "--import", dest="boxes", type=Path, metavar="FILE", help="take rotated boxes of Label Studio or CVAT"
    )
    command.set_defaults(run=_label)


def _label(parsed: argparse.Namespace) -> None:
    from pspgrasp.data.labelling.label_folder import open_label_folder

    folder = open_label_folder(parsed.folder, parsed.output, parsed.unit)
    if parsed.boxes:
        _import(folder, parsed.boxes)
    else:
        _serve(folder, parsed.port, not parsed.no_browser)


def _import(folder: LabelFolder, file: Path) -> None:
    from pspgrasp.data.labelling.rotated_boxes import import_boxes

    labels = import_boxes(folder, file)
    print(f"{sum(labels.values())} labels of {len(labels)} images written to {folder.output}")


def _serve(folder: LabelFolder, port: int, browser: bool) -> None:
    import webbrowser

    from pspgrasp.data.labelling.server import LabelServer

    with LabelServer(folder, port) as server:
        print(f"{len(folder.images)} images, labels go to {folder.output}")
        print(f"open {server.address}\nCtrl-C ends", flush=True)
        if browser:
            webbrowser.open(server.address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
