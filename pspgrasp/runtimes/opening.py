"""From a name to a runtime: installed? on which device? from weights, or from what was exported of them?"""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Union

from pspgrasp.errors import CheckpointError, ConfigError
from pspgrasp.network_file import NetworkFile
from pspgrasp.network_file.metadata import Metadata
from pspgrasp.network_file.onnx_file import write_onnx
from pspgrasp.runtimes import Runtime
from pspgrasp.runtimes.engines import keep_network, kept_network
from pspgrasp.runtimes.machine import check_device, installed
from pspgrasp.runtimes.table import CPU, GPU, WEIGHTS, RuntimeKind, kind_of

if TYPE_CHECKING:
    from pspgrasp.checkpoint import Checkpoint
    from pspgrasp.shipped import Network


def open_runtime(name: str, network: Network, device: str = "auto") -> Runtime:
    """Return a runtime that runs a network.

    Args:
        name: A key of RUNTIMES; "" is the network's own: torch for weights, else what its file is for.
        network: Weights, or an exported network.
        device: auto, cpu, cuda or cuda:N; auto is the GPU where the runtime knows one, else the CPU.

    Raises:
        ConfigError: Unknown or not installed, it can't run this network, or not on this device.
        PspGraspError: The network can't be built, exported or loaded.
    """
    name = name or own_runtime(network)
    kind = kind_of(name)
    check_installed(name, kind)
    return kind.opened(_source(name, kind, network), placed(name, kind, device))


def own_runtime(network: Network) -> str:
    """Return the runtime against which others of this network are checked."""
    if not isinstance(network, NetworkFile):
        return "torch"
    return "onnxruntime" if network.path.suffix == ".onnx" and installed("onnxruntime") else "openvino"


def check_installed(name: str, kind: RuntimeKind) -> None:
    """See that a runtime's packages are installed.

    Raises:
        ConfigError: One isn't; says what installs it.
    """
    missing = missing_packages(kind)
    if missing:
        raise ConfigError(f"runtime {name!r} needs {' and '.join(missing)}: {kind.install}")


def missing_packages(kind: RuntimeKind) -> List[str]:
    """Return the packages of a runtime that aren't installed."""
    return [package for package in kind.packages if not installed(package)]


def placed(name: str, kind: RuntimeKind, device: str) -> str:
    """Return where a runtime runs if `device` is asked for: "cpu", "cuda:N", or "auto" where it decides itself.

    Raises:
        ConfigError: Unknown device, or this runtime doesn't know it.
    """
    check_device(device)
    if device == "auto":
        return "auto" if len(kind.devices) > 1 else "cuda:0" if GPU in kind.devices else CPU
    if device.partition(":")[0] not in kind.devices:
        raise ConfigError(f"runtime {name!r} runs on {kind.devices[0]}, not on {device!r}")
    return "cuda:0" if device == "cuda" else device


def exported(checkpoint: Checkpoint) -> NetworkFile:
    """Return a checkpoint's network as an ONNX file, from the user's cache, or made and kept.

    Raises:
        NetworkError: It can't be exported.
        PspGraspError: It can't be kept.
    """
    kept = kept_network(checkpoint.fingerprint, "float32")
    if kept:
        return kept
    from pspgrasp.runtimes.onnx_graph import onnx_graph

    graph = onnx_graph(checkpoint)
    metadata = Metadata(checkpoint.name, checkpoint.fingerprint, "float32", checkpoint.header, {})
    return keep_network(metadata, lambda path: write_onnx(graph, metadata, path))


def _source(name: str, kind: RuntimeKind, network: Network) -> Union[Checkpoint, NetworkFile]:
    if isinstance(network, NetworkFile):
        _check_takes(name, kind, network)
        return network
    _check_channels(network)
    if WEIGHTS in kind.takes:
        return network
    if kind.precision != "int8":
        return exported(network)
    kept = kept_network(network.fingerprint, "int8")
    if kept is None:
        raise ConfigError(
            f"runtime {name!r} has no quantised network of {network.name!r}; "
            f"`pspgrasp export {network.name} --to openvino --int8` makes and checks one, in minutes"
        )
    return kept


def _check_takes(name: str, kind: RuntimeKind, file: NetworkFile) -> None:
    if file.path.suffix not in kind.takes:
        what = "weights (.safetensors)" if WEIGHTS in kind.takes else " and ".join(kind.takes)
        raise ConfigError(f"runtime {name!r} runs {what}, not {file.path.name}; {own_runtime(file)} does")
    if kind.precision == "int8" and file.precision != "int8":
        raise ConfigError(f"runtime {name!r} runs quantised networks; {file.path.name} is in {file.precision}")


def _check_channels(checkpoint: Checkpoint) -> None:
    wanted, made = checkpoint.model.in_channels, checkpoint.preprocess.channels
    if wanted != made:
        raise CheckpointError(
            f"checkpoint {checkpoint.name!r} wants {wanted} channels; its preprocessing makes {made} of a depth frame"
        )
