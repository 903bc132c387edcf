"""From the name of a checkpoint to a network that runs: the slow way once, and then the short one.

The slow way loads the weights with torch, which takes seconds, exports them and checks the runtime against torch. What
came of it is kept. The short way finds by the bytes of the checkpoint's file what was decided, and loads the exported
network with its runtime alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Optional

from pspgrasp.errors import NetworkError, PspGraspError
from pspgrasp.network_file import READERS, NetworkFile, read_network_file
from pspgrasp.runtimes import Runtime
from pspgrasp.runtimes.auto import candidates, choose, form_of
from pspgrasp.runtimes.decisions import (
    Decision,
    keep_decision,
    keep_fingerprint,
    kept_decision,
    kept_fingerprint,
)
from pspgrasp.runtimes.engines import kept_network
from pspgrasp.runtimes.machine import key_of, machine
from pspgrasp.runtimes.opening import open_runtime, own_runtime
from pspgrasp.runtimes.parity import parity
from pspgrasp.runtimes.table import AUTO, WEIGHTS, kind_of
from pspgrasp.shipped import Network, checkpoint_path, find_weights


@dataclass(frozen=True)
class Started:
    """A network that runs.

    Attributes:
        network: Weights, or an exported network.
        runtime: That runs it.
        why: That runtime, in words.
    """

    network: Network
    runtime: Runtime
    why: str


def start(name_or_path: str, runtime: str = AUTO, device: str = "auto") -> Started:
    """Return the network of a checkpoint that ships or of a file, running.

    Args:
        name_or_path: As for `find_checkpoint`.
        runtime: A key of RUNTIMES, or AUTO: the fastest that is installed and passes its check.
        device: auto, cpu, cuda or cuda:N.

    Raises:
        CheckpointError: No such checkpoint, or it is broken.
        ConfigError: Unknown runtime or device, or they don't go together.
        NetworkError: The runtime doesn't do what the network does.
        PspGraspError: The runtime can't be had here.
    """
    path = checkpoint_path(name_or_path)
    if path.suffix in READERS:
        return run(read_network_file(path), runtime, device)
    return _short_way(path, runtime, device) or _slow_way(path, name_or_path, runtime, device)


def run(network: Network, runtime: str, device: str) -> Started:
    """Return a network running: as was decided before, or decided and checked now.

    Args:
        network: Weights, or an exported network.
        runtime: As in `start`; "" is the network's own.
        device: As in `start`.

    Raises:
        PspGraspError: As `start`.
    """
    if runtime in ("", own_runtime(network)):
        return Started(network, open_runtime(runtime, network, device), "the network's own")
    key = _key(network.fingerprint, form_of(network), runtime, device)
    decided = kept_decision(key)
    if decided:
        return Started(network, open_runtime(decided.runtime, network, device), _again(decided))
    if runtime == AUTO:
        chosen, decision = choose(network, device)
    else:
        chosen, decision = checked(network, runtime, device), Decision(runtime, f"{runtime} was asked for")
    return Started(network, chosen, decision.why + _kept(key, decision))


def checked(network: Network, name: str, device: str) -> Runtime:
    """Return a runtime of a network that was checked against the network's own.

    Raises:
        NetworkError: It doesn't do what the network does.
        PspGraspError: It can't be had here.
    """
    chosen = open_runtime(name, network, device)
    reference = open_runtime(own_runtime(network), network, "cpu")
    found = parity(reference, chosen, network.preprocess, kind_of(name).precision)
    if found.objection:
        raise NetworkError(f"runtime {name!r} does not do what {network.name!r} does: {found.objection}; take another")
    return chosen


def _short_way(path: Path, runtime: str, device: str) -> Optional[Started]:
    """Return the network running from what is kept alone; None if torch is needed after all."""
    if not path.is_file():
        return None
    fingerprint = kept_fingerprint(path)
    decided = kept_decision(_key(fingerprint, WEIGHTS, runtime, device)) if fingerprint else None
    if not fingerprint or not decided or WEIGHTS in kind_of(decided.runtime).takes:
        return None
    file = kept_network(fingerprint, "int8" if kind_of(decided.runtime).precision == "int8" else "float32")
    if file is None:
        return None
    return Started(_named(file, path), open_runtime(decided.runtime, file, device), _again(decided))


def _slow_way(path: Path, name: str, runtime: str, device: str) -> Started:
    checkpoint = find_weights(name)
    started = run(checkpoint, runtime, device)
    try:
        keep_fingerprint(path, checkpoint.fingerprint)
    except PspGraspError as error:
        return replace(started, why=f"{started.why}; not kept: {error}")
    return started


def _key(fingerprint: str, form: str, runtime: str, device: str) -> str:
    tried = candidates(fingerprint, form, device)  # a newly built engine asks for a new decision
    return key_of(fingerprint, form, runtime, device, tried, machine())


def _kept(key: str, decision: Decision) -> str:
    try:
        keep_decision(key, decision)
    except PspGraspError as error:
        return f"; not kept: {error}"
    return ""


def _again(decided: Decision) -> str:
    return f"{decided.why} (decided at an earlier start)"


def _named(file: NetworkFile, path: Path) -> NetworkFile:
    return replace(file, name=path.stem)
