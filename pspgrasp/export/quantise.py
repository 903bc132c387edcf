"""int8 by post-training quantisation (Jacob et al. 2018, arXiv:1712.05877), by NNCF."""

from __future__ import annotations

import logging
import os
from typing import Any, Iterator, List, Sequence, Set

import numpy as np

from pspgrasp.errors import ConfigError
from pspgrasp.network_file.metadata import INPUT, OUTPUT
from pspgrasp.runtimes.machine import installed

CONVOLUTIONS = ("Conv", "ConvTranspose")


def check_quantiser() -> None:
    """See that NNCF is installed.

    Raises:
        ConfigError: It isn't; says what installs it.
    """
    if not installed("nncf"):
        raise ConfigError("--int8 needs nncf: pip install 'pspgrasp[quantise]'")


def quantised(graph: Any, images: Sequence[np.ndarray]) -> Any:
    """Return an ONNX graph that computes in int8 but where that costs accuracy.

    Weights take 7 bits: on a CPU without VNNI two products of 8 bits overflow the 16 bits of their sum.

    Args:
        graph: onnx.ModelProto in float32.
        images: Network inputs (C, S, S), from which the ranges of values are taken.
    """
    os.environ.setdefault("NNCF_CI", "1")  # NNCF tells its makers of each use, unless it believes to be tested
    import nncf

    nncf.set_log_level(logging.ERROR)
    return nncf.quantize(
        graph,
        nncf.Dataset(list(images), lambda image: {INPUT: image[None]}),
        subset_size=len(images),
        preset=nncf.QuantizationPreset.MIXED,
        ignored_scope=nncf.IgnoredScope(names=sorted(kept_in_float(graph))),
        advanced_parameters=nncf.AdvancedQuantizationParameters(overflow_fix=nncf.OverflowFix.ENABLE),
    )


def kept_in_float(graph: Any) -> Set[str]:
    """Return the nodes that stay in float32.

    Depth is in metres, and a thing of 10 mm is one step of 8 bits: all that comes before the first convolution, and
    that one, stay. So do the last convolutions, whose maps share one scale, and the matrix products of pooling and
    up-sampling, which are cheap.
    """
    nodes = [node for node in graph.graph.node if node.op_type != "Constant"]
    first = next(place for place, node in enumerate(nodes) if node.op_type in CONVOLUTIONS)
    products = (node.name for node in nodes if node.op_type == "MatMul")
    return {node.name for node in nodes[: first + 1]} | set(products) | set(_last(nodes))


def _last(nodes: Sequence[Any]) -> Iterator[str]:
    """Yield the convolutions after which there is none, and what follows them."""
    maker = {output: node for node in nodes for output in node.output}
    waiting: List[str] = [OUTPUT]
    while waiting:
        node = maker.get(waiting.pop())
        if node is not None:
            yield node.name
            waiting += [] if node.op_type in CONVOLUTIONS else list(node.input)
