"""Posts what happens between customers and persons to a help desk, each event until it has been taken."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from yarl import URL

from bot.abilities import Abilities, Follows
from bot.channels.channel import WebhookChannel, health
from bot.channels.helpdesk.config import NAME, Config
from bot.channels.helpdesk.signature import signed_headers
from bot.channels.intake import Intake
from bot.channels.posting import JsonPoster
from bot.delivery import NotSent, Rejected, Uncertain
from bot.notices import notice_in
from bot.stores.outbox import Part

GONE = 410


class HelpDesk(WebhookChannel):
    """A help desk. An event has one id however often it is posted, so one that may have arrived is posted again.

    What it does about them comes by the routes of `bot.handoff_api`.
    """

    name = NAME
    abilities = Abilities(resends=True, follows=Follows.OTHERS)

    def __init__(self, config: Config, intake: Intake, poster: JsonPoster | None = None) -> None:
        self._url, self._keys, self._events = URL(str(config.url)), config.keys, frozenset(config.events)
        self._now, self._poster = intake.now, poster or JsonPoster(now=intake.now)

    def routes(self) -> list[web.RouteDef]:
        """Only that it is there: nothing comes in here."""
        return [web.get(f"/webhooks/{self.name}/", health)]

    async def deliver(self, part: Part) -> None:
        """Posts an event.

        Raises:
            NotSent: It was not taken, or nobody can tell.
            Rejected: The help desk wants no events any more, or it is something that the bot says.
        """
        notice = notice_in(part)
        if notice is None:
            raise Rejected("a help desk is told of events; it is no channel that customers come by")
        if notice["type"] not in self._events:
            return
        body = event_body(notice)
        headers = signed_headers(self._keys, f"msg_{part.key}", int(self._now()), body)
        try:
            answer = await self._poster.ask(
                "POST", self._url, {**headers, "Content-Type": "application/json"}, data=body
            )
        except Uncertain as error:
            raise NotSent(str(error)) from error
        if answer.status == GONE:
            raise Rejected(f"the help desk answered {GONE}: it wants no events any more")
        if not 200 <= answer.status < 300:
            raise NotSent(f"the help desk answered {answer.status}", answer.retry_after_s)

    async def close(self) -> None:
        """Closes the connections."""
        await self._poster.close()


def event_body(notice: Mapping[str, Any]) -> bytes:
    """An event as Standard Webhooks has it: what, when, and the rest. The same each time, to the byte."""
    at = datetime.fromtimestamp(notice["at"], UTC).isoformat().replace("+00:00", "Z")
    return json.dumps({"type": notice["type"], "timestamp": at, "data": notice["data"]}, ensure_ascii=False).encode()
