"""Asks in the terminal for the rest of what a key begins: which intent, which past answer, which words."""

import difflib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from bot.review import Candidate, ReviewDesk
from bot.review_terminal.keyboard import Keyboard
from bot.review_terminal.shown import SHOWN_CANDIDATES, complain, show_choices
from bot.stores.labels import LabelKind
from configs.errors import KefuError

FOUND = 9
QUERY_CHARS = 200
LEAST_LIKENESS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a key has come to: a label's kind and value, and what the bot is to say to a new intent."""

    kind: LabelKind
    value: str
    answer: str = ""


class Choosing:
    """Asks one person."""

    def __init__(self, desk: ReviewDesk, console: Console, keyboard: Keyboard) -> None:
        self._desk, self._console, self._keyboard = desk, console, keyboard

    async def said(self, key: str, candidates: Sequence[Candidate], text: str) -> Said | None:
        """What a key says, after what more it asks for; None for nothing.

        Args:
            candidates: What the number keys mean.
            text: The message, by which past answers are looked for.
        """
        asks = {"i": self._intent, "n": self._new_intent, "a": self._answer}
        if key in asks:
            return await asks[key]()
        if key == "p":
            return await self._pair(text)
        if key == "x":
            return Said(kind=LabelKind.IGNORE, value="")
        return self._numbered(int(key), candidates)

    def _numbered(self, number: int, candidates: Sequence[Candidate]) -> Said | None:
        if number > min(len(candidates), SHOWN_CANDIDATES):
            self._console.print("There is no such number.")
            return None
        return Said(kind=candidates[number - 1].kind, value=candidates[number - 1].value)

    async def _intent(self) -> Said | None:
        """An intent by its name, or by a number out of those that are nearest to what was typed."""
        names = self._desk.intents()
        while (typed := await self._keyboard.line("Intent (a part of its name; Enter goes back): ")) not in (None, ""):
            found = matching(typed or "", names)
            if len(found) == 1 or (found and found[0].value == typed):
                return Said(kind=LabelKind.INTENT, value=found[0].value)
            if not found:
                self._console.print("No intent is called so. n names a new one.")
                continue
            if (chosen := await self._chosen(found)) is not None:
                return Said(kind=LabelKind.INTENT, value=chosen.value)
        return None

    async def _new_intent(self) -> Said | None:
        name = await self._keyboard.line("Name of the new intent, such as track_my_refund (Enter goes back): ")
        if not name:
            return None
        answer = await self._keyboard.line("What the bot says to it (Enter leaves it to the assistant's files): ")
        return Said(kind=LabelKind.NEW_INTENT, value=name, answer=answer or "")

    async def _pair(self, text: str) -> Said | None:
        """A past answer out of those that are nearest to the message, or to what was typed."""
        query = text
        while True:
            try:
                found = await self._desk.pairs(query[:QUERY_CHARS], FOUND)
            except KefuError as error:
                complain(error, self._console)
                return None
            if not found:
                self._console.print("No past answer is found by that.")
            show_choices(found, self._console)
            typed = await self._keyboard.line("Number, or words to look for (Enter goes back): ")
            if not typed:
                return None
            if typed.isdecimal() and 1 <= int(typed[:3]) <= len(found):
                return Said(kind=LabelKind.PAIR, value=found[int(typed) - 1].value)
            query = typed

    async def _answer(self) -> Said | None:
        try:
            text = (await self._keyboard.text()).strip()
        except KefuError as error:
            complain(error, self._console)
            return None
        if not text:
            self._console.print("Nothing was written, so nothing is kept.")
            return None
        return Said(kind=LabelKind.ANSWER, value=text)

    async def _chosen(self, found: Sequence[Candidate]) -> Candidate | None:
        show_choices(found, self._console)
        typed = await self._keyboard.line("Number (Enter goes back): ")
        if typed and typed.isdecimal() and 1 <= int(typed[:3]) <= len(found):
            return found[int(typed) - 1]
        return None


def matching(typed: str, names: Sequence[Candidate], most: int = FOUND) -> list[Candidate]:
    """The intents that are meant by what was typed: the one of that name, else those that hold it, else the nearest."""
    wanted = unicodedata.normalize("NFC", typed.strip()).casefold().replace(" ", "_")
    if exact := [one for one in names if one.value.casefold() == wanted]:
        return exact
    holding = [one for one in names if wanted in one.value.casefold() or wanted in one.title.casefold()]
    if holding:
        return sorted(holding, key=lambda one: (not one.value.casefold().startswith(wanted), one.value))[:most]
    named = {one.value.casefold(): one for one in names}
    return [named[name] for name in difflib.get_close_matches(wanted, named, most, LEAST_LIKENESS)]
