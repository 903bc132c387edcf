"""Several checkpoints on the same images: one row each, and each paired with the first."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from pspgrasp.errors import DataError
from pspgrasp.evaluation.interval import wilson_interval
from pspgrasp.evaluation.paired import Paired, paired

HEADINGS = ("checkpoint", "success", "95 %", "no grasp", "parameters", "wins", "losses", "p")


@dataclass(frozen=True)
class Score:
    """What a table needs to know of a result.

    Attributes:
        checkpoint: What was judged.
        conditions: On what and how, in words.
        names: Of the images.
        hits: Whether the best grasp of each is right.
        without_grasp: Images for which no grasp was put out.
        parameters: Of the network; None where that isn't known.
    """

    checkpoint: str
    conditions: str
    names: Tuple[str, ...]
    hits: Tuple[bool, ...]
    without_grasp: int
    parameters: Optional[int] = None

    @classmethod
    def of(cls, tree: Mapping[str, Any], parameters: Optional[int] = None) -> Score:
        """Return the score of a result, as its `to_tree` gives it or a JSON file holds it."""
        rule = tree.get("rule")
        jaw = "" if rule is None else f"; jaw_share {rule['jaw_share']:g}, jaw {rule['jaw_px']:g} px, "
        jaw += "" if rule is None else f"clearance {rule['clearance_px']:g} px"
        return cls(
            str(tree["checkpoint"]),
            f"{tree['data']}; {tree['protocol']}{jaw}",
            tuple(str(outcome["name"]) for outcome in tree["outcomes"]),
            tuple(bool(outcome["hit"]) for outcome in tree["outcomes"]),
            int(tree["without_grasp"]),
            parameters,
        )


@dataclass(frozen=True)
class Row:
    """A checkpoint in a table.

    Attributes:
        checkpoint: What was judged.
        conditions: On what and how.
        images: How many.
        hits: Images whose best grasp is right.
        success: hits / images.
        interval_95: Wilson's, of `success`.
        without_grasp: Images for which no grasp was put out.
        parameters: Of the network; None where that isn't known.
        against_first: Paired with the first row; None in it.
    """

    checkpoint: str
    conditions: str
    images: int
    hits: int
    success: float
    interval_95: Tuple[float, float]
    without_grasp: int
    parameters: Optional[int]
    against_first: Optional[Paired]


def read_score(path: Path) -> Score:
    """Return the score that a JSON file of an earlier run holds.

    Raises:
        DataError: It can't be read, or is no result of one checkpoint.
    """
    try:
        return Score.of(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{path} is not what `pspgrasp evaluate CHECKPOINT --json` writes ({error!r})") from error


def rows_of(scores: Sequence[Score]) -> Tuple[Row, ...]:
    """Return a row for each score.

    Raises:
        DataError: They are not of the same images.
    """
    first = scores[0]
    for score in scores[1:]:
        if score.names != first.names:
            raise DataError(
                f"{score.checkpoint} was judged on {_spoken(score)}, {first.checkpoint} on {_spoken(first)}: "
                "a table needs the same images in the same order"
            )
    return tuple(_row(score, None if score is first else paired(score.hits, first.hits)) for score in scores)


def _spoken(score: Score) -> str:
    return f"{len(score.names)} images of {score.conditions.partition(';')[0]}"


def _row(score: Score, against_first: Optional[Paired]) -> Row:
    hits, images = sum(score.hits), len(score.hits)
    return Row(
        score.checkpoint,
        score.conditions,
        images,
        hits,
        hits / images if images else 0.0,
        wilson_interval(hits, images),
        score.without_grasp,
        score.parameters,
        against_first,
    )


def lines_of(rows: Sequence[Row]) -> List[str]:
    """Return the table for people: under what conditions, then a line each."""
    where: Dict[str, List[str]] = {}
    for number, row in enumerate(rows, 1):
        where.setdefault(row.conditions, []).append(str(number))
    heads = [f"{words}, {rows[0].images} images" for words in where]
    if len(where) > 1:
        heads = [f"row {', '.join(numbers)}: {head}" for numbers, head in zip(where.values(), heads)]
    cells = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    aligned = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in cells]
    return [*heads, *aligned]


def _cells(row: Row) -> Tuple[str, ...]:
    low, high = row.interval_95
    against = row.against_first
    return (
        row.checkpoint,
        f"{row.success:.3f}",
        f"{low:.2f} to {high:.2f}",
        str(row.without_grasp),
        "-" if row.parameters is None else f"{row.parameters / 1e6:.2f} M",
        *(("", "", "") if against is None else (str(against.wins), str(against.losses), _probability(against.p))),
    )


def _probability(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else f"{p:.0e}"


def table_tree(rows: Sequence[Row], results: Sequence[Mapping[str, Any]]) -> Dict[str, Any]:
    """Return plain values, ready for JSON: the rows, and the whole result of each checkpoint that was judged now."""
    return {"rows": [asdict(row) for row in rows], "results": list(results)}
