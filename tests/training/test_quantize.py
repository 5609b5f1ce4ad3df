import copy
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import Tensor, nn

from training.int8_graph import column_scales, find_parts, input_peaks, load_fused, smoothing, to_int8
from training.quantize import Loss, Quantised, quantize_graph

INPUTS = ("input_ids", "attention_mask")
OUTPUTS = ("sentence_embedding", "intent_embedding", "intent_logits", "entity_logits")
SPOILT = Loss(changed_share=1.0, accuracy_points=50.0, cosine_drift=1.0)
FINE = Loss(changed_share=0.0, accuracy_points=0.0, cosine_drift=0.0)
ALLOWED = Loss(changed_share=0.1, accuracy_points=1.0, cosine_drift=0.05)

PER_LAYER = ("attention.self", "attention.output.dense", "intermediate.dense", "output.dense")
PARTS = [
    "embeddings.word_embeddings",
    *(f"trunk.0.{name}" for name in PER_LAYER),
    *(f"trunk.1.{name}" for name in PER_LAYER),
    "top.0.attention.self + tuned.0.attention.self",
    *(f"top.0.{name}" for name in PER_LAYER[1:]),
    *(f"tuned.0.{name}" for name in PER_LAYER[1:]),
]


class TwoTops(nn.Module):
    """A BERT of three layers whose last one is there twice, with one head on a text and one on each token."""

    def __init__(self) -> None:
        super().__init__()
        config = transformers.BertConfig(
            vocab_size=5_000,
            hidden_size=64,
            num_hidden_layers=3,
            num_attention_heads=4,
            intermediate_size=128,
            initializer_range=0.1,
        )
        body = transformers.BertModel(config, add_pooling_layer=False)
        *trunk, top = body.encoder.layer
        self.embeddings, self.trunk, self.top = body.embeddings, nn.ModuleList(trunk), nn.ModuleList([top])
        self.tuned = nn.ModuleList([copy.deepcopy(top)])
        with torch.no_grad():
            for weights in self.tuned.parameters():
                weights.add_(torch.randn_like(weights) * 0.02)
        self.intents, self.entities = nn.Linear(64, 7), nn.Linear(64, 5)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        bias = torch.where(attention_mask[:, None, None, :] > 0, 0.0, -1e9)
        hidden = self.embeddings(input_ids=input_ids)
        for layer in self.trunk:
            hidden = layer(hidden, attention_mask=bias)
        top, tuned = self.top[0](hidden, attention_mask=bias), self.tuned[0](hidden, attention_mask=bias)
        mask = attention_mask.unsqueeze(-1).float()
        sentence, intent = (
            nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=-1) for states in (top, tuned)
        )
        return sentence, intent, self.intents(intent), self.entities(tuned)


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The graph of `TwoTops`, exported as the product exports. Read only."""
    path = tmp_path_factory.mktemp("graph") / "encoder.onnx"
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = TwoTops().eval()
    tokens, mask = torch.tensor([[101, 2023, 2003, 102], [101, 102, 0, 0]]), torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    axes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("tokens", max=64)}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (tokens, mask),
            str(path),
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_shapes=dict.fromkeys(INPUTS, axes),
            opset_version=18,
            external_data=False,
            dynamo=True,
            verbose=False,
        )
    return path


@pytest.fixture(scope="module")
def messages() -> list[dict[str, NDArray[np.int64]]]:
    rng = np.random.default_rng(1)
    return [message(rng.integers(1_000, 5_000, 3 + index % 9)) for index in range(40)]


@pytest.fixture(scope="module")
def int8(graph: Path, messages: list[Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The graph, all of it in int8. Read only."""
    path = tmp_path_factory.mktemp("int8") / "encoder.onnx"
    quantize_graph(graph, path, lambda _: FINE, allowed=ALLOWED, examples=messages)
    return path


def message(ids: Sequence[int] | NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    tokens = np.asarray(ids, np.int64)[None]
    return {"input_ids": tokens, "attention_mask": np.ones_like(tokens)}


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(path: Path, messages: Sequence[Mapping[str, Any]]) -> dict[str, NDArray[np.float32]]:
    """Rows of all messages, run one by one; those of tokens one below the other."""
    opened = session(path)
    names = [output.name for output in opened.get_outputs()]
    rows = [opened.run(names, dict(each)) for each in messages]
    parts = [[part.reshape(-1, part.shape[-1]) for part in parts] for parts in zip(*rows, strict=True)]
    return {name: np.concatenate(part) for name, part in zip(names, parts, strict=True)}


def signature(path: Path) -> list[tuple[str, str, Any]]:
    opened = session(path)
    return [(item.name, item.type, item.shape) for item in (*opened.get_inputs(), *opened.get_outputs())]


def in_float32(path: Path) -> set[str]:
    """The parts of the graph at `path` that are not in int8."""
    return {part.name for part in find_parts(onnx.load(path))}


def punishing(*names: str, loss: Loss = SPOILT) -> Callable[[Path], Loss]:
    """A measure to which the graph is spoilt as long as one of these parts is in int8."""
    return lambda path: FINE if in_float32(path).issuperset(names) else loss


# Nodes and outputs


def test_inputs_and_outputs_keep_their_names_types_and_dynamic_axes(graph: Path, int8: Path) -> None:
    assert signature(int8) == signature(graph)
    assert signature(int8)[-1] == ("entity_logits", "tensor(float)", ["batch", "tokens", 5])


def test_every_linear_layer_but_the_heads_multiplies_integers(graph: Path, int8: Path) -> None:
    before, after = (Counter(node.op_type for node in onnx.load(path).graph.node) for path in (graph, int8))

    assert before["MatMulInteger"] == 0
    assert after["MatMulInteger"] == 4 * 6
    # What is left multiplies two computed tensors, twice a layer, or is a head.
    assert after["MatMul"] + after["Gemm"] == 4 * 2 + 2
    assert before["MatMul"] + before["Gemm"] == 4 * 6 + 4 * 2 + 2


def test_layers_that_read_the_same_tensor_quantise_it_once(int8: Path) -> None:
    kinds = Counter(node.op_type for node in onnx.load(int8).graph.node)

    # Attention, its output, and two linear layers: four a layer, but both tops read what the trunk gives.
    assert kinds["DynamicQuantizeLinear"] == 4 * 4 - 1


def test_weights_are_int8_with_one_scale_a_column(int8: Path) -> None:
    graph = onnx.load(int8).graph
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    layers = [node for node in graph.node if node.op_type == "MatMulInteger"]

    for node in layers:
        weights, zeros = tensors[node.input[1]], tensors[node.input[3]]
        assert weights.dtype == np.int8
        assert zeros.shape == weights.shape[1:]
        assert not zeros.any()
        scales = tensors[node.output[0].replace("_int32", "_scales")]
        assert scales.shape == weights.shape[1:]
        assert len(set(scales.tolist())) > len(scales) // 2


def test_what_was_float32_is_gone_from_the_file(graph: Path, int8: Path) -> None:
    large = [tensor for tensor in onnx.load(int8).graph.initializer if np.prod(tensor.dims) >= 64 * 64]

    # But for the positions, 512 rows, which are too few to gain by it, and the table's scales.
    float32 = [list(tensor.dims) for tensor in large if tensor.data_type == onnx.TensorProto.FLOAT]
    assert float32 == [[512, 64], [5_000, 1]]
    assert int8.stat().st_size < 0.4 * graph.stat().st_size


def test_gelu_is_one_node(graph: Path) -> None:
    kinds = Counter(node.op_type for node in load_fused(graph).graph.node)

    assert (kinds["BiasGelu"], kinds["Erf"]) == (4, 0)


def test_outputs_stay_close(graph: Path, int8: Path, messages: list[Any]) -> None:
    wanted, got = run(graph, messages), run(int8, messages)

    for name in OUTPUTS[:2]:
        assert np.sum(wanted[name] * got[name], axis=1).min() > 0.999
    for name in OUTPUTS[2:]:
        spread = wanted[name].std()
        assert 0 < np.abs(wanted[name] - got[name]).max() < 0.1 * spread


def test_padding_still_counts_for_nothing(int8: Path) -> None:
    alone = message([101, 2_000, 2_500, 102])
    padded = {
        "input_ids": np.array([[101, 2_000, 2_500, 102, 4_000, 4_001]], np.int64),
        "attention_mask": np.array([[1, 1, 1, 1, 0, 0]], np.int64),
    }
    left, right = (run(int8, [each])["sentence_embedding"] for each in (alone, padded))

    assert float(np.sum(left * right)) > 0.9995


# Parts


def test_parts_are_named_by_the_modules_they_come_from(graph: Path) -> None:
    parts = find_parts(load_fused(graph))

    assert sorted(part.name for part in parts) == sorted(PARTS)
    assert {part.kind for part in parts} == {"embeddings.word_embeddings", *PER_LAYER}


def test_parts_of_a_graph_without_module_names_are_told_apart(graph: Path) -> None:
    model = load_fused(graph)
    for node in model.graph.node:
        del node.metadata_props[:]
    parts = find_parts(model)

    assert len({part.name for part in parts}) == len(PARTS)
    assert {part.kind for part in parts} == {
        f"Gather of {5_000 * 64}",
        f"MatMul of {3 * 64 * 64}",
        f"MatMul of {6 * 64 * 64}",
        f"MatMul of {64 * 64}",
        f"MatMul of {64 * 128}",
    }


def small_graph(weights: NDArray[np.float32]) -> onnx.ModelProto:
    """x @ (weights, turned by a node) @ (weights, turned by the layer, and a bias of 1) @ a head."""
    nodes = [
        helper.make_node("Transpose", ["turned"], ["weights"], name="turn", perm=[1, 0]),
        helper.make_node("MatMul", ["x", "weights"], ["first"], name="first"),
        helper.make_node("Gemm", ["first", "turned", "bias"], ["second"], name="second", transB=1),
        helper.make_node("Gemm", ["second", "head"], ["y"], name="head"),
    ]
    size = len(weights)
    constants = {
        "turned": weights.T.copy(),
        "bias": np.ones(size, np.float32),
        "head": np.eye(size, dtype=np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", size])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", size])],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def test_transposed_weights_and_gemm_are_quantised_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    weights, x = rng.normal(size=(16, 16)).astype(np.float32), rng.normal(size=(5, 16)).astype(np.float32)
    model = small_graph(weights)
    parts = find_parts(model)
    peaks = input_peaks(model, parts, [{"x": x}])  # type: ignore[dict-item]
    onnx.save(to_int8(model, parts, peaks), tmp_path / "small.onnx")
    kinds = Counter(node.op_type for node in onnx.load(tmp_path / "small.onnx").graph.node)

    assert [part.name for part in parts] == ["first", "second"]
    assert (kinds["MatMulInteger"], kinds["MatMul"], kinds["Gemm"], kinds["Transpose"]) == (2, 0, 1, 1)
    np.testing.assert_array_equal(peaks["x"], np.abs(x).max(axis=0))
    got = session(tmp_path / "small.onnx").run(["y"], {"x": x})[0]
    wanted = x @ weights @ weights + 1
    assert np.abs(got - wanted).max() < 0.03 * np.abs(wanted).max()


def test_weights_beside_the_graph_end_inside_it(graph: Path, messages: list[Any], tmp_path: Path) -> None:
    beside = tmp_path / "beside.onnx"
    onnx.save(onnx.load(graph), beside, save_as_external_data=True, location="beside.data", size_threshold=0)
    (tmp_path / "alone").mkdir()
    target = tmp_path / "alone" / "encoder.onnx"
    found = quantize_graph(beside, target, punishing("trunk.0.output.dense"), allowed=ALLOWED, examples=messages)

    assert found.in_float32 == ("trunk.0.output.dense",)
    assert found.float32_bytes > 3 * beside.stat().st_size
    wanted, got = run(graph, messages), run(target, messages)
    assert np.sum(wanted["intent_embedding"] * got["intent_embedding"], axis=1).min() > 0.999


# Arithmetic


def test_a_column_scale_serves_the_largest_pair_of_neighbours() -> None:
    weights = np.array([[1.0, 1.0, 0.0, -3.0], [1.0, 0.0, 0.0, 1.0], [0.5, -1.0, 0.0, 2.0]], np.float32)

    # The pairs are rows 0 and 1, and row 2 alone.
    np.testing.assert_allclose(column_scales(weights), np.array([2.0, 1.0, 127.0, 4.0]) / 127)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 33), power=st.floats(0.1, 6))
def test_no_two_neighbours_overflow_16_bits(seed: int, rows: int, power: float) -> None:
    rng = np.random.default_rng(seed)
    weights = (np.sign(rng.normal(size=(rows, 4))) * rng.random((rows, 4)) ** power).astype(np.float32)
    sizes = np.abs(np.round(weights / column_scales(weights))).astype(int)
    even = np.vstack([sizes, np.zeros((rows % 2, 4), int)])

    assert sizes.max() <= 127
    assert 255 * (even[0::2] + even[1::2]).max() <= 32_767


def test_only_channels_that_are_far_above_the_others_are_drawn_in() -> None:
    peaks = np.array([1.0, 2.0, 2.0, 4.0, 50.0], np.float32)

    np.testing.assert_array_equal(smoothing(peaks), [1, 1, 1, 1, 10])
    np.testing.assert_array_equal(smoothing(np.array([0.0, 0.0, 9.0], np.float32)), [1, 1, 1])


def test_smoothing_saves_a_layer_that_one_large_channel_would_drown() -> None:
    rng = np.random.default_rng(4)
    weights = rng.normal(size=(16, 16)).astype(np.float32)
    weights[3] *= 0.01
    x = rng.normal(size=(50, 16)).astype(np.float32)
    x[:, 3] = 100 * rng.random(50)
    model = small_graph(weights)
    first = find_parts(model)[:1]
    wanted = onnxruntime.InferenceSession(model.SerializeToString()).run(["y"], {"x": x})[0]

    def error(peaks: dict[str, NDArray[np.float32]]) -> float:
        opened = onnxruntime.InferenceSession(to_int8(model, first, peaks).SerializeToString())
        return float(np.abs(opened.run(["y"], {"x": x})[0] - wanted).mean())

    smooth, plain = error(input_peaks(model, first, [{"x": x}])), error({"x": np.ones(16, np.float32)})  # type: ignore[dict-item]
    assert smooth < plain / 5


# Search


def quantised(graph: Path, target: Path, messages: Sequence[Any], measure: Callable[[Path], Loss]) -> Quantised:
    return quantize_graph(graph, target, measure, allowed=ALLOWED, examples=messages)


def test_where_int8_loses_little_it_is_measured_once(graph: Path, messages: list[Any], tmp_path: Path) -> None:
    target = tmp_path / "encoder.onnx"
    wanted = run(graph, messages)
    classes = wanted["intent_logits"].argmax(axis=1)

    def measure(path: Path) -> Loss:
        got = run(path, messages)
        pairs = [(wanted[name], got[name]) for name in OUTPUTS[:2]]
        return Loss.between((wanted["intent_logits"], got["intent_logits"]), classes, pairs)

    found = quantised(graph, target, messages, measure)

    assert (found.precision, found.in_float32, found.part_count) == ("int8", (), len(PARTS))
    assert found.target_bytes == target.stat().st_size < 0.4 * found.float32_bytes
    assert len(found.steps) == 1
    assert 0 < found.steps[0].loss.cosine_drift < 0.001


@pytest.mark.parametrize(
    "name",
    [
        "trunk.1.intermediate.dense",
        "trunk.0.attention.self",
        "tuned.0.output.dense",
        "embeddings.word_embeddings",
        "top.0.attention.self + tuned.0.attention.self",
    ],
)
def test_the_one_sensitive_part_is_left_in_float32(graph: Path, messages: list[Any], tmp_path: Path, name: str) -> None:
    target = tmp_path / "encoder.onnx"
    found = quantised(graph, target, messages, punishing(name))

    assert found.in_float32 == (name,)
    assert in_float32(target) == {name}
    assert found.precision == "mixed"
    assert found.reason == "All parts in int8 lose 50.0 times what is allowed; 1 stay in float32."
    assert len(found.steps) <= 12


def test_parts_of_two_kinds_are_left_together(graph: Path, messages: list[Any], tmp_path: Path) -> None:
    wanted = {"trunk.0.attention.self", "trunk.1.output.dense"}
    target = tmp_path / "encoder.onnx"

    def measure(path: Path) -> Loss:
        missing = len(wanted - in_float32(path))
        return Loss(changed_share=0.2 * missing, accuracy_points=0.0, cosine_drift=0.0)

    found = quantised(graph, target, messages, measure)

    assert wanted <= set(found.in_float32)
    assert in_float32(target) == set(found.in_float32)
    assert not any(name.endswith(("intermediate.dense", "word_embeddings")) for name in found.in_float32)
    assert found.steps[0].excess == pytest.approx(4.0)


def test_of_two_kinds_that_would_do_the_smaller_is_left(graph: Path, messages: list[Any], tmp_path: Path) -> None:
    def measure(path: Path) -> Loss:
        left = in_float32(path)
        return FINE if left & {"trunk.0.attention.output.dense", "trunk.0.output.dense"} else SPOILT

    found = quantised(graph, tmp_path / "encoder.onnx", messages, measure)

    assert found.in_float32 == ("trunk.0.attention.output.dense",)


def test_a_bound_that_nothing_meets_gives_float32_and_says_so(graph: Path, messages: list[Any], tmp_path: Path) -> None:
    target = tmp_path / "encoder.onnx"
    found = quantised(graph, target, messages, lambda _: SPOILT)

    assert found.precision == "float32"
    assert found.reason == "Every mixture tried loses too much: at best 50.0 times what is allowed."
    assert sorted(found.in_float32) == sorted(PARTS)
    assert in_float32(target) == set(PARTS)
    assert signature(target) == signature(graph)
    wanted, got = run(graph, messages), run(target, messages)
    for name in OUTPUTS:
        np.testing.assert_allclose(got[name], wanted[name], atol=1e-5)


def test_a_graph_without_large_weights_is_left_as_it_is(tmp_path: Path) -> None:
    model = small_graph(np.eye(4, dtype=np.float32))
    del model.graph.node[:3]
    model.graph.node[0].input[0] = "x"
    source = tmp_path / "small.onnx"
    onnx.save(model, source)
    found = quantize_graph(
        source,
        source,
        lambda _: FINE,
        allowed=ALLOWED,
        examples=[{"x": np.ones((1, 4), np.float32)}],  # type: ignore[dict-item]
    )

    assert (found.precision, found.reason) == ("float32", "The graph has no weights that can be int8.")


def test_the_result_may_replace_its_source(graph: Path, int8: Path, messages: list[Any], tmp_path: Path) -> None:
    same = tmp_path / "encoder.onnx"
    same.write_bytes(graph.read_bytes())
    quantised(same, same, messages, lambda _: FINE)

    assert same.read_bytes() == int8.read_bytes()


def test_no_examples_are_refused(graph: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one example message"):
        quantised(graph, tmp_path / "encoder.onnx", [], lambda _: FINE)


# Loss


def test_loss_counts_changes_points_and_the_worst_cosine() -> None:
    before = np.array([[2.0, 1.0], [2.0, 1.0], [0.0, 1.0], [3.0, 0.0]], np.float32)
    after = np.array([[2.0, 1.0], [1.0, 2.0], [0.0, 1.0], [3.0, 0.0]], np.float32)
    unit = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    turned = np.array([[1.0, 0.0], [0.6, 0.8]], np.float32)
    loss = Loss.between((before, after), np.array([0, 0, 1, 1]), [(unit, unit), (unit, turned)])

    assert loss.changed_share == 0.25
    assert loss.accuracy_points == 25.0
    assert loss.cosine_drift == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("loss", "times"),
    [
        (Loss(changed_share=0.05, accuracy_points=-3.0, cosine_drift=0.0), 0.5),
        (Loss(changed_share=0.0, accuracy_points=2.0, cosine_drift=0.05), 2.0),
        (Loss(changed_share=0.0, accuracy_points=0.0, cosine_drift=float("nan")), float("inf")),
    ],
)
def test_excess_is_the_worst_of_the_three(loss: Loss, times: float) -> None:
    assert loss.excess(ALLOWED) == pytest.approx(times)


def test_a_bound_of_nothing_allows_nothing_but_nothing() -> None:
    assert FINE.excess(FINE) == 0.0
    assert Loss(changed_share=0.0, accuracy_points=0.0, cosine_drift=1e-9).excess(FINE) == float("inf")
