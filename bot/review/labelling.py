"""What a label may say: its value is checked against what there is, before anything is stored."""

import unicodedata
from collections.abc import Collection

from bot.errors import Refused
from bot.request_body import checked_text
from bot.review.items import Candidate
from bot.stores.labels import LabelKind
from configs.rasa_names import DEFAULT_INTENTS, OUT_OF_SCOPE
from configs.yaml_file import nearest
from retrieval.checked_pair import MAX_ANSWER_CHARS, MAX_ID_CHARS

MAX_INTENT_CHARS = 60
RESERVED = DEFAULT_INTENTS - {OUT_OF_SCOPE}


def checked(
    kind: LabelKind, value: str, *, did: Candidate | None, known: Collection[str], new: Collection[str]
) -> tuple[LabelKind, str]:
    """A label's kind and value as they are stored; whether a pair is there the caller has to see.

    Args:
        did: What the bot took the message for.
        known: The intents of the release in use.
        new: Those that people have named, and no release has yet.

    Raises:
        Refused: 422; the value cannot be used.
    """
    match kind:
        case LabelKind.RIGHT:
            return kind, _right(did, value)
        case LabelKind.INTENT:
            return _intent(value, known, new)
        case LabelKind.NEW_INTENT:
            return _new_intent(value, known)
        case LabelKind.PAIR:
            return kind, checked_text(value, "value", MAX_ID_CHARS)
        case LabelKind.ANSWER:
            return kind, checked_text(value, "value", MAX_ANSWER_CHARS)
        case LabelKind.IGNORE:
            return kind, ""


def _intent(value: str, known: Collection[str], new: Collection[str]) -> tuple[LabelKind, str]:
    name = checked_text(value, "value", MAX_ID_CHARS)
    if name in known:
        return LabelKind.INTENT, name
    if name in new:
        return LabelKind.NEW_INTENT, name
    said = f"There is no intent {name[:60]!r}. Name it as a new one, or write one that there is."
    raise Refused(422, "InvalidField", said + nearest(name, [*known, *new]), field="value")


def _new_intent(value: str, known: Collection[str]) -> tuple[LabelKind, str]:
    name = unicodedata.normalize("NFC", checked_text(value, "value", MAX_ID_CHARS))
    if name in known:
        return LabelKind.INTENT, name
    if not name.isidentifier() or name.startswith("_") or len(name) > MAX_INTENT_CHARS:
        said = f"An intent cannot be called {name[:60]!r}. Write letters, digits and _, such as track_my_refund"
        raise Refused(422, "InvalidField", f"{said}; at most {MAX_INTENT_CHARS} characters.", field="value")
    if name in RESERVED:
        raise Refused(422, "InvalidField", f"{name} is an intent of Rasa's own. Choose another name.", field="value")
    return LabelKind.NEW_INTENT, name


def _right(did: Candidate | None, value: str) -> str:
    if did is None:
        said = "The bot did not take this message for anything that could be right. Say what it means, or ignore it."
        raise Refused(422, "InvalidField", said, field="kind")
    meant = f"{did.kind.value}:{did.value}"
    if value not in ("", meant):
        said = f"The bot took this message for {meant}, not for {value[:80]}."
        raise Refused(422, "InvalidField", said, field="value")
    return meant
