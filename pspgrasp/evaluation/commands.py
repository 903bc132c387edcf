"""The command `pspgrasp evaluate`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, List, Tuple

from pspgrasp.data.commands import add_dataset_options, dataset_of
from pspgrasp.errors import ConfigError, PspGraspError, unknown_name

if TYPE_CHECKING:
    from pspgrasp.data.dataset import GraspDataset
    from pspgrasp.evaluation.evaluator import Evaluation
    from pspgrasp.evaluation.sources import GraspSource

LABELS = "labels"  # judged in place of a checkpoint
PROTOCOLS = ("pspgrasp", "ggcnn")
TILES = 60  # on the sheet of an overlay
LISTED = 10  # labels out of reach

DESCRIPTION = """\
Judge a checkpoint on labelled images by the rectangle metric: the best grasp of an image is right if it overlaps a
label by more than 0.25 (exact areas) and is turned by at most 30 degrees. The network saw none of the labels; that it
was not trained on these images is for you to know.

A grasp has no jaw: --jaw-share, --jaw and --clearance make it a rectangle, and they move the score. They are part of
the JSON, as are the window, each image's outcome, thresholds up to 0.75 and the folds."""

EXAMPLES = """\
examples:
  pspgrasp evaluate efficientnet_lite0 --data cornell --split object --folds 5 --json result.json
  pspgrasp evaluate mine.safetensors --data jacquard --depth stereo --overlay pictures --top 3
  pspgrasp evaluate published.safetensors --data cornell --protocol ggcnn
  pspgrasp evaluate labels --data cornell     judges the labels: which can't be reached with this jaw?"""


def add_evaluate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `evaluate` to the command line."""
    command = commands.add_parser(
        "evaluate",
        help="how good a checkpoint is on labelled images",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("checkpoint", help="name of one that ships, a file, or `labels`: the labels themselves")
    command.add_argument("--data", type=Path, required=True, help="the data set (see: pspgrasp data check)")
    add_dataset_options(command)
    _add_road(command)
    command.add_argument("--split", default="image", help="folds by image or by object (default: image)")
    command.add_argument("--folds", type=int, default=0, help="number of folds; their spread is told (default: none)")
    command.add_argument("--seed", type=int, default=0, help="of the folds (default: 0)")
    command.add_argument("--json", type=Path, help="write the whole result")
    command.add_argument("--overlay", type=Path, help="folder for a picture of each image, and one sheet of them")
    command.add_argument("--sgt", type=Path, help="write the best grasps for Jacquard's simulated trials (SGT)")
    command.set_defaults(run=_evaluate)


def _add_road(command: argparse.ArgumentParser) -> None:
    """Add what tells how an image becomes a rectangle."""
    command.add_argument("--protocol", default="pspgrasp", help="pspgrasp, or ggcnn: its own pre- and post-processing")
    command.add_argument(
        "--window",
        default="",
        help="labels: centred on them, as the field does; centre: as on a robot; whole: the largest square "
        "(default: whole for jacquard, else labels)",
    )
    command.add_argument("--window-size", type=int, default=300, help="side of the window [px] (default: 300)")
    command.add_argument("--focal", type=float, default=0.0, metavar="PX", help="focal length of the data's camera")
    command.add_argument("--top", type=int, default=1, help="grasps of an image that are judged (default: 1)")
    command.add_argument("--min-quality", type=float, default=0.0, help="grasps below are none (default: 0)")
    command.add_argument("--jaw-share", type=float, default=0.5, help="jaw as a share of the opening (default: 0.5)")
    command.add_argument("--jaw", type=float, default=0.0, metavar="PX", help="jaw in px instead of a share")
    command.add_argument("--clearance", type=float, default=0.0, metavar="PX", help="added to the opening (default: 0)")
    command.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")


def _evaluate(parsed: argparse.Namespace) -> None:
    from pspgrasp.data.progress import with_progress
    from pspgrasp.evaluation.evaluator import RectangleRule, evaluate
    from pspgrasp.evaluation.folds import folds

    _check_numbers(parsed)
    rule = RectangleRule(parsed.jaw_share, parsed.jaw, parsed.clearance)
    dataset = dataset_of(parsed, parsed.data)
    fold_of = folds(dataset.entries, parsed.split, parsed.folds, parsed.seed) if parsed.folds else None
    name, source = _source(parsed, dataset)
    samples = with_progress(dataset, len(dataset), "judged")
    top = parsed.top if parsed.checkpoint != LABELS else 1_000_000
    split = parsed.split if parsed.folds else ""
    result = evaluate(source, samples, name, _data_name(dataset), rule, top, split, fold_of)
    print("\n".join(_lines(result, parsed)))
    if parsed.json:
        _write(parsed.json, json.dumps(result.to_tree(), indent=1, allow_nan=False) + "\n")
    if parsed.overlay:
        _write_overlays(result, dataset, parsed.overlay)
    if parsed.sgt:
        from pspgrasp.evaluation.jacquard_sgt import sgt_text

        _write(parsed.sgt, sgt_text(result.outcomes, dataset))


def _check_numbers(parsed: argparse.Namespace) -> None:
    from pspgrasp.evaluation.folds import SPLITS

    if parsed.split not in SPLITS:
        raise ConfigError(unknown_name("split", parsed.split, SPLITS))
    if parsed.protocol not in PROTOCOLS:
        raise ConfigError(unknown_name("protocol", parsed.protocol, PROTOCOLS))
    for name, low, high in (("top", 1, 100), ("window_size", 16, 4096), ("min_quality", 0, 1), ("focal", 0, 1e6)):
        if not low <= getattr(parsed, name) <= high:
            option = "--" + name.replace("_", "-")
            raise ConfigError(f"{option} must lie in [{low}, {high}], got {getattr(parsed, name)}")


def _source(parsed: argparse.Namespace, dataset: GraspDataset) -> Tuple[str, GraspSource]:
    from pspgrasp.evaluation.sources import LabelSource

    if parsed.checkpoint == LABELS:
        return LABELS, LabelSource()
    return _network_source(parsed, whole=dataset.layout == "jacquard")


def _network_source(parsed: argparse.Namespace, whole: bool) -> Tuple[str, GraspSource]:
    from pspgrasp.config import CropConfig, DetectionConfig
    from pspgrasp.evaluation.ggcnn_protocol import GgcnnProtocol
    from pspgrasp.evaluation.sources import PredictorSource
    from pspgrasp.predictor import GraspPredictor
    from pspgrasp.shipped import find_checkpoint

    crop = CropConfig(size_px=parsed.window_size)
    detection = DetectionConfig(min_quality=parsed.min_quality, max_grasps=parsed.top)
    predictor = GraspPredictor.from_checkpoint(find_checkpoint(parsed.checkpoint), parsed.device, crop, detection)
    if parsed.protocol == "ggcnn":
        return predictor.name, GgcnnProtocol(predictor, whole, parsed.top)
    return predictor.name, PredictorSource(predictor, parsed.window or ("whole" if whole else "labels"), parsed.focal)


def _data_name(dataset: GraspDataset) -> str:
    depth = f", {dataset.depth} depth" if dataset.layout == "jacquard" else ""
    return f"{dataset.folder} ({dataset.layout}{depth})"


def _lines(result: Evaluation, parsed: argparse.Namespace) -> List[str]:
    """Return the result for people."""
    low, high = result.interval_95
    rule = result.rule
    jaw = f"{rule.jaw_px:g} px" if rule.jaw_px else f"{rule.jaw_share:g} of the opening"
    lines = [
        f"{result.checkpoint} on {result.data}, {result.images} images",
        f"window      {result.protocol}",
        f"rectangle   jaw {jaw}, clearance {rule.clearance_px:g} px",
        f"success     {result.success:.3f} ({result.hits} of {result.images}; 95 %: {low:.2f} to {high:.2f})",
        f"no grasp    {result.without_grasp} images",
        "overlap >   " + "  ".join(f"{t}: {share:.2f}" for t, share in result.sweep.items() if t[-1] in "05"),
    ]
    if parsed.checkpoint == LABELS:
        return [*lines, *_out_of_reach(result)]
    if len(result.top_n) > 1:
        lines.append("top n       " + "  ".join(f"{n}: {share:.2f}" for n, share in result.top_n.items()))
    if result.folds:
        shares = "  ".join(f"{fold.success:.2f} ({fold.images})" for fold in result.folds)
        lines.append(f"folds       {shares} by {result.split}; mean {result.fold_mean:.3f} +- {result.fold_spread:.3f}")
    if result.labels_skipped:
        lines.append(f"left out    {len(result.labels_skipped)} labels, the first: {result.labels_skipped[0]}")
    return lines


def _out_of_reach(result: Evaluation) -> List[str]:
    """Return which labels don't score when they are put through the judge as grasps."""
    missed = [(o.name, n, g.match.iou) for o in result.outcomes for n, g in enumerate(o.guesses) if not g.hit]
    labels = sum(outcome.labels for outcome in result.outcomes)
    lines = [f"labels      {labels - len(missed)} of {labels} hit; a grasp has no jaw, so slim and stout ones don't"]
    lines += [f"out of reach: {name}, label {number}, overlap {iou:.2f}" for name, number, iou in missed[:LISTED]]
    return lines + ([f"out of reach: and {len(missed) - LISTED} more"] if len(missed) > LISTED else [])


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PspGraspError(f"{path} can't be written: {error.strerror or error}") from error


def _write_overlays(result: Evaluation, dataset: GraspDataset, folder: Path) -> None:
    from pspgrasp.data.progress import with_progress
    from pspgrasp.data.sheet import Tile, contact_sheet, evenly, write_picture
    from pspgrasp.evaluation.pictures import outcome_tile

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PspGraspError(f"{folder} can't be made: {error.strerror or error}") from error
    on_sheet = set(evenly(range(result.images), TILES))
    tiles: List[Tile] = []
    for index, sample in enumerate(with_progress(dataset, len(dataset), "drawn")):
        outcome = result.outcomes[index]
        tile = outcome_tile(sample, outcome)
        verdict = "hit" if outcome.hit else "miss"
        write_picture(folder / f"{verdict}_{outcome.name.replace('/', '_')}.png", tile.with_caption())
        tiles += [tile] if index in on_sheet else []
    title = f"{result.checkpoint}: {result.hits} of {result.images} hit. Labels thin, best grasp bold"
    write_picture(folder / "sheet.png", contact_sheet(tiles, title))
    print(f"pictures    {folder / 'sheet.png'} and one for each image")
