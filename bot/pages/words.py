"""What a reviewer reads of a turn: why it is shown, what the bot did and why, in words. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from bot.outcome import Outcome
from bot.policy import Reason
from bot.review import ShownFor
from bot.stores.labels import Label, LabelKind
from bot.stores.turn_log import LoggedTurn

Titles = Callable[[LabelKind, str], str]

KINDS: Mapping[ShownFor, str] = {
    ShownFor.DISAGREEMENT: "People disagree",
    ShownFor.THUMBS_DOWN: "Called wrong",
    ShownFor.HANDED_OVER: "Handed over",
    ShownFor.CLUSTER: "Asked by several",
    ShownFor.OUT_OF_SCOPE: "Not known",
    ShownFor.UNCERTAIN: "Uncertain",
}
_REASONS: Mapping[str, str] = {
    Reason.SAME_QUESTION: "The very question is stored.",
    Reason.SURE_INTENT: "It was sure of the intent.",
    Reason.NEAR_QUESTION: "A stored question was near.",
    Reason.BUTTON: "The customer pressed a button.",
    Reason.UNSURE: "It was not sure enough of anything.",
    Reason.NOTHING_NEAR: "Nothing that it knows was near.",
    Reason.OUT_OF_SCOPE: "The message looked like nothing that it was taught.",
    Reason.SCRIPT_NOT_COVERED: "It cannot read this script.",
    Reason.FORM: "A form was being filled in.",
    Reason.PERSON: "A person was answering.",
    Reason.REPEATED: "The message was answered before.",
    Reason.MEDIA: "There was nothing to read.",
    Reason.EXTERNAL: "Something outside the chat asked for it.",
}


def done(turn: LoggedTurn, titles: Titles) -> str:
    """What the bot did with a message."""
    decision: Mapping[str, Any] = turn.evidence.get("decision") or {}
    if turn.outcome == Outcome.HANDED_OVER:
        return "It asked for a person."
    match decision.get("kind"):
        case "ask_back":
            offered = [f"“{_named(option, titles)}”" for option in decision.get("options") or ()]
            return f"It asked back: {' or '.join(offered)}?" if offered else "It asked back."
        case "template":
            return f"It answered the intent “{_named(decision, titles)}”."
        case "past_answer":
            return f"It gave the answer to “{_named(decision, titles)}”."
        case "fall_back":
            return "It said that it does not know."
    return "It answered nothing of its own." if turn.outcome == Outcome.PERSON else "Nothing is known of its answer."


def why(turn: LoggedTurn, titles: Titles) -> list[tuple[str, str]]:
    """Why the bot did that: what is told, and what it says."""
    found = [("Reason", _REASONS.get(turn.reason, turn.reason))]
    if turn.confidence is not None:
        found.append(("How sure it was", percent(turn.confidence)))
    for name, kind, said in (
        ("intents", LabelKind.INTENT, "Likeliest intents"),
        ("past_answers", LabelKind.PAIR, "Nearest past questions"),
    ):
        scored = turn.evidence.get(name) or ()
        if scored:
            found.append((said, "; ".join(f"{titles(kind, value)} {percent(score)}" for value, score in scored)))
    if (scope := turn.evidence.get("scope")) is not None:
        found.append(("Like what was taught", f"more than {percent(scope)} of customers' usual messages"))
    if turn.sentiment:
        found.append(("Mood", turn.sentiment))
    return found


def meaning(label: Label, titles: Titles) -> str:
    """What a label says."""
    match label.kind:
        case LabelKind.RIGHT:
            kind, _, value = label.value.partition(":")
            return f"The bot was right: {titles(LabelKind(kind), value)}" if value else "The bot was right"
        case LabelKind.INTENT:
            return f"Intent: {titles(label.kind, label.value)}"
        case LabelKind.NEW_INTENT:
            return f"New intent: {label.value}"
        case LabelKind.PAIR:
            return f"Past answer to: {titles(label.kind, label.value)}"
        case LabelKind.ANSWER:
            return f"Answer: {label.value}"
        case LabelKind.IGNORE:
            return "Nothing to be learned"


def percent(share: float | None) -> str:
    """A share as it is read."""
    return "" if share is None else f"{100 * share:.0f} %"


def _named(said: Mapping[str, str], titles: Titles) -> str:
    kind = LabelKind.INTENT if "intent" in said else LabelKind.PAIR
    return titles(kind, said.get(kind.value, ""))
