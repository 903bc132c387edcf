"""A checkpoint's network as an ONNX graph: static shapes, pyramid and up-sampling as products with constants."""

from __future__ import annotations

import io
import warnings
from inspect import signature
from typing import Any, Dict, Sequence

import torch
from torch import nn

from pspgrasp.checkpoint import Checkpoint
from pspgrasp.config import DetectionConfig, to_tree
from pspgrasp.device_road import After, Before
from pspgrasp.errors import NetworkError
from pspgrasp.network_file.metadata import CLEARANCE, FOCAL, INPUT, OUTPUT, Metadata

OPSET = 17  # read by ONNX Runtime from 1.12 on, OpenVINO from 2022.3 on and TensorRT from 8.5 on


def onnx_graph(checkpoint: Checkpoint) -> Any:
    """Return the network as an onnx.ModelProto: `depth` (1, C, S, S) float32 -> `maps` (1, 4, S, S) float32.

    The output is one tensor, as the network makes it: cut into four it would have to be put together again before
    anything can be done with it. torch's exporter by tracing is used, not the newer one: it is in every torch from 2.0
    on, needs no more packages, takes a tenth of the time, and folds norms into convolutions by itself.

    Raises:
        NetworkError: The network can't be exported.
    """
    side = checkpoint.preprocess.input_size_px
    image = torch.zeros(1, checkpoint.preprocess.channels, side, side)
    try:
        return _traced(checkpoint.network(), (image,), [INPUT], [OUTPUT])
    except Exception as error:
        # The exporter raises whatever it likes: one kind for the caller.
        raise NetworkError(f"the network of {checkpoint.name!r} can't be exported to ONNX: {error}") from error


def road_graph(network: Any, metadata: Metadata) -> Any:
    """Return the whole road as an onnx.ModelProto: depth [m], 0 = no measurement, to the places of the best grasps.

    Args:
        network: As `onnx_graph` makes it, or quantised.
        metadata: Of the graph that is to be made; it has a `road`.

    Raises:
        ConfigError: Holes are to be filled in a way that no graph knows.
    """
    from onnx import compose, helper

    header, side = metadata.header, metadata.header.preprocess.input_size_px
    detection = DetectionConfig(**to_tree(metadata.road))
    before, after = Before(header.preprocess), After(header.width, header.width_scale_px, detection)
    depth_m, one = torch.ones(1, 1, side, side), torch.ones(1)
    ahead = _traced(before, (depth_m, one), [INPUT, FOCAL], ["image", "filled", "measured"])
    behind = _traced(
        after,
        (torch.zeros(1, 4, side, side), depth_m, depth_m, one),
        ["output", "filled", "measured", CLEARANCE],
        [name for name, _ in metadata.outputs],
    )
    # Names of the three must not meet; inputs and outputs keep theirs where somebody outside asks for them.
    within = compose.add_prefix(network, "network/")
    ahead = compose.add_prefix(ahead, "before/", rename_inputs=False, rename_outputs=False)
    behind = compose.add_prefix(behind, "after/", rename_inputs=False, rename_outputs=False)
    seen = compose.merge_models(ahead, within, [("image", f"network/{INPUT}")])
    links = {f"network/{OUTPUT}": "output", "filled": "filled", "measured": "measured"}
    road = compose.merge_models(seen, behind, [(made, name) for made, name in links.items() if _takes(behind, name)])
    del road.graph.output[:]  # the exporter doesn't know all their sizes
    road.graph.output.extend(helper.make_tensor_value_info(name, 1, shape) for name, shape in metadata.outputs)
    return road


def _traced(module: nn.Module, arguments: Sequence[torch.Tensor], inputs: Sequence[str], outputs: Sequence[str]) -> Any:
    import onnx

    file: Any = io.BytesIO()
    tracing: Dict[str, Any] = {"dynamo": False} if "dynamo" in signature(torch.onnx.export).parameters else {}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # sizes and matrices become constants: that is what is wanted
        torch.onnx.export(
            module.eval(),
            tuple(arguments),
            file,
            input_names=list(inputs),
            output_names=list(outputs),
            opset_version=OPSET,
            **tracing,
        )
    return onnx.load_model_from_string(file.getvalue())


def _takes(graph: Any, name: str) -> bool:
    return any(one.name == name for one in graph.graph.input)
