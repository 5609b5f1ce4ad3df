"""Public data sets as what `kefu train` learns from and is asked.

Nothing of a test split, nor of the messages that belong to no intent, is learned from.
"""

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measuring import ROOT, SHARED_DATA
from configs import MINIMAL, STARTERS, Assistant, read_assistant
from configs.assistant_config import EncoderConfig
from configs.entity_markup import Annotation
from configs.nlu_data import Example

CHINESE_ENCODER = ROOT.parent / "shared" / "models" / "multilingual-e5-small-zh-en"
GIVES_DETAILS, OTHER = "gives_details", "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Messages to learn from and to ask.

    Attributes:
        outside: Messages that belong to no intent.
        threshold_from: Messages in scope that only choose the scope's threshold.
        has_intents: False where only entities are annotated; the intents are then made up and say nothing.
    """

    train: Sequence[Example]
    test: Sequence[Example]
    outside: Sequence[str] = ()
    threshold_from: Sequence[str] = ()
    encoder: str | None = None
    language: str = "en"
    has_intents: bool = True


def assistant_for(task: Task, seed: int, **intent_settings: Any) -> Assistant:
    """An assistant with the task's examples and, but for `intent_settings`, the settings of one that sets nothing."""
    template = read_assistant(MINIMAL)
    training = template.config.training
    intent = training.intent.model_copy(update=intent_settings)
    config = template.config.model_copy(
        update={
            "training": training.model_copy(update={"seed": seed, "intent": intent}),
            "encoder": EncoderConfig(name=task.encoder) if task.encoder else template.config.encoder,
        }
    )
    return replace(template, config=config, examples=tuple(task.train), language=task.language)


def example(text: str, intent: str, entities: Sequence[Annotation] = ()) -> Example:
    """An example that stands in no file."""
    return Example(text=text, intent=intent, path=Path("benchmark"), line=0, entities=tuple(entities))


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows of a CSV file, or of JSON Lines."""
    with path.open(encoding="utf-8", newline="") as file:
        return [json.loads(line) for line in file] if path.suffix == ".jsonl" else list(csv.DictReader(file))


def banking77(train: str) -> Task:
    """77 banking intents."""
    folder = SHARED_DATA / "intent_en_banking77"
    learned, asked = (
        [example(row["text"], row["intent"]) for row in rows_of(folder / name)] for name in (train, "test.csv")
    )
    return Task(train=learned, test=asked)


def clinc150(train: str | None) -> Task:
    """150 intents of an assistant, and 1,000 messages that belong to none."""
    folder = SHARED_DATA / "intent_en_clinc150_oos"
    full = rows_of(folder / "full.csv")

    def part(split: str, *, outside: bool = False) -> list[Example]:
        rows = [row for row in full if row["split"] == split and (row["intent"] == "oos") is outside]
        return [example(row["text"], row["intent"]) for row in rows]

    few = [example(row["text"], row["intent"]) for row in rows_of(folder / train)] if train else part("train")
    return Task(
        train=few,
        test=part("test"),
        outside=[e.text for e in part("test", outside=True)],
        threshold_from=[e.text for e in part("val")],
    )


def snips() -> Task:
    """Seven intents with their slots; tokens are joined by blanks."""
    folder = SHARED_DATA / "slots_en_snips"
    learned, asked = (
        [slotted(row["tokens"], row["tags"], row["intent"]) for row in rows_of(folder / f"{name}.jsonl")]
        for name in ("train", "test")
    )
    return Task(train=learned, test=asked)


def slotted(tokens: Sequence[str], tags: Sequence[str], intent: str) -> Example:
    """An example from tokens with tags in the BIO scheme."""
    starts = np.cumsum([0, *(len(token) + 1 for token in tokens)])
    spans: list[tuple[int, int, str]] = []
    for index, tag in enumerate(tags):
        end = int(starts[index]) + len(tokens[index])
        if tag.startswith("I-") and spans and spans[-1][2] == tag[2:] and spans[-1][1] == int(starts[index]) - 1:
            spans[-1] = (spans[-1][0], end, tag[2:])
        elif tag != "O":
            spans.append((int(starts[index]), end, tag[2:]))
    return example(" ".join(tokens), intent, [annotation(" ".join(tokens), *span) for span in spans])


def restaurants8k(*, asked_before: bool) -> Task:
    """Five slots of a table's booking, of which the bot may have asked for some.

    Args:
        asked_before: Whether the slots that were just asked for stand before the message, as in `time: at 6`. Kefu
            gives its encoder nothing but the message.
    """
    folder = SHARED_DATA / "slots_en_restaurant8k"
    learned, asked = (
        [booking(row, asked_before=asked_before) for row in rows_of(folder / name)]
        for name in ("train_0.jsonl", "test.jsonl")
    )
    return Task(train=learned, test=asked, has_intents=False)


def booking(row: dict[str, Any], *, asked_before: bool) -> Example:
    """An example from a row of RESTAURANTS-8K; blanks at the ends of its spans are cut."""
    requested = " ".join(row["requested"]).replace("_", " ")
    before = f"{requested}: " if asked_before and requested else ""
    entities = []
    for label in row["labels"]:
        span = row["text"][label["start"] : label["end"]]
        start = len(before) + label["start"] + len(span) - len(span.lstrip())
        entities.append(annotation(before + row["text"], start, start + len(span.strip()), label["slot"]))
    return example(before + row["text"], GIVES_DETAILS if entities else OTHER, entities)


def annotation(text: str, start: int, end: int, entity: str) -> Annotation:
    """An entity at a place in `text`."""
    return Annotation(start=start, end=end, entity=entity, value=text[start:end])


def shop_zh() -> Task:
    """The Chinese starter and its test messages."""
    assistant: Assistant = read_assistant(STARTERS["shop-zh"])
    questions = rows_of(ROOT / "tests" / "data" / "shop_zh_questions.jsonl")
    asked = [
        example(question["text"], question["accept"]["intents"][0])
        for question in questions
        if question["accept"] != "out_of_scope" and question["accept"].get("intents")
    ]
    return Task(
        train=assistant.examples,
        test=asked,
        outside=[question["text"] for question in questions if question["accept"] == "out_of_scope"],
        encoder=str(CHINESE_ENCODER),
        language="zh",
    )


TASKS: dict[str, Callable[[], Task]] = {
    "banking77": lambda: banking77("train.csv"),
    "banking77-10shot": lambda: banking77("train_10shot.csv"),
    "banking77-5shot": lambda: banking77("train_5shot.csv"),
    "clinc150": lambda: clinc150(None),
    "clinc150-10shot": lambda: clinc150("train_10shot.csv"),
    "snips": snips,
    "shop-zh": shop_zh,
    "restaurants8k": lambda: restaurants8k(asked_before=False),
    "restaurants8k-asked": lambda: restaurants8k(asked_before=True),
}
