"""What a reviewer's form says of a message. Pure."""

from collections.abc import Sequence

from bot.errors import Refused
from bot.pages.form import Form
from bot.review import Candidate
from bot.stores.labels import LabelKind
from configs.yaml_file import nearest

MAX_LABELS = 100


def choice_of(form: Form, intents: Sequence[Candidate]) -> tuple[LabelKind, str]:
    """The kind and value of the label: `say` holds both, as `intent:track_order`, or the kind of what is in `value`.

    Raises:
        Refused: 422; it says nothing, or several intents fit what was typed.
    """
    word, _, value = form.get("say", "").partition(":")
    try:
        kind = LabelKind(word)
    except ValueError as error:
        raise Refused(422, "InvalidField", f"say is {word[:40]!r}, which is no kind of label.", field="say") from error
    value = value or form.get("value", "")
    return kind, matching_intent(value, intents) if kind is LabelKind.INTENT else value


def matching_intent(typed: str, intents: Sequence[Candidate]) -> str:
    """The name of the one intent whose name or title is what was typed; else begins with it; else holds it.

    Raises:
        Refused: 422; none or several fit.
    """
    words = " ".join(typed.casefold().split())
    for fits in (str.__eq__, str.startswith, str.__contains__):
        found = [
            one for one in intents if words and (fits(one.value.casefold(), words) or fits(one.title.casefold(), words))
        ]
        if len(found) == 1:
            return found[0].value
        if found:
            some = ", ".join(one.title for one in found[:5])
            raise Refused(
                422, "InvalidField", f"{typed[:60]!r} fits several intents: {some}. Type more.", field="value"
            )
    near = nearest(words, [one.value for one in intents])
    raise Refused(422, "InvalidField", f"No intent fits {typed[:60]!r}.{near}", field="value")


def ids_of(text: str) -> list[int]:
    """The ids of labels in `text`, as `12.13`.

    Raises:
        Refused: 422; it holds something else.
    """
    parts = text.split(".")[: MAX_LABELS + 1]
    if len(parts) > MAX_LABELS or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        raise Refused(422, "InvalidField", "labels is no list of ids, as 12.13.", field="labels")
    return [int(part) for part in parts]
