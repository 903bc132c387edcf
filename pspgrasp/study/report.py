"""The study's page: tables and plain answers, all worked out from the results."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from pspgrasp.errors import DataError
from pspgrasp.evaluation.interval import student_interval
from pspgrasp.study.variants import QUESTIONS, Question

Result = Mapping[str, Any]
ENOUGH = 0.5  # success below which networks have hardly begun
KINDS = ("single", "few", "clutter", "table", "bin", "upright", "tilted", "oblique")


@dataclass(frozen=True)
class Difference:
    """How much better than the reference a network is, over seeds; each seed's networks saw the same batches.

    Attributes:
        mean: Of the seeds' differences.
        low: Lower end of Student's 95 % interval; -inf with one seed.
        high: Upper end; inf with one seed.
    """

    mean: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """What can be said of it."""
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "not decided"


def difference(values: Sequence[float], reference: Sequence[float]) -> Difference:
    """Return how much larger values are than the reference's, seed by seed."""
    off = [value - other for value, other in zip(values, reference)]
    return Difference(statistics.fmean(off), *student_interval(off))


def page(results: Sequence[Result], command: str) -> str:
    """Return the page in Markdown.

    Args:
        results: Of all pieces.
        command: That makes them, and this page.

    Raises:
        DataError: There are none, or they were made with different configs.
    """
    if not results:
        raise DataError("there is no result yet; run the study first")
    _refuse_mixed(results)
    asked = [name for name in QUESTIONS if any(result["question"] == name for result in results)]
    parts = [_head(results, command), _answers(results, asked)]
    parts += [_section(name, [r for r in results if r["question"] == name]) for name in asked]
    parts.append(_open(results))
    return "\n\n".join(parts) + "\n"


def _refuse_mixed(results: Sequence[Result]) -> None:
    for result in results[1:]:
        if (result["config"], result["scenes"]) != (results[0]["config"], results[0]["scenes"]):
            raise DataError(
                f"the results of {result['question']} (seed {result['seed']}) and {results[0]['question']} (seed "
                f"{results[0]['seed']}) come from different configs; a study has one, and one folder"
            )


def _head(results: Sequence[Result], command: str) -> str:
    first, config = results[0], results[0]["config"]
    devices = ", ".join(sorted({result["device"] for result in results}))
    hours = sum(result["trained_s"] for result in results) / 3600
    network = config["model"]["network"]
    half = 1.96 * math.sqrt(0.25 / first["scenes"])
    return f"""# Study: does the pyramid help grasping, and why?

Written by `{command}`;
every figure and every verdict below is worked out from its results.
{_warning(results)}
- **Base**: {network["backbone"]}, stride {network["output_stride"]}, input {config["preprocess"]["input_size_px"]} px.
  Everything but what a question varies is the same.
- **Budget**: {config["max_steps"]} steps of {config["batch_size"]} generated scenes a network, random initialisation,
  on {devices}; {hours:.1f} hours in all. All networks of a question and a seed saw the same batches in the same order.
- **Success**: share of {first["scenes"]} generated scenes, which no network was trained on, whose best grasp is
  antipodal and free of collision by the labeller's own check on the true geometry. One network's own 95 % half-width
  is at most {half:.3f}. All seeds are judged on the same scenes.
- **Difference** of a network from the one that is named: mean and 95 % interval (Student's) over seeds, which says how
  far another training would fall, not how far other scenes would. "Better" and "worse" mean that it excludes 0; of many
  comparisons one in twenty does so by chance.
- **Alone right, alone wrong**: scenes on which just one of the two holds, all seeds together.
- **Map hit** and **loss** are measured on {config["validation"]["scenes"]} further scenes: see [training](training.md).

![Success by context module](pictures/study_success.png)
![How far a pixel sees](pictures/study_receptive_field.png)
![What a bin is worth](pictures/study_bins.png)"""


def _warning(results: Sequence[Result]) -> str:
    """Return what is to be minded where the budget was too small to answer anything."""
    best = max(network["success"] for result in results for network in result["networks"].values())
    if best >= ENOUGH:
        return ""
    return f"""
**A small version.** The best network holds in {100 * best:.0f} of 100 scenes: none is near the end of its training, so
what is not decided here is open, and what is decided holds for beginners. `make study` on a GPU is the whole study.
"""


def _answers(results: Sequence[Result], asked: Sequence[str]) -> str:
    lines = ["## Answers", ""]
    for name in asked:
        some = [result for result in results if result["question"] == name]
        lines.append(f"- **{QUESTIONS[name].text}** {_answer(QUESTIONS[name], some)}")
    lines += [f"- {line}" for line in (*_field_lines(results), *_bin_lines(results))]
    return "\n".join(lines)


def _answer(question: Question, some: Sequence[Result]) -> str:
    """Return in a sentence or two which networks are better or worse than what they are held against."""
    said: Dict[Tuple[str, str], List[str]] = {}
    for name in list(question.networks)[1:]:
        reference = question.reference(name)
        off = difference(_values(some, name, "success"), _values(some, reference, "success"))
        said.setdefault((off.verdict, reference), []).append(f"{name} ({100 * off.mean:+.1f})")
    words = {"better": "Better than", "worse": "Worse than", "not decided": "Not decided against"}
    found = [f"{words[verdict]} {reference}: {', '.join(names)}." for (verdict, reference), names in said.items()]
    seeds = len(some)
    return " ".join(found) + f" In points of success, {seeds} seed{'s' if seeds > 1 else ''}."


def _field_lines(results: Sequence[Result]) -> List[str]:
    """Return how far networks see."""
    lines = []
    for name, question in (("fcn", "context"), ("ppm 1 2 3 6", "context"), ("ppm", "peers"), ("ggcnn", "peers")):
        some = [r for r in results if r["question"] == question]
        radii = [r["networks"][name]["receptive_field"] for r in some]
        if radii:
            half, most = (statistics.median(r[key] for r in radii) for key in ("half_px", "most_px"))
            lines.append(
                f"{name}: half of a pixel's gradient comes from within {half:.0f} px, nine tenths from {most:.0f} px"
            )
    return [f"**How far does a pixel see?** {'; '.join(lines)}."] if lines else []


def _bin_lines(results: Sequence[Result]) -> List[str]:
    """Return what each bin of the paper's pyramid is worth."""
    lost = bins_lost(results)
    if not lost:
        return []
    told = "; ".join(f"{name} {100 * statistics.fmean(values):+.1f}" for name, values in lost.items())
    return [f"**What is a bin worth?** Change of the map hit [points] without it: {told}."]


def bins_lost(results: Sequence[Result]) -> Dict[str, Tuple[float, ...]]:
    """Return knock-out -> change of the map hit, a value a seed, of the paper's pyramid."""
    lost: Dict[str, List[float]] = {}
    questions = {result["question"] for result in results}
    asked = "context" if "context" in questions else "scale"
    for result in results:
        for name in ("ppm 1 2 3 6", "ppm"):
            network = result["networks"].get(name)
            if network and result["question"] == asked:
                for how, figures in network["knock_outs"].items():
                    lost.setdefault(how, []).append(figures["map_hit"] - network["map_hit"])
    return {how: tuple(values) for how, values in lost.items()}


def _section(name: str, some: Sequence[Result]) -> str:
    question, seeds = QUESTIONS[name], ", ".join(str(result["seed"]) for result in some)
    return f"""## {name.capitalize()}: {question.text}

Seeds {seeds}.

{_table(question, some)}

Success by kind of scene:

{_kind_table(question, some)}"""


def _table(question: Question, some: Sequence[Result]) -> str:
    lines = [
        "| network | parameters | success | each seed | difference, points | alone right, alone wrong | verdict "
        "| map hit | loss | difference |",
        "|---" * 10 + "|",
    ]
    for name in question.networks:
        success, reference = _values(some, name, "success"), question.reference(name)
        off = difference(success, _values(some, reference, "success"))
        told = ("", "", "reference")
        if name != reference:
            told = (_interval(off), _split_scenes(some, name, reference), f"{off.verdict} ({reference})")
        parameters = some[0]["networks"][name]["parameters"]
        each = " ".join(f"{value:.3f}" for value in success)
        hit, loss = (statistics.fmean(_values(some, name, key)) for key in ("map_hit", "loss"))
        off_loss = difference(_values(some, name, "loss"), _values(some, reference, "loss"))
        told_loss = "" if name == reference else _interval(off_loss, 1.0, 3)
        lines.append(
            f"| {name} | {parameters:,} | {statistics.fmean(success):.3f} | {each} | {told[0]} | {told[1]} | {told[2]} "
            f"| {hit:.3f} | {loss:.3f} | {told_loss} |"
        )
    return "\n".join(lines)


def _split_scenes(some: Sequence[Result], name: str, reference: str) -> str:
    """Return on how many scenes just one of two networks holds, all seeds together."""
    pairs = [pair for r in some for pair in zip(r["networks"][name]["hits"], r["networks"][reference]["hits"])]
    return f"{pairs.count(('1', '0'))}, {pairs.count(('0', '1'))}"


def _kind_table(question: Question, some: Sequence[Result]) -> str:
    there = [kind for kind in KINDS if any(kind in _first(some)["by_kind"] for _ in some)]
    lines = [f"| network | {' | '.join(there)} |", "|---" * (len(there) + 1) + "|"]
    for name in question.networks:
        shares = []
        for kind in there:
            cells = [result["networks"][name]["by_kind"].get(kind, {"hits": 0, "images": 0}) for result in some]
            images = sum(cell["images"] for cell in cells)
            shares.append(f"{sum(cell['hits'] for cell in cells) / images:.2f}" if images else "-")
        lines.append(f"| {name} | {' | '.join(shares)} |")
    counts = " | ".join(str(_first(some)["by_kind"][kind]["images"]) for kind in there)
    return "\n".join([*lines, f"| *scenes* | {counts} |"])


def _first(some: Sequence[Result]) -> Mapping[str, Any]:
    network: Mapping[str, Any] = next(iter(some[0]["networks"].values()))
    return network


def _interval(off: Difference, scale: float = 100.0, digits: int = 1) -> str:
    mean, low, high = (f"{scale * value:+.{digits}f}" for value in (off.mean, off.low, off.high))
    return f"{mean} (one seed)" if math.isinf(off.low) else f"{mean} ({low} to {high})"


def _values(some: Sequence[Result], name: str, key: str) -> List[float]:
    return [float(result["networks"][name][key]) for result in some]


def _open(results: Sequence[Result]) -> str:
    missing = [name for name in QUESTIONS if not any(result["question"] == name for result in results)]
    lines = ["## Not answered here", ""]
    lines += [f"- {QUESTIONS[name].text} (`--questions {name}`; not run)" for name in missing]
    lines.append("- Real images: these figures are of generated scenes alone.")
    lines.append("- Longer training: what is undecided or close here may turn out otherwise.")
    return "\n".join(lines)
