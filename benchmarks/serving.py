"""What serving costs: memory, start-up, latency alone and at load, and where the time goes.

    python benchmarks/serving.py [--quick]

Serves the starter assistant in a process of its own. The same texts are also given to a bare onnxruntime session with
the same graph in this process, so that what Kefu adds is a ratio of two figures from one run.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measuring import ROOT, Load, Must, console, finish, kefu, progress, send_all, served
from configs import STARTER
from nlu.onnx_encoder import GRAPH_FILE, INPUTS, TOKENIZER_FILE
from nlu.tokens import TextTokenizer, pad
from training.releases import Releases

RESIDENT_MUST_MB = 300
START_MUST_S = 2.5
CONVERSATIONS = 32
STARTS = 5
STAGES = ("parse", "encode", "search", "decide", "store", "render")


def main() -> int:
    """Runs the benchmark; the exit code says whether what must be reached was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="Data folder with a trained starter; trained afresh if left out")
    parser.add_argument("--quick", action="store_true", help="a tenth of the messages")
    options = parser.parse_args()
    questions = (ROOT / "tests/data/shop_questions.jsonl").read_text("utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in questions] * (1 if options.quick else 10)
    with tempfile.TemporaryDirectory() as folder:
        data = options.data or Path(folder) / "data"
        if options.data is None:
            kefu("train", STARTER, "--data", data)
        return measure(Path(folder), data, texts, quick=options.quick)


def measure(folder: Path, data: Path, texts: list[str], *, quick: bool) -> int:
    """Starts, asks, counts."""
    starts = []
    with progress() as bar:
        for _ in bar.track(range(STARTS), description="starting"):
            with served(STARTER, data, folder / "start.log") as server:
                starts.append(server.start_s)
                resident_fresh_mb = server.resident_mb()
    log = folder / "server.log"
    with served(STARTER, data, log) as server:
        alone = send_all(server.address, texts[: len(texts) // 4], 1, "alone")
        stages_alone = mean_stages(log)
        together = send_all(server.address, texts, CONVERSATIONS, "together")
        resident_mb = server.resident_mb()
    bare = bare_latencies_ms(data, texts[: len(texts) // 4])
    bare_ms = float(np.median(bare))
    start_s = statistics.median(starts)
    turn_ms = alone.percentiles()["p50_ms"]
    server_ms = stages_alone.pop("server")
    rest_ms = max(0.0, server_ms - sum(stages_alone.values()))
    shares = {name: spent / server_ms for name, spent in {**stages_alone, "rest": rest_ms}.items()}
    figures = {
        "start_s": {"median": round(start_s, 3), "min": round(min(starts), 3), "max": round(max(starts), 3)},
        "resident_mb": {"after_first_answer": round(resident_fresh_mb, 1), "after_load": round(resident_mb, 1)},
        "alone": alone.percentiles(),
        "together": {
            "conversations": CONVERSATIONS,
            "messages_per_s": round(together.rate, 1),
            **together.percentiles(),
        },
        "bare_onnxruntime_p50_ms": round(bare_ms, 3),
        "turn_over_bare": round(turn_ms / bare_ms, 2),
        "stage_mean_ms": {name: round(spent, 3) for name, spent in {**stages_alone, "rest": rest_ms}.items()},
        "stage_share": {name: round(share, 4) for name, share in shares.items()},
    }
    musts = [
        Must(name="resident MB after load", value=resident_mb, limit=RESIDENT_MUST_MB, at_most=True),
        Must(name="seconds from process start to first answer", value=start_s, limit=START_MUST_S, at_most=True),
        Must(name="unanswered messages", value=unanswered(alone) + unanswered(together), limit=0, at_most=True),
    ]
    rows = [
        ("", "figure"),
        ("start to first answer, median of 5", f"{start_s:.2f} s"),
        ("resident memory, first answer / after load", f"{resident_fresh_mb:.0f} / {resident_mb:.0f} MB"),
        ("alone, p50 / p95 / p99", _percentiles(alone)),
        (f"{CONVERSATIONS} at once, p50 / p95 / p99", _percentiles(together)),
        (f"{CONVERSATIONS} at once", f"{together.rate:.0f} messages a second"),
        ("bare onnxruntime call, p50", f"{bare_ms:.2f} ms"),
        ("whole turn over HTTP / bare call", f"{turn_ms / bare_ms:.2f}"),
        *(
            (f"  {name}", f"{stages_ms:.2f} ms  {shares[name]:.0%}")
            for name, stages_ms in _with_rest(stages_alone, rest_ms)
        ),
    ]
    return finish("serving-quick" if quick else "serving", rows, figures, musts)


def mean_stages(log: Path) -> dict[str, float]:
    """Mean milliseconds of each stage over the turns in the server's log, and of the whole request as `server`."""
    turns = [
        line
        for line in map(json.loads, log.read_text().splitlines())
        if line["event"] == "request" and line["path"] == "/webhooks/rest/webhook" and line["status"] == 200
    ]
    means = {name: statistics.fmean(turn["stages"].get(name, 0.0) for turn in turns) for name in STAGES}
    return {**means, "server": statistics.fmean(turn["ms"] for turn in turns)}


def bare_latencies_ms(data: Path, texts: list[str]) -> list[float]:
    """Milliseconds of a bare session call for each text, tokenised beforehand."""
    releases = Releases(data)
    folder = releases.open(next(releases.candidates())).folder
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(folder / GRAPH_FILE), options, providers=["CPUExecutionProvider"])
    tokenizer = TextTokenizer(folder / TOKENIZER_FILE, prefix="", max_tokens=128)
    spent = []
    console.print("The same texts through a bare onnxruntime session")
    for text in texts:
        batch = pad(tokenizer.ids([text]))
        feeds = dict(zip(INPUTS, (batch.input_ids, batch.attention_mask), strict=True))
        started = time.perf_counter()
        session.run(None, feeds)
        spent.append(1e3 * (time.perf_counter() - started))
    return spent


def unanswered(load: Load) -> int:
    """Messages that got no reply."""
    return sum(not reply for reply in load.replies)


def _percentiles(load: Load) -> str:
    return " / ".join(f"{value:.1f}" for value in load.percentiles().values()) + " ms"


def _with_rest(stages: dict[str, float], rest_ms: float) -> list[tuple[str, float]]:
    return [*stages.items(), ("rest", rest_ms)]


if __name__ == "__main__":
    sys.exit(main())
