"""Backbones come from timm by name: its feature extractors, with one check that it can do what is asked."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from torch import nn

from pspgrasp.errors import NetworkError, unknown_name


def build_backbone(name: str, in_channels: int, output_stride: int, pretrained: bool = False) -> nn.Module:
    """Return timm's feature extractor: (B, in_channels, H, W) -> features, coarser and coarser.

    timm dilates the stages after `output_stride` and keeps the previous dilation in the first block of each;
    PSPNet's own code does not, so equal shapes can mean different functions.

    Args:
        name: Any timm model with feature extraction.
        in_channels: Channels of the input.
        output_stride: 8, 16 or 32.
        pretrained: Fetch timm's weights for it from the network; never done unasked.

    Raises:
        NetworkError: Unknown name, a stride that this backbone refuses, or weights that can't be fetched.
    """
    import timm  # takes seconds, and not everything that knows networks builds one

    if not timm.is_model(name):
        raise NetworkError(unknown_name("backbone", name, timm.list_models()))
    stride: Dict[str, Any] = {} if output_stride == 32 else {"output_stride": output_stride}
    try:
        return timm.create_model(name, features_only=True, in_chans=in_channels, pretrained=pretrained, **stride)
    except Exception as error:
        # timm's models raise whatever they like, from TypeError to HTTP errors: one kind for the caller.
        raise NetworkError(_refusal(name, output_stride, pretrained, error)) from error


def features_of(extractor: nn.Module) -> Tuple[List[int], List[int]]:
    """Return the channels and the strides [px] of the features, from the finest to the coarsest."""
    info: Any = extractor.feature_info
    return info.channels(), info.reduction()


def _refusal(name: str, output_stride: int, pretrained: bool, error: Exception) -> str:
    cause = f"{type(error).__name__}: {error}"
    if pretrained:
        return f"pretrained weights of {name!r} can't be had ({cause}); is the network there? Without: pretrained=False"
    return f"backbone {name!r} can't be built at output stride {output_stride} ({cause}); try 32, or another backbone"
