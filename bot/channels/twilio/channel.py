"""The Twilio channel: its webhook, and its replies."""

import re

import structlog
from aiohttp import web
from yarl import URL

from bot.abilities import Abilities, TextUnit
from bot.channels.channel import WebhookChannel
from bot.channels.intake import Intake
from bot.channels.posting import JsonPoster
from bot.channels.twilio.config import NAME, Config
from bot.channels.twilio.form import failure_of, parse_form, parse_message
from bot.channels.twilio.rendering import rendered
from bot.channels.twilio.rest_api import FIXES, Fields, RestApi
from bot.channels.twilio.signature import PART, SIGNATURE, Signatures, report_url
from bot.errors import Refused
from bot.request_body import read_bytes
from bot.stores.outbox import Part
from bot.timing import stage
from bot.turn_record import stored_reply

FORM = frozenset({"application/x-www-form-urlencoded"})
NOTHING = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'  # for Twilio to do
WINDOW_S = 24 * 3_600.0  # in which WhatsApp takes anything but templates

_KEY = re.compile(r"[0-9a-f-]{36}\Z")
_log = structlog.get_logger()


def make(config: Config, intake: Intake) -> "Twilio":
    """The channel."""
    return Twilio(config, intake)


class Twilio(WebhookChannel):
    """Twilio's numbers, of SMS and of WhatsApp."""

    name = NAME

    def __init__(self, config: Config, intake: Intake) -> None:
        self._config, self._intake = config, intake
        token = config.auth_token.get_secret_value()
        self._signatures = Signatures(token, config.webhook_url)
        self._api = RestApi(URL(str(config.api_url)), config.account_sid, token, JsonPoster(now=intake.now))
        self.abilities = Abilities(
            max_text=1_600,
            unit=TextUnit.UTF16_UNITS,
            images=config.is_whatsapp or config.mms,
            attachments=config.is_whatsapp or config.mms,
            custom=True,
            reply_within_s=WINDOW_S if config.is_whatsapp else None,
            per_conversation_s=1.0,  # what goes out faster may arrive in another order
        )

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Takes a message in; the answer tells Twilio to do nothing more.

        Raises:
            Refused: It is not from Twilio; 503 where Twilio should bring it again.
        """
        form = parse_form(await read_bytes(request, FORM))
        if not self._signatures.is_genuine(request.headers, request.rel_url, form):
            raise Refused(401, "NotAuthenticated", f"{SIGNATURE} is not the form's signature for this address.")
        if form.get("AccountSid") != self._config.account_sid:
            raise Refused(401, "NotAuthenticated", "The form is of another account.")
        with stage("parse"):
            found = parse_message(form)
        if found is not None:
            with stage("store"):
                await self._intake.accept(*found)
        elif (failure := failure_of(form)) is not None:
            await self._note(request.query.get(PART, ""), *failure)
        return web.Response(text=NOTHING, content_type="text/xml")

    async def deliver(self, part: Part) -> None:
        """Has Twilio send one thing that the bot says.

        Raises:
            NotSent: Twilio has not taken it, and may take it later.
            Rejected: Twilio refuses it.
            Uncertain: Nobody can tell.
        """
        (message,) = stored_reply([part.payload])
        fields = rendered(message)
        await self._api.create_message([*self._route(part, fields), *fields])

    async def close(self) -> None:
        """Closes the connections."""
        await self._api.close()

    def _route(self, part: Part, fields: Fields) -> Fields:
        """To whom it goes, and from which number."""
        customer = part.address.get("to") or part.conversation_id.removeprefix(f"{NAME}:")
        number = part.address.get("from") or self._config.twilio_number
        has_sender = any(name == "MessagingServiceSid" for name, _ in fields)
        route = [("To", customer)] if has_sender else [("To", customer), ("From", number)]
        if self._config.webhook_url is None or any(name == "StatusCallback" for name, _ in fields):
            return route
        return [*route, ("StatusCallback", report_url(self._config.webhook_url, part.key))]

    async def _note(self, key: str, status: str, code: int) -> None:
        """Keeps that Twilio has taken a part, and could not bring it to the customer."""
        reason = f"Twilio reports {status}, error {code}. {FIXES.get(code, '')}".rstrip()
        key = key if _KEY.match(key) else ""
        is_ours = bool(key) and await self._intake.not_delivered(NAME, key, reason)
        _log.error("message_not_delivered", channel=NAME, key=key, reason=reason, is_known=is_ours)
