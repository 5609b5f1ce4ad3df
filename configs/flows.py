"""Rules and stories: what happens after what. Checkpoints and `or` are gone: each flow is one plain sequence."""

from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityPattern:
    """An entity that a message must hold; a value, role or group that is None may be any."""

    entity: str
    value: Any = None
    role: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserStep:
    """The customer says something that means `intent`."""

    intent: str
    entities: tuple[EntityPattern, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionStep:
    """The bot does something: an action, a response, or a form."""

    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopStep:
    """A form begins, or, where it is None, ends."""

    loop: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotStep:
    """A slot holds `value`: None for nothing; with `is_any`, anything but nothing."""

    slot: str
    value: Any = None
    is_any: bool = False


Step: TypeAlias = UserStep | ActionStep | LoopStep | SlotStep
Condition: TypeAlias = LoopStep | SlotStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What always happens.

    Attributes:
        conditions: What must hold before the first step.
        starts_conversation: Whether it holds only for what comes first (Rasa's `conversation_start`).
        waits_for_user: Whether the bot listens after the last step (Rasa's `wait_for_user_input`).
        where: File, relative to the assistant, and line.
    """

    name: str
    steps: tuple[Step, ...]
    conditions: tuple[Condition, ...] = ()
    starts_conversation: bool = False
    waits_for_user: bool = True
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """How a conversation may go; where the bot has seen the like, it goes on so.

    Attributes:
        where: File, relative to the assistant, and line.
    """

    name: str
    steps: tuple[Step, ...]
    where: str = ""
