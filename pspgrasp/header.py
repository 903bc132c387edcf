"""What travels with a network in whatever file it is: how its input is made, and what its output means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping

from pspgrasp.config import PreprocessConfig, from_tree, to_tree
from pspgrasp.errors import CheckpointError, ConfigError, shown, unknown_name

WIDTHS = ("opening", "contact")


@dataclass(frozen=True)
class NetworkHeader:
    """What travels with a network.

    Attributes:
        preprocess: How its input is made.
        width_scale_px: Width map = output * width_scale_px [px of the input]; one value for encode and decode.
        training: What made the weights: command, data, seed, figures. Never empty.
        width: What the width map means: `opening`, clearance included, or `contact`, to which the user's clearance
            is added.
    """

    preprocess: PreprocessConfig
    width_scale_px: float
    training: Mapping[str, Any]
    width: str

    @classmethod
    def from_tree(cls, tree: Mapping[str, Any], place: str) -> NetworkHeader:
        """Return the header that a file holds as plain values; other keys are not looked at.

        Args:
            tree: From a file that nobody vouches for.
            place: The file, for messages.

        Raises:
            CheckpointError: A value is missing or out of range, or the weights are untrained.
        """
        training, scale = tree.get("training"), tree.get("width_scale_px")
        width = tree.get("width", "opening")
        if not training or not isinstance(training, dict):
            raise CheckpointError(f"{place} has no training record; untrained weights give no grasps")
        if not isinstance(scale, (int, float)) or isinstance(scale, bool) or not 0 < scale < 1e6:
            raise CheckpointError(f"{place}: width_scale_px must be a positive number, got {shown(scale)}")
        if width not in WIDTHS:
            raise CheckpointError(f"{place}: {unknown_name('width', width, WIDTHS)}")
        try:
            preprocess = from_tree(PreprocessConfig, tree.get("preprocess"), "preprocess")
        except ConfigError as error:
            raise CheckpointError(f"{place}: {error}") from error
        return cls(preprocess, float(scale), training, width)

    def to_tree(self) -> Dict[str, Any]:
        """Return plain values, the inverse of `from_tree`."""
        return {
            "preprocess": to_tree(self.preprocess),
            "width_scale_px": self.width_scale_px,
            "width": self.width,
            "training": dict(self.training),
        }
