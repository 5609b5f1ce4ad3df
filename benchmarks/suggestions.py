"""How often what a customer asks next is among three questions that are suggested.

    python benchmarks/suggestions.py [--quick]

CrossWOZ: what customers asked for, one after another, in 500 Chinese dialogues about places to go to, eat and sleep
at. STAR: the answers that 1,058 English dialogues of 13 services needed, in order. Five folds by dialogue: four are
counted, the fifth is gone through step by step. Beside it: what is asked most, what is asked most and was not asked
yet, and what followed the last topic most often. STAR's dialogues are of one task each and hold no earlier sessions,
so how a customer's own history helps is not measured here.
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measuring import SHARED_DATA, Must, finish, progress
from bot.suggestions.next_topic import NextTopics

CROSSWOZ = SHARED_DATA / "dialog_zh_crosswoz" / "nlu_user_turns_val.jsonl"
STAR = SHARED_DATA / "dialog_en_star" / "dialogues.jsonl"
FOLDS, K = 5, 3
QUICK_DIALOGUES = 200
GAIN_MUST = 1.5  # times the hit rate of what is asked most

Session: TypeAlias = list[str]
Guess: TypeAlias = Callable[[Sequence[str]], Sequence[str]]


def crosswoz() -> list[Session]:
    """What each customer asked for, in order."""
    sessions: list[Session] = []
    for line in CROSSWOZ.read_text("utf-8").splitlines():
        turn = json.loads(line)
        if not turn["prev_agent"]:
            sessions.append([])
        sessions[-1] += [intent for intent in turn["intents"] if intent.startswith("Request-")]
    return sessions


def star() -> list[Session]:
    """The answers that each dialogue needed, in order."""
    dialogues = map(json.loads, STAR.read_text("utf-8").splitlines())
    return [[turn["action"] for turn in one["turns"] if turn.get("action")] for one in dialogues]


def most_asked(seen: Sequence[Session]) -> Guess:
    """What is asked most, whatever was asked before, but for the last."""
    popular = [topic for topic, _ in Counter(topic for session in seen for topic in set(session)).most_common()]
    return lambda history: [topic for topic in popular if topic != history[-1]][:K]


def most_asked_yet(seen: Sequence[Session]) -> Guess:
    """What is asked most and was not asked yet."""
    popular = [topic for topic, _ in Counter(topic for session in seen for topic in set(session)).most_common()]
    return lambda history: [topic for topic in popular if topic not in history][:K]


def most_after(seen: Sequence[Session]) -> Guess:
    """What followed the last one most often."""
    after: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for session in seen:
        for one, other in pairwise(session):
            after[one][other] += one != other
    return lambda history: [topic for topic, _ in after[history[-1]].most_common(K)]


def ours(seen: Sequence[Session]) -> Guess:
    """What Kefu suggests."""
    model = NextTopics.counted([session] for session in seen)
    return lambda history: [topic for topic, _ in model.likely(history)[:K]]


GUESSERS: dict[str, Callable[[Sequence[Session]], Guess]] = {
    "asked most": most_asked,
    "asked most, not yet": most_asked_yet,
    "followed the last most": most_after,
    "Kefu": ours,
}


def measured(sessions: Sequence[Session], advance: Callable[[], None]) -> dict[str, dict[str, float]]:
    """The hit rate and the mean reciprocal rank of each guesser."""
    folds = np.random.default_rng(0).integers(FOLDS, size=len(sessions))
    hits: defaultdict[str, list[float]] = defaultdict(list)
    for fold in range(FOLDS):
        seen = [session for session, of in zip(sessions, folds, strict=True) if of != fold]
        unseen = [session for session, of in zip(sessions, folds, strict=True) if of == fold]
        for name, make in GUESSERS.items():
            guess = make(seen)
            for session in unseen:
                for place in range(1, len(session)):
                    if session[place] != session[place - 1]:
                        guessed = list(guess(session[:place]))
                        hits[name].append(1 / (1 + guessed.index(session[place])) if session[place] in guessed else 0)
        advance()
    return {
        name: {
            "hit_rate_at_3": float(np.mean(np.array(found) > 0)),
            "mrr_at_3": float(np.mean(found)),
            "steps": len(found),
        }
        for name, found in hits.items()
    }


def main() -> int:
    """Prints and keeps the figures; 1 where a must is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="200 dialogues of each only, to see that it works")
    quick = parser.parse_args().quick
    figures: dict[str, Any] = {}
    with progress() as bar:
        task = bar.add_task("suggestions", total=2 * FOLDS)
        for name, read in {"crosswoz": crosswoz, "star": star}.items():
            sessions = read()[: QUICK_DIALOGUES if quick else None]
            figures[name] = measured(sessions, lambda: bar.advance(task))
    rows = [("guess", *(f"{name}, {what}" for name in figures for what in ("hit rate@3", "MRR@3")))]
    for guesser in GUESSERS:
        found = [figures[name][guesser] for name in figures]
        rows.append((guesser, *(f"{one[key]:.3f}" for one in found for key in ("hit_rate_at_3", "mrr_at_3"))))
    musts = [
        Must(
            name=f"{name}: hit rate@3 over that of what is asked most and not yet",
            value=by["Kefu"]["hit_rate_at_3"] / by["asked most, not yet"]["hit_rate_at_3"],
            limit=GAIN_MUST,
        )
        for name, by in figures.items()
    ]
    return finish("suggestions", rows, figures, musts)


if __name__ == "__main__":
    sys.exit(main())
