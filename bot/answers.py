"""What a chosen answer looks like: a stored one as messages, an option as a button."""

from collections.abc import Mapping

from bot.messages import BotMessage
from bot.payload import past_answer_payload
from bot.policy import Answer, PastAnswer, Template
from configs.domain import Button
from retrieval.pair import Pair

MAX_TITLE_CHARS = 80


def past_answer(pair: Pair) -> tuple[BotMessage, ...]:
    """What is said by a stored answer: its text with its buttons, behind it one message for each further picture."""
    first, *others = pair.images or (None,)
    buttons = tuple(Button(title=button.title, payload=button.payload) for button in pair.buttons)
    return (
        BotMessage(text=pair.answer, buttons=buttons, image=first),
        *(BotMessage(image=image) for image in others),
    )


def option_button(titles: Mapping[str, str], option: Answer) -> Button:
    """The button that offers `option`, in the customer's words.

    Args:
        titles: What intents are called among people.
    """
    match option:
        case Template(intent=intent):
            plain = intent.replace("_", " ").replace("/", ": ").capitalize()
            return Button(title=titles.get(intent, plain), payload=f"/{intent}")
        case PastAnswer(pair=pair):
            question = pair.question
            short = question if len(question) <= MAX_TITLE_CHARS else f"{question[: MAX_TITLE_CHARS - 1].rstrip()}…"
            return Button(title=short, payload=past_answer_payload(pair.id))
