"""The weights of a compiled pipeline: as places in the weights file beside it, or in the file as small as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

_LEAST = 64  # values; fewer are kept as they are


def place_weights(model: onnx.ModelProto, weights: Path, *, beside: bool) -> None:
    """Make an exported model small: its weights take no more room than in the weights file that they are from.

    Weights that were kept in float16 are cast to float32 as the model is loaded. With `beside`, the file will lie in
    the folder of the weights file, whose tensors are not compressed: the model says where they stand.
    """
    stored = weights.read_bytes()
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < _LEAST:
            continue
        name, kept = tensor.name, _smallest(values, stored)
        if kept.dtype == np.float16:
            tensor.name = f"{name}.float16"
            casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
        _store(tensor, kept, weights.name, stored if beside else b"")
    nodes = [*casts, *model.graph.node]
    for node in nodes:
        node.ClearField("doc_string")  # lines of this package's source
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _smallest(values: NDArray[np.float32], stored: bytes) -> NDArray[np.generic]:
    """Return the values as the weights file has them, or in float16 where that loses nothing."""
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    is_float32 = values.tobytes() in stored or not np.array_equal(half.astype(np.float32), values)
    return values if is_float32 else half


def _store(tensor: TensorProto, values: NDArray[np.generic], location: str, stored: bytes) -> None:
    """Keep values in a tensor, or their place in the file of this name where `stored`, its bytes, has them."""
    name, shape, packed = tensor.name, values.shape, values.tobytes()
    place = stored.find(packed)
    if place < 0:
        tensor.CopyFrom(numpy_helper.from_array(values, name))
        return
    tensor.Clear()
    tensor.name, tensor.data_location = name, TensorProto.EXTERNAL
    tensor.data_type = helper.np_dtype_to_tensor_dtype(values.dtype)
    tensor.dims.extend(shape)
    for key, value in {"location": location, "offset": str(place), "length": str(len(packed))}.items():
        tensor.external_data.add(key=key, value=value)
