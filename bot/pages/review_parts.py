"""What the pages of the review stand on."""

from dataclasses import dataclass
from urllib.parse import urlencode

from bot.model_host import ModelHost
from bot.pages.sealed_turns import SealedTurns
from bot.pages.titles import NamesOfAnswers
from bot.review import ReviewDesk
from bot.stores.store import ConversationStore

PATH = "/review"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewParts:
    """What each of them needs."""

    desk: ReviewDesk
    store: ConversationStore
    host: ModelHost
    names: NamesOfAnswers
    turns: SealedTurns


def address(**said: str) -> str:
    """The desk's address with what is not empty."""
    query = urlencode({name: value for name, value in said.items() if value})
    return f"{PATH}?{query}" if query else PATH
