"""Int8 weights in an ONNX graph: which parts of it can have them, and what then takes their place.

Owns the nodes and the arithmetic. Which parts are worth it is for `training.quantize` to find out.

A linear layer becomes `DynamicQuantizeLinear` and `MatMulInteger`: weights have one scale a column, activations one
scale a run. So what a message gives moves a little with the messages that are run beside it, and not at all where it
is run alone. An embedding table gets one scale a row. A layer whose result is itself an output is a head, and heads
are left alone: they are small, and closest to what is decided.
"""

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnx_ir.passes.common import RemoveUnusedNodesPass
from onnxscript.rewriter.ort_fusions.bias_gelu import fuse_bias_gelu
from onnxscript.rewriter.ort_fusions.erfgelu import fuse_erfgelu

Feeds = Mapping[str, NDArray[np.int64]]
FloatArray = NDArray[np.float32]

SCOPES = "pkg.torch.onnx.name_scopes"
MIN_TABLE_ROWS = 4_096
MAX_WEIGHT = 127
OUTLIER = 2.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Layers that read the same tensor, or one embedding table.

    Attributes:
        name: The modules it comes from, as the graph names them, such as `encoder.layer.0.output.dense`.
        kind: Equal for the same place in every layer: `output.dense`.
        outputs: The tensors that its nodes write; they tell the nodes apart.
        weight_count: How many weights it has.
    """

    name: str
    kind: str
    outputs: frozenset[str]
    weight_count: int


def load_fused(path: Path) -> onnx.ModelProto:
    """The graph at `path` with each GELU as one node, which onnxruntime does not find by itself in such a graph."""
    model = onnx_ir.load(path)
    onnx_ir.external_data.load_to_model(model)
    fuse_erfgelu(model)
    fuse_bias_gelu(model)
    RemoveUnusedNodesPass()(model)
    proto = onnx_ir.to_proto(model)
    # Shapes between the nodes are hints. With them onnxruntime fuses what is slower on a CPU, and they may be wrong.
    del proto.graph.value_info[:]
    return proto


def find_parts(model: onnx.ModelProto) -> list[Part]:
    """What can be made int8, in the order of the graph."""
    weights, heads = _Weights(model.graph), _heads(model.graph)
    by_input: dict[str, list[Any]] = {}
    for node in model.graph.node:
        if weights.is_table(node):
            by_input[node.output[0]] = [node]
        elif weights.is_layer(node) and node.output[0] not in heads:
            by_input.setdefault(node.input[0], []).append(node)
    return [_part(nodes, weights) for nodes in by_input.values()]


def input_peaks(model: onnx.ModelProto, parts: Sequence[Part], feeds: Sequence[Feeds]) -> dict[str, FloatArray]:
    """The largest absolute value of each channel that enters a layer of `parts`, over all `feeds`, by tensor."""
    wanted = frozenset().union(*(part.outputs for part in parts))
    layers = [node for node in model.graph.node if wanted.intersection(node.output) and node.op_type != "Gather"]
    names = list(dict.fromkeys(node.input[0] for node in layers))
    if not names:
        return {}
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    given = {output.name for output in watched.graph.output}
    float32 = onnx.TensorProto.FLOAT
    watched.graph.output.extend(
        helper.make_tensor_value_info(name, float32, None) for name in names if name not in given
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(watched.SerializeToString(), options, providers=["CPUExecutionProvider"])
    peaks: dict[str, FloatArray] = {}
    for feed in feeds:
        for name, value in zip(names, session.run(names, dict(feed)), strict=True):
            peak = np.abs(value).reshape(-1, value.shape[-1]).max(axis=0)
            peaks[name] = np.maximum(peaks.get(name, peak), peak)
    return peaks


def to_int8(model: onnx.ModelProto, parts: Sequence[Part], peaks: Mapping[str, FloatArray]) -> onnx.ModelProto:
    """A copy of `model` with `parts` in int8; `peaks` are those of `input_peaks`."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    chosen = frozenset().union(*(part.outputs for part in parts))
    rewriter = _Rewriter(_Weights(copy.graph), peaks)
    for node in copy.graph.node:
        rewriter.add(node, chosen=bool(chosen.intersection(node.output)))
    used = {name for node in rewriter.nodes for name in node.input}
    kept = [tensor for tensor in (*copy.graph.initializer, *rewriter.tensors) if tensor.name in used]
    del copy.graph.node[:], copy.graph.initializer[:]
    copy.graph.node.extend(rewriter.nodes)
    copy.graph.initializer.extend(kept)
    return copy


def column_scales(weights: FloatArray) -> FloatArray:
    """One scale a column of `weights` (inputs, outputs), such that no processor loses a product.

    An x86 without VNNI adds the products of two neighbouring inputs in 16 bits, which hold 32,767. An activation
    reaches 255, so the int8 weights of two neighbours may sum to 128 and no more. That costs less than halving all.

    Source: Intel's description of VPMADDUBSW.
    """
    size = np.abs(weights)
    even = np.vstack([size, np.zeros_like(size[: len(size) % 2])])
    peak = np.maximum(size.max(axis=0), (even[0::2] + even[1::2]).max(axis=0))
    return np.where(peak > 0, peak / MAX_WEIGHT, 1).astype(np.float32)


def smoothing(peaks: FloatArray) -> FloatArray:
    """What each channel is divided by before it is quantised; its weights are multiplied by the same.

    One scale serves all channels, and a few of them are ten times as large as the rest. Only these are drawn in.

    Source: after Xiao et al. 2023, SmoothQuant, arXiv:2211.10438.
    """
    usual = OUTLIER * float(np.median(peaks))
    return np.maximum(peaks / usual, 1).astype(np.float32) if usual > 0 else np.ones_like(peaks)


class _Weights:
    """The constants of a graph, transposed ones included."""

    def __init__(self, graph: Any) -> None:
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        self._turned = {
            node.output[0]: node.input[0]
            for node in graph.node
            if node.op_type == "Transpose" and node.input[0] in self._tensors
        }

    def is_layer(self, node: Any) -> bool:
        """Whether `node` multiplies a computed tensor with a constant float32 matrix."""
        if node.op_type not in ("MatMul", "Gemm") or self._tensor(node.input[0]) is not None:
            return False
        attributes = _attributes(node)
        plain = not attributes.get("transA") and all(attributes.get(name, 1) == 1 for name in ("alpha", "beta"))
        return plain and self._is_matrix(node.input[1])

    def is_table(self, node: Any) -> bool:
        """Whether `node` looks rows up in a table that is large enough to gain by it."""
        if node.op_type != "Gather" or _attributes(node).get("axis") or not self._is_matrix(node.input[0]):
            return False
        rows, columns = self._tensors[node.input[0]].dims
        return bool(rows >= MIN_TABLE_ROWS and columns > 1)

    def of_layer(self, node: Any) -> FloatArray:
        """Shape (inputs, outputs)."""
        matrix = self.array(self._turned.get(node.input[1], node.input[1]))
        turned = (node.input[1] in self._turned) != bool(_attributes(node).get("transB"))
        return matrix.T if turned else matrix

    def array(self, name: str) -> FloatArray:
        return np.asarray(numpy_helper.to_array(self._tensors[name]), np.float32)

    def count(self, node: Any) -> int:
        tensor = self._tensor(node.input[0] if node.op_type == "Gather" else node.input[1])
        return int(np.prod(tensor.dims))

    def _tensor(self, name: str) -> Any:
        return self._tensors.get(self._turned.get(name, name))

    def _is_matrix(self, name: str) -> bool:
        tensor = self._tensor(name)
        return tensor is not None and len(tensor.dims) == 2 and tensor.data_type == onnx.TensorProto.FLOAT


class _Rewriter:
    """Collects the nodes and tensors of the new graph in order."""

    def __init__(self, weights: _Weights, peaks: Mapping[str, FloatArray]) -> None:
        self.nodes: list[Any] = []
        self.tensors: list[Any] = []
        self._weights = weights
        self._peaks = peaks
        self._quantised: set[str] = set()

    def add(self, node: Any, *, chosen: bool) -> None:
        if not chosen:
            self.nodes.append(node)
        elif node.op_type == "Gather":
            self._add_table(node)
        else:
            self._add_layer(node)

    def _add_table(self, node: Any) -> None:
        (table, rows), out = node.input, node.output[0]
        values = self._weights.array(table)
        peak = np.abs(values).max(axis=1, keepdims=True)
        scales = np.where(peak > 0, peak / MAX_WEIGHT, 1).astype(np.float32)
        self._constant(f"{out}_table", np.round(values / scales).astype(np.int8))
        self._constant(f"{out}_scales", scales)
        self._node("Gather", [f"{out}_table", rows], f"{out}_row")
        self._node("Gather", [f"{out}_scales", rows], f"{out}_scale")
        self._node("Cast", [f"{out}_row"], f"{out}_float", to=onnx.TensorProto.FLOAT)
        self._node("Mul", [f"{out}_float", f"{out}_scale"], out)

    def _add_layer(self, node: Any) -> None:
        source, out, bias = node.input[0], node.output[0], list(node.input[2:3])
        factors = smoothing(self._peaks[source])
        self._quantise_input(source, factors)
        weights = self._weights.of_layer(node) * factors[:, None]
        scales = column_scales(weights)
        self._constant(f"{out}_weights", np.round(weights / scales).astype(np.int8))
        self._constant(f"{out}_scales", scales)
        self._constant(f"{out}_zeros", np.zeros(scales.shape, np.int8))
        self._node(
            "MatMulInteger",
            [f"{source}_in_int8", f"{out}_weights", f"{source}_in_zero", f"{out}_zeros"],
            f"{out}_int32",
        )
        self._node("Cast", [f"{out}_int32"], f"{out}_float", to=onnx.TensorProto.FLOAT)
        self._node("Mul", [f"{source}_in_scale", f"{out}_scales"], f"{out}_scale")
        self._node("Mul", [f"{out}_float", f"{out}_scale"], f"{out}_product" if bias else out)
        if bias:
            self._node("Add", [f"{out}_product", *bias], out)

    def _quantise_input(self, source: str, factors: FloatArray) -> None:
        if source in self._quantised:
            return
        self._quantised.add(source)
        smooth = source
        if factors.max() > 1:
            smooth = f"{source}_smooth"
            self._constant(f"{source}_factors", 1 / factors)
            self._node("Mul", [source, f"{source}_factors"], smooth)
        outputs = [f"{source}_in_int8", f"{source}_in_scale", f"{source}_in_zero"]
        self.nodes.append(helper.make_node("DynamicQuantizeLinear", [smooth], outputs, name=outputs[0]))

    def _constant(self, name: str, values: NDArray[Any]) -> None:
        self.tensors.append(numpy_helper.from_array(values, name))

    def _node(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=f"{output}_{kind}", **attributes))


def _part(nodes: Sequence[Any], weights: _Weights) -> Part:
    scopes = [_scope(node) for node in nodes]
    if len(nodes) > 1:
        scopes = [scope.rpartition(".")[0] for scope in scopes]
    count = sum(weights.count(node) for node in nodes)
    return Part(
        name=" + ".join(dict.fromkeys(filter(None, scopes))) or nodes[0].name,
        kind=re.split(r"\.\d+\.", scopes[0])[-1] or f"{nodes[0].op_type} of {count}",
        outputs=frozenset(node.output[0] for node in nodes),
        weight_count=count,
    )


def _scope(node: Any) -> str:
    """The module that `node` was exported from; empty where the graph does not say."""
    found = next((entry.value for entry in node.metadata_props if entry.key == SCOPES), None)
    return "" if found is None else str(ast.literal_eval(found)[-2])


def _heads(graph: Any) -> set[str]:
    """Outputs of the graph, and what is an output once a bias is added."""
    outputs = {output.name for output in graph.output}
    return outputs.union(*(node.input for node in graph.node if node.op_type == "Add" and node.output[0] in outputs))


def _attributes(node: Any) -> dict[str, Any]:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
