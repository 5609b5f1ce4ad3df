"""Which template an agent picks next, given what was truly said and done before.

    python benchmarks/next_action.py [--quick]

STAR: 1,058 dialogues of 19 tasks whose agent turns name their template. A prediction sees the customer's last two
messages, what the agent said last, and the agent's actions so far (looking something up is one); which task it is has
to be found out. Only turns with a template count, not those in the agent's own words. The data names no split: a fifth
of the dialogues is held out at random, three times; and, in five parts, every task once, with all of its dialogues.

Beside Kefu's predictor stand the most frequent template, the template of the nearest turn that was learned (by the
embedding of the customer's message; and by those of the agent's and the customer's last words, side by side), and
Kefu's memory alone. Its settings were tried out on one more random split, whose seed is not among the three.
Source: Mosig, Mehri, Kober, "STAR: A Schema-Guided Dialog Dataset for Transfer Learning", 2020.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import f1_score

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measuring import SHARED_DATA, Must, finish, progress
from benchmarks.retrieval import embed_all
from configs import MINIMAL, read_assistant
from nlu.encoder import FloatArray
from training.data_checks import frozen_embed
from training.next_action import Decision, NextActionModel, StoryMemory

NAME = "next_action"
DATA = SHARED_DATA / "dialog_en_star" / "dialogues.jsonl"
OWN_WORDS = "custom"  # an agent's turn without a template
LOOKED_UP = "query"
SEEDS = (42, 43, 44)
TEST_SHARE = 0.2
TASK_PARTS = 5
AT_RANDOM, BY_TASK = "dialogues", "tasks"
KEFU, MEMORY = "Kefu", "Kefu, memory alone"
FREQUENT, NEAR, NEAR_BOTH = "most frequent", "nearest message", "nearest exchange"
BASELINES = (FREQUENT, NEAR, NEAR_BOTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A turn of the agent, and the texts before it.

    Attributes:
        texts: What the customer said last, what the agent said last, what the customer had said before that.
    """

    dialogue: str
    task: str
    history: tuple[str, ...]
    texts: tuple[str, str, str]
    action: str


def main() -> int:
    """Runs both ways to hold out; the exit code says whether both baselines were beaten."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one split, no tasks held out")
    options = parser.parse_args()
    torch.set_num_threads(1)  # the matrices are small
    said = read_turns(DATA)
    decisions, tasks = embedded(said), np.array([one.task for one in said])
    splits = {AT_RANDOM: list(random_splits(decisions, SEEDS[:1] if options.quick else SEEDS))}
    if not options.quick:
        splits[BY_TASK] = list(task_splits(tasks))
    figures: dict[str, Any] = {"turns": len(said), "dialogues": len({one.dialogue for one in said})}
    with progress() as bar:
        bars = bar.add_task("splits", total=sum(map(len, splits.values())))
        for name, parts in splits.items():
            found = []
            for number, test in enumerate(parts):
                learn = [one for one, held in zip(decisions, test, strict=True) if not held]
                ask = [one for one, held in zip(decisions, test, strict=True) if held]
                found.append(measured(learn, ask, SEEDS[number % len(SEEDS)]))
                bar.advance(bars)
            figures[name] = summary(found)
    return finish(f"{NAME}-quick" if options.quick else NAME, table(figures), figures, musts(figures))


def read_turns(path: Path) -> list[Said]:
    """Every turn of an agent."""
    return [turn for line in path.read_text("utf-8").splitlines() for turn in _turns(json.loads(line))]


def _turns(dialogue: dict[str, Any]) -> Iterator[Said]:
    history: list[str] = []
    customer = before = agent = ""
    for turn in dialogue["turns"]:
        match turn["role"]:
            case "user":
                customer, before = turn["text"], customer
            case "agent_query":
                history.append(LOOKED_UP)
            case "agent":
                action = turn["action"] or OWN_WORDS
                yield Said(
                    dialogue=str(dialogue["dialogue_id"]),
                    task=dialogue["tasks"][0],
                    history=tuple(history),
                    texts=(customer, agent, before),
                    action=action,
                )
                history.append(action)
                agent = turn["text"]


def embedded(said: Sequence[Said]) -> list[Decision]:
    """The turns with the embeddings of their texts; each different text is embedded once."""
    texts = sorted({text for one in said for text in one.texts})
    vectors = embed_all(frozen_embed(read_assistant(MINIMAL)), texts, "embedding")
    places = {text: place for place, text in enumerate(texts)}
    return [
        Decision(
            dialogue=one.dialogue,
            history=one.history,
            words=np.concatenate([vectors[places[text]] for text in one.texts]),
            action=one.action,
        )
        for one in said
    ]


def random_splits(decisions: Sequence[Decision], seeds: Sequence[int]) -> Iterator[NDArray[np.bool_]]:
    """For each seed, which decisions belong to the dialogues held out."""
    names = np.array([decision.dialogue for decision in decisions])
    dialogues = np.unique(names)
    for seed in seeds:
        order = np.random.default_rng(seed).permutation(dialogues)
        yield np.isin(names, order[: round(TEST_SHARE * len(order))])


def task_splits(tasks: NDArray[np.str_]) -> Iterator[NDArray[np.bool_]]:
    """Which decisions belong to the tasks held out, every task once."""
    order = np.random.default_rng(SEEDS[0]).permutation(np.unique(tasks))
    for part in np.array_split(order, TASK_PARTS):
        yield np.isin(tasks, part)


def measured(learn: Sequence[Decision], ask: Sequence[Decision], seed: int) -> dict[str, dict[str, float]]:
    """Accuracy and macro-F1 of every way to predict; also the accuracy on templates that were there to be learned."""
    learn = [one for one in learn if one.action != OWN_WORDS]
    ask = [one for one in ask if one.action != OWN_WORDS]
    model = NextActionModel(learn, seed=seed)
    truth = np.array([one.action for one in ask])
    known = np.isin(truth, model.actions)
    found = {}
    for name, predict in ways(learn, model).items():
        predicted = np.array(predict(ask))
        right = predicted == truth
        found[name] = {
            "accuracy": float(right.mean()),
            "macro_f1": float(f1_score(truth, predicted, average="macro", labels=np.unique(truth), zero_division=0)),
            "accuracy_known": float(right[known].mean()),
        }
    found[KEFU]["memory_weight"] = model.memory_weight
    found[KEFU]["known"] = float(known.mean())
    return found


def ways(learn: Sequence[Decision], model: NextActionModel) -> dict[str, Callable[[Sequence[Decision]], Sequence[str]]]:
    """Every way to predict."""
    frequent = Counter(one.action for one in learn).most_common(1)[0][0]
    words = np.stack([one.words for one in learn])
    third = words.shape[1] // 3
    memory = StoryMemory(learn, model.actions)

    def nearest(width: int) -> Callable[[Sequence[Decision]], list[str]]:
        def predict(ask: Sequence[Decision]) -> list[str]:
            likeness: FloatArray = np.stack([one.words[:width] for one in ask]) @ words[:, :width].T
            return [learn[place].action for place in likeness.argmax(axis=1)]

        return predict

    return {
        FREQUENT: lambda ask: [frequent] * len(ask),
        NEAR: nearest(third),
        NEAR_BOTH: nearest(2 * third),
        MEMORY: lambda ask: [model.actions[place] for place in memory.probabilities(ask).argmax(axis=1)],
        KEFU: model.predict,
    }


def summary(found: Sequence[dict[str, dict[str, float]]]) -> dict[str, dict[str, Any]]:
    """The mean of the splits, and the least and the most."""
    return {
        way: {
            figure: {
                "mean": float(np.mean(values)),
                "least": float(np.min(values)),
                "most": float(np.max(values)),
            }
            for figure in found[0][way]
            for values in ([split[way][figure] for split in found],)
        }
        for way in found[0]
    }


def table(figures: dict[str, Any]) -> list[tuple[str, ...]]:
    """A row for each way of each way to hold out."""
    rows = [("held out", "way", "accuracy", "least", "most", "macro-F1", "known")]
    for held in (AT_RANDOM, BY_TASK):
        for way, found in figures.get(held, {}).items():
            accuracy = found["accuracy"]
            values = (*accuracy.values(), found["macro_f1"]["mean"], found["accuracy_known"]["mean"])
            rows.append((held, way, *(f"{value:.3f}" for value in values)))
    return rows


def musts(figures: dict[str, Any]) -> list[Must]:
    """What must be reached: more than each baseline."""
    found = figures[AT_RANDOM]
    return [
        Must(
            name=f"accuracy over {baseline}, points",
            value=100 * (found[KEFU]["accuracy"]["mean"] - found[baseline]["accuracy"]["mean"]),
            limit=0.1,
        )
        for baseline in BASELINES
    ]


if __name__ == "__main__":
    sys.exit(main())
