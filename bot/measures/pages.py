"""`/dashboard`: the figures as a page, as JSON and as CSV, for whoever may look."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import web

from bot.errors import Refused
from bot.measures.measured import Asked, MeasuredLately
from bot.measures.measures import Measures
from bot.measures.page import page_values
from bot.measures.parts import Unanswered
from bot.measures.period import DAY_S, parse_period
from bot.measures.rows import measures_csv
from bot.measures.written import measures_json
from bot.model_host import ModelHost
from bot.pages import Role, needs, render
from bot.review import Cluster
from bot.stores.store import ConversationStore
from bot.stores.turn_counting import Only
from configs.errors import SettingsError

PATH = "/dashboard"
SINCE = "30d"
MOST_DAYS = 400
MOST_CHARS = 200
SHOWN_CLUSTERS = 10
PERIODS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days", "90d": "90 days"}

Clusters = Callable[[int], Awaitable[list[Cluster]]]


class Dashboard:
    """The routes.

    Args:
        clusters: Looks for messages that several ask alike and nothing answers.
    """

    def __init__(
        self, store: ConversationStore, host: ModelHost, clusters: Clusters, now: Callable[[], float] = time.time
    ) -> None:
        self._host, self._clusters, self._now = host, clusters, now
        self._lately = MeasuredLately(store.read, lambda: host.engine.promise, now)
        self._channels: set[str] = set()

    def routes(self) -> list[web.RouteDef]:
        """All of them; to look is enough."""
        guard = needs(Role.VIEWER)
        return [
            web.get(PATH, guard(self.show)),
            web.get(f"{PATH}.json", guard(self.as_json)),
            web.get(f"{PATH}.csv", guard(self.as_csv)),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The page."""
        asked = _asked(request.query)
        measures = await self._with_clusters(await self._measures(asked))
        spec = self._host.engine.spec
        return render(
            request,
            "dashboard.html",
            **page_values(measures, spec.titles),
            asked=asked,
            query=_query(asked),
            periods=[
                (since, title, _query(replace(asked, since=since, until=None))) for since, title in PERIODS.items()
            ],
            channels=sorted(self._channels | ({asked.only.channel} if asked.only.channel else set())),
            intents=sorted({*spec.domain.intents, *([asked.only.intent] if asked.only.intent else [])}),
        )

    async def as_json(self, request: web.Request) -> web.Response:
        """The figures as JSON."""
        measures = await self._with_clusters(await self._measures(_asked(request.query)))
        return web.json_response(measures_json(measures), headers={"Cache-Control": "no-store"})

    async def as_csv(self, request: web.Request) -> web.Response:
        """The days or hours as CSV."""
        text = measures_csv(await self._measures(_asked(request.query)))
        headers = {"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="figures.csv"'}
        return web.Response(text=text, content_type="text/csv", charset="utf-8", headers=headers)

    async def _measures(self, asked: Asked) -> Measures:
        engine = self._host.engine
        try:
            period = parse_period(asked.since, asked.until, ZoneInfo(engine.spec.entities.timezone), self._now())
        except SettingsError as error:
            raise Refused(400, "InvalidField", str(error), field="since") from error
        if period.until - period.since > MOST_DAYS * DAY_S:
            said = f"This is more than {MOST_DAYS} days. Write a later beginning, or use `kefu report`."
            raise Refused(400, "InvalidField", said, field="since")
        measures = await self._lately.measure(asked, period)
        self._channels |= {part.name for part in measures.channels if part.name}
        pairs = tuple(replace(pair, question=self._question(pair.id)) for pair in measures.pairs)
        return replace(measures, pairs=pairs)

    def _question(self, pair_id: str) -> str | None:
        pair = self._host.engine.pair(pair_id)
        return None if pair is None else pair.question

    async def _with_clusters(self, measures: Measures) -> Measures:
        try:
            found = await self._clusters(SHOWN_CLUSTERS)
        except Refused:  # the model has more to do than it can; the figures do not need it
            return measures
        return replace(measures, unanswered=tuple(Unanswered(typical=one.typical, size=one.size) for one in found))


def _asked(query: Mapping[str, str]) -> Asked:
    for name, value in query.items():
        if len(value) > MOST_CHARS:
            raise Refused(400, "InvalidField", f"{name[:40]} is too long.", field=name[:40])
    only = Only(channel=query.get("channel") or None, intent=query.get("intent") or None)
    return Asked(since=query.get("since", "").strip() or SINCE, until=query.get("until", "").strip() or None, only=only)


def _query(asked: Asked) -> str:
    given = {"since": asked.since, "until": asked.until, "channel": asked.only.channel, "intent": asked.only.intent}
    return urlencode({name: value for name, value in given.items() if value})
