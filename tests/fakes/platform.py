"""What customers write on, as the tests play it: it brings messages to the bot, keeps what it is shown, and fails.

What brings each message in one HTTP request is a `Vendor`; pages and mailboxes have ways of their own.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, Protocol

OWN_LIMIT_S = 1.0  # where nobody but we ourselves wants a receipt in time


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request that brings something to the bot.

    Attributes:
        path: With its query.
    """

    method: str = "POST"
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """Something that the bot has sent, and the platform shown to a customer.

    Attributes:
        user: Whom it was for, by the name that `Platform.carry` takes.
        key: By which the platform knows a repeated send, where it does.
        raw: The body as it came.
    """

    user: str
    text: str
    key: str | None = None
    raw: Any = None


class Fault(Enum):
    """How the platform's API fails the next send; what has no API fails as it can."""

    TOO_MANY = "too many"  # in the vendor's way, with its way to say when to come again; nothing is shown
    SERVER_ERROR = "server error"  # 500; nothing is shown
    HANG_UP = "hang up"  # the connection ends without an answer; nothing is shown
    LOST_ANSWER = "lost answer"  # it is shown, and then the connection ends without an answer


class Bot(Protocol):
    """The bot, as it is reached over HTTP; it may be killed, and come back elsewhere."""

    @property
    def address(self) -> str | None:
        """Where it listens; None while it does not."""

    async def ask(self, request: Request) -> tuple[int, bytes]:
        """The status and the body of its answer; 0 where there is none."""


class Platform:
    """What has a fake has this as its base.

    Attributes:
        channel: The channel's name.
        key: Its key in `credentials.yml`, where that is another: an owner's own module.
        accept_limit_s: How long the platform waits for a receipt of what it brings; None where nobody waits.
        authenticated: Whether the bot can tell what is genuine.
        environment: Variables that the bot's server is started with.
        sent: What it has shown to customers, in order.
        faults: How the next sends fail, the first one first; see `failed`.
        refused: What it refused because the bot broke a rule of its API.
        paced: Whether it refuses sends that come faster than its documented pace.
        retry_after_s: After how long a send that met `TOO_MANY` may come again.
    """

    channel: str
    key: str | None = None
    accept_limit_s: float | None
    authenticated = True
    environment: ClassVar[Mapping[str, str]] = {}

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.faults: deque[Fault] = deque()
        self.refused: list[str] = []
        self.paced, self.retry_after_s = True, 1

    def credentials(self) -> dict[str, Any]:
        """The channel's section of `credentials.yml`, pointing at this fake."""
        raise NotImplementedError

    async def start(self) -> None:
        """Opens what the bot calls."""

    async def close(self) -> None:
        """Closes it, and whatever is connected."""

    async def carry(self, bot: Bot, *, user: str, text: str, id: str) -> bool:  # noqa: A002 - the platform's word
        """Carries a customer's message to the bot, once; whether there is a receipt, so that it need not come again."""
        raise NotImplementedError

    async def believed(self, bot: Bot) -> dict[str, bool]:
        """Brings at least ten things that must not be believed; whether each was. Empty without authentication."""
        return {}

    async def catch_up(self, bot: Bot) -> None:
        """Waits until customers have been shown what the bot has for them, where they fetch it themselves."""

    def failed(self) -> Fault | None:
        """The fault that the present send is to meet, if one is due."""
        return self.faults.popleft() if self.faults else None
