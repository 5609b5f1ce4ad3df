"""The channel that Messenger and Instagram are: messages in by webhook, replies out by the Send API."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from yarl import URL

from bot.channels.channel import conversation_id
from bot.channels.intake import Intake
from bot.channels.messenger.errors import CODES
from bot.channels.messenger.parse import parse_events
from bot.channels.messenger.product import WINDOW_S, Product
from bot.channels.messenger.render import render
from bot.channels.meta.graph import GraphApi, proof_of
from bot.channels.meta.webhook import Incoming, MetaConfig, MetaWebhook
from bot.channels.posting import JsonPoster
from bot.delivery import Rejected
from bot.stores.outbox import Part
from bot.turn_record import stored_reply
from configs.errors import KefuError

PATH = "me/messages"  # whose they are follows from the token
MAX_TYPING = 16  # signs under way; further ones are left out

_log = structlog.get_logger()


class Messenger(MetaWebhook):
    """Serves one product.

    Args:
        tokens: Access tokens by page or account; that under "" is for all others.
        typing: Whether customers see that an answer is on its way.
    """

    def __init__(
        self, product: Product, config: MetaConfig, intake: Intake, url: URL, tokens: Mapping[str, str], *, typing: bool
    ) -> None:
        super().__init__(config, intake)
        self.name, self.abilities, self._product = product.name, product.abilities, product
        self._now, self._tokens, self._typing = intake.now, tokens, typing
        self._api = GraphApi(url, product.title, CODES, JsonPoster(now=intake.now))
        self._signs: set[asyncio.Task[None]] = set()

    def parse(self, data: Any) -> Iterator[Incoming]:
        """The messages and pressed buttons."""
        return parse_events(data, self._product, self._now())

    def on_new(self, incoming: Incoming) -> None:
        """Shows the typing sign, if it can be."""
        if self._typing and len(self._signs) < MAX_TYPING:
            sign = asyncio.create_task(self._show_typing(incoming.message.conversation_id))
            self._signs.add(sign)
            sign.add_done_callback(self._signs.discard)

    async def deliver(self, part: Part) -> None:
        """Sends a part.

        Raises:
            NotSent: Meta has not taken it, and may take it later.
            Rejected: It refuses it, or 24 hours have passed.
            Uncertain: Nobody can tell.
        """
        written_at = part.address.get("written_at")
        if isinstance(written_at, int | float) and self._now() - written_at > WINDOW_S:
            raise Rejected("over 24 hours have passed since the customer wrote")
        (message,) = stored_reply([part.payload])
        await self._send(
            part.conversation_id, {"messaging_type": "RESPONSE", "message": render(message, self._product)}
        )

    async def close(self) -> None:
        """Closes the connections; signs that are under way are left."""
        for sign in self._signs:
            sign.cancel()
        await asyncio.gather(*self._signs, return_exceptions=True)
        await self._api.close()

    async def _show_typing(self, conversation: str) -> None:
        try:
            await self._send(conversation, {"sender_action": "typing_on"})
        except KefuError as error:  # nothing is lost by it
            _log.debug("typing_not_shown", channel=self.name, reason=str(error))

    async def _send(self, conversation: str, body: Mapping[str, Any]) -> None:
        account, customer = self._ends(conversation)
        token = self._tokens.get(account, self._tokens[""])
        proof = proof_of(self._secret, token) if self._product.proves else None
        await self._api.post(PATH, {"recipient": {"id": customer}, **body}, token, proof)

    def _ends(self, conversation: str) -> tuple[str, str]:
        """The account and the customer of a conversation."""
        _, _, rest = conversation.partition(":")
        account, _, customer = rest.partition(":")
        is_ours = conversation == conversation_id(self.name, account, customer)
        if not (is_ours and account.isdigit() and customer.isdigit()):
            raise Rejected(f"the conversation is not one of {self._product.title}, so nobody knows whom to write to")
        return account, customer
