"""The fastest runtime that is installed and passes its parity check, and why."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from pspgrasp.errors import PspGraspError
from pspgrasp.network_file import NetworkFile
from pspgrasp.runtimes import Runtime
from pspgrasp.runtimes.decisions import Decision
from pspgrasp.runtimes.engines import engine_path, machine_engine
from pspgrasp.runtimes.machine import has_gpu
from pspgrasp.runtimes.opening import missing_packages, open_runtime, own_runtime, placed
from pspgrasp.runtimes.parity import parity, probes
from pspgrasp.runtimes.table import CPU, RUNTIMES, WEIGHTS, RuntimeKind

if TYPE_CHECKING:
    from pspgrasp.config import PreprocessConfig
    from pspgrasp.shipped import Network

ROUNDS = 7  # in which all runtimes take turns: what else the machine does hits all alike


@dataclass(frozen=True)
class Trial:
    """What became of a candidate.

    Attributes:
        name: Of the runtime.
        error: From the reference, as `Parity` has it.
        runtime: None where it was refused.
        refusal: Why, in words.
    """

    name: str
    error: float = 0.0
    runtime: Optional[Runtime] = None
    refusal: str = ""


def choose(network: Network, device: str) -> Tuple[Runtime, Decision]:
    """Return the fastest runtime of a network on a device, and why it was taken.

    Raises:
        PspGraspError: Not even the network's own runtime can run it.
    """
    own = own_runtime(network)
    runtime = open_runtime(own, network, device)
    names = [name for name in candidates(network.fingerprint, form_of(network), device) if name != own]
    opened = {name: lambda name=name: open_runtime(name, network, device) for name in names}
    # A GPU may shorten float32 to TF32: what is right is said by a CPU.
    reference = runtime if runtime.device == CPU else open_runtime(own, network, CPU)
    return fastest(reference, (own, runtime), opened, network.preprocess)


def fastest(
    reference: Runtime,
    own: Tuple[str, Runtime],
    others: Mapping[str, Callable[[], Runtime]],
    config: PreprocessConfig,
) -> Tuple[Runtime, Decision]:
    """Return the fastest of the own runtime and of those others that pass the check.

    Args:
        reference: The own runtime on a CPU, against which the others are checked.
        own: Name and runtime, where it would run.
        others: Name -> how it is opened.
        config: Of the network's input.
    """
    trials = [Trial(own[0], 0.0, own[1]), *(tried(name, others[name], reference, config) for name in others)]
    runtimes = {trial.name: trial.runtime for trial in trials if trial.runtime is not None}
    times_ms = median_times_ms(runtimes, probes(config)[0])
    best = min(times_ms, key=lambda name: times_ms[name])
    return runtimes[best], Decision(best, _told(best, own[0], trials, times_ms))


def tried(name: str, opened: Callable[[], Runtime], reference: Runtime, config: PreprocessConfig) -> Trial:
    """Return what becomes of a candidate; one that breaks is refused, whatever it raises."""
    try:
        runtime = opened()
        found = parity(reference, runtime, config, RUNTIMES[name].precision)
    except PspGraspError as error:
        return Trial(name, refusal=str(error))
    except Exception as error:  # noqa: BLE001 (each library has its own errors, and others can take its place)
        return Trial(name, refusal=f"{type(error).__name__}: {error}")
    if found.objection:
        return Trial(name, found.error, refusal=found.objection)
    return Trial(name, found.error, runtime)


def median_times_ms(runtimes: Mapping[str, Runtime], image: np.ndarray) -> Dict[str, float]:
    """Return name -> median time of a forward pass [ms]; they take turns."""
    times_s: Dict[str, List[float]] = {name: [] for name in runtimes}
    for _ in range(ROUNDS):
        for name, runtime in runtimes.items():
            began_s = time.perf_counter()
            runtime(image)
            times_s[name].append(time.perf_counter() - began_s)
    return {name: 1000 * float(np.median(times)) for name, times in times_s.items()}


def form_of(network: Network) -> str:
    """Return in which form a network is: WEIGHTS, or the suffix of its file."""
    return network.path.suffix if isinstance(network, NetworkFile) else WEIGHTS


def candidates(fingerprint: str, form: str, device: str) -> List[str]:
    """Return the runtimes that are worth a trial: they run this form of network on this device, and soon.

    Those that take minutes to build are, if somebody has built their engine for this network and this machine.
    """
    return [name for name, kind in RUNTIMES.items() if _worth_a_trial(name, kind, fingerprint, form, device)]


def _worth_a_trial(name: str, kind: RuntimeKind, fingerprint: str, form: str, device: str) -> bool:
    if (form != WEIGHTS and form not in kind.takes) or missing_packages(kind):
        return False
    if not _knows(kind, device):
        return False
    return kind.quick or has_engine(name, fingerprint, placed(name, kind, device))


def _knows(kind: RuntimeKind, device: str) -> bool:
    if device == "auto":
        return CPU in kind.devices or has_gpu()
    return device.partition(":")[0] in kind.devices


def has_engine(name: str, fingerprint: str, device: str) -> bool:
    """Tell whether the engine of a slow runtime is kept, for this network and, if it is bound to it, this machine."""
    if RUNTIMES[name].precision == "int8":
        return engine_path(fingerprint, "int8").is_file()
    return machine_engine(fingerprint, name, device).exists()


def _told(best: str, own: str, trials: Sequence[Trial], times_ms: Mapping[str, float]) -> str:
    """Say in one line what was taken, against what, and who was refused."""
    others = sorted((trial for trial in trials if trial.runtime and trial.name != best), key=lambda t: times_ms[t.name])
    said = [f"took {best}, {times_ms[best]:.1f} ms" + _error_of(best, own, trials)]
    said += [f"{trial.name} {times_ms[trial.name]:.1f} ms{_error_of(trial.name, own, trials)}" for trial in others]
    said += [f"{trial.name} refused: {trial.refusal}" for trial in trials if not trial.runtime]
    absent = [name for name, kind in RUNTIMES.items() if missing_packages(kind)]
    return "; ".join(said) + (f"; not installed: {', '.join(absent)}" if absent else "")


def _error_of(name: str, own: str, trials: Sequence[Trial]) -> str:
    error = next(trial.error for trial in trials if trial.name == name)
    return " (the reference)" if name == own else f" (off by {error:.1g} of the maps' spread)"
