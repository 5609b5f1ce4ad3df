"""Pages that talk over Socket.IO by the rules of Rasa's two public widgets, on Socket.IO's own client."""

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import socketio

PATIENCE_S = 20
KINDS = frozenset({"accordion", "carousel", "file_download", "video", "rating"})


class Page:
    """What both widgets share: a connection, and what the bot has said on it.

    Attributes:
        shown: What the customer sees, in order.
        raw: The events as they came.
        confirmed: What came as `session_confirm`.
    """

    user_event, bot_event = "user_uttered", "bot_uttered"

    def __init__(self, url: str, *, namespace: str = "/", path: str = "socket.io", **connecting: Any) -> None:
        self._url, self._namespace, self._path, self._connecting = url, namespace, path, connecting
        self.shown: list[Any] = []
        self.raw: list[Any] = []
        self.confirmed: list[Any] = []
        self.client = self._made()

    def _made(self) -> socketio.AsyncClient:
        client = socketio.AsyncClient(reconnection=False)
        client.on(self.bot_event, self._heard, namespace=self._namespace)
        client.on("session_confirm", self._confirmed, namespace=self._namespace)
        return client

    async def connect(self) -> None:
        """Connects, and asks for its session as the widget does."""
        await self.client.connect(
            self._url, namespaces=[self._namespace], socketio_path=self._path, wait_timeout=5, **self._connecting
        )
        await self._on_connect()

    async def leave(self) -> None:
        """Closes the page."""
        await self.client.disconnect()
        if (session := self.client.eio.http) is not None:  # one whose connection failed is left open
            await session.close()

    async def come_back(self) -> None:
        """Connects anew after the connection was lost."""
        await self.leave()
        self.client = self._made()
        await self.connect()

    async def say(self, text: str, **more: Any) -> None:
        """The customer writes."""
        await self.emit(self.user_event, {**self._message(text), **more})

    async def say_surely(self, text: str, **more: Any) -> Any:
        """The same, with what the server answers to it."""
        return await self.client.call(
            self.user_event, {**self._message(text), **more}, namespace=self._namespace, timeout=PATIENCE_S
        )

    async def emit(self, event: str, data: Any) -> None:
        """Sends any event."""
        await self.client.emit(event, data, namespace=self._namespace)

    async def until(self, holds: Callable[["Page"], bool]) -> None:
        """Waits until something is shown or confirmed."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds(self):  # noqa: ASYNC110 - the other side is a server
                await asyncio.sleep(0.01)

    async def sees(self, count: int) -> list[Any]:
        """What is shown, once there is so much."""
        await self.until(lambda page: len(page.shown) >= count)
        return self.shown

    async def _on_connect(self) -> None:
        raise NotImplementedError

    def _message(self, text: str) -> dict[str, Any]:
        raise NotImplementedError

    def _show(self, said: Any) -> Any:
        raise NotImplementedError

    def _heard(self, *said: Any) -> None:
        (one,) = said  # a listener of a widget takes one argument
        self.raw.append(one)
        self.shown.append(self._show(one))

    def _confirmed(self, session: Any) -> None:
        self.confirmed.append(session)


class RasaWebchat(Page):
    """Botfront's rasa-webchat 1.0: keeps the id that the server confirmed, and tells kinds by the number of keys."""

    def __init__(self, url: str, *, stored_id: str | None = None, custom_data: Any = None, **more: Any) -> None:
        super().__init__(url, **more)
        self.session_id, self._custom_data = stored_id, custom_data or {}

    async def _on_connect(self) -> None:
        count = len(self.confirmed)
        await self.emit("session_request", {"session_id": self.session_id})
        await self.until(lambda page: len(page.confirmed) > count)

    def _confirmed(self, session: Any) -> None:
        self.session_id = session["session_id"] if isinstance(session, dict) and "session_id" in session else session
        super()._confirmed(session)

    def _message(self, text: str) -> dict[str, Any]:
        return {"message": text, "customData": self._custom_data, "session_id": self.session_id}

    def _show(self, said: Any) -> Any:
        if set(said) == {"text"}:
            return ("text", said["text"])
        if len(said) == 2 and "text" in said and ("quick_replies" in said or "buttons" in said):
            replies = said.get("quick_replies", said.get("buttons"))
            return ("buttons", said["text"], [(one["title"], one["payload"]) for one in replies])
        attachment = said.get("attachment") or {}
        match attachment:
            case {"type": "template", "payload": {"template_type": "generic", "elements": elements}} if elements:
                return ("carousel", elements)
            case {"type": "image", "payload": {"src": address}}:
                return ("image", address)
            case {"type": "video", "payload": {"src": address}}:
                return ("video", address)
        return ("custom", said)


class RasaChatWidget(Page):
    """RasaHQ's chat-widget: makes its id itself, and reads nothing of what the server confirms."""

    def __init__(self, url: str, *, sender_id: str | None = None, token: str | None = None, **more: Any) -> None:
        super().__init__(url, **more, **({"auth": {"token": token}} if token else {}))
        self.session_id = sender_id or str(uuid.uuid4())

    async def _on_connect(self) -> None:
        count = len(self.confirmed)
        await self.emit("session_request", {"session_id": self.session_id})
        await self.until(lambda page: len(page.confirmed) > count)

    def _message(self, text: str) -> dict[str, Any]:
        return {"message": text, "session_id": self.session_id}

    def _show(self, said: Any) -> Any:
        attachment, kind = said.get("attachment") or {}, said.get("type")
        if attachment.get("type") == "image":
            return ("image", attachment["payload"]["src"])
        if kind in KINDS:
            return (kind, said)
        if said.get("quick_replies"):
            return ("buttons", said.get("text"), [(one["title"], one["payload"]) for one in said["quick_replies"]])
        if said.get("text") and kind is None:
            return ("text", said["text"])
        return ("not implemented", said)
