"""A fake of Instagram's direct messages: Messenger's, with bytes for characters and echoes among the messages.

Source: https://developers.facebook.com/documentation/instagram-platform/webhooks/examples
"""

from typing import Any

from aiohttp import web
from fakes.facebook import FakeMessenger
from fakes.meta import SECRET, TOKEN, VERIFY


class FakeInstagram(FakeMessenger):
    """One professional account."""

    channel = "instagram"
    kind = "instagram"
    account = "17841400000000000"

    def credentials(self) -> dict[str, Any]:
        return {"verify": VERIFY, "secret": SECRET, "access_token": TOKEN, "api_url": self.api_url}

    def proves(self, request: web.Request) -> bool:
        return "appsecret_proof" not in request.query

    def is_text(self, text: Any) -> bool:
        return isinstance(text, str) and bool(text.strip()) and len(text.encode()) <= 1_000
