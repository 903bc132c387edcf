"""The command `pspgrasp evaluate`."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence, Tuple, Union

from pspgrasp.data.commands import dataset_of
from pspgrasp.data.output import make_folder, write_text
from pspgrasp.errors import ConfigError
from pspgrasp.evaluation import options

if TYPE_CHECKING:
    from pspgrasp.data.dataset import GraspDataset
    from pspgrasp.data.sheet import Tile
    from pspgrasp.evaluation.calibration import Calibration
    from pspgrasp.evaluation.contestants import Contestant, SceneContestant
    from pspgrasp.evaluation.evaluator import Evaluation
    from pspgrasp.evaluation.scene_evaluator import SceneEvaluation
    from pspgrasp.evaluation.synthetic_scenes import JudgedScenes
    from pspgrasp.evaluation.table import Score

TILES = 60  # on the sheet of an overlay
EVERY_LABEL = 1_000_000  # of an image, where labels are judged


def add_evaluate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `evaluate` to the command line."""
    command = commands.add_parser(
        "evaluate",
        help="how good checkpoints are on labelled images or generated scenes",
        description=options.DESCRIPTION,
        epilog=options.EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_options(command)
    command.set_defaults(run=_evaluate)


def _evaluate(parsed: argparse.Namespace) -> None:
    options.check(parsed)
    if options.makes_table(parsed):
        _evaluate_table(parsed)
    elif parsed.data == options.SYNTHETIC:
        _evaluate_scenes(parsed)
    else:
        _evaluate_images(parsed)


# --- one checkpoint on labelled images


def _evaluate_images(parsed: argparse.Namespace) -> None:
    from pspgrasp.data.folds import folds
    from pspgrasp.evaluation.contestants import contestant
    from pspgrasp.evaluation.report import image_lines

    dataset = _dataset(parsed)
    fold_of = folds(dataset.entries, parsed.split, parsed.folds, parsed.seed) if parsed.folds else None
    judged = contestant(parsed.checkpoints[0], parsed, _whole(dataset))
    _refuse_contact_trials(judged, parsed)
    result = _judged(judged, dataset, parsed, fold_of)
    print("\n".join(image_lines(result)))
    if parsed.json:
        _write_json(parsed.json, result.to_tree())
    if parsed.overlay:
        _write_overlays(_image_tiles(result, dataset), result, parsed.overlay, "Labels thin, best grasp bold")
    if parsed.sgt:
        from pspgrasp.evaluation.jacquard_sgt import sgt_text

        write_text(parsed.sgt, sgt_text(result.outcomes, dataset))


def _refuse_contact_trials(judged: Contestant, parsed: argparse.Namespace) -> None:
    predictor = getattr(judged.source, "predictor", None)
    if parsed.sgt and predictor and predictor.width == "contact" and not parsed.clearance:
        raise ConfigError(
            f"{judged.name} puts out contact widths, and a trial needs openings: give --clearance, in px of the image"
        )


def _judged(
    judged: Contestant, dataset: GraspDataset, parsed: argparse.Namespace, fold_of: Optional[Sequence[int]] = None
) -> Evaluation:
    from pspgrasp.data.progress import with_progress
    from pspgrasp.evaluation.evaluator import RectangleRule, evaluate

    rule = RectangleRule(parsed.jaw_share, parsed.jaw, parsed.clearance)
    samples = with_progress(dataset, len(dataset), "judged")
    top = EVERY_LABEL if judged.name == options.LABELS else parsed.top or 1
    split = parsed.split if parsed.folds else ""
    return evaluate(judged.source, samples, judged.name, _data_name(dataset, parsed), rule, top, split, fold_of)


def _dataset(parsed: argparse.Namespace) -> GraspDataset:
    from pspgrasp.data.folds import Fold

    dataset = dataset_of(parsed, Path(parsed.data))
    if not parsed.only:
        return dataset
    entries = Fold.parse(parsed.only, parsed.split, parsed.seed).inside(dataset.entries)
    return replace(dataset, entries=entries)


def _whole(dataset: GraspDataset) -> bool:
    return dataset.layout == "jacquard"


def _data_name(dataset: GraspDataset, parsed: argparse.Namespace) -> str:
    depth = f", {dataset.depth} depth" if dataset.layout == "jacquard" else ""
    fold = f", fold {parsed.only} by {parsed.split}" if parsed.only else ""
    return f"{dataset.folder} ({dataset.layout}{depth}{fold})"


def _image_tiles(result: Evaluation, dataset: GraspDataset) -> Iterator[Tile]:
    from pspgrasp.evaluation.pictures import outcome_tile

    return (outcome_tile(sample, outcome) for sample, outcome in zip(dataset, result.outcomes))


# --- one checkpoint on generated scenes


def _evaluate_scenes(parsed: argparse.Namespace) -> None:
    from pspgrasp.evaluation.contestants import scene_contestant
    from pspgrasp.evaluation.pictures import scene_tile
    from pspgrasp.evaluation.report import scene_lines

    scenes = _scenes(parsed)
    result, bound = _judged_scenes([scene_contestant(parsed.checkpoints[0], parsed)], scenes, parsed)
    print("\n".join(scene_lines(result, bound)))
    if parsed.json:
        _write_json(parsed.json, {**result.to_tree(), "labels": _without_outcomes(bound)})
    if parsed.overlay:
        tiles = (scene_tile(scene, outcome, result.gripper) for scene, outcome in zip(scenes, result.outcomes))
        _write_overlays(tiles, result, parsed.overlay, "Best grasp bold")


def _scenes(parsed: argparse.Namespace) -> JudgedScenes:
    from pspgrasp.evaluation.synthetic_scenes import JudgedScenes

    return JudgedScenes(parsed.scenes, parsed.seed)


def _judged_scenes(
    judged: Sequence[SceneContestant], scenes: JudgedScenes, parsed: argparse.Namespace
) -> Tuple[SceneEvaluation, ...]:
    """Return what each comes to, and last what the labels do."""
    from pspgrasp.data.progress import with_progress
    from pspgrasp.evaluation.contestants import scene_contestant
    from pspgrasp.evaluation.scene_evaluator import evaluate_scenes

    every = [(one.name, one.source) for one in (*judged, scene_contestant(options.LABELS, parsed))]
    top = parsed.top or options.TOP_OF_A_SCENE
    seen = with_progress(scenes, len(scenes), "judged")
    return evaluate_scenes(every, seen, scenes.description, scenes.config.gripper, top)


def _without_outcomes(bound: SceneEvaluation) -> Dict[str, Any]:
    return {name: value for name, value in bound.to_tree().items() if name != "outcomes"}


# --- several checkpoints


def _evaluate_table(parsed: argparse.Namespace) -> None:
    from pspgrasp.evaluation.table import Score, lines_of, read_score, rows_of, table_tree

    named = [name for name in parsed.checkpoints if not options.is_result(name)]
    results, remarks = _results(named, parsed) if named else ([], [])
    fresh = iter([Score.of(tree, parameters) for tree, parameters in results])
    scores: List[Score] = [
        read_score(Path(name)) if options.is_result(name) else next(fresh) for name in parsed.checkpoints
    ]
    rows = rows_of(scores)
    print("\n".join([*lines_of(rows), *remarks]))
    if parsed.json:
        _write_json(parsed.json, table_tree(rows, [tree for tree, _ in results]))


def _results(
    named: Sequence[str], parsed: argparse.Namespace
) -> Tuple[List[Tuple[Dict[str, Any], Optional[int]]], List[str]]:
    """Return each checkpoint's result as a tree, with its parameters, and what else is to be said."""
    from pspgrasp.evaluation.contestants import contestant, scene_contestant
    from pspgrasp.evaluation.report import bound_line

    if parsed.data == options.SYNTHETIC:
        some = [scene_contestant(name, parsed) for name in named]
        *found, bound = _judged_scenes(some, _scenes(parsed), parsed)
        trees = [result.to_tree() for result in found]
        parameters, remarks = [one.parameters for one in some], [bound_line(bound)]
    else:
        dataset = _dataset(parsed)
        others = [contestant(name, parsed, _whole(dataset)) for name in named]
        trees = [_judged(one, dataset, parsed).to_tree() for one in others]
        parameters, remarks = [one.parameters for one in others], []
    return list(zip(_told_apart(trees, named), parameters)), remarks


def _told_apart(trees: Sequence[Dict[str, Any]], named: Sequence[str]) -> List[Dict[str, Any]]:
    """Return the results with checkpoints of one name called as on the command line: two runs both have a best one."""
    times = Counter(tree["checkpoint"] for tree in trees)
    return [{**tree, "checkpoint": name} if times[tree["checkpoint"]] > 1 else tree for tree, name in zip(trees, named)]


# --- files


def _write_json(path: Path, tree: Dict[str, Any]) -> None:
    write_text(path, json.dumps(tree, indent=1, allow_nan=False) + "\n")


def _write_overlays(drawn: Iterator[Tile], result: Union[Evaluation, SceneEvaluation], folder: Path, key: str) -> None:
    from pspgrasp.data.progress import with_progress
    from pspgrasp.data.sheet import contact_sheet, evenly, write_picture

    make_folder(folder)
    on_sheet = set(evenly(range(result.images), TILES))
    tiles: List[Tile] = []
    for index, tile in enumerate(with_progress(drawn, result.images, "drawn")):
        outcome = result.outcomes[index]
        verdict = "hit" if outcome.hit else "miss"
        write_picture(folder / f"{verdict}_{outcome.name.replace('/', '_')}.png", tile.with_caption())
        tiles += [tile] if index in on_sheet else []
    title = f"{result.checkpoint}: {result.hits} of {result.images} hit. {key}"
    write_picture(folder / "sheet.png", contact_sheet(tiles, title))
    print(f"pictures    {folder / 'sheet.png'} and one for each image")
    if result.calibration:
        _write_reliability(folder / "reliability.png", result.calibration, result.checkpoint)


def _write_reliability(path: Path, found: Calibration, title: str) -> None:
    from pspgrasp.data.sheet import write_picture
    from pspgrasp.evaluation.reliability_picture import reliability_picture

    write_picture(path, reliability_picture(found, title))
    print(f"reliability {path}")
