"""A person takes over, over HTTP: who waits, and to ask for a person, claim, reply and give back."""

from collections.abc import Callable
from typing import Annotated

from aiohttp import web
from pydantic import Field

from bot.desk import Desk
from bot.desk_seat import Seat
from bot.errors import Refused
from bot.handoff import HandoffState
from bot.handoff_socket import Guard, HandoffSockets
from bot.request_body import MAX_ID_CHARS, Body, checked_text, read_body

MAX_PAGE = 100
MAX_NOTE_CHARS = 1_000


class AskBody(Body):
    """Body of `POST /conversations/{id}/handoff`."""

    note: Annotated[str, Field(max_length=MAX_NOTE_CHARS)] = ""


class ClaimBody(Body):
    """Body of `.../handoff/claim`."""

    agent: str
    take_over: bool = False


class ReplyBody(Body):
    """Body of `.../handoff/reply`."""

    agent: str
    text: str


class ReturnBody(Body):
    """Body of `.../handoff/return`."""

    agent: str


def routes(desk: Desk, guard: Guard, is_token: Callable[[str], bool], *, max_text_chars: int) -> list[web.RouteDef]:
    """All routes of the desk.

    Args:
        guard: Lets a request through that has the admin token.
        is_token: Whether a text is the admin token, for browsers, which cannot send a header with a WebSocket.
    """

    async def queue(request: web.Request) -> web.Response:
        found = _filtered(request, desk.seats())
        shown = [await desk.shown(seat) for seat in found[: _limit(request)]]
        return web.json_response({"conversations": shown, "count": len(found)})

    async def ask(request: web.Request) -> web.Response:
        body = await read_body(request, AskBody)
        note = checked_text(body.note, "note", MAX_NOTE_CHARS) if body.note else ""
        return web.json_response((await desk.ask(_id(request), note)).to_dict(), status=201)

    async def claim(request: web.Request) -> web.Response:
        body = await read_body(request, ClaimBody)
        seat = await desk.claim(_id(request), agent_name(body.agent), take_over=body.take_over)
        return web.json_response(await desk.shown(seat))

    async def reply(request: web.Request) -> web.Response:
        body = await read_body(request, ReplyBody)
        text = checked_text(body.text, "text", max_text_chars)
        return web.json_response((await desk.reply(_id(request), agent_name(body.agent), text)).to_dict())

    async def give_back(request: web.Request) -> web.Response:
        body = await read_body(request, ReturnBody)
        return web.json_response((await desk.give_back(_id(request), agent_name(body.agent))).to_dict())

    sockets = HandoffSockets(desk, guard, is_token, max_text_chars=max_text_chars)
    address = "/conversations/{id:.+}/handoff"
    return [
        web.get("/handoff", guard(queue)),
        web.get("/handoff/ws", sockets.serve),
        web.post(address, guard(ask)),
        web.post(f"{address}/claim", guard(claim)),
        web.post(f"{address}/reply", guard(reply)),
        web.post(f"{address}/return", guard(give_back)),
    ]


def agent_name(given: str) -> str:
    """The name of a person.

    Raises:
        Refused: It is empty, too long, or holds control characters.
    """
    return checked_text(given, "agent", MAX_ID_CHARS)


def _id(request: web.Request) -> str:
    return checked_text(str(request.match_info["id"]), "id", MAX_ID_CHARS)


def _filtered(request: web.Request, seats: list[Seat]) -> list[Seat]:
    wanted = request.query.get("state")
    if wanted is None:
        return seats
    if wanted not in (HandoffState.WAITING, HandoffState.HUMAN):
        raise Refused(400, "InvalidField", f"state is {wanted[:40]!r}; write waiting or human.", field="state")
    return [seat for seat in seats if seat.handoff.state == wanted]


def _limit(request: web.Request) -> int:
    text = request.query.get("limit", str(MAX_PAGE))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_PAGE):
        raise Refused(400, "InvalidField", f"limit is {text[:40]!r}; write 1 to {MAX_PAGE}.", field="limit")
    return int(text)
