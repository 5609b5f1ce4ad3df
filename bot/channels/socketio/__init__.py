"""Rasa's Socket.IO channel: messages come in and go out over the connection that a page keeps open."""

from bot.channels.socketio.channel import SocketIo, make
from bot.channels.socketio.config import Config

__all__ = ["Config", "SocketIo", "make"]
