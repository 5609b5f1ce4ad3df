"""What the bot says, in the form of OpenAI's chat completions: Markdown, whole or as a stream."""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from bot.abilities import Abilities
from bot.api.openai_body import ChatBody, text_of
from bot.degrade import fitted
from bot.messages import BotMessage

DONE = b"data: [DONE]\n\n"
BETWEEN = "\n\n"  # two things that the bot says

_SHOWN = Abilities(max_text=sys.maxsize, images=True)
_HAN = "\u3400-\u9fff"
_COUNTED = re.compile(rf"[{_HAN}]|[^\W{_HAN}]+|[^\w\s]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """An answer.

    Attributes:
        created: Unix time.
        parts: What the bot says, one thing after another.
        usage: How much was read and said; see `usage_of`.
    """

    id: str
    created: int
    model: str
    parts: tuple[str, ...]
    usage: dict[str, int]

    @property
    def text(self) -> str:
        """All of it."""
        return BETWEEN.join(self.parts)

    def body(self) -> dict[str, Any]:
        """The answer of a request without a stream."""
        message = {"role": "assistant", "content": self.text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        return {**self._head("chat.completion"), "choices": [choice], "usage": self.usage}

    def stream(self, *, with_usage: bool) -> Iterator[bytes]:
        """The same as server-sent events: who speaks, each part, the end."""
        yield self._chunk({"role": "assistant", "content": ""}, None, with_usage)
        for number, part in enumerate(self.parts):
            yield self._chunk({"content": BETWEEN + part if number else part}, None, with_usage)
        yield self._chunk({}, "stop", with_usage)
        if with_usage:
            yield _event({**self._head("chat.completion.chunk"), "choices": [], "usage": self.usage})
        yield DONE

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}

    def _chunk(self, delta: dict[str, str], reason: str | None, with_usage: bool) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        usage = {"usage": None} if with_usage else {}
        return _event({**self._head("chat.completion.chunk"), "choices": [choice], **usage})


def markdown(messages: Iterable[BotMessage]) -> tuple[str, ...]:
    """What is said as Markdown: buttons as a numbered list, pictures as pictures, the rest as text or address."""
    found = (_picture(one.image) if one.image else one.text for one in fitted(messages, _SHOWN))
    return tuple(part.strip() for part in found if part and part.strip())


def usage_of(body: ChatBody, parts: Sequence[str]) -> dict[str, int]:
    """Words and signs, a Chinese character for one: no model is paid by them."""
    asked = sum(_count(text_of(message)) for message in body.messages)
    said = sum(_count(part) for part in parts)
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def _count(text: str) -> int:
    return sum(1 for _ in _COUNTED.finditer(text))


def _picture(address: str) -> str:
    """A picture; its address, which `fitted` has let through, cannot end the brackets that it stands in."""
    return f"![]({quote(address, safe=':/?#[]@!$&*+,;=%~')})"


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data).encode("utf-8") + b"\n\n"
