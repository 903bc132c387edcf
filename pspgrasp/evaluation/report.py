"""The result of one checkpoint, in lines for people."""

from __future__ import annotations

from typing import List, Optional, Tuple, Union

from pspgrasp.evaluation.calibration import Calibration
from pspgrasp.evaluation.evaluator import Evaluation
from pspgrasp.evaluation.options import LABELS
from pspgrasp.evaluation.scene_evaluator import SceneEvaluation, Share

LISTED = 10  # labels out of reach
KINDS = (("single", "few", "clutter"), ("table", "bin"), ("upright", "tilted", "oblique"))


def image_lines(result: Evaluation) -> List[str]:
    """Return what a data set came to."""
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
    if result.checkpoint == LABELS:
        return [*lines, *_out_of_reach(result)]
    lines += [*_top_n(result), *_calibrated(result.calibration)]
    if result.folds:
        shares = "  ".join(f"{fold.success:.2f} ({fold.images})" for fold in result.folds)
        low, high = result.fold_interval_95 or (0.0, 1.0)
        mean = f"mean {result.fold_mean:.3f} +- {result.fold_spread:.3f} (95 %: {low:.2f} to {high:.2f})"
        lines.append(f"folds       {shares} by {result.split}; {mean}")
    if result.labels_skipped:
        lines.append(f"left out    {len(result.labels_skipped)} labels, the first: {result.labels_skipped[0]}")
    return lines


def scene_lines(result: SceneEvaluation, bound: SceneEvaluation) -> List[str]:
    """Return what generated scenes came to, and what their labels come to by the same check."""
    low, high = result.interval_95
    counts = [f"{count} {words}" for words, count in result.verdicts.items() if count]
    return [
        f"{result.checkpoint} on {result.data}",
        f"window      {result.protocol}",
        f"success     {result.success:.3f} ({result.hits} of {result.images}; 95 %: {low:.2f} to {high:.2f})",
        *_bound(result, bound),
        f"best grasp  {', '.join(counts)}",
        *(f"{'scenes' if n == 0 else '':12}{_kinds(result, names)}" for n, names in enumerate(KINDS)),
        *_top_n(result),
        *_calibrated(result.calibration),
        *([] if result.checkpoint == LABELS else _calibrated(bound.calibration, "labels' own")),
    ]


def bound_line(bound: SceneEvaluation) -> str:
    """Return what the labels come to by the check that judges everybody."""
    clearance = bound.protocol.partition(", ")[2]
    poor = bound.images - bound.graspable.images
    hardly = f"; {poor} scenes have hardly anything to grasp" if poor else ""
    return f"labels      {bound.success:.3f} of the scenes' own labels hold ({clearance}){hardly}"


def _bound(result: SceneEvaluation, bound: SceneEvaluation) -> List[str]:
    return [] if result.checkpoint == LABELS else [bound_line(bound)]


def _kinds(result: SceneEvaluation, names: Tuple[str, ...]) -> str:
    return "  ".join(f"{name} {_share(result.by_kind[name])}" for name in names if name in result.by_kind)


def _share(share: Share) -> str:
    low, high = share.interval_95
    return f"{share.success:.2f} ({low:.2f} to {high:.2f}, {share.images})"


def _top_n(result: Union[Evaluation, SceneEvaluation]) -> List[str]:
    if len(result.top_n) < 2:
        return []
    return ["top n       " + "  ".join(f"{n}: {share:.2f}" for n, share in result.top_n.items())]


def _calibrated(found: Optional[Calibration], whose: str = "quality") -> List[str]:
    if found is None:
        return []
    return [f"{whose:12}ECE {found.ece:.2f}, Brier {found.brier:.2f}, of {found.grasps} grasps"]


def _out_of_reach(result: Evaluation) -> List[str]:
    """Return which labels don't score when they are put through the judge as grasps."""
    missed = [(o.name, n, g.match.iou) for o in result.outcomes for n, g in enumerate(o.guesses) if not g.hit]
    labels = sum(outcome.labels for outcome in result.outcomes)
    lines = [f"labels      {labels - len(missed)} of {labels} hit; a grasp has no jaw, so slim and stout ones don't"]
    lines += [f"out of reach: {name}, label {number}, overlap {iou:.2f}" for name, number, iou in missed[:LISTED]]
    return lines + ([f"out of reach: and {len(missed) - LISTED} more"] if len(missed) > LISTED else [])
