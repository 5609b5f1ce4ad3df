"""Knows what has arrived on a connection, by the pings that every Engine.IO client has to answer.

Rasa's widgets confirm no message. But a connection keeps its order: when the pong to a ping comes back, what was sent
before the ping is there.
"""

from collections.abc import Callable
from typing import Any

from engineio.packet import CLOSE, NOOP, PING, PONG, Packet

_KEPT = "pulse"


class Pulse:
    """Counts the pings and pongs of one connection; one that is listened to already is not listened to twice.

    Args:
        socket: Engine.IO's side of the connection.
    """

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._send, self._receive = socket.send, socket.receive
        self._pings = 0 if socket.last_ping is None else 1  # one may be under way
        self._pongs = 0
        self.on_pong: Callable[[], None] = lambda: None
        socket.send, socket.receive = self._on_send, self._on_receive

    @classmethod
    def of(cls, socket: Any) -> "Pulse":
        """The pulse of a connection."""
        pulse: Pulse = socket.session.get(_KEPT) or cls(socket)
        socket.session[_KEPT] = pulse
        return pulse

    @property
    def has_ended(self) -> bool:
        """Whether the connection is known to be gone."""
        return bool(self._socket.closed or self._socket.closing)

    async def ping(self) -> int:
        """Sends a ping; gives the number by which `is_past` knows it."""
        number = self._pings + 1
        await self._socket.send(Packet(PING))
        return number

    def is_past(self, number: int) -> bool:
        """Whether the pong to that ping has come, and with it the news that all before it has arrived."""
        return self._pongs >= number

    async def _on_send(self, packet: Packet) -> None:
        if packet.packet_type == PING:
            self._pings += 1
        await self._send(packet)

    async def _on_receive(self, packet: Packet) -> None:
        if packet.packet_type == PONG and self._pongs < self._pings:
            self._pongs += 1
            self.on_pong()
        await self._receive(packet)
        if packet.packet_type == CLOSE:
            release(self._socket)


def release(socket: Any) -> None:
    """Answers the request by which a page without a WebSocket waits for news, with none."""
    if not socket.upgraded:
        socket.queue.put_nowait(Packet(NOOP))


def hang_up(socket: Any) -> None:
    """Ends the connection, so that the page connects anew: told to disconnect it would not."""
    if socket.upgraded:
        socket.queue.put_nowait(None)
    else:
        release(socket)
