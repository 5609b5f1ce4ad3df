"""The channel: messages in by webhook, replies out by the Cloud API."""

from collections.abc import Iterator, Mapping
from typing import Any

from yarl import URL

from bot.abilities import Abilities
from bot.channels.channel import conversation_id
from bot.channels.intake import Intake
from bot.channels.meta.graph import GraphApi, GraphRejected
from bot.channels.meta.webhook import Incoming, MetaWebhook, Undelivered
from bot.channels.posting import JsonPoster
from bot.channels.whatsapp.config import NAME, Config
from bot.channels.whatsapp.errors import CODES, PAIR_BURST, PAIR_GAP_S, WINDOW_CLOSED
from bot.channels.whatsapp.parse import WINDOW_S, parse_updates
from bot.channels.whatsapp.render import (
    MAX_ID_BYTES,
    MAX_ROW_CHARS,
    MAX_ROWS,
    MAX_TEXT,
    UNIT,
    envelope,
    render,
    render_template,
)
from bot.delivery import Rejected
from bot.messages import BotMessage
from bot.stores.outbox import Part
from bot.turn_record import stored_reply


class WhatsApp(MetaWebhook):
    """Serves as many numbers of one app as there are; a conversation belongs to a customer and a number."""

    name = NAME

    def __init__(self, config: Config, intake: Intake) -> None:
        super().__init__(config, intake)
        self._config, self._now = config, intake.now
        self._token = config.access_token.get_secret_value()
        self._api = GraphApi(URL(str(config.api_url)), "WhatsApp", CODES, JsonPoster(now=intake.now))
        self.abilities = abilities(config)

    def parse(self, data: Any) -> Iterator[Incoming | Undelivered]:
        """The messages, and what was not delivered."""
        return parse_updates(data, self._config.phone_number_ids, self._now())

    async def deliver(self, part: Part) -> None:
        """Sends a part; the template in its place where 24 hours have passed.

        Raises:
            NotSent: WhatsApp has not taken it, and may take it later.
            Rejected: It refuses it.
            Uncertain: Nobody can tell.
        """
        (message,) = stored_reply([part.payload])
        if self._is_late(part):
            await self._send_template(part, message)
            return
        try:
            await self._send(part, envelope(render(message, self._config.list_button), _way(part), part.key))
        except GraphRejected as error:
            if error.code != WINDOW_CLOSED or self._config.template is None:
                raise
            await self._send_template(part, message)

    async def close(self) -> None:
        """Closes the connections."""
        await self._api.close()

    def _is_late(self, part: Part) -> bool:
        """Whether 24 hours have passed; where nobody knows, WhatsApp says so."""
        written_at = part.address.get("written_at")
        return isinstance(written_at, int | float) and self._now() - written_at > WINDOW_S

    async def _send_template(self, part: Part, message: BotMessage) -> None:
        template = self._config.template
        if template is None:
            raise Rejected(CODES.meanings[WINDOW_CLOSED])
        if part.part_no and not template.text:
            raise Rejected("over 24 hours have passed, and the template was sent for the reply's first part")
        await self._send(part, envelope(render_template(template, message), _way(part), part.key))

    async def _send(self, part: Part, body: Mapping[str, Any]) -> None:
        number, _ = _ends(part)
        await self._api.post(f"{number}/messages", body, self._token)


def abilities(config: Config) -> Abilities:
    """What WhatsApp can show; with a template nothing is too late."""
    return Abilities(
        max_text=MAX_TEXT,
        unit=UNIT,
        max_buttons=MAX_ROWS,
        max_button_title=MAX_ROW_CHARS,
        max_payload_bytes=MAX_ID_BYTES,
        link_buttons=True,
        images=True,
        attachments=True,
        custom=True,
        reply_within_s=None if config.template else WINDOW_S,
        per_second=config.per_second,
        per_conversation_s=PAIR_GAP_S,
        burst=PAIR_BURST,
    )


def make(config: Config, intake: Intake) -> WhatsApp:
    """The channel as `credentials.yml` has it."""
    return WhatsApp(config, intake)


def _way(part: Part) -> Mapping[str, str]:
    """How the customer is named to WhatsApp: as they last came, or by what the conversation is called after."""
    for name in ("to", "recipient"):
        if isinstance(known := part.address.get(name), str):
            return {name: known}
    _, customer = _ends(part)
    return {"to": customer} if customer.isdigit() else {"recipient": customer}


def _ends(part: Part) -> tuple[str, str]:
    """The bot's number and the customer of the part's conversation."""
    channel, _, rest = part.conversation_id.partition(":")
    number, _, customer = rest.partition(":")
    if conversation_id(NAME, number, customer) != part.conversation_id or not number.isdigit() or not customer:
        raise Rejected(f"{channel} is not the channel of the conversation, so nobody knows whom to write to")
    return number, customer
