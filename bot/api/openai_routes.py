"""OpenAI's chat completions, for clients that speak nothing else: `/v1/chat/completions` and `/v1/models`.

A turn is on disk before the first word of its answer leaves, also of a stream: what is said is never taken back.
"""

import calendar
import hmac
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web
from pydantic import SecretStr

from bot.api.openai_body import ANSWERS, ASKS, MAX_NAME_CHARS, ChatBody, Question, question_of
from bot.api.openai_errors import errors_as_openai, openai_error
from bot.api.openai_reply import Completion, markdown, usage_of
from bot.api.openai_threads import Threads
from bot.channels.channel import conversation_id
from bot.dialogue import DialogueManager
from bot.messages import UserMessage
from bot.middlewares import Handler
from bot.model_host import ModelHost
from bot.new_id import new_id
from bot.policy import Reason
from bot.request_body import MAX_ID_CHARS, checked_body, checked_text, parse_json, read_bytes
from bot.turn import Turn

NAME = "openai"
CONVERSATION = "X-Conversation-Id"
MESSAGE_ID = "Idempotency-Key"
MAX_BODY_BYTES = 1_048_576  # clients send all that was said, each time


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """The assistant as a client lists it.

    Attributes:
        created: Unix time.
    """

    id: str
    created: int

    def body(self) -> dict[str, str | int]:
        """As OpenAI lists a model."""
        return {"id": self.id, "object": "model", "created": self.created, "owned_by": "kefu"}


def served_model(host: ModelHost) -> ServedModel:
    """The release in use under the assistant's name.

    Raises:
        Refused: 409; there is none.
    """
    engine = host.engine
    made_at = time.strptime(engine.release.manifest.created_at, "%Y-%m-%dT%H:%M:%SZ")
    return ServedModel(id=engine.spec.name, created=calendar.timegm(made_at))


def routes(
    dialogue: DialogueManager, model: Callable[[], ServedModel], token: SecretStr | None, *, max_text_chars: int
) -> list[web.RouteDef]:
    """The three routes; none where no token is set."""
    if token is None:
        return []
    chat = OpenAiChat(dialogue, model, max_text_chars=max_text_chars)

    async def models(_: web.Request) -> web.StreamResponse:
        return web.json_response({"object": "list", "data": [model().body()]})

    async def one_model(request: web.Request) -> web.StreamResponse:
        served, asked = model(), request.match_info["id"]
        if asked == served.id:
            return web.json_response(served.body())
        message = f"The model {asked[:60]!r} does not exist; {served.id!r} does."
        return openai_error(404, message, code="model_not_found", param="model")

    def let_in(handler: Handler) -> Handler:
        return errors_as_openai(_guarded(handler, token))

    return [
        web.post("/v1/chat/completions", let_in(chat.complete)),
        web.get("/v1/models", let_in(models)),
        web.get("/v1/models/{id:.+}", let_in(one_model)),
    ]


class OpenAiChat:
    """Answers the last message of a chat."""

    def __init__(self, dialogue: DialogueManager, model: Callable[[], ServedModel], *, max_text_chars: int) -> None:
        self._dialogue, self._model, self._max_text_chars = dialogue, model, max_text_chars
        self._threads = Threads()

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """Takes the turn and answers with it."""
        body = checked_body(parse_json(await read_bytes(request, max_bytes=MAX_BODY_BYTES)), ChatBody)
        question = question_of(body, self._max_text_chars)
        named = _named(request, body)
        name = named or self._threads.take(question.history) or uuid.uuid4().hex
        try:
            turn = await self._dialogue.handle(_message(request, name, question))
        except BaseException:  # nothing was written: asked again, it goes on where it was
            if named is None and question.history:
                self._threads.put(question.history, name)
            raise
        completion = self._completion(body, turn)
        if named is None and turn.reason != Reason.REPEATED:
            said = (*question.history, (ASKS, question.text), (ANSWERS, completion.text))
            self._threads.put(said, name)
        return await _answer(request, body, completion, name)

    def _completion(self, body: ChatBody, turn: Turn) -> Completion:
        parts = markdown(turn.messages)
        return Completion(
            id=f"chatcmpl-{new_id()}",
            created=int(time.time()),
            model=self._model().id,
            parts=parts,
            usage=usage_of(body, parts),
        )


async def _answer(request: web.Request, body: ChatBody, completion: Completion, name: str) -> web.StreamResponse:
    headers = {CONVERSATION: name} if name.isascii() and name.isprintable() else {}
    if not body.stream:
        return web.json_response(completion.body(), headers=headers)
    headers |= {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    with_usage = body.stream_options is not None and body.stream_options.include_usage
    for event in completion.stream(with_usage=with_usage):
        await response.write(event)
    await response.write_eof()
    return response


def _named(request: web.Request, body: ChatBody) -> str | None:
    """The conversation that the client names: by the header, else by `user`."""
    named, field = request.headers.get(CONVERSATION), CONVERSATION
    if named is None:
        named, field = body.user, "user"
    return None if named is None else checked_text(named, field, MAX_NAME_CHARS)


def _message(request: web.Request, name: str, question: Question) -> UserMessage:
    given = request.headers.get(MESSAGE_ID)
    return UserMessage(
        conversation_id=conversation_id(NAME, name),
        text=question.text,
        channel=NAME,
        external_id=None if given is None else checked_text(given, MESSAGE_ID, MAX_ID_CHARS),
        metadata=question.metadata,
    )


def _guarded(handler: Handler, token: SecretStr) -> Handler:
    wanted = token.get_secret_value().encode("utf-8")

    async def checked(request: web.Request) -> web.StreamResponse:
        headers = request.headers.getall("Authorization", [])
        scheme, _, given = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
        is_same = hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), wanted)
        if scheme.lower() != "bearer" or not is_same:
            return openai_error(401, "Send `Authorization: Bearer` with the right key.", code="invalid_api_key")
        return await handler(request)

    return checked
