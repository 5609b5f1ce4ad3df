"""Why the bot said what it said, and what people think of it."""

import json
import time
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import Field

from bot.api.conversation_id import ADDRESS, conversation_id
from bot.errors import Refused
from bot.promise_watch import PromiseWatch
from bot.request_body import MAX_ID_CHARS, Body, checked_text, read_body
from bot.stores.evidence import Explained, Feedback
from bot.stores.store import ConversationStore

MAX_TURNS = 100
MAX_COMMENT_CHARS = 4_000
DEFAULT_BY = "api"
CORRECTED = "corrected"


class FeedbackBody(Body):
    """Body of `.../feedback`.

    Attributes:
        turn: As `.../explain` numbers it; the last one if left out.
        correction: What would have been right; with the verdict `corrected` only.
    """

    verdict: Literal["right", "wrong", "corrected"]
    turn: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    correction: Annotated[str, Field(max_length=MAX_COMMENT_CHARS)] | None = None
    comment: Annotated[str, Field(max_length=MAX_COMMENT_CHARS)] | None = None
    by: Annotated[str, Field(max_length=MAX_ID_CHARS)] = DEFAULT_BY


def routes(store: ConversationStore, watch: PromiseWatch) -> list[web.RouteDef]:
    """The two routes."""

    async def explain(request: web.Request) -> web.Response:
        identity = conversation_id(request)
        found = await store.explained(identity, _limit(request))
        if not found:
            raise Refused(404, "NotFound", f"There is no turn of a conversation {identity[:80]!r}.", field="id")
        return web.json_response({"sender_id": identity, "turns": [_turn(one) for one in found]})

    async def take(request: web.Request) -> web.Response:
        identity = conversation_id(request)
        body = await read_body(request, FeedbackBody)
        given = Feedback(
            conversation_id=identity,
            turn_seq=body.turn or await _last_turn(store, identity),
            who=checked_text(body.by, "by", MAX_ID_CHARS),
            verdict=body.verdict,
            comment=_comment(body),
            at=time.time(),
        )
        if not await store.give_feedback(given):
            raise Refused(404, "NotFound", f"There is no turn {given.turn_seq}.", field="turn")
        await watch.look()
        shown: dict[str, Any] = {"sender_id": identity, "turn": given.turn_seq, "verdict": body.verdict}
        return web.json_response({**shown, "by": given.who}, status=201)

    return [web.get(f"{ADDRESS}/explain", explain), web.post(f"{ADDRESS}/feedback", take)]


async def _last_turn(store: ConversationStore, identity: str) -> int:
    found = await store.explained(identity, 1)
    if not found:
        raise Refused(404, "NotFound", f"There is no turn of a conversation {identity[:80]!r}.", field="id")
    return found[-1].seq


def _comment(body: FeedbackBody) -> str | None:
    """What is kept beside the verdict; of a correction, an object."""
    if (body.correction is None) == (body.verdict == CORRECTED):
        said = "`correction` and the verdict `corrected` belong together."
        raise Refused(422, "InvalidField", said, field="correction")
    comment = checked_text(body.comment, "comment", MAX_COMMENT_CHARS) if body.comment else None
    if body.correction is None:
        return comment
    correction = checked_text(body.correction, "correction", MAX_COMMENT_CHARS)
    return json.dumps({"correction": correction, "comment": comment}, ensure_ascii=False)


def _turn(explained: Explained) -> dict[str, Any]:
    why = explained.why
    return {
        "turn": explained.seq,
        "at": why.at,
        "release": why.release_id,
        "reason": why.reason,
        "confidence": why.confidence,
        "evidence": dict(why.evidence),
    }


def _limit(request: web.Request) -> int:
    text = request.query.get("limit", "20")
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_TURNS):
        raise Refused(400, "InvalidField", f"limit is {text[:40]!r}; write 1 to {MAX_TURNS}.", field="limit")
    return int(text)
