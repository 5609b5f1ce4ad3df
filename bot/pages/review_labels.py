"""`/review/history` and `/review/disagreements`: what people have said, taken back, and said differently."""

from functools import partial
from typing import Any

from aiohttp import web

from bot.errors import Refused
from bot.pages.guard import form_of, needs
from bot.pages.layout import is_htmx, render, see_other
from bot.pages.review_parts import PATH, ReviewParts
from bot.pages.roles import Role
from bot.pages.titles import pairs_meant
from bot.pages.visit import person_of
from bot.pages.words import KINDS, meaning
from bot.request_body import MAX_ID_CHARS, checked_text
from bot.stores.label_history import latest_labels

HISTORY, DISAGREEMENTS = f"{PATH}/history", f"{PATH}/disagreements"
SHOWN = 50


class ReviewLabelsPages:
    """The two pages."""

    def __init__(self, parts: ReviewParts) -> None:
        self._parts, self._desk = parts, parts.desk

    def routes(self) -> list[web.RouteDef]:
        """The routes."""
        return [
            web.get(HISTORY, needs(Role.VIEWER)(self.history)),
            web.get(DISAGREEMENTS, needs(Role.VIEWER)(self.disagreements)),
            web.post(DISAGREEMENTS, needs(Role.REVIEWER)(self.decide)),
        ]

    async def history(self, request: web.Request) -> web.Response:
        """Every label, the newest first, a page at a time."""
        before, who = _id(request.query.get("before", "")), request.query.get("who") or None
        who = who and checked_text(who, "who", MAX_ID_CHARS)
        work = partial(latest_labels, before_id=before, who=who, limit=SHOWN + 1)
        labels = await self._parts.store.read(work)
        titles = self._parts.names.titles(await self._parts.names.pairs(pairs_meant(labels)))
        return self._page(
            request,
            "history",
            rows=[(label, meaning(label, titles)) for label in labels[:SHOWN]],
            earlier=labels[SHOWN - 1].id if len(labels) > SHOWN else None,
            who=who or "",
            kinds={kind.value: words for kind, words in KINDS.items()},
        )

    async def disagreements(self, request: web.Request) -> web.Response:
        """Messages of which people say different things, the labels side by side."""
        found = await self._desk.agreements()
        named = pairs_meant(label for labels in found.disagreements for label in labels)
        titles = self._parts.names.titles(await self._parts.names.pairs(named))
        shown = [[(label, meaning(label, titles)) for label in labels] for labels in found.disagreements[:SHOWN]]
        return self._page(request, "disagreements", agreements=found, shown=shown)

    async def decide(self, request: web.Request) -> web.StreamResponse:
        """Keeps what one of the labels says, and takes back what others say."""
        form, who = form_of(request), person_of(request).name
        item = await self._desk.item(self._parts.turns.open(form.get("turn", "")))
        wanted = _id(form.get("label", ""))
        chosen = next((label for label in item.labels if label.id == wanted), None)
        if chosen is None:
            raise Refused(404, "NotFound", "This label was taken back meanwhile. Look at the message again.")
        agreeing = {label.who for label in item.labels if label.meaning == chosen.meaning}
        for label in item.labels:
            if label.who not in agreeing:
                await self._desk.undo(label.id, who)
        return see_other(DISAGREEMENTS)

    def _page(self, request: web.Request, name: str, **values: Any) -> web.Response:
        template = f"{name}_part.html" if is_htmx(request) else f"{name}.html"
        return render(request, template, seal=self._parts.turns.seal, **values)


def _id(text: str) -> int | None:
    """The number of a label; None where nothing is given.

    Raises:
        Refused: 400; it is no number.
    """
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Refused(400, "InvalidField", f"{text[:40]!r} is no label's number.", field="label")
    return int(text)
