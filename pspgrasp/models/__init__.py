"""One table of networks. All share one contract: an image (B, C, N, N) -> maps (B, 4, N, N).

Channel 0 is depth [m] minus its mean. The maps are quality, cos 2phi, sin 2phi and width / width scale. To add a
network, write its config and module and a line in `ARCHITECTURES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Tuple, Type, Union

from torch import nn

from pspgrasp.config import from_tree, to_tree
from pspgrasp.errors import ConfigError, shown, unknown_name
from pspgrasp.models.ggcnn import Ggcnn, Ggcnn2, GgcnnConfig
from pspgrasp.models.grconvnet import GrConvNet, GrConvNetConfig
from pspgrasp.models.pspgraspnet import PspGraspNet, PspGraspNetConfig

NetworkConfig = Union[PspGraspNetConfig, GgcnnConfig, GrConvNetConfig]

ARCHITECTURES: Dict[str, Tuple[Type[Any], Type[nn.Module]]] = {
    "pspgraspnet": (PspGraspNetConfig, PspGraspNet),
    "ggcnn": (GgcnnConfig, Ggcnn),
    "ggcnn2": (GgcnnConfig, Ggcnn2),
    "grconvnet": (GrConvNetConfig, GrConvNet),
}


@dataclass(frozen=True)
class ModelConfig:
    """Which network, and what shapes it.

    Attributes:
        architecture: A key of `ARCHITECTURES`.
        network: The config of that architecture.
    """

    architecture: str = "pspgraspnet"
    network: NetworkConfig = PspGraspNetConfig()

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES:
            raise ConfigError(unknown_name("architecture", self.architecture, ARCHITECTURES))
        wanted = ARCHITECTURES[self.architecture][0]
        if not isinstance(self.network, wanted):
            raise ConfigError(
                f"architecture {self.architecture!r} needs a {wanted.__name__}, got a {type(self.network).__name__}"
            )

    @property
    def in_channels(self) -> int:
        """Channels of the input; 1 is depth alone."""
        return getattr(self.network, "in_channels", 1)

    @classmethod
    def from_tree(cls, tree: Any) -> ModelConfig:
        """Return the config of `{architecture: NAME, network: {...}}`.

        Raises:
            ConfigError: An unknown architecture, or an unknown or ill-typed setting of its network.
        """
        if not isinstance(tree, Mapping) or set(tree) - {"architecture", "network"}:
            raise ConfigError(f"model must be a mapping with 'architecture' and 'network', got {shown(tree)}")
        name = tree.get("architecture", "pspgraspnet")
        if not isinstance(name, str) or name not in ARCHITECTURES:
            raise ConfigError(unknown_name("architecture", name, ARCHITECTURES))
        return cls(name, from_tree(ARCHITECTURES[name][0], tree.get("network", {}), "model/network"))

    def to_tree(self) -> Dict[str, Any]:
        """Return plain values, the inverse of `from_tree`."""
        return {"architecture": self.architecture, "network": to_tree(self.network)}


def build_model(config: ModelConfig, pretrained: bool = False) -> nn.Module:
    """Return the network of `config` with random weights (its backbone's from the network on request).

    Raises:
        NetworkError: The backbone is unknown, can't be built so, or its weights can't be fetched.
        ConfigError: Settings that don't go together, or `pretrained` for a network without a backbone.
    """
    network = ARCHITECTURES[config.architecture][1]
    if config.architecture == "pspgraspnet":
        return network(config.network, pretrained)
    if pretrained:
        raise ConfigError(f"{config.architecture!r} has no pretrained backbone; only 'pspgraspnet' has one")
    return network(config.network)
