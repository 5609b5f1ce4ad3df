"""What Chatwoot brings, as far as it is read."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

MESSAGE_TYPES = {0: "incoming", 1: "outgoing", 2: "activity", 3: "template"}  # in some payloads as numbers
Id: TypeAlias = Annotated[int, Field(ge=1, le=2**63 - 1)]
Some = TypeVar("Some")


def _or_nothing(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """A customer's message is not lost because a version writes something beside it in another way."""
    try:
        return read(value)
    except ValidationError:
        return None


Perhaps: TypeAlias = Annotated[Some | None, WrapValidator(_or_nothing)]


class Read(BaseModel):
    """What is read of a payload; what else it holds is not."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Account(Read):
    """An account of the installation."""

    id: Id


class Person(Read):
    """A person, or a bot, or a customer: `type` says which."""

    name: Perhaps[str] = None
    available_name: Perhaps[str] = None
    type: Perhaps[str] = None


class Meta(Read):
    """Who has to do with a conversation."""

    assignee: Perhaps[Person] = None
    assignee_type: Perhaps[str] = None


class OfAccount(Read):
    """A message beside a conversation, of which only the account counts."""

    account_id: Perhaps[Id] = None


class ConversationData(Read):
    """A conversation as its own events have it, and beside a message."""

    id: Id
    status: str
    updated_at: Perhaps[float] = None
    meta: Perhaps[Meta] = None
    account: Perhaps[Account] = None
    messages: Perhaps[tuple[OfAccount, ...]] = None


class Attachment(Read):
    """A file that came with a message."""

    file_type: Perhaps[str] = None
    data_url: Perhaps[str] = None


class MessageData(Read):
    """A message with its conversation."""

    id: Id
    content: str | None = None
    message_type: str | int
    content_type: str | None = None
    private: bool | None = None
    content_attributes: Perhaps[Mapping[str, Any]] = None
    attachments: Perhaps[tuple[Attachment, ...]] = None
    sender: Perhaps[Person] = None
    account: Account
    conversation: ConversationData

    @property
    def type(self) -> str:
        """`incoming`, `outgoing`, `activity` or `template`."""
        known = self.message_type
        return MESSAGE_TYPES.get(known, "") if isinstance(known, int) else known
