"""What context gives: follow-ups of two starter shops, read with and without the question before.

    python benchmarks/follow_ups.py [--shop DATA] [--shop-zh DATA] [--chinese-encoder FOLDER]

Trains the starters, or takes trained data folders. Asks each dialogue of tests/data/shop_dialogues.jsonl turn by turn,
as the bot does: what the first turn was really answered with is the context of the second. Half of the dialogues end in
a follow-up, half in a message that stands by itself and must be read as if nothing had been said before. Those with an
odd number were looked at while the words in bot/context_english.py and bot/context_chinese.py were chosen; those with
an even number were not. As a harder control, every question of the shops' own tests is asked behind another one, picked
at random: context must not make any of them worse.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measuring import ROOT, Must, finish, kefu, progress
from bot.answers import option_button, past_answer
from bot.context import Candidate, choose_reading, follow_up
from bot.engine import Engine, Reading
from bot.events import bot_event, plain_event
from bot.messages import BotMessage
from bot.payload import PAST_ANSWER, parse_payload
from bot.policy import AskBack, Decision, FallBack, PastAnswer, Reason, Template, decide
from bot.topic import Topic, after_topic_event, topic_metadata
from configs import STARTERS
from training.releases import Releases

DIALOGUES = ROOT / "tests" / "data" / "shop_dialogues.jsonl"
QUESTIONS = {"shop": "shop_questions.jsonl", "shop-zh": "shop_zh_questions.jsonl"}
CHINESE_ENCODER = ROOT.parent / "shared" / "models" / "multilingual-e5-small-zh-en"
SEED = 5
NOW = 1_000.0


@dataclass(frozen=True)
class Turn:
    """A customer's message and what is right: `out_of_scope`, or intents and pairs."""

    text: str
    accept: Any

    def is_right(self, decision: Decision) -> bool:
        """Whether an annotator accepts the decision."""
        match decision:
            case Template(intent=intent):
                return self.accept != "out_of_scope" and intent in self.accept["intents"]
            case PastAnswer(pair=pair):
                return self.accept != "out_of_scope" and pair.id in self.accept["pairs"]
        return self.accept == "out_of_scope"


@dataclass(frozen=True)
class Asked:
    """One message, decided on without and with context."""

    turn: Turn
    plain: Decision
    chosen: Decision
    text: str


class Shop:
    """A trained starter that is talked to."""

    def __init__(self, data: Path) -> None:
        releases = Releases(data)
        current = releases.current_id()
        assert current is not None, f"there is no release in {data}"
        self.engine = Engine(releases.open(current), live=False)

    def ask(self, turn: Turn, topic: Topic) -> tuple[Asked, Topic]:
        """Reads and decides, and what the conversation is about then."""
        follow = follow_up(turn.text, topic, self.engine.spec.context, NOW)
        texts = [turn.text, *follow.rewritten]
        decisions = [self.decide(reading) for reading in self.engine.read(texts)]
        candidates = [Candidate(text=text, decision=made) for text, made in zip(texts, decisions, strict=True)]
        place = choose_reading(follow, topic, candidates)
        chosen, text = decisions[place], texts[place]
        if follow.chosen is not None:
            chosen, text = self.clicked(follow.chosen.payload), turn.text
        topic = after_topic_event(topic, plain_event("user", NOW))
        for message in self.answer(chosen):
            topic = after_topic_event(topic, bot_event(message, topic_metadata(text, chosen), NOW))
        return Asked(turn, decisions[0], chosen, text), topic

    def decide(self, reading: Reading) -> Decision:
        """By the policy that serves."""
        spec = self.engine.spec
        promise = self.engine.promise
        return decide(reading.understanding, reading.hits, spec.answerable, spec.policy, promise=promise)

    def clicked(self, payload: str) -> Decision:
        """What a click on a button does."""
        command = parse_payload(payload)
        assert command is not None
        if command.name != PAST_ANSWER:
            return Template(intent=command.name, confidence=1.0, reason=Reason.BUTTON)
        pair = self.engine.pair(str(command.entities["pair"]))
        return FallBack(confidence=0.0) if pair is None else PastAnswer(pair=pair, confidence=1.0, reason=Reason.BUTTON)

    def answer(self, decision: Decision) -> Sequence[BotMessage]:
        """What is said: the first wording of a template, which has the buttons of all."""
        match decision:
            case PastAnswer(pair=pair):
                return past_answer(pair)
            case AskBack(options=options):
                buttons = tuple(option_button(self.engine.spec.titles, option) for option in options)
                return [BotMessage(text="Which is it?", buttons=buttons)]
            case Template(intent=intent):
                variations = self.engine.spec.domain.responses.get(f"utter_{intent}", ())
                return [BotMessage(text=v.text, buttons=v.buttons) for v in variations[:1]]
        return [BotMessage(text="Sorry?")]


def main() -> int:
    """Runs the benchmark; the exit code says whether what must be reached was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shop", type=Path, help="a data folder with a trained shop")
    parser.add_argument("--shop-zh", type=Path, help="a data folder with a trained shop-zh")
    parser.add_argument("--chinese-encoder", type=Path, default=CHINESE_ENCODER)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shops = {"shop": Shop(options.shop or trained("shop", Path(folder)))}
        if options.shop_zh or options.chinese_encoder.is_dir():
            chinese = options.shop_zh or trained("shop-zh", Path(folder), options.chinese_encoder)
            shops["shop-zh"] = Shop(chinese)
        with progress() as bar:
            asked = {name: talk(shop, name, bar) for name, shop in shops.items()}
            controls = {name: control(shop, name, bar) for name, shop in shops.items()}
    return report(asked, controls)


def trained(name: str, folder: Path, encoder: Path | None = None) -> Path:
    """The data folder of a starter that was trained now."""
    assistant = folder / name
    shutil.copytree(STARTERS[name], assistant)
    if encoder is not None:
        config = assistant / "config.yml"
        named = config.read_text("utf-8").replace("intfloat/multilingual-e5-small", str(encoder))
        config.write_text(named.replace("  encoder:\n", '  encoder:\n    prefix: "query: "\n'), "utf-8")
    kefu("train", assistant, "--data", folder / f"{name}-data")
    return folder / f"{name}-data"


def talk(shop: Shop, name: str, bar: Any) -> dict[str, list[Asked]]:
    """The last turn of each dialogue, by part and kind."""
    found: dict[str, list[Asked]] = {}
    dialogues = [row for row in read_lines(DIALOGUES) if row["assistant"] == name]
    for row in bar.track(dialogues, description=f"{name}: dialogues"):
        topic = Topic()
        for turn in row["turns"]:
            asked, topic = shop.ask(Turn(turn["text"], turn["accept"]), topic)
        part = "seen" if int(row["id"][1:]) % 2 else "held-out"
        found.setdefault(f"{part} {row['kind']}", []).append(asked)
    return found


def control(shop: Shop, name: str, bar: Any) -> list[Asked]:
    """Every question of the shop's own tests, behind another one."""
    turns = [Turn(row["text"], row["accept"]) for row in read_lines(ROOT / "tests" / "data" / QUESTIONS[name])]
    before = random.Random(SEED).sample(turns, len(turns))
    found = []
    for first, second in bar.track(list(zip(before, turns, strict=True)), description=f"{name}: control"):
        _, topic = shop.ask(first, Topic())
        found.append(shop.ask(second, topic)[0])
    return found


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file in JSON Lines."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def figures_of(asked: Iterable[Asked]) -> dict[str, float]:
    """Counts, and shares of right and of wrongly answered messages without and with context."""
    rows = list(asked)
    given = (Template, PastAnswer)
    return {
        "count": len(rows),
        "right_without": sum(one.turn.is_right(one.plain) for one in rows) / len(rows),
        "right_with": sum(one.turn.is_right(one.chosen) for one in rows) / len(rows),
        "wrong_without": sum(isinstance(o.plain, given) and not o.turn.is_right(o.plain) for o in rows) / len(rows),
        "wrong_with": sum(isinstance(o.chosen, given) and not o.turn.is_right(o.chosen) for o in rows) / len(rows),
    }


def report(asked: dict[str, dict[str, list[Asked]]], controls: dict[str, list[Asked]]) -> int:
    """Prints and writes the figures; they must show that context helps follow-ups and harms nothing else."""
    rows = [("", "messages", "right without", "right with", "wrong without", "wrong with")]
    figures: dict[str, Any] = {}
    for name, parts in asked.items():
        figures[name] = {part: figures_of(found) for part, found in sorted(parts.items())}
        figures[name]["control"] = figures_of(controls[name])
        for part, found in figures[name].items():
            shares = (f"{found[key]:.1%}" for key in list(found)[1:])
            rows.append((f"{name}, {part.replace('_', ' ')}", str(found["count"]), *shares))
    musts = []
    for name, parts in figures.items():
        held = parts["held-out follow_up"]
        musts.append(
            Must(name=f"{name}: gain on follow-ups", value=held["right_with"] - held["right_without"], limit=0.1)
        )
        for part in ("held-out topic_change", "control"):
            change = parts[part]["right_with"] - parts[part]["right_without"]
            musts.append(Must(name=f"{name}: gain on {part.replace('_', ' ')}", value=change, limit=-0.005))
    return finish("follow_ups", rows, figures, musts)


if __name__ == "__main__":
    sys.exit(main())
