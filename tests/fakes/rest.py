"""A page of the owner's own that asks over Rasa's REST channel: the reply is the receipt.

Where the answer is lost it asks again under the same id, and shows what it is told first. The bot's API does not fail;
what is lost here is the way back.
"""

import json
from typing import Any

from fakes.platform import OWN_LIMIT_S, Bot, Platform, Request, Sent

PATH = "/webhooks/rest/webhook"
JSON = {"Content-Type": "application/json"}


class FakeRest(Platform):
    """All customers of such pages."""

    channel = "rest"
    accept_limit_s = OWN_LIMIT_S
    authenticated = False

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[str, list[dict[str, Any]]] = {}

    def credentials(self) -> dict[str, Any]:
        return {}

    async def carry(self, bot: Bot, *, user: str, text: str, id: str) -> bool:  # noqa: A002
        body = json.dumps({"sender": user, "message": text, "message_id": id}).encode()
        status, answer = await bot.ask(Request(path=PATH, headers=JSON, body=body))
        if status != 200 or self.failed() is not None:
            return False
        items = json.loads(answer)
        if id not in self._told:
            self.sent += [Sent(user=item["recipient_id"], text=item.get("text", ""), raw=item) for item in items]
        if self._told.setdefault(id, items) != items:
            self.refused.append("a message that came again got another answer")
        return True
