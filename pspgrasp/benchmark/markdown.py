"""The figures of a run as tables of Markdown, which read well in a terminal, too."""

from __future__ import annotations

from typing import List, Optional, Sequence

from pspgrasp.benchmark.figures import STAGES, Figures, Spread
from pspgrasp.benchmark.roofline import Roofline
from pspgrasp.benchmark.rows import GGCNN
from pspgrasp.benchmark.run import Finished

NOTHING = "-"
WHO = ("network", "runtime", "input", "where")


def markdown(run: Finished) -> str:
    """Return the road, its stages, what the device could do, and what else there is to be said."""
    peaks = [f"- {_peak(one)}" for one in run.rooflines]
    lines = [f"- {line}" for line in run.told]
    return "\n\n".join("\n".join(part) for part in (_roads(run.figures), _stages(run.figures), [*peaks, *lines]))


def named(one: Figures) -> str:
    """Return a row's network, for people."""
    return f"GG-CNN's own road ({one.key.checkpoint})" if one.key.road == GGCNN else one.key.checkpoint


def where(device: str, threads: int) -> str:
    """Return a row's place, for people."""
    return f"{device}, {threads} thread{'s' if threads > 1 else ''}"


def _roads(figures: Sequence[Figures]) -> List[str]:
    """Return the lines of the whole road, with ratios of medians."""
    heads = [*WHO, "road, ms", "25 to 75 %", "99 %", "/ GG-CNN's road", "/ eager", "network / floor"]
    with_energy = any(one.joules is not None for one in figures)
    lines = _head(heads + ["J"] * with_energy)
    for one in figures:
        ratios = [_spoken(ratio) for ratio in (one.to_ggcnn, one.to_eager, one.to_floor)]
        energy = [_spoken(one.joules)] * with_energy
        lines.append(_line([*_who(one), *_spread(one.whole), *ratios, *energy]))
    return lines


def _stages(figures: Sequence[Figures]) -> List[str]:
    """Return the lines of medians by stage [ms], and of what the network is on paper."""
    paper = ["floor, ms", "GFLOP", "weights, MB", "layers' output, MB"]
    lines = _head([*WHO, *(f"{stage}, ms" for stage in STAGES), *paper])
    for one in figures:
        medians = [_spoken(one.stages[stage].median_ms) for stage in STAGES]
        on_paper = [_spoken(one.floor_ms), _spoken(one.flops, 1e-9)]
        on_paper += [_spoken(size, 1e-6) for size in (one.weight_bytes, one.activation_bytes)]
        lines.append(_line([*_who(one), *medians, *on_paper]))
    return lines


def _who(one: Figures) -> List[str]:
    return [named(one), one.key.runtime, f"{one.key.input_px} px", where(one.key.device, one.key.threads)]


def _spread(times: Spread) -> List[str]:
    return [_spoken(times.median_ms), f"{_spoken(times.p25_ms)} to {_spoken(times.p75_ms)}", _spoken(times.p99_ms)]


def _peak(one: Roofline) -> str:
    products = [f"{_spoken(peak, 1e-9)} GFLOP/s in {kind}" for kind, peak in sorted(one.flops_per_s.items())]
    return f"{where(one.device, one.threads)}: {', '.join(products)}, {_spoken(one.bytes_per_s, 1e-9)} GB/s copied"


def _spoken(figure: Optional[float], scale: float = 1.0) -> str:
    return NOTHING if figure is None else f"{figure * scale:.2f}"


def _head(names: Sequence[str]) -> List[str]:
    return [_line(names), "|" + "---|" * len(names)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
