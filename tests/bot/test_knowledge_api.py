"""Past answers over HTTP: edited under a version, refused without the token, and never a 500."""

import asyncio
import json
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.client_exceptions import ClientPayloadError
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from yarl import URL

from bot import knowledge_api
from bot.knowledge_service import KnowledgeService
from bot.middlewares import errors_as_json
from bot.request_body import MAX_BODY_BYTES
from retrieval.knowledge_store import KnowledgeStore, Put, Revision, VersionConflict
from retrieval.pair import Pair

TOKEN = "a token of 24 characters"  # noqa: S105
LIMIT_BYTES = 65_536
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


def small_app(service: KnowledgeService, token: str | None = TOKEN) -> web.Application:
    app = web.Application(middlewares=[errors_as_json], client_max_size=LIMIT_BYTES)
    app[MAX_BODY_BYTES] = LIMIT_BYTES
    app.add_routes(knowledge_api.routes(service, None if token is None else SecretStr(token)))
    return app


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "knowledge.db"


@pytest.fixture
async def service(path: Path) -> AsyncIterator[KnowledgeService]:
    service = KnowledgeService(path)
    yield service
    await service.close()


@pytest.fixture
async def client(service: KnowledgeService) -> AsyncIterator[TestClient]:
    async with TestClient(TestServer(small_app(service)), headers=HEADERS) as client:
        yield client


async def call(client: TestClient, method: str, url: str | URL, **options: Any) -> tuple[int, Any]:
    response = await client.request(method, url, **options)
    text = await response.text()
    return response.status, json.loads(text) if text else None


def body(pair_id: str | None = None, answer: str = "yes", **values: Any) -> dict[str, Any]:
    return {**({} if pair_id is None else {"id": pair_id}), "question": "Do you?", "answer": answer, **values}


def version(number: int | str) -> dict[str, str]:
    return {"If-Match": f'"{number}"'}


# A pair's life


async def test_a_pair_is_made_read_changed_removed_and_brought_back(client: TestClient) -> None:
    made = await client.post("/knowledge", json=body("h1", tags=["a"], by="ann"))
    assert (made.status, made.headers["ETag"]) == (201, '"1"')
    assert (await made.json())["pair"] == {"id": "h1", "question": "Do you?", "answer": "yes", "tags": ["a"]}

    shown = await client.get("/knowledge/pairs/h1")
    assert (shown.status, shown.headers["ETag"]) == (200, '"1"')
    stored = await shown.json()
    assert (stored["id"], stored["version"], stored["by"], stored["pair"]["answer"]) == ("h1", 1, "ann", "yes")

    changed = await client.put("/knowledge/pairs/h1", json=body(answer="no", by="bob"), headers=version(1))
    assert (changed.status, changed.headers["ETag"]) == (200, '"2"')
    assert (await changed.json())["pair"] == {"id": "h1", "question": "Do you?", "answer": "no"}

    assert await call(client, "DELETE", "/knowledge/pairs/h1?by=cy", headers=version(2)) == (204, None)
    assert (await call(client, "GET", "/knowledge/pairs/h1"))[0] == 404

    status, reverted = await call(
        client, "POST", "/knowledge/revert/h1", json={"version": 1, "by": "di"}, headers=version("*")
    )
    assert (status, reverted["version"], reverted["pair"]["answer"]) == (200, 4, "yes")

    status, history = await call(client, "GET", "/knowledge/history/h1")
    assert status == 200
    assert [(r["version"], r["by"], r["pair"] and r["pair"]["answer"]) for r in history["revisions"]] == [
        (1, "ann", "yes"),
        (2, "bob", "no"),
        (3, "cy", None),
        (4, "di", "yes"),
    ]
    assert all(isinstance(r["at"], float) for r in history["revisions"])


async def test_an_id_is_made_where_none_is_sent(client: TestClient) -> None:
    ids = [(await call(client, "POST", "/knowledge", json=body()))[1]["id"] for _ in range(2)]

    assert len(set(ids)) == 2
    assert (await call(client, "GET", f"/knowledge/pairs/{ids[0]}"))[0] == 200


async def test_the_same_once_more_changes_nothing(client: TestClient) -> None:
    await call(client, "POST", "/knowledge", json=body("h1"))

    status, again = await call(client, "PUT", "/knowledge/pairs/h1", json=body(), headers=version(1))

    assert (status, again["version"]) == (200, 1)


@pytest.mark.parametrize("pair_id", ["faq/ask_x", "a b", "你好", "50%25", "x/history", "export", "?q#f", "a'b\"c"])
async def test_any_id_can_stand_in_the_address(client: TestClient, pair_id: str) -> None:
    await call(client, "POST", "/knowledge", json=body(pair_id))

    url = URL("/knowledge/pairs") / pair_id
    status, shown = await call(client, "GET", url)
    assert (status, shown and shown.get("id")) == (200, pair_id)
    status, changed = await call(client, "PUT", url, json=body(answer="no"), headers=version(1))
    assert (status, changed["version"]) == (200, 2)
    assert (await call(client, "GET", URL("/knowledge/history") / pair_id))[1]["id"] == pair_id
    status, _ = await call(client, "POST", URL("/knowledge/revert") / pair_id, json={"version": 1}, headers=version(2))
    assert status == 200
    assert (await call(client, "DELETE", url, headers=version(3)))[0] == 204


# Versions


async def test_of_two_who_edit_the_same_version_the_second_is_told(client: TestClient) -> None:
    await call(client, "POST", "/knowledge", json=body("h1"))
    outcomes = await asyncio.gather(
        *(call(client, "PUT", "/knowledge/pairs/h1", json=body(answer=f"a{n}"), headers=version(1)) for n in range(8))
    )

    assert sorted(status for status, _ in outcomes) == [200] + [412] * 7
    refused = next(reply for status, reply in outcomes if status == 412)
    assert refused["reason"] == "PreconditionFailed"
    assert "version 2, not 1" in refused["message"]
    assert (await call(client, "GET", "/knowledge/history/h1"))[1]["revisions"][-1]["version"] == 2


@pytest.mark.parametrize(
    ("method", "url", "sent"),
    [
        ("PUT", "/knowledge/pairs/h1", body()),
        ("DELETE", "/knowledge/pairs/h1", None),
        ("POST", "/knowledge/revert/h1", {"version": 1}),
    ],
)
async def test_an_edit_must_say_which_version_it_was_made_from(
    client: TestClient, method: str, url: str, sent: Any
) -> None:
    await call(client, "POST", "/knowledge", json=body("h1"))

    assert (await call(client, method, url, json=sent))[0] == 428
    for wrong in ("x", "-1", "1.0", "١", "1" * 12, ""):
        status, reply = await call(client, method, url, json=sent, headers={"If-Match": wrong})
        assert (status, reply["details"]["field"]) == (400, "If-Match")
    assert (await call(client, method, url, json=sent, headers=version(7)))[0] == 412
    assert (await call(client, "GET", "/knowledge/pairs/h1"))[1]["version"] == 1


async def test_what_exists_is_not_made_again(client: TestClient) -> None:
    await call(client, "POST", "/knowledge", json=body("h1"))

    status, reply = await call(client, "POST", "/knowledge", json=body("h1", "other"))
    assert (status, reply["reason"]) == (409, "Conflict")
    assert (await call(client, "PUT", "/knowledge/pairs/h1", json=body(), headers=version(0)))[0] == 409
    assert (await call(client, "PUT", "/knowledge/pairs/h2", json=body(), headers=version(0)))[0] == 200


@pytest.mark.parametrize(
    ("method", "url", "sent"),
    [
        ("GET", "/knowledge/pairs/none", None),
        ("GET", "/knowledge/history/none", None),
        ("DELETE", "/knowledge/pairs/none", None),
        ("POST", "/knowledge/revert/none", {"version": 1}),
        ("POST", "/knowledge/revert/h1", {"version": 9}),
    ],
)
async def test_what_does_not_exist_is_not_found(client: TestClient, method: str, url: str, sent: Any) -> None:
    await call(client, "POST", "/knowledge", json=body("h1"))

    assert (await call(client, method, url, json=sent, headers=version("*")))[0] == 404


# Lists


async def test_pages_lead_through_all_pairs(client: TestClient, path: Path) -> None:
    with KnowledgeStore(path) as store:
        store.change(Put(Pair(id=f"n{n:03d}", question="q", answer="a"), "x") for n in range(25))

    seen: list[str] = []
    following: str | None = ""
    while following is not None:
        status, page = await call(client, "GET", f"/knowledge?limit=10&after={following}")
        assert (status, page["count"]) == (200, 25)
        seen += [stored["id"] for stored in page["pairs"]]
        following = page["next"]

    assert seen == [f"n{n:03d}" for n in range(25)]


async def test_filters_narrow_the_list(client: TestClient) -> None:
    await call(client, "POST", "/knowledge", json=body("a", tags=["x"], locale="en", intent="i", source="s"))
    await call(client, "POST", "/knowledge", json=body("b", "Löwe", tags=["y"], locale="de", also_asked=["Wirklich?"]))

    for query, ids in {
        "tag=x": ["a"],
        "tag=x&locale=de": [],
        "locale=DE": ["b"],
        "intent=i": ["a"],
        "source=s": ["a"],
        "search=wirklich": ["b"],
        "search=l%C3%B6WE": ["b"],
        "tag=&search=": ["a", "b"],
    }.items():
        found = (await call(client, "GET", f"/knowledge?{query}"))[1]["pairs"]
        assert [stored["id"] for stored in found] == ids, query


@pytest.mark.parametrize("limit", ["0", "501", "-1", "x", "1.5", "٣", "9" * 30, ""])
async def test_a_limit_out_of_range_is_refused(client: TestClient, limit: str) -> None:
    status, reply = await call(client, "GET", f"/knowledge?limit={limit}")

    assert (status, reply["details"]["field"]) == (400, "limit")


async def test_what_is_exported_can_be_imported_and_changes_nothing(client: TestClient, path: Path) -> None:
    pairs = [Pair(id=f"n{n:04d}", question="你 \u2028 q", answer="a\nb", tags=("t",)) for n in range(1200)]
    with KnowledgeStore(path) as store:
        store.change(Put(pair, "x") for pair in pairs)

    response = await client.get("/knowledge/export")
    lines = (await response.read()).splitlines()
    assert response.content_type == "application/x-ndjson"
    assert [Pair.from_dict(json.loads(line)) for line in lines] == pairs

    sent = b"\n".join(lines[:300]) + b"\r\n\n"
    for type_ in ("application/octet-stream", response.content_type):
        headers = {"Content-Type": type_}
        again = await call(client, "POST", "/knowledge/import", data=sent, headers=headers)
        assert again == (200, {"read": 300, "changed": 0}), type_


async def test_an_export_that_breaks_off_does_not_look_whole(
    client: TestClient, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with KnowledgeStore(path) as store:
        store.change(Put(Pair(id=f"n{n:04d}", question="q", answer="a"), "x") for n in range(1200))
    page = KnowledgeStore.page

    def broken(store: KnowledgeStore, after_id: str = "", limit: int = 100) -> Any:
        if after_id > "n0600":
            raise store._failed(sqlite3.DatabaseError("planted: malformed"))
        return page(store, after_id, limit)

    monkeypatch.setattr(KnowledgeStore, "page", broken)
    response = await client.get("/knowledge/export")

    with pytest.raises(ClientPayloadError):
        await response.read()


# Import


async def test_an_import_is_all_or_nothing_and_names_every_bad_line(client: TestClient) -> None:
    lines = [
        json.dumps(body("h1")),
        "{",
        json.dumps(body("h2", "")),
        "",
        json.dumps(body("h1", "other")),
        "[1]",
        json.dumps({"id": "h3", "question": "q", "answer": "a", "anwser": "b"}),
    ]
    status, reply = await call(client, "POST", "/knowledge/import", data="\n".join(lines))

    assert (status, reply["reason"]) == (422, "InvalidField")
    assert reply["message"].startswith("5 lines cannot be used. line 2: The body is not JSON")
    for said in ("line 3: answer is empty", "line 5: The id 'h1' stands twice", "line 6: ", "line 7: unknown key"):
        assert said in reply["message"]
    assert (await call(client, "GET", "/knowledge"))[1]["pairs"] == []

    assert await call(client, "POST", "/knowledge/import?by=ann", data=lines[0]) == (200, {"read": 1, "changed": 1})
    assert (await call(client, "GET", "/knowledge/pairs/h1"))[1]["by"] == "ann"


async def test_of_many_bad_lines_twenty_are_shown_and_all_are_counted(client: TestClient) -> None:
    _, reply = await call(client, "POST", "/knowledge/import", data="{}\n" * 30)

    assert reply["message"].startswith("30 lines cannot be used (10 more). ")
    assert "line 20:" in reply["message"]
    assert "line 21:" not in reply["message"]


# Who may


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        TOKEN,
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Basic {TOKEN}",
        f"Bearer {TOKEN.upper()}",
        "Bearer",
        "Bearer é",
        b"Bearer \xff\xfe".decode("utf-8", "surrogateescape"),
        f"Bearer {TOKEN}, Bearer {TOKEN}",
    ],
)
async def test_without_the_token_nothing_is_shown_or_changed(
    service: KnowledgeService, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    async with TestClient(TestServer(small_app(service)), headers=headers) as client:
        for route in all_routes(client):
            response = await client.request(*route, json=body("h1"), headers=version("*"))
            assert (response.status, response.headers["WWW-Authenticate"]) == (401, "Bearer"), route
            assert (await response.json())["reason"] == "NotAuthenticated"
    assert await service.read(KnowledgeStore.count) == 0


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer "}, {"Authorization": "Bearer None"}])
async def test_where_no_token_is_set_nobody_is_let_in_and_the_fix_is_named(
    service: KnowledgeService, headers: dict[str, str]
) -> None:
    async with TestClient(TestServer(small_app(service, token=None)), headers=headers) as client:
        for route in all_routes(client):
            status, reply = await call(client, *route, json=body("h1"), headers=version("*"))
            assert status == 403, route
            assert "KEFU_ADMIN_TOKEN" in reply["message"]
    assert await service.read(KnowledgeStore.count) == 0


def all_routes(client: TestClient) -> list[tuple[str, str]]:
    assert client.app is not None
    routes = [(r.method, r.resource.canonical) for r in client.app.router.routes() if r.resource and r.method != "HEAD"]
    assert len(routes) == 9
    return [(method, url.replace("{id}", "h1")) for method, url in routes]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_may_be_written_in_any_case(service: KnowledgeService, scheme: str) -> None:
    async with TestClient(TestServer(small_app(service)), headers={"Authorization": f"{scheme} {TOKEN}"}) as client:
        assert (await client.get("/knowledge")).status == 200


# Bad input


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"", 400),
        (b"\xff\xfe", 400),
        (b"[" * 60_000, 400),
        (b'{"question": NaN}', 400),
        (b'{"question": 1e999}', 400),
        (b"null", 422),
        (b"[]", 422),
        (b"{}", 422),
        (json.dumps(body("h1", " \n ")).encode(), 422),
        (json.dumps(body("h1", "a\x00b")).encode(), 422),
        (json.dumps(body("h1", "\ud800")).encode(), 422),
        (json.dumps(body("h1", "a" * 20_001)).encode(), 422),
        (json.dumps(body("i" * 501)).encode(), 422),
        (json.dumps(body("h\n1")).encode(), 422),
        (json.dumps(body("h1", unknown=1)).encode(), 422),
        (json.dumps(body("h1", tags=[1])).encode(), 422),
        (json.dumps(body("h1", images=["javascript:alert(1)"])).encode(), 422),
        (json.dumps(body("h1", valid_from="tomorrow")).encode(), 422),
        (json.dumps(body("h1", by=1)).encode(), 422),
        (json.dumps(body("h1", by="")).encode(), 422),
        (json.dumps(body("h1", by="\ud800")).encode(), 422),
        (json.dumps(body("h1", by="a\x1b[0m")).encode(), 422),
        (json.dumps(body("h1", by="x" * 256)).encode(), 422),
        (b"{" + b" " * LIMIT_BYTES + b"}", 413),
    ],
)
async def test_a_bad_body_is_refused_wherever_a_pair_is_taken(client: TestClient, sent: bytes, expected: int) -> None:
    good = await client.post("/knowledge", json=body("good"))
    for method, url in (("POST", "/knowledge"), ("PUT", "/knowledge/pairs/h1"), ("POST", "/knowledge/import")):
        empty_import = url.endswith("import") and not sent
        status, reply = await call(client, method, url, data=sent, headers=version("*"))
        wanted = 200 if empty_import else 422 if url.endswith("import") and expected == 400 else expected
        assert status == wanted, (url, reply)
    assert good.status == 201
    assert (await call(client, "GET", "/knowledge"))[1]["count"] == 1


@pytest.mark.parametrize("sent", [b"{}", b'{"version": "1"}', b'{"version": 0}', b'{"version": 1, "by": "\\ud800"}'])
async def test_a_bad_revert_is_refused(client: TestClient, sent: bytes) -> None:
    await client.post("/knowledge", json=body("h1"))

    assert (await call(client, "POST", "/knowledge/revert/h1", data=sent, headers=version("*")))[0] == 422


async def test_a_body_of_another_type_is_refused(client: TestClient) -> None:
    status, _ = await call(client, "POST", "/knowledge", data=b"{}", headers={"Content-Type": "text/html"})
    assert status == 415


async def test_the_id_in_the_body_must_be_that_of_the_address(client: TestClient) -> None:
    status, reply = await call(client, "PUT", "/knowledge/pairs/h1", json=body("h2"), headers=version("*"))

    assert (status, reply["details"]["field"]) == (422, "id")


async def test_a_name_of_who_edits_is_checked_in_the_address_too(client: TestClient) -> None:
    await client.post("/knowledge", json=body("h1"))

    for by in ("x" * 256, "%1b", "%00", "%20"):
        assert (await call(client, "DELETE", URL(f"/knowledge/pairs/h1?by={by}", encoded=True), headers=version("*")))[
            0
        ] == 422
        assert (await call(client, "POST", URL(f"/knowledge/import?by={by}", encoded=True), data=b""))[0] == 422


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(tail=st.binary(min_size=1, max_size=20).map(lambda raw: "".join(f"%{byte:02X}" for byte in raw)))
async def test_whatever_bytes_stand_in_the_address_it_is_no_error_of_the_server(client: TestClient, tail: str) -> None:
    for method, address in (
        ("GET", f"/knowledge/pairs/{tail}"),
        ("GET", f"/knowledge/history/{tail}"),
        ("DELETE", f"/knowledge/pairs/{tail}"),
        ("GET", f"/knowledge?after={tail}&search={tail}&tag={tail}"),
    ):
        status, _ = await call(client, method, URL(address, encoded=True), headers=version("*"))
        assert status in (200, 400, 404, 422), (method, address)


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"\xed\xa0\x80", b"%ED%A0%80"])
async def test_raw_bytes_in_the_address_are_no_error_of_the_server(client: TestClient, raw: bytes) -> None:
    for line in (b"DELETE /knowledge/pairs/" + raw, b"GET /knowledge?after=" + raw):
        reader, writer = await asyncio.open_connection(client.host, client.port)
        head = b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nIf-Match: *\r\nAuthorization: Bearer " + TOKEN.encode()
        writer.write(line + head + b"\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        assert answer.split()[1] in (b"200", b"400", b"404"), answer[:200]


# The service


async def test_edits_that_wait_share_commits_and_a_conflict_fails_alone(
    service: KnowledgeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    change_each = KnowledgeStore.change_each

    def counted(store: KnowledgeStore, edits: Any) -> Any:
        sizes.append(len(edits))
        return change_each(store, edits)

    monkeypatch.setattr(KnowledgeStore, "change_each", counted)
    edits = [
        Put(Pair(id=f"n{n % 50}", question="q", answer=str(n)), "x", 5 if n % 10 == 3 else None) for n in range(128)
    ]

    made = await asyncio.gather(*map(service.edit, edits), return_exceptions=True)

    assert sum(sizes) == 128
    assert len(sizes) <= 5, "what arrives while a commit is in work is committed together"
    for number, outcome in enumerate(made):
        assert isinstance(outcome, VersionConflict if number % 10 == 3 else Revision)
    seqs = [outcome.seq for outcome in made if isinstance(outcome, Revision)]
    assert seqs == list(range(1, len(seqs) + 1))


async def test_an_edit_that_cannot_be_written_fails_alone(service: KnowledgeService) -> None:
    edits = [Put(Pair(id=f"n{n}", question="q", answer="\ud800" if n == 5 else "a"), "x") for n in range(10)]

    made = await asyncio.gather(*map(service.edit, edits), return_exceptions=True)

    assert [isinstance(outcome, Revision) for outcome in made] == [n != 5 for n in range(10)]
    assert isinstance(made[5], UnicodeEncodeError)
    assert await service.read(KnowledgeStore.count) == 9


async def test_a_read_that_fails_leaves_the_others_their_answers(service: KnowledgeService) -> None:
    def fail(_: KnowledgeStore) -> None:
        raise LookupError("planted")

    outcomes = await asyncio.gather(
        service.read(KnowledgeStore.count),
        service.read(fail),
        service.read(KnowledgeStore.latest_seq),
        return_exceptions=True,
    )

    assert outcomes[::2] == [0, 0]
    assert isinstance(outcomes[1], LookupError)


async def test_several_edits_are_all_made_or_none(service: KnowledgeService) -> None:
    good = [Put(Pair(id=f"n{n}", question="q", answer="a"), "x") for n in range(3)]

    assert await service.edit_all(good) == 3
    with pytest.raises(VersionConflict):
        await service.edit_all([Put(Pair(id="new", question="q", answer="a"), "x"), Put(good[0].pair, "x", 9)])
    assert await service.read(lambda store: store.get("new")) is None


async def test_closing_does_what_waits(path: Path) -> None:
    service = KnowledgeService(path)
    waiting = [
        asyncio.create_task(service.edit(Put(Pair(id=f"n{n}", question="q", answer="a"), "x"))) for n in range(100)
    ]
    await asyncio.sleep(0)
    await service.close()

    assert all(isinstance(outcome, Revision) for outcome in await asyncio.gather(*waiting))
    with KnowledgeStore(path) as store:
        assert store.count() == 100


@pytest.fixture
def damaged(path: Path) -> Iterator[None]:
    """The store's file holds something else, and still does so afterwards."""
    path.write_bytes(b"a text")
    yield
    assert path.read_bytes() == b"a text"


@pytest.mark.usefixtures("damaged")
async def test_a_damaged_store_is_a_503_and_stays_as_it_is(service: KnowledgeService) -> None:
    async with TestClient(TestServer(small_app(service)), headers=HEADERS) as client:
        for method, url, sent in (
            ("GET", "/knowledge", None),
            ("GET", "/knowledge/pairs/h1", None),
            ("POST", "/knowledge", body("h1")),
            ("POST", "/knowledge/revert/h1", {"version": 1}),
        ):
            status, reply = await call(client, method, url, json=sent, headers=version("*"))
            assert (status, reply["reason"]) == (503, "Unavailable"), url


async def test_a_backup_that_is_put_in_the_stores_place_is_used_from_then_on(
    client: TestClient, path: Path, tmp_path: Path
) -> None:
    await call(client, "POST", "/knowledge", json=body("h1"))
    with KnowledgeStore(tmp_path / "backup.db") as backup:
        backup.change([Put(Pair(id="old", question="q", answer="a"), "x")])
    (tmp_path / "backup.db").replace(path)

    assert (await call(client, "POST", "/knowledge", json=body("h2")))[0] == 201

    with KnowledgeStore(path) as store:
        assert [pair.id for pair in store.pairs()] == ["h2", "old"]
    assert [stored["id"] for stored in (await call(client, "GET", "/knowledge"))[1]["pairs"]] == ["h2", "old"]


async def test_more_edits_than_may_wait_are_refused_as_overload(path: Path) -> None:
    service = KnowledgeService(path, max_waiting=2)
    async with TestClient(TestServer(small_app(service)), headers=HEADERS) as client:
        held = threading.Event()
        waiting = [asyncio.create_task(service.read(lambda _: held.wait(5))) for _ in range(2)]
        await asyncio.sleep(0)

        status, reply = await call(client, "POST", "/knowledge", json=body("h1"))
        held.set()

        assert (status, reply["reason"]) == (503, "Overloaded")
        assert await asyncio.gather(*waiting) == [True, True]
        assert (await call(client, "POST", "/knowledge", json=body("h1")))[0] == 201
    await service.close()
