"""`/review`: one message after another, with what was said around it and what it may mean."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from aiohttp import web

from bot.errors import Refused
from bot.pages.choice import choice_of, ids_of
from bot.pages.dialogue_lines import Line, lines_of
from bot.pages.guard import form_of, needs
from bot.pages.layout import is_htmx, render, see_other
from bot.pages.review_parts import PATH, ReviewParts, address
from bot.pages.roles import Role
from bot.pages.titles import pairs_in, pairs_meant
from bot.pages.visit import person_of
from bot.pages.words import KINDS, done, meaning, percent, why
from bot.review import Item, ShownFor
from bot.stores.label_history import labels_by_id
from bot.stores.labels import Label, LabelKind
from bot.stores.surroundings import said_around
from nlu.masking import mask, regions_of

LISTED = 20
OFFERED = 9  # as many as there are keys for


class ReviewDeskPage:
    """The queue."""

    def __init__(self, parts: ReviewParts) -> None:
        self._parts, self._desk = parts, parts.desk

    def routes(self) -> list[web.RouteDef]:
        """The routes."""
        sees, changes = needs(Role.VIEWER), needs(Role.REVIEWER)
        return [
            web.get(PATH, sees(self.show)),
            web.get(f"{PATH}/pairs", sees(self.find_pairs)),
            web.post(f"{PATH}/label", changes(self.label)),
            web.post(f"{PATH}/undo", changes(self.undo)),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The message that is asked for, else the first, and what comes after it."""
        person = person_of(request)
        kind = _kind(request.query.get("kind", ""))
        items = await self._desk.queue(kind, LISTED, who=person.name)
        item = await self._current(request.query.get("at", ""), items)
        query = request.query.get("q", "")
        values: dict[str, Any] = {
            "kind": "" if kind is None else kind.value,
            "kinds": KINDS,
            "counts": await self._desk.counts(person.name),
            "items": items,
            "item": item,
            "seal": self._parts.turns.seal,
            "kept": await self._kept(request.query.get("kept", ""), person.name),
            "query": query,
            "percent": percent,
            **_neighbours(items, item),
            **(await self._about(item, query) if item is not None else {}),
        }
        return render(request, "review_part.html" if is_htmx(request) else "review.html", **values)

    async def find_pairs(self, request: web.Request) -> web.Response:
        """Past answers to link the message to."""
        query = request.query.get("q", "")
        found = await self._desk.pairs(query) if query.strip() else []
        pairs = await self._parts.names.pairs(one.value for one in found)
        return render(request, "pairs_found.html", found=found, pairs=pairs, query=query, percent=percent)

    async def label(self, request: web.Request) -> web.StreamResponse:
        """Keeps what a person says of a message, a new intent with its answer, and goes on to the next."""
        form = form_of(request)
        key = self._parts.turns.open(form.get("turn", ""))
        kind, value = choice_of(form, self._desk.intents())
        shown_for = form.get("shown_for", "")
        say = partial(
            self._desk.label,
            key,
            who=person_of(request).name,
            shown_for=shown_for if shown_for in set(ShownFor) else "",
        )
        kept = [await say(kind, value)]
        if kind is LabelKind.NEW_INTENT and (answer := form.get("answer", "").strip()):
            kept.append(await say(LabelKind.ANSWER, answer))
        return see_other(address(kind=form.get("kind", ""), at=form.get("next", ""), kept=".".join(map(str, kept))))

    async def undo(self, request: web.Request) -> web.StreamResponse:
        """Takes labels back, and shows the message that they were given to."""
        form = form_of(request)
        for label_id in ids_of(form.get("labels", "")):
            await self._desk.undo(label_id, person_of(request).name)
        back = form.get("back", "")
        if back in (f"{PATH}/history", f"{PATH}/clusters"):
            return see_other(back)
        return see_other(address(kind=form.get("kind", ""), at=form.get("turn", "")))

    async def _current(self, at: str, items: Sequence[Item]) -> Item | None:
        if not at:
            return items[0] if items else None
        key = self._parts.turns.open(at)
        found = next((item for item in items if item.key == key), None)
        return found or await self._desk.item(key)

    async def _about(self, item: Item, query: str) -> dict[str, Any]:
        found = await self._desk.pairs(query) if query.strip() else []
        pairs = await self._parts.names.pairs(pairs_in(item) | {one.value for one in found})
        titles = self._parts.names.titles(pairs)
        return {
            "lines": await self._lines(item),
            "done": done(item.turn, titles),
            "why": why(item.turn, titles),
            "candidates": item.candidates[:OFFERED],
            "meanings": [(label, meaning(label, titles)) for label in item.labels],
            "intents": self._desk.intents(),
            "titles": titles,
            "pairs": pairs,
            "found": found,
        }

    async def _lines(self, item: Item) -> list[Line]:
        conversation, _ = item.key
        events = await self._parts.store.read(partial(said_around, conversation_id=conversation, at=item.turn.at))
        regions = regions_of(self._parts.host.engine.spec.language)
        return lines_of(events, item.turn.at, lambda text: mask(text, regions))

    async def _kept(self, given: str, who: str) -> tuple[str, str, str] | None:
        """What this person has just said, its ids and the turn, to be taken back."""
        if not given:
            return None
        labels: list[Label] = await self._parts.store.read(partial(labels_by_id, ids=ids_of(given)))
        labels = [label for label in labels if label.who == who and label.undone_at is None]
        if not labels:
            return None
        last = labels[-1]
        titles = self._parts.names.titles(await self._parts.names.pairs(pairs_meant([last])))
        turn = self._parts.turns.seal((last.conversation_id, last.turn_seq))
        return meaning(last, titles), ".".join(str(label.id) for label in labels), turn


def _kind(word: str) -> ShownFor | None:
    if not word:
        return None
    try:
        return ShownFor(word)
    except ValueError as error:
        raise Refused(400, "InvalidField", f"kind is {word[:40]!r}, which is none.", field="kind") from error


def _neighbours(items: Sequence[Item], item: Item | None) -> dict[str, Item | None]:
    """The message before and after this one; before the first and after the last there is none."""
    place = next((place for place, one in enumerate(items) if item is not None and one.key == item.key), None)
    if place is None:
        return {"before": None, "after": next((one for one in items if item is None or one.key != item.key), None)}
    return {
        "before": items[place - 1] if place > 0 else None,
        "after": items[place + 1] if place + 1 < len(items) else None,
    }
