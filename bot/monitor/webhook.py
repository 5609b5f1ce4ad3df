"""Posts alerts to an address of the owner's, signed as Standard Webhooks has it. An alert has one id however often."""

import time
from collections.abc import Callable, Sequence

from pydantic import AnyHttpUrl, TypeAdapter, ValidationError
from yarl import URL

from bot.channels.helpdesk.channel import event_body
from bot.channels.helpdesk.config import key_in
from bot.channels.helpdesk.signature import signed_headers
from bot.channels.posting import JsonPoster
from bot.delivery import NotSent, Uncertain
from bot.stores.alerts import Alert
from configs.errors import SettingsError
from configs.settings import Settings

TYPE = "mood.surge"
_ADDRESS: TypeAdapter[AnyHttpUrl] = TypeAdapter(AnyHttpUrl)


class AlertWebhook:
    """Where alerts are posted.

    Args:
        keys: Each signs.
    """

    def __init__(
        self,
        url: URL,
        keys: Sequence[bytes],
        *,
        poster: JsonPoster | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._url, self._keys, self._now = url, tuple(keys), now
        self._poster = poster or JsonPoster(now=now)

    async def post(self, alert: Alert) -> None:
        """Returns once the other side has taken it.

        Raises:
            NotSent: It has not, or nobody can tell.
        """
        body = event_body({"type": TYPE, "at": alert.found_at, "data": alert_data(alert)})
        headers = signed_headers(self._keys, f"msg_alert_{alert.id}", int(self._now()), body)
        try:
            answer = await self._poster.ask(
                "POST", self._url, {**headers, "Content-Type": "application/json"}, data=body
            )
        except Uncertain as error:
            raise NotSent(str(error)) from error
        if not 200 <= answer.status < 300:
            raise NotSent(f"{self._url.origin()} answered {answer.status}", answer.retry_after_s)

    async def close(self) -> None:
        """Closes the connections."""
        await self._poster.close()


def alert_data(alert: Alert) -> dict[str, object]:
    """An alert as the outside sees it."""
    return {
        "id": alert.id,
        "kind": alert.kind,
        "topic": alert.topic,
        "began_at": alert.began_at,
        "found_at": alert.found_at,
        **alert.detail,
    }


def alert_webhook(settings: Settings) -> AlertWebhook | None:
    """Where the settings want alerts posted; None where they do not.

    Raises:
        SettingsError: The address is none, or the secret is missing or no secret of Standard Webhooks.
    """
    if settings.alert_url is None:
        return None
    if settings.alert_secret is None:
        raise SettingsError("KEFU_ALERT_URL is set and KEFU_ALERT_SECRET is not. Set it: alerts are signed with it.")
    try:
        url = URL(str(_ADDRESS.validate_python(settings.alert_url.get_secret_value())))
    except ValidationError as error:
        raise SettingsError("KEFU_ALERT_URL is no address. Write one that begins with https:// or http://.") from error
    try:
        key = key_in(settings.alert_secret.get_secret_value())
    except ValueError as error:
        raise SettingsError(f"KEFU_ALERT_SECRET is no secret of Standard Webhooks: {error}.") from error
    return AlertWebhook(url, [key])
