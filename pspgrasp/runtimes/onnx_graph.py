"""A checkpoint's network as an ONNX graph: static shapes, pyramid and up-sampling as products with constants."""

from __future__ import annotations

import io
import warnings
from inspect import signature
from typing import Any, Dict

import torch

from pspgrasp.checkpoint import Checkpoint
from pspgrasp.errors import NetworkError
from pspgrasp.network_file.metadata import INPUT, OUTPUT

OPSET = 17  # read by ONNX Runtime from 1.12 on, OpenVINO from 2022.3 on and TensorRT from 8.5 on


def onnx_graph(checkpoint: Checkpoint) -> Any:
    """Return the network as an onnx.ModelProto: `depth` (1, C, S, S) float32 -> `maps` (1, 4, S, S) float32.

    The output is one tensor, as the network makes it: cut into four it would have to be put together again before
    anything can be done with it. torch's exporter by tracing is used, not the newer one: it is in every torch from 2.0
    on, needs no more packages, takes a tenth of the time, and folds norms into convolutions by itself.

    Raises:
        NetworkError: The network can't be exported.
    """
    import onnx

    network, side = checkpoint.network(), checkpoint.preprocess.input_size_px
    image = torch.zeros(1, checkpoint.preprocess.channels, side, side)
    file: Any = io.BytesIO()
    tracing: Dict[str, Any] = {"dynamo": False} if "dynamo" in signature(torch.onnx.export).parameters else {}
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # sizes and matrices become constants: that is what is wanted
            torch.onnx.export(
                network,
                (image,),
                file,
                input_names=[INPUT],
                output_names=[OUTPUT],
                opset_version=OPSET,
                **tracing,
            )
    except Exception as error:
        # The exporter raises whatever it likes: one kind for the caller.
        raise NetworkError(f"the network of {checkpoint.name!r} can't be exported to ONNX: {error}") from error
    return onnx.load_model_from_string(file.getvalue())
