"""The rows of the table: GG-CNN's own road, and ours by every runtime that passes its check."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple

from pspgrasp.bag.judging.stopwatch import Stopwatch
from pspgrasp.benchmark.cost import NetworkCost
from pspgrasp.benchmark.roofline import Place
from pspgrasp.benchmark.timing import Turn
from pspgrasp.config import CropConfig, DetectionConfig, LimitsConfig
from pspgrasp.depth import DepthFrame
from pspgrasp.errors import ConfigError, NetworkError, PspGraspError
from pspgrasp.ggcnn_api import check_map_size
from pspgrasp.ggcnn_stream import GgcnnStream
from pspgrasp.network_file import NetworkFile
from pspgrasp.predictor import GraspPredictor
from pspgrasp.runtimes import Runtime
from pspgrasp.runtimes.auto import Trial, candidates, form_of, tried
from pspgrasp.runtimes.opening import missing_packages, open_runtime, own_runtime
from pspgrasp.runtimes.start import Started
from pspgrasp.runtimes.table import CPU, RUNTIMES, RuntimeKind
from pspgrasp.shipped import Network

GGCNN, OURS = "GG-CNN's", "ours"  # roads
PRESET = "kinova"
EAGER = "torch"  # the runtime with which others are compared, and the original's own


class RowKey(NamedTuple):
    """What a row is.

    Attributes:
        road: GGCNN or OURS.
        checkpoint: Name of the network.
        runtime: What runs it.
        input_px: Side of its input.
        device: On which it runs.
        threads: Of the CPU, for the network and for all else.
    """

    road: str
    checkpoint: str
    runtime: str
    input_px: int
    device: str
    threads: int

    @property
    def place(self) -> Place:
        """Where it is run: rows of one place can be compared."""
        return self.device, self.threads


@dataclass(frozen=True)
class Row:
    """A road that is timed.

    Attributes:
        key: What it is.
        precision: Of its network's arithmetic.
        cost: Of its network on paper; None where it can't be known.
        turn: Walks it.
    """

    key: RowKey
    precision: str
    cost: Optional[NetworkCost]
    turn: Turn


class Refusal(NamedTuple):
    """A row that isn't run.

    Attributes:
        key: What it would have been.
        why: In words.
    """

    key: RowKey
    why: str


class Rows(NamedTuple):
    """Rows, and what became of others.

    Attributes:
        rows: That run.
        refused: That don't.
    """

    rows: List[Row]
    refused: List[Refusal]


def reference_row(network: Network, cost: Optional[NetworkCost], place: Place) -> Row:
    """Return GG-CNN's own road, torch as it comes: its window, Navier-Stokes, its Gaussians, its peaks, one command.

    The arm is low, where its node follows one of three peaks.

    Raises:
        PspGraspError: The network isn't of GG-CNN's size, or can't be run.
    """
    predictor, watch = _watched(network, open_runtime(EAGER, network, place[0]))
    check_map_size(predictor)
    work = partial(GgcnnStream(PRESET).update, predictor=predictor)
    return Row(_key(GGCNN, network, EAGER, place), RUNTIMES[EAGER].precision, cost, Turn(place[1], work, watch))


def own_rows(network: Network, cost: Optional[NetworkCost], place: Place, names: Sequence[str] = ()) -> Rows:
    """Return our road by every runtime that does what the network does.

    Args:
        network: That they run.
        cost: Of it.
        place: Where.
        names: Of runtimes; none are those that `runtime:=auto` would try.
    """
    found = Rows([], [])
    for trial in _trials(network, place[0], names):
        try:
            found.rows.append(_own_row(network, cost, place, trial))
        except PspGraspError as error:
            found.refused.append(Refusal(_key(OURS, network, trial.name, place), str(error)))
    return found


def resized(network: Network, input_px: int) -> Network:
    """Return a network with an input of another size; 0 is its own.

    Raises:
        ConfigError: It was exported, and its size is fixed.
    """
    own_px = network.preprocess.input_size_px
    if input_px in (0, own_px):
        return network
    if isinstance(network, NetworkFile):
        raise ConfigError(f"{network.path} was exported for {own_px} px; give its weights for {input_px} px")
    return replace(network, preprocess=replace(network.preprocess, input_size_px=input_px))


def unbuilt(network: Network, device: str) -> List[str]:
    """Return the runtimes that would run a network here, had somebody built their engine."""
    tried_here = candidates(network.fingerprint, form_of(network), device)
    return [name for name, kind in RUNTIMES.items() if _waits(kind, network, device) and name not in tried_here]


def _waits(kind: RuntimeKind, network: Network, device: str) -> bool:
    runs_it = not isinstance(network, NetworkFile) or network.path.suffix in kind.takes
    return runs_it and not kind.quick and not missing_packages(kind) and device.partition(":")[0] in kind.devices


def _trials(network: Network, device: str, names: Sequence[str]) -> List[Trial]:
    """Return what becomes of each runtime; what is right is said by the network's own, on a CPU, as in `auto`."""
    own = own_runtime(network)
    reference, found = open_runtime(own, network, CPU), []
    for name in names or candidates(network.fingerprint, form_of(network), device):
        opened = partial(open_runtime, name, network, device)
        if name == own:  # given, as in `auto`: on a GPU it shortens float32 to TF32
            found.append(_given(name, opened))
        else:
            found.append(tried(name, opened, reference, network.preprocess))
    return found


def _given(name: str, opened: Callable[[], Runtime]) -> Trial:
    try:
        return Trial(name, runtime=opened())
    except PspGraspError as error:
        return Trial(name, refusal=str(error))


def _own_row(network: Network, cost: Optional[NetworkCost], place: Place, trial: Trial) -> Row:
    """Return our road by a runtime.

    Raises:
        NetworkError: It was refused, or its maps are of another size than its input.
    """
    if trial.runtime is None:
        raise NetworkError(trial.refusal)
    predictor, watch = _watched(network, trial.runtime)
    predictor.warm_up()

    def work(frame: DepthFrame) -> object:
        return predictor.predict(frame)

    key = _key(OURS, network, trial.name, place)
    return Row(key, _precision(trial.name, network), cost, Turn(place[1], work, watch))


def _precision(name: str, network: Network) -> str:
    """Return the precision of the arithmetic; a quantised file is so by whatever runs it."""
    return "int8" if isinstance(network, NetworkFile) and network.precision == "int8" else RUNTIMES[name].precision


def _key(road: str, network: Network, runtime: str, place: Place) -> RowKey:
    return RowKey(road, network.name, runtime, network.preprocess.input_size_px, *place)


def _watched(network: Network, runtime: Runtime) -> Tuple[GraspPredictor, Stopwatch]:
    """Return a predictor with its usual settings, and the watch that it tells its stages."""
    watch = Stopwatch()
    started = Started(network, runtime, "")
    predictor = GraspPredictor.started(started, CropConfig(), DetectionConfig(), LimitsConfig())
    return replace(predictor, stage_done=watch.stage_done), watch
