"""What understanding one message costs beside the bare graph and other libraries, and how busy it keeps the processor.

    python benchmarks/understanding_speed.py [--quick] [--data DIR]

One message of 15 tokens at a time, on one thread: Kefu's whole pass (tokens, encoder, intents, scope, entities, mood),
the same graph run bare by onnxruntime on ready-made inputs, the same layers in torch on ready-made inputs, SetFit's
`predict`, and scikit-learn's logistic regression on frozen sentence-transformers embeddings. The last two run the
encoder's own layers once; Kefu's graph has those that are tuned twice. Then batches of 32 in two threads, each with its
own batch and one-threaded: what the graph multiplies, as a share of what a large matrix product reaches the same way.

Every round runs all variants, on the same text and in an order of its own; ratios are medians over the rounds. Each
call that is timed follows one that is not, so that nobody pays for caches which another library has just emptied.
What a pass costs does not depend on weights, so the torch model and the float32 graph have the checkpoint's own.
Needs `pip install setfit`.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sentence_transformers import SentenceTransformer
from setfit import SetFitModel  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measuring import ROOT, Must, console, finish, progress, progress_of
from configs import MINIMAL, read_assistant
from configs.assistant_config import EncoderConfig
from configs.bot_spec import BotSpec
from nlu.checkpoint import find_checkpoint
from nlu.onnx_encoder import GRAPH_FILE, INPUTS, OnnxEncoder
from nlu.saved import load_understander
from nlu.tokens import TextTokenizer, pad
from nlu.torch_encoder import BertClassifier, TorchEncoder, load_torch_encoder, tensors
from nlu.understanding import Understander
from training.export import export_encoder
from training.releases import ASSISTANT_FILE, Release, Releases
from training.trainer import train_assistant

TOKENS, BATCH, WORKERS, SEED = 15, 32, 2, 42
LATENCY_ROUNDS, LOAD_ROUNDS = 300, 24
OVERHEAD_MUST, TORCH_MUST = 0.30, 5.0
MATRIX_SIDE, SPELL_S = 1_024, 0.1
KEFU, BARE, TORCH = "Kefu", "bare onnxruntime", "torch, float32"
SETFIT = f"SetFit {version('setfit')}"
SKLEARN = "scikit-learn"
SERVED, FLOAT32 = "release's graph", "float32 graph"
PEAKS = ("int8 product", "bfloat16 product", "float32 product")
PEAK_OF = {SERVED: PEAKS[0], FLOAT32: PEAKS[2]}

Call = Callable[[], object]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is measured: one release, and the same layers in float32, in torch and as a graph."""

    release: Release
    understander: Understander
    torch_encoder: TorchEncoder
    float32: Understander
    texts: Sequence[str]

    @property
    def precision(self) -> str:
        """Of the release's graph: `int8`, `mixed` or `float32`."""
        return str(self.release.read_json("encoder.json")["precision"])


def main() -> int:
    """Runs the benchmark; the exit code says whether what must be reached was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="Data folder with a trained release; trained afresh if left out")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rounds")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        releases = Releases(options.data or Path(folder) / "data")
        if options.data is None:
            with progress_of("minimal") as report:
                train_assistant(read_assistant(MINIMAL), releases, report)
        console.print("Exporting the float32 graph")
        subject = prepare(releases.open(next(releases.candidates())), Path(folder) / "float32")
        return measure(subject, 10 if options.quick else 1)


def measure(subject: Subject, divisor: int) -> int:
    """Times everything and writes it down."""
    system_load = [round(os.getloadavg()[0], 2)]
    latencies = latencies_ms(one_message(subject), subject.texts, LATENCY_ROUNDS // divisor)
    multiply_adds = multiply_adds_per_text(subject.torch_encoder.model, TOKENS)
    rates = calls_per_s(under_load(subject), LOAD_ROUNDS // divisor)
    figures = {
        "tokens": TOKENS,
        "seed": SEED,
        "rounds": {"latency": LATENCY_ROUNDS // divisor, "load": LOAD_ROUNDS // divisor},
        "system_load_before_and_after": [*system_load, round(os.getloadavg()[0], 2)],
        "versions": {name: version(name) for name in ("setfit", "sentence-transformers", "scikit-learn")},
        "graph_precision": subject.precision,
        "latency": latency_figures(latencies),
        "multiply_adds_per_token": round(multiply_adds / TOKENS),
        "load": load_figures(rates, multiply_adds),
    }
    overhead = float(np.median(latencies[KEFU] / latencies[BARE])) - 1
    over_torch = float(np.median(latencies[TORCH] / latencies[KEFU]))
    musts = [
        Must(name="what Kefu adds to the bare graph", value=overhead, limit=OVERHEAD_MUST, at_most=True),
        Must(name="times as fast as torch", value=over_torch, limit=TORCH_MUST),
    ]
    name = "understanding_speed" + ("-quick" if divisor > 1 else "")
    return finish(name, table(figures), figures, musts)


def prepare(release: Release, folder: Path) -> Subject:
    """The release, and its layers in float32 under `folder`."""
    spec = BotSpec.from_json((release.folder / ASSISTANT_FILE).read_bytes())
    understander = load_understander(release.folder, spec.entities)
    encoder = understander.encoder
    assert isinstance(encoder, OnnxEncoder)
    layers = sum(node.op_type == "Softmax" for node in onnx.load(release.folder / GRAPH_FILE).graph.node)
    torch_encoder = load_torch_encoder(
        find_checkpoint(EncoderConfig(name=release.manifest.encoder), ROOT),
        encoder.classes,
        torch.device("cpu"),
        tuned_layers=lambda own: layers - own,  # every layer has one softmax, and tuned ones are there twice
        tags=encoder.tags,
    )
    folder.mkdir()
    texts = texts_of_length(encoder.tokenizer, TOKENS)
    export_encoder(torch_encoder, folder, texts)
    return Subject(
        release=release,
        understander=understander,
        torch_encoder=torch_encoder,
        float32=Understander(
            OnnxEncoder(folder),
            understander.intents,
            scope=understander.scope,
            coverage=understander.coverage,
            entities=understander.entities,
            mood=understander.mood,
        ),
        texts=texts,
    )


def texts_of_length(tokenizer: TextTokenizer, tokens: int) -> list[str]:
    """The messages among the shop's questions that have this many tokens, special ones included."""
    lines = (ROOT / "tests/data/shop_questions.jsonl").read_text("utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    return [text for text, ids in zip(texts, tokenizer.ids(texts), strict=True) if len(ids) == tokens]


def one_message(subject: Subject) -> Mapping[str, Callable[[str], Call]]:
    """By variant, what makes the call to be timed from a text; making it is not timed."""
    understander, model = subject.understander, subject.torch_encoder.model
    tokenizer = subject.torch_encoder.tokenizer
    session = onnxruntime.InferenceSession(
        str(subject.release.folder / GRAPH_FILE), _one_thread(), providers=["CPUExecutionProvider"]
    )
    examples = read_assistant(MINIMAL).examples
    body = SentenceTransformer(find_checkpoint(EncoderConfig(), ROOT).source, device="cpu")
    frozen = body.encode([example.text for example in examples], show_progress_bar=False)
    head = LogisticRegression(max_iter=1_000).fit(frozen, [example.intent for example in examples])
    setfit = SetFitModel(model_body=body, model_head=head)

    def bare(text: str) -> Call:
        batch = pad(tokenizer.ids([text]))
        return partial(session.run, None, dict(zip(INPUTS, (batch.input_ids, batch.attention_mask), strict=True)))

    def eager(text: str) -> Call:
        return partial(_without_gradients, model, *tensors(tokenizer.ids([text]), torch.device("cpu")))

    return {
        KEFU: lambda text: partial(understander.understand, [text]),
        BARE: bare,
        TORCH: eager,
        SETFIT: lambda text: partial(setfit.predict, [text]),
        SKLEARN: lambda text: lambda: head.predict(body.encode([text], show_progress_bar=False)),
    }


def under_load(subject: Subject) -> Mapping[str, Call]:
    """By variant, what each worker calls: a batch understood, or one matrix product."""
    texts = [subject.texts[index % len(subject.texts)] for index in range(BATCH)]
    return {
        SERVED: partial(subject.understander.understand, texts),
        FLOAT32: partial(subject.float32.understand, texts),
        PEAKS[0]: int8_product(MATRIX_SIDE),
        PEAKS[1]: torch_product(MATRIX_SIDE, torch.bfloat16),
        PEAKS[2]: torch_product(MATRIX_SIDE, torch.float32),
    }


def latencies_ms(
    variants: Mapping[str, Callable[[str], Call]], texts: Sequence[str], rounds: int
) -> dict[str, FloatArray]:
    """Milliseconds of each variant in each round."""
    random = np.random.default_rng(SEED)
    names = list(variants)
    spent = {name: np.zeros(rounds) for name in names}
    with progress() as bar:
        for number in bar.track(range(-len(texts), rounds), description="one message"):
            text = texts[number % len(texts)]
            for index in random.permutation(len(names)):
                call = variants[names[index]](text)
                call()
                started = time.perf_counter()
                call()
                if number >= 0:  # the rounds before warm up
                    spent[names[index]][number] = 1e3 * (time.perf_counter() - started)
    return spent


def calls_per_s(variants: Mapping[str, Call], rounds: int) -> dict[str, FloatArray]:
    """Calls a second of all workers together, by variant and round."""
    random = np.random.default_rng(SEED)
    names = list(variants)
    rates = {name: np.zeros(rounds) for name in names}
    with (
        ThreadPoolExecutor(WORKERS, initializer=torch.set_num_threads, initargs=(1,)) as workers,
        progress() as bar,
    ):
        for number in bar.track(range(-1, rounds), description=f"{WORKERS} threads"):
            for index in random.permutation(len(names)):
                timed = [workers.submit(_rate, variants[names[index]]) for _ in range(WORKERS)]
                found = sum(future.result() for future in timed)
                if number >= 0:
                    rates[names[index]][number] = found
    return rates


def multiply_adds_per_text(model: BertClassifier, tokens: int) -> float:
    """Multiplications with their additions in one pass: all linear layers, and the two products of attention."""
    layers = [*model.trunk, *model.plain_top, *model.tuned_top]
    each_token = [module for layer in layers for module in layer.modules() if isinstance(module, nn.Linear)]
    once = [model.plain_head, model.tuned_head]
    in_linear = _weights([*each_token, *([model.tagger] if model.tagger else [])]) * tokens + _weights(once)
    return in_linear + len(layers) * 2 * tokens * tokens * model.dimension


def int8_product(side: int) -> Call:
    """Activations times weights as the int8 graph multiplies them: `MatMulInteger`, weights known beforehand."""
    random = np.random.default_rng(SEED)
    weights = random.integers(-63, 64, (side, side), np.int8)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["activations", "weights"], ["product"])],
        "product",
        [helper.make_tensor_value_info("activations", TensorProto.UINT8, [side, side])],
        [helper.make_tensor_value_info("product", TensorProto.INT32, [side, side])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), _one_thread(), providers=["CPUExecutionProvider"])
    return partial(session.run, None, {"activations": random.integers(0, 256, (side, side), np.uint8)})


def torch_product(side: int, dtype: torch.dtype) -> Call:
    """Two square matrices multiplied by torch."""
    left, right = torch.randn(2, side, side, generator=torch.Generator().manual_seed(SEED)).to(dtype)
    return partial(_without_gradients, torch.matmul, left, right)


def latency_figures(spent: Mapping[str, FloatArray]) -> dict[str, Any]:
    """Percentiles of each variant, and how many times Kefu's time it takes."""
    return {
        name: {
            "p50_ms": round(float(np.percentile(each, 50)), 3),
            "p99_ms": round(float(np.percentile(each, 99)), 3),
            "times_kefu": round(float(np.median(each / spent[KEFU])), 3),
        }
        for name, each in spent.items()
    }


def load_figures(rates: Mapping[str, FloatArray], multiply_adds: float) -> dict[str, Any]:
    """Messages a second, 10^9 operations a second, and the share of the peak of the same round."""
    figures: dict[str, Any] = {}
    peaks = {name: rates[name] * 2 * MATRIX_SIDE**3 / 1e9 for name in PEAKS}
    for name, peak in PEAK_OF.items():
        messages = rates[name] * BATCH
        done = messages * 2 * multiply_adds / 1e9
        figures[name] = {
            "messages_per_s": round(float(np.median(messages)), 1),
            "gops": round(float(np.median(done)), 1),
            "share_of_peak": round(float(np.median(done / peaks[peak])), 4),
        }
    return {**figures, **{name: {"gops": round(float(np.median(peak)), 1)} for name, peak in peaks.items()}}


def table(figures: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The rows that are printed."""
    rows: list[tuple[str, ...]] = [("", "p50 / p99", "times Kefu's", "messages/s", "GOPS", "share of peak")]
    for name, found in figures["latency"].items():
        rows.append(
            (name, f"{found['p50_ms']:.2f} / {found['p99_ms']:.2f} ms", f"{found['times_kefu']:.2f}", "", "", "")
        )
    for name, found in figures["load"].items():
        label = f"{name} ({figures['graph_precision']})" if name == SERVED else name
        rate = f"{found['messages_per_s']:.0f}" if "messages_per_s" in found else ""
        share = f"{found['share_of_peak']:.1%} of {PEAK_OF[name].split()[0]}" if name in PEAK_OF else ""
        rows.append((label, "", "", rate, f"{found['gops']:.0f}", share))
    rows.append(("multiply-adds a token", "", "", "", f"{figures['multiply_adds_per_token'] / 1e9:.4f}", ""))
    return rows


def _one_thread() -> Any:
    """As the encoder's own session is set."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    return options


def _weights(layers: Sequence[nn.Linear]) -> int:
    return sum(layer.weight.numel() for layer in layers)


def _without_gradients(compute: Callable[..., object], *inputs: torch.Tensor) -> object:
    with torch.inference_mode():
        return compute(*inputs)


def _rate(call: Call) -> float:
    """Calls a second, over as many as last `SPELL_S`."""
    calls, started, spent = 0, time.perf_counter(), 0.0
    while spent < SPELL_S:
        call()
        calls += 1
        spent = time.perf_counter() - started
    return calls / spent


if __name__ == "__main__":
    sys.exit(main())
