"""Reads what Chatwoot's API gives: messages of a conversation, conversations with messages, or lists of either.

Accepted, alone, in a list, or an object a line:

    {"id": 7, "messages": [message, ...]}                      a conversation
    {"payload": [message or conversation, ...], "meta": ...}   an answer of the API; {"data": {"payload": ...}} too
    message                                                    one message, as in an export of the table

A message has `conversation_id`, `content`, `message_type` (0 or "incoming", 1 or "outgoing", 2 or "activity", 3 or
"template"), `private`, `sender` with its `type` ("contact", "user", "agent_bot"; or `sender_type`), `created_at` and
`id`. Private notes, activities and deleted messages are left out; a template, and what an agent bot sent, is the bot's.

Source: github.com/chatwoot/chatwoot, app/models/message.rb and app/views/api/v1/models/_message.json.jbuilder.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from training.mining.conversation import (
    BadRecord,
    Conversation,
    Read,
    RecordError,
    Role,
    Turn,
    checked_id,
    checked_list,
    checked_text,
)
from training.mining.json_records import Record
from training.mining.open_conversations import OpenConversations

_INCOMING, _OUTGOING, _ACTIVITY, _TEMPLATE = range(4)
_TYPES = {"incoming": _INCOMING, "outgoing": _OUTGOING, "activity": _ACTIVITY, "template": _TEMPLATE}
# Forms, surveys and articles that a bot or a campaign sends; their content is no sentence of an agent.
_OF_MACHINES = frozenset({"input_text", "input_textarea", "input_email", "input_select", "cards", "form", "input_csat"})


def read_chatwoot(records: Iterable[Record]) -> Iterator[Read]:
    """The conversations in `records`."""
    loose = OpenConversations()
    for record in records:
        if isinstance(record, BadRecord):
            yield record
            continue
        number, value = record
        try:
            for id_, messages in _conversations(value):
                turns = [turn for message in _in_order(messages) for turn in _turn(message)]
                if id_ is not None:
                    yield Conversation(id=id_, turns=tuple(turns))
                else:
                    yield from loose.add(checked_id(messages[0].get("conversation_id"), "conversation_id"), turns)
        except RecordError as error:
            yield BadRecord(number=number, message=str(error))
    yield from loose.close()


def _conversations(value: Any) -> Iterator[tuple[str | None, list[dict[str, Any]]]]:
    """Messages and the conversation they make up, or None where more of it may follow."""
    if not isinstance(value, dict):
        raise RecordError("is no object. Write conversations or messages as Chatwoot's API gives them")
    if "message_type" in value:
        yield None, [value]
    elif "messages" in value:
        yield checked_id(value.get("id"), "id"), checked_list(value["messages"], "messages")
    elif isinstance(value.get("data"), dict) and "payload" in value["data"]:
        yield from _of_payload(value["data"]["payload"])
    elif "payload" in value:
        yield from _of_payload(value["payload"])
    else:
        raise RecordError("has neither messages, nor payload, nor message_type. Export conversations with messages")


def _of_payload(payload: Any) -> Iterator[tuple[str | None, list[dict[str, Any]]]]:
    items = checked_list(payload, "payload")
    messages = [item for item in items if "message_type" in item]
    for item in items:
        if "message_type" not in item:
            yield from _conversations(item)
    by_conversation: dict[str, list[dict[str, Any]]] = {}
    for message in messages:
        id_ = checked_id(message.get("conversation_id"), "conversation_id")
        by_conversation.setdefault(id_, []).append(message)
    yield from ((None, together) for together in by_conversation.values())


def _in_order(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By time and then by id, where every message has them as numbers; else as they stand."""
    keys = [(message.get("created_at"), message.get("id")) for message in messages]
    if not all(isinstance(value, int | float) for key in keys for value in key):
        return messages
    return sorted(messages, key=lambda message: (message["created_at"], message["id"]))


def _turn(message: dict[str, Any]) -> list[Turn]:
    kind = message.get("message_type")
    kind = _TYPES.get(kind, kind) if isinstance(kind, str) else kind
    if isinstance(kind, bool) or kind not in _TYPES.values():
        raise RecordError(f"message_type is {message.get('message_type')!r}. Write 0, 1, 2 or 3")
    text = checked_text(message.get("content"), "content")
    attributes = message.get("content_attributes")
    deleted = isinstance(attributes, dict) and attributes.get("deleted") is True
    if not text or deleted or message.get("private") is True or kind == _ACTIVITY:
        return []
    if kind == _INCOMING:
        return [Turn(role=Role.CUSTOMER, text=text)]
    by_bot = kind == _TEMPLATE or _sender_type(message) == "agentbot" or message.get("content_type") in _OF_MACHINES
    return [Turn(role=Role.BOT if by_bot else Role.AGENT, text=text)]


def _sender_type(message: dict[str, Any]) -> str:
    sender = message.get("sender")
    kind = sender.get("type") if isinstance(sender, dict) else None
    kind = kind or message.get("sender_type")
    return kind.lower().replace("_", "") if isinstance(kind, str) else ""
