"""`/review/clusters`: messages that ask the like, to be named or answered at once."""

from functools import partial

from aiohttp import web

from bot.pages.choice import MAX_LABELS, choice_of, ids_of
from bot.pages.guard import form_of, needs
from bot.pages.layout import is_htmx, render, see_other
from bot.pages.review_parts import PATH, ReviewParts
from bot.pages.roles import Role
from bot.pages.titles import pairs_of
from bot.pages.visit import person_of
from bot.pages.words import percent
from bot.stores.label_history import labels_by_id
from bot.stores.labels import LabelKind

CLUSTERS = f"{PATH}/clusters"
SHOWN = 20
SHOWN_TEXTS = 12


class ReviewClustersPage:
    """The clusters."""

    def __init__(self, parts: ReviewParts) -> None:
        self._parts, self._desk = parts, parts.desk

    def routes(self) -> list[web.RouteDef]:
        """The routes."""
        return [
            web.get(CLUSTERS, needs(Role.VIEWER)(self.show)),
            web.post(CLUSTERS, needs(Role.REVIEWER)(self.label)),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """All clusters, the largest first."""
        clusters = await self._desk.clusters(SHOWN)
        pairs = await self._parts.names.pairs(
            {pair_id for cluster in clusters for pair_id in pairs_of(cluster.nearest)}
        )
        return render(
            request,
            "clusters_part.html" if is_htmx(request) else "clusters.html",
            clusters=clusters,
            shown_texts=SHOWN_TEXTS,
            titles=self._parts.names.titles(pairs),
            kept=await self._kept(request),
            percent=percent,
        )

    async def label(self, request: web.Request) -> web.StreamResponse:
        """Says the same of every message of a cluster; a new intent may get its answer with its name."""
        form = form_of(request)
        cluster, who = form.get("cluster", ""), person_of(request).name
        kind, value = choice_of(form, self._desk.intents())
        answer = form.get("answer", "").strip()
        if kind is LabelKind.NEW_INTENT and not value.strip() and answer:
            kind, value, answer = LabelKind.ANSWER, answer, ""
        ids = await self._desk.label_cluster(cluster, kind, value, who)
        if kind is LabelKind.NEW_INTENT and answer:
            ids += await self._desk.label_cluster(cluster, LabelKind.ANSWER, answer, who)
        return see_other(f"{CLUSTERS}?kept={'.'.join(str(one) for one in ids[:MAX_LABELS])}&count={len(ids)}")

    async def _kept(self, request: web.Request) -> tuple[int, str] | None:
        """How many labels this person has just given, and their ids where all of them can be taken back at once."""
        given, count = request.query.get("kept", ""), request.query.get("count", "")
        if not given or not (count.isascii() and count.isdigit() and len(count) < 7):
            return None
        labels = await self._parts.store.read(partial(labels_by_id, ids=ids_of(given)))
        own = [label for label in labels if label.who == person_of(request).name and label.undone_at is None]
        if not own:
            return None
        return int(count), ".".join(str(label.id) for label in own) if len(own) == int(count) else ""
