"""One run: all rows and what the device could do, in the same rounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, NamedTuple, Sequence, Tuple

import torch

from pspgrasp.benchmark.cost import cost_of
from pspgrasp.benchmark.energy import energy_of
from pspgrasp.benchmark.figures import Figures, figures_of
from pspgrasp.benchmark.roofline import Place, Probe, Roofline, probes_of, roofline_of
from pspgrasp.benchmark.rows import OURS, Refusal, Row, Rows, own_rows, reference_row, resized, unbuilt
from pspgrasp.benchmark.threads import threads_kept, use_threads
from pspgrasp.benchmark.timing import OtherData, interleaved
from pspgrasp.data.progress import with_progress
from pspgrasp.depth import DepthFrame
from pspgrasp.runtimes.machine import check_device
from pspgrasp.runtimes.opening import missing_packages
from pspgrasp.runtimes.table import CPU, GPU, RUNTIMES, kind_of
from pspgrasp.shipped import find_checkpoint


@dataclass(frozen=True)
class BenchConfig:
    """What is timed.

    Attributes:
        checkpoints: Names of those that ship, or files.
        runtimes: By name; none are those that `runtime:=auto` would try.
        sizes_px: Of the network's input; 0 is each checkpoint's own.
        devices: cpu, cuda, cuda:N; none are all that are here.
        threads: Of the CPU, for each row.
        ggcnn: Checkpoint of GG-CNN's own road.
        rounds: In which each row takes one turn.
    """

    checkpoints: Tuple[str, ...]
    runtimes: Tuple[str, ...] = ()
    sizes_px: Tuple[int, ...] = (0,)
    devices: Tuple[str, ...] = ()
    threads: Tuple[int, ...] = (1,)
    ggcnn: str = "ggcnn"
    rounds: int = 200

    def __post_init__(self) -> None:
        for name in self.runtimes:
            kind_of(name)
        for device in self.devices:
            check_device(device)

    @property
    def places(self) -> List[Place]:
        """Where rows are run."""
        devices = self.devices or (CPU, *((GPU,) if torch.cuda.is_available() else ()))
        return [(device, count) for device in devices for count in self.threads]


class Finished(NamedTuple):
    """A run that has come to its end.

    Attributes:
        figures: Of all rows, GG-CNN's road first in each place.
        rooflines: Of all places.
        told: What else there is to be said, a line each: refused, not built, not installed.
        frames: How many different images there were.
    """

    figures: List[Figures]
    rooflines: List[Roofline]
    told: List[str]
    frames: int


def bench(config: BenchConfig, frames: Sequence[DepthFrame]) -> Finished:
    """Time all rows.

    Args:
        config: What is timed.
        frames: In memory; they come round again.

    Raises:
        PspGraspError: A checkpoint or a device that isn't there, or an image into which GG-CNN's window doesn't fit.
    """
    with threads_kept():
        found = lineup(config)
        probes = [probe for place in config.places for probe in _probes(place, found.rows)]
        turns = [*(row.turn for row in found.rows), *(probe.turn for probe in probes)]
        rounds = with_progress(range(config.rounds), config.rounds, "rounds")
        laps = interleaved(turns, frames, rounds, OtherData().read)
        joules, said = energy_of(found.rows, frames)
    of_probes = laps[len(found.rows) :]
    rooflines = {place: roofline_of(place, probes, of_probes) for place in config.places}
    figures = figures_of(found.rows, laps, rooflines, joules)
    told = [*_refused(found.refused), *said, *_not_built(config, found.rows), *_not_installed()]
    return Finished(figures, list(rooflines.values()), told, len(frames))


def lineup(config: BenchConfig) -> Rows:
    """Return all rows, ready to run, those of one place together, GG-CNN's road first."""
    original = find_checkpoint(config.ggcnn)
    weighed = [(original, cost_of(original))]
    for name in config.checkpoints:
        networks = [resized(find_checkpoint(name), size_px) for size_px in config.sizes_px]
        weighed += [(network, cost_of(network)) for network in networks]
    found = Rows([], [])
    for place in config.places:
        use_threads(place[1])
        found.rows.append(reference_row(*weighed[0], place))
        for network, cost in weighed[1:]:
            rows, refused = own_rows(network, cost, place, config.runtimes)
            found.rows.extend(rows)
            found.refused.extend(refused)
    return found


def _probes(place: Place, rows: Sequence[Row]) -> List[Probe]:
    precisions = sorted({row.precision for row in rows if row.key.place == place})
    use_threads(place[1])
    return probes_of(place, precisions)


def _refused(refusals: Sequence[Refusal]) -> List[str]:
    """Say of each reason in one line for what it holds."""
    whom: Dict[Tuple[str, str], List[str]] = {}
    for key, why in refusals:
        spoken = f"{key.checkpoint} of {key.input_px} px on {key.device}"
        named = whom.setdefault((key.runtime, why), [])
        named.extend([spoken] if spoken not in named else [])
    return [f"refused: {runtime} ({'; '.join(named)}): {why}" for (runtime, why), named in whom.items()]


def _not_built(config: BenchConfig, rows: Sequence[Row]) -> List[str]:
    """Say in one line which runtimes lack an engine; [] if none does."""
    waiting: Dict[str, List[str]] = {}
    for name in config.checkpoints:
        network = find_checkpoint(name)
        ran = {row.key.runtime for row in rows if row.key.road == OURS and row.key.checkpoint == network.name}
        for device in sorted({device for device, _ in config.places}):
            for runtime in unbuilt(network, device):
                if runtime not in ran and network.name not in waiting.setdefault(runtime, []):
                    waiting[runtime].append(network.name)
    spoken = [f"{runtime} ({', '.join(names)})" for runtime, names in waiting.items() if names]
    how = "`pspgrasp export` builds int8 and TensorRT, --runtimes takes any"
    return [f"not built: {', '.join(spoken)}; {how}"] if spoken else []


def _not_installed() -> List[str]:
    """Say in one line which runtimes aren't installed; [] if all are."""
    absent = [f"{name} ({kind.install})" for name, kind in RUNTIMES.items() if missing_packages(kind)]
    return [f"not installed: {', '.join(absent)}"] if absent else []
