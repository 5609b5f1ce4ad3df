"""Sessions of the pages: signed cookies that end, and what forms prove themselves by."""

from dataclasses import replace
from typing import Any

import jwt
import pytest

from bot.pages.roles import Admission, Person, Proof, Role
from bot.pages.session import ALGORITHM, AUDIENCE, LASTS_S, Sessions

KEY, NOW = "k" * 40, 1_800_000_000.0
ANNA = Admission(person=Person(name="anna", role=Role.REVIEWER), proof=Proof.OWN, mark="m" * 32)
CLAIMS = {"sub": "anna", "role": "admin", "proof": "own", "mark": "m", "jti": "0" * 32, "aud": AUDIENCE, "exp": NOW + 9}


def sessions(now: float = NOW, key: str = KEY) -> Sessions:
    return Sessions(key, lambda: now)


def test_a_cookie_brings_the_session_back() -> None:
    session = sessions().begin(ANNA)
    assert sessions().read(sessions().to_cookie(session)) == session
    assert session.expires_at == NOW + LASTS_S
    assert sessions().left_s(session) == LASTS_S


def test_a_session_ends() -> None:
    cookie = sessions().to_cookie(sessions().begin(ANNA))
    assert sessions(NOW + LASTS_S - 1).read(cookie) is not None
    assert sessions(NOW + LASTS_S).read(cookie) is None


def test_a_session_does_not_outlast_what_let_the_person_in() -> None:
    assert sessions().begin(replace(ANNA, until=NOW + 60)).expires_at == NOW + 60
    assert sessions().begin(replace(ANNA, until=NOW + 10 * LASTS_S)).expires_at == NOW + LASTS_S


def test_two_sessions_differ() -> None:
    assert sessions().begin(ANNA).id != sessions().begin(ANNA).id


def signed(key: str = KEY, **changed: Any) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changed}.items() if value is not None}
    return jwt.encode(claims, key, algorithm=ALGORITHM)


def test_the_claims_that_the_next_test_changes_are_good() -> None:
    assert sessions().read(signed()) is not None


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "x",
        "a.b.c",
        signed("l" * 40),
        signed(aud="widget"),
        signed(jti="../x"),
        signed(jti="A" * 32),
        signed(role="king"),
        signed(proof="none"),
        signed(exp=NOW),
        signed(exp=True),
        signed(exp="never"),
        *[signed(**{name: None}) for name in CLAIMS],
        signed()[:-2],
        signed() + "x" * 4_000,
        jwt.encode(CLAIMS, None, algorithm="none"),
    ],
)
def test_a_forged_cookie_is_none(cookie: str) -> None:
    assert sessions().read(cookie) is None


def test_a_form_belongs_to_one_session() -> None:
    token = sessions().form_token("a")
    assert sessions().is_form_token("a", token)
    others = [
        token[:-1],
        token.upper(),
        "",
        "\ud800",
        sessions(key="l" * 40).form_token("a"),
        sessions().form_token("b"),
    ]
    assert [sessions().is_form_token("a", other) for other in others] == [False] * len(others)
