"""The main job on real input: 77 banking intents, trained by `kefu train`, asked 3,080 questions over HTTP.

    python benchmarks/banking77.py [--quick]

Turns the BANKING77 data set (10,003 training and 3,080 test messages) into an assistant whose reply to each intent is
that intent's name, so that a reply is right or wrong on its face. Beside it stands logistic regression on the same
encoder untuned, and Rasa's DIET as measured before on two cores of the same kind.
"""

import argparse
import csv
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import yaml
from sklearn.linear_model import LogisticRegression

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measuring import SHARED_DATA, Must, console, finish, kefu, send_all, served
from configs import EncoderConfig
from nlu.checkpoint import find_checkpoint
from nlu.torch_encoder import load_torch_encoder

ACCURACY_MUST = 0.935
CONVERSATIONS = 32
FROZEN_C = 30.0
# Rasa 3.6.21 with its default DIET pipeline, same data, two cores of the same kind.
RASA = {"accuracy": 0.894, "train_s": 3000, "messages_per_s": 64, "start_s": 26, "resident_mb": 890}

Rows = list[tuple[str, str]]


def main() -> int:
    """Runs the benchmark; the exit code says whether what must be reached was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED_DATA / "intent_en_banking77")
    parser.add_argument(
        "--quick", action="store_true", help="10 examples an intent and 500 questions: no accuracy must"
    )
    options = parser.parse_args()
    train = read_rows(options.data / ("train_10shot.csv" if options.quick else "train.csv"))
    test = read_rows(options.data / "test.csv")
    if options.quick:
        test = [test[i] for i in np.random.default_rng(0).permutation(len(test))[:500]]
    with tempfile.TemporaryDirectory() as folder:
        return measure(Path(folder), train, test, quick=options.quick)


def measure(folder: Path, train: Rows, test: Rows, *, quick: bool) -> int:
    """Trains, serves, asks, counts."""
    assistant, data = folder / "banking77", folder / "data"
    dropped = write_assistant(train, assistant)
    started = time.perf_counter()
    kefu("train", assistant, "--data", data)
    train_s = time.perf_counter() - started
    console.print("Frozen encoder + logistic regression, for comparison")
    frozen = frozen_accuracy(train, test)
    texts = [text for text, _ in test]
    with served(assistant, data, folder / "server.log") as server:
        alone = send_all(server.address, texts[:300], 1, "alone")
        load = send_all(server.address, texts, CONVERSATIONS, "together")
        resident_mb = server.resident_mb()
    errors = (folder / "server.log").read_text().count('"level": "error"')
    right = [
        reply is not None and [item["text"] for item in reply] == [intent]
        for reply, (_, intent) in zip(load.replies, test, strict=True)
    ]
    unanswered = sum(not reply for reply in load.replies)
    accuracy = float(np.mean(right))
    figures = {
        "train_examples": len(train),
        "contradictory_examples_dropped": dropped,
        "test_messages": len(test),
        "seed": 42,
        "accuracy": accuracy,
        "frozen_accuracy": frozen,
        "train_s": round(train_s, 1),
        "start_s": round(server.start_s, 2),
        "resident_mb": round(resident_mb, 1),
        "conversations": CONVERSATIONS,
        "messages_per_s": round(load.rate, 1),
        "together": load.percentiles(),
        "alone": alone.percentiles(),
        "unanswered": unanswered,
        "errors": errors,
        "rasa_3_6_21": RASA,
    }
    together, single = load.percentiles(), alone.percentiles()
    rows = [
        ("", "Kefu", "frozen + LR", "Rasa 3.6.21 DIET"),
        ("accuracy", f"{accuracy:.2%}", f"{frozen:.2%}", f"{RASA['accuracy']:.1%}"),
        ("training", f"{train_s:.0f} s", "", f"{RASA['train_s']} s"),
        ("messages a second over REST", f"{load.rate:.0f}", "", str(RASA["messages_per_s"])),
        (
            f"p50 / p95 / p99, {CONVERSATIONS} at once",
            " / ".join(f"{together[p]:.1f}" for p in together) + " ms",
            "",
            "",
        ),
        ("p50 / p95 / p99, alone", " / ".join(f"{single[p]:.1f}" for p in single) + " ms", "", ""),
        ("start to first answer", f"{server.start_s:.2f} s", "", f"{RASA['start_s']} s"),
        ("resident memory", f"{resident_mb:.0f} MB", "", f"{RASA['resident_mb']} MB"),
        ("unanswered, errors", f"{unanswered}, {errors}", "", ""),
    ]
    musts = [Must(name="unanswered messages", value=unanswered, limit=0, at_most=True)]
    musts.append(Must(name="errors in the server's log", value=errors, limit=0, at_most=True))
    if not quick:
        musts.append(Must(name="accuracy", value=accuracy, limit=ACCURACY_MUST))
    return finish("banking77-quick" if quick else "banking77", rows, figures, musts)


def read_rows(path: Path) -> Rows:
    """(text, intent) of each row."""
    with path.open(encoding="utf-8", newline="") as file:
        return [(" ".join(row["text"].split()), row["intent"]) for row in csv.DictReader(file)]


def write_assistant(rows: Rows, folder: Path) -> int:
    """Writes an assistant that always answers with the intent's name.

    Returns:
        How many rows were left out because an earlier row has the same text under another intent.
    """
    by_intent: dict[str, list[str]] = {}
    first: dict[str, str] = {}
    for text, intent in rows:
        if first.setdefault(text.casefold(), intent) == intent:
            by_intent.setdefault(intent, []).append(text)
    policy = {"template_threshold": 0.0, "clarify_threshold": 0.0, "same_question_threshold": 1.0}
    files = {
        "config.yml": {"language": "en", "kefu": {"policy": policy}},
        "domain.yml": {
            "version": "3.1",
            "intents": list(by_intent),
            "responses": {f"utter_{intent}": [{"text": intent}] for intent in by_intent},
        },
        "data/nlu.yml": {
            "version": "3.1",
            "nlu": [
                {"intent": intent, "examples": [{"text": text} for text in texts]}
                for intent, texts in by_intent.items()
            ],
        },
    }
    (folder / "data").mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=10_000), "utf-8")
    return len(rows) - sum(map(len, by_intent.values()))


def frozen_accuracy(train: Rows, test: Rows) -> float:
    """Test accuracy of logistic regression on the untuned encoder's embeddings."""
    encoder = load_torch_encoder(find_checkpoint(EncoderConfig(), Path()), 2, torch.device("cpu"))
    texts, intents = zip(*train, strict=True)
    test_texts, test_intents = zip(*test, strict=True)
    regression = LogisticRegression(C=FROZEN_C, max_iter=1_000).fit(encoder.encode(texts).embeddings, intents)
    return float(regression.score(encoder.encode(test_texts).embeddings, test_intents))


if __name__ == "__main__":
    sys.exit(main())
