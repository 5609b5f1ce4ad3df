"""What WeCom brings as our messages. What is not something that a person says is None.

Source: https://developer.work.weixin.qq.com/document/path/90239
"""

import re
from collections.abc import Mapping

from bot.channels.channel import conversation_id
from bot.channels.wechat.parse import media_of, message_key, text_of
from bot.channels.wecom.config import NAME, Config
from bot.messages import UserMessage

# As WeCom has it; it excludes `@all` and `|`, by which an answer would go to others.
_USER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}\Z")


def parse_message(fields: Mapping[str, str], config: Config) -> UserMessage | None:
    """What somebody says to the app by a message or by its menu; None where they say nothing."""
    person, kind = fields.get("FromUserName", ""), fields.get("MsgType", "").lower()
    if not _USER_ID.match(person) or fields.get("AgentID") != str(config.agent_id):
        return None
    text = _pressed(fields) if kind == "event" else text_of(kind, fields)
    if text is None:
        return None
    return UserMessage(
        conversation_id=conversation_id(NAME, config.corp_id, str(config.agent_id), person.lower()),
        text=text,
        channel=NAME,
        account=f"{config.corp_id}:{config.agent_id}",
        external_id=message_key(fields),
        metadata=media_of(kind, fields),
    )


def _pressed(fields: Mapping[str, str]) -> str | None:
    return fields.get("EventKey") or None if fields.get("Event", "").lower() == "click" else None
