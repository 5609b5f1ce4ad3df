"""What `socketio:` of `credentials.yml` may say, under Rasa's names and with its defaults."""

from typing import Annotated, Self

import jwt
from pydantic import Field, SecretStr, model_validator

from bot.channels.channel import ChannelConfig
from configs.settings import JwtMethod

NAME = "socketio"
RESERVED = frozenset({"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"})

EventName = Annotated[str, Field(min_length=1, max_length=100)]


class Config(ChannelConfig):
    """`socketio:` of `credentials.yml`.

    Attributes:
        user_message_evt: The event by which a page brings a message.
        bot_message_evt: The event by which it gets one.
        namespace: The namespace of both; None is the main one.
        session_persistence: Whether a page that comes back goes on with its conversation.
        socketio_path: Where pages connect to.
        jwt_key: The key of the JSON Web Tokens that pages have to bring; without one anybody may connect.
        jwt_method: How those are signed.
        metadata_key: Where in a message its metadata stands.
    """

    user_message_evt: EventName = "user_uttered"
    bot_message_evt: EventName = "bot_uttered"
    namespace: Annotated[str, Field(pattern=r"^/[^,?\s]*$", max_length=100)] | None = None
    session_persistence: bool = False
    socketio_path: Annotated[str, Field(pattern=r"^/?[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*/?$", max_length=200)] = (
        "/socket.io"
    )
    jwt_key: SecretStr | None = None
    jwt_method: JwtMethod = JwtMethod.HS256
    metadata_key: Annotated[str, Field(min_length=1, max_length=100)] = "metadata"

    @property
    def path(self) -> str:
        """The path between slashes, as clients ask for it."""
        return f"/{self.socketio_path.strip('/')}/"

    @model_validator(mode="after")
    def _no_reserved_event(self) -> Self:
        if taken := RESERVED & {self.user_message_evt, self.bot_message_evt}:
            raise ValueError(f"{min(taken)!r} is an event of Socket.IO's own; take another name")
        return self

    @model_validator(mode="after")
    def _strong_key(self) -> Self:
        if self.jwt_key is None:
            return self
        algorithm = jwt.get_algorithm_by_name(self.jwt_method.value)
        try:
            weakness = algorithm.check_key_length(algorithm.prepare_key(self.jwt_key.get_secret_value()))
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise ValueError(
                f"jwt_key is no key for {self.jwt_method}, which jwt_method names; HS256 takes a random text of 32 "
                "characters, RS256 and ES256 a public key in PEM"
            ) from error
        if weakness:
            raise ValueError(f"jwt_key is too short for {self.jwt_method}: {weakness}")
        return self
