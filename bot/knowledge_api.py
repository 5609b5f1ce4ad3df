"""Past answers over HTTP, for the owner's own tools: listed, read, edited under a version, and taken back."""

import hmac
import json
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import structlog
from aiohttp import web
from pydantic import Field, SecretStr

from bot.errors import Refused
from bot.knowledge_service import KnowledgeService
from bot.middlewares import Handler, error_response
from bot.request_body import (
    JSON_LINES_TYPES,
    MAX_ID_CHARS,
    Body,
    checked_text,
    parse_json,
    read_body,
    read_bytes,
)
from configs.errors import AssistantError, KefuError
from retrieval.knowledge import parse_pair, refuse_unknown
from retrieval.knowledge_store import (
    KnowledgeStore,
    Put,
    Remove,
    Revision,
    Stored,
    UnknownVersion,
    VersionConflict,
)
from retrieval.pair import Pair

MAX_PAGE = 500
FILTERS = ("tag", "locale", "intent", "source", "search")
DEFAULT_BY = "api"
SHOWN_BAD_LINES = 20
_BODY = Path("body")

_log = structlog.get_logger()

Guard: TypeAlias = Callable[[Handler], Handler]


class RevertBody(Body):
    """Body of `/knowledge/revert/{id}`."""

    version: Annotated[int, Field(ge=1)]
    by: Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARS)] = DEFAULT_BY


def routes(knowledge: KnowledgeService, admin_token: SecretStr | None) -> list[web.RouteDef]:
    """All routes under `/knowledge`; each wants `Authorization: Bearer` with the admin token."""
    guard = _guard(admin_token)
    return [*_routes_of_all(knowledge, guard), *_routes_of_one(knowledge, guard)]


def _routes_of_all(knowledge: KnowledgeService, guard: Guard) -> list[web.RouteDef]:
    async def page(request: web.Request) -> web.Response:
        limit = _limit(request)
        after = request.query.get("after", "")
        wanted = {name: request.query[name] for name in FILTERS if request.query.get(name)}
        found = await knowledge.read(lambda store: store.page(after, limit, **wanted))
        total = await knowledge.read(KnowledgeStore.count)
        following = found[-1].pair.id if len(found) == limit else None
        return web.json_response({"pairs": [_stored(one) for one in found], "next": following, "count": total})

    async def create(request: web.Request) -> web.Response:
        pair, by = _parse_pair(parse_json(await read_bytes(request)), new_id=uuid.uuid4().hex[:12])
        revision = await _edited(knowledge, Put(pair, by, expected_version=0))
        return web.json_response(_revision(revision), status=201, headers=_tag(revision.version))

    async def take_in(request: web.Request) -> web.Response:
        by = _by(request.query.get("by"))
        pairs = _parse_lines(await read_bytes(request, JSON_LINES_TYPES))
        changed = await knowledge.edit_all([Put(pair, by, note="import") for pair in pairs])
        return web.json_response({"read": len(pairs), "changed": changed})

    async def export(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        after = ""
        try:
            while found := await knowledge.read(partial(KnowledgeStore.page, after_id=after, limit=MAX_PAGE)):
                lines = (json.dumps(stored.pair.to_dict(), ensure_ascii=False) for stored in found)
                await response.write("".join(f"{line}\n" for line in lines).encode("utf-8"))
                after = found[-1].pair.id
        except KefuError as error:  # the status is sent; only an end without the last chunk says that lines are missing
            _log.error("request_failed", error=str(error))
            raise ConnectionResetError from error
        await response.write_eof()
        return response

    return [
        web.get("/knowledge", guard(page)),
        web.post("/knowledge", guard(create)),
        web.post("/knowledge/import", guard(take_in)),
        web.get("/knowledge/export", guard(export)),
    ]


def _routes_of_one(knowledge: KnowledgeService, guard: Guard) -> list[web.RouteDef]:
    async def show(request: web.Request) -> web.Response:
        stored = await _found(knowledge, _id(request))
        return web.json_response(_stored(stored), headers=_tag(stored.version))

    async def replace(request: web.Request) -> web.Response:
        pair_id, expected = _id(request), _expected(request)
        pair, by = _parse_pair(parse_json(await read_bytes(request)), new_id=pair_id)
        if pair.id != pair_id:
            raise Refused(422, "InvalidField", f"id is {pair.id!r}, the address says {pair_id!r}.", field="id")
        revision = await _edit(knowledge, Put(pair, by, expected_version=expected))
        if revision is None:
            return await show(request)
        return web.json_response(_revision(revision), headers=_tag(revision.version))

    async def remove(request: web.Request) -> web.Response:
        edit = Remove(_id(request), _by(request.query.get("by")), expected_version=_expected(request))
        if await _edit(knowledge, edit) is None:
            raise _no_pair(edit.pair_id)
        return web.Response(status=204)

    async def history(request: web.Request) -> web.Response:
        pair_id = _id(request)
        found = await knowledge.read(lambda store: store.history(pair_id))
        if not found:
            raise _no_pair(pair_id)
        return web.json_response({"id": pair_id, "revisions": [_revision(one) for one in found]})

    async def revert(request: web.Request) -> web.Response:
        pair_id, expected = _id(request), _expected(request)
        body = await read_body(request, RevertBody)
        by = _by(body.by)
        try:
            await knowledge.read(lambda store: store.revert(pair_id, body.version, by, expected_version=expected))
        except VersionConflict as conflict:
            raise _stale(conflict) from conflict
        except UnknownVersion as error:
            raise Refused(404, "NotFound", str(error)) from error
        found = await knowledge.read(lambda store: store.history(pair_id))
        return web.json_response(_revision(found[-1]), headers=_tag(found[-1].version))

    return [
        web.get("/knowledge/pairs/{id:.+}", guard(show)),
        web.put("/knowledge/pairs/{id:.+}", guard(replace)),
        web.delete("/knowledge/pairs/{id:.+}", guard(remove)),
        web.get("/knowledge/history/{id:.+}", guard(history)),
        web.post("/knowledge/revert/{id:.+}", guard(revert)),
    ]


def _guard(admin_token: SecretStr | None) -> Guard:
    """Lets a request through that has the token."""

    def guarded(handler: Handler) -> Handler:
        async def checked(request: web.Request) -> web.StreamResponse:
            if admin_token is None:
                raise Refused(403, "Forbidden", "Set KEFU_ADMIN_TOKEN to edit past answers over HTTP.")
            scheme, _, given = request.headers.get("Authorization", "").partition(" ")
            known = admin_token.get_secret_value().encode("utf-8")
            sent = given.strip().encode("utf-8", "surrogateescape")  # as aiohttp decodes a header
            if scheme.lower() != "bearer" or not hmac.compare_digest(sent, known):
                response = error_response(401, "NotAuthenticated", "Send `Authorization: Bearer` with the admin token.")
                response.headers["WWW-Authenticate"] = "Bearer"
                return response
            return await handler(request)

        return checked

    return guarded


async def _edited(knowledge: KnowledgeService, edit: Put) -> Revision:
    revision = await _edit(knowledge, edit)
    assert revision is not None  # noqa: S101 - a pair that did not exist is changed by being written
    return revision


async def _edit(knowledge: KnowledgeService, edit: Put | Remove) -> Revision | None:
    try:
        return await knowledge.edit(edit)
    except VersionConflict as conflict:
        if conflict.expected == 0:
            raise Refused(409, "Conflict", f"{conflict.pair_id!r} exists already.", field="id") from conflict
        raise _stale(conflict) from conflict


async def _found(knowledge: KnowledgeService, pair_id: str) -> Stored:
    stored = await knowledge.read(lambda store: store.get(pair_id))
    if stored is None:
        raise _no_pair(pair_id)
    return stored


def _no_pair(pair_id: str) -> Refused:
    return Refused(404, "NotFound", f"There is no past answer {pair_id!r}.")


def _stale(conflict: VersionConflict) -> Refused:
    return Refused(412, "PreconditionFailed", str(conflict), field="If-Match")


def _id(request: web.Request) -> str:
    return str(request.match_info["id"])


def _expected(request: web.Request) -> int | None:
    """The version in `If-Match`; None for `*`.

    Raises:
        Refused: 428 without the header, 400 where it holds anything else.
    """
    header = request.headers.get("If-Match")
    if header is None:
        raise Refused(428, "PreconditionRequired", 'Send If-Match: "<version>", or * for any.', field="If-Match")
    text = header.strip().removeprefix("W/").strip('"')
    if text == "*":
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Refused(400, "InvalidField", f'If-Match is {header[:40]!r}; send "<version>" or *.', field="If-Match")
    return int(text)


def _limit(request: web.Request) -> int:
    text = request.query.get("limit", "100")
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_PAGE):
        raise Refused(400, "InvalidField", f"limit is {text[:40]!r}; write 1 to {MAX_PAGE}.", field="limit")
    return int(text)


def _by(given: str | None) -> str:
    if given is None:
        return DEFAULT_BY
    return checked_text(given, "by", MAX_ID_CHARS)


def _parse_lines(raw: bytes) -> list[Pair]:
    """The pairs of a body in JSON Lines.

    Raises:
        Refused: 422; lines are no pair or name one a second time: it says which, and why.
    """
    pairs: dict[str, Pair] = {}
    bad = []
    for number, line in enumerate(raw.splitlines(), start=1):
        try:
            if line.strip():
                pair = _parse_pair(parse_json(line))[0]
                if pair.id in pairs:
                    raise Refused(422, "InvalidField", f"The id {pair.id!r} stands twice. Give it its own.")
                pairs[pair.id] = pair
        except Refused as error:
            bad.append(f"line {number}: {error}")
    if bad:
        more = f" ({len(bad) - SHOWN_BAD_LINES:,} more)" if len(bad) > SHOWN_BAD_LINES else ""
        said = " ".join(bad[:SHOWN_BAD_LINES])
        raise Refused(422, "InvalidField", f"{len(bad):,} lines cannot be used{more}. {said}", field="body")
    return list(pairs.values())


def _parse_pair(data: Any, *, new_id: str | None = None) -> tuple[Pair, str]:
    """A pair as knowledge files have it, and who writes it, in `by`."""
    if not isinstance(data, dict):
        raise Refused(422, "InvalidField", "Send an object with question and answer.", field="body")
    by = data.pop("by", None)
    if not isinstance(by, str | None):
        raise Refused(422, "InvalidField", "by is not a name.", field="by")
    values = {"id": new_id, **data} if new_id is not None else data
    try:
        refuse_unknown(values, _BODY, 1)
        return parse_pair(values, _BODY, 1), _by(by)
    except AssistantError as error:
        raise Refused(422, "InvalidField", f"{error.problem}. {error.fix}", field="body") from error


def _stored(stored: Stored) -> dict[str, Any]:
    return {
        "id": stored.pair.id,
        "version": stored.version,
        "by": stored.by,
        "at": stored.at,
        "pair": stored.pair.to_dict(),
    }


def _revision(revision: Revision) -> dict[str, Any]:
    return {
        "id": revision.pair_id,
        "version": revision.version,
        "by": revision.by,
        "at": revision.at,
        "note": revision.note,
        "pair": None if revision.pair is None else revision.pair.to_dict(),
    }


def _tag(version: int) -> dict[str, str]:
    return {"ETag": f'"{version}"'}
