"""Who may see the pages: people with a token each, signed tokens, and the server's own."""

import json
import time
from typing import Any

import jwt
import pytest
from pydantic import SecretStr

from bot.pages.people import People
from bot.pages.roles import LOCAL, OWNER, Admission, Person, Role
from configs import Settings, SettingsError

ANNA, BOB = "the token of anna", "the token of bob!"
PEOPLE = {"anna": {"role": "reviewer", "token": ANNA}, "张伟": {"role": "viewer", "token": BOB}}
SECRET = "a secret that is long enough for SHA-256"  # noqa: S105
KEY = "k" * 40


def people(given: Any = PEOPLE, **settings: Any) -> People:
    named = {} if given is None else {"people": SecretStr(given if isinstance(given, str) else json.dumps(given))}
    return People(Settings(**named, **settings), KEY)


def admitted(known: People, token: str) -> Admission:
    admission = known.admit(token)
    assert admission is not None
    return admission


def signed(role: Any = "reviewer", name: Any = "ann", **other: Any) -> str:
    return jwt.encode({"user": {"username": name, "role": role}, "exp": 4e9, **other}, SECRET, algorithm="HS256")


def test_each_may_what_those_before_may() -> None:
    may = {role: [wanted.word for wanted in Role if Person(name="x", role=role).may(wanted)] for role in Role}
    assert may == {
        Role.VIEWER: ["viewer"],
        Role.REVIEWER: ["viewer", "reviewer"],
        Role.ADMIN: ["viewer", "reviewer", "admin"],
    }


def test_a_token_names_its_person() -> None:
    assert admitted(people(), ANNA).person == Person(name="anna", role=Role.REVIEWER)
    assert admitted(people(), BOB).person == Person(name="张伟", role=Role.VIEWER)


@pytest.mark.parametrize("token", ["", ANNA[:-1], ANNA + "x", ANNA.upper(), "\ud800" * 20, "x" * 100_000, "\0" + ANNA])
def test_another_token_names_nobody(token: str) -> None:
    assert people().admit(token) is None


@pytest.mark.parametrize("name", ["api_token", "admin_token"])
def test_the_servers_own_tokens_are_their_owners(name: str) -> None:
    known = people(None, **{name: SecretStr("sixteen letters!")})
    assert admitted(known, "sixteen letters!").person == Person(name=OWNER, role=Role.ADMIN)


def test_no_other_secret_lets_anybody_in() -> None:
    known = people(openai_token=SecretStr("x" * 40), widget_secret=SecretStr("y" * 40), jwt_secret=SecretStr(SECRET))
    assert [known.admit(token) for token in ("x" * 40, "y" * 40, SECRET, KEY)] == [None] * 4


@pytest.mark.parametrize("role", list(Role))
def test_a_signed_token_says_who_and_what(role: Role) -> None:
    admission = admitted(people(None, jwt_secret=SecretStr(SECRET)), signed(role.word))
    assert (admission.person, admission.until) == (Person(name="ann", role=role), 4e9)


@pytest.mark.parametrize(
    "token",
    [
        signed("user"),  # a customer, as Rasa has it
        signed("ADMIN"),
        signed(3),
        signed(None),
        signed(name=None),
        signed(name=""),
        signed(name=OWNER),
        signed(name=LOCAL),
        signed(name="a\nb"),
        signed(exp=time.time() - 60),
        jwt.encode({"user": {"username": "ann", "role": "admin"}}, SECRET, algorithm="HS256"),
        jwt.encode({"user": {"username": "ann", "role": "admin"}, "exp": 4e9}, "x" * 40, algorithm="HS256"),
        jwt.encode({"user": {"username": "ann", "role": "admin"}, "exp": 4e9}, None, algorithm="none"),
        jwt.encode({"user": "ann", "exp": 4e9}, SECRET, algorithm="HS256"),
    ],
)
def test_a_signed_token_that_says_nobody_is_nobodys(token: str) -> None:
    assert people(jwt_secret=SecretStr(SECRET)).admit(token) is None


def test_a_role_is_that_of_today() -> None:
    admission = admitted(people(), ANNA)
    promoted = people({"anna": {"role": "admin", "token": ANNA}})
    assert promoted.still(admission) == Person(name="anna", role=Role.ADMIN)


@pytest.mark.parametrize(
    "later",
    [None, {"anna": {"role": "reviewer", "token": "another token of anna"}}, {"eve": {"role": "admin", "token": ANNA}}],
)
def test_who_was_struck_off_or_has_another_token_is_nobody(later: Any) -> None:
    assert people(later).still(admitted(people(), ANNA)) is None


def test_a_signed_token_counts_while_its_key_does() -> None:
    admission = admitted(people(None, jwt_secret=SecretStr(SECRET)), signed())
    assert people(jwt_secret=SecretStr(SECRET)).still(admission) == admission.person
    assert people(jwt_secret=SecretStr("z" * 40)).still(admission) is None
    assert people().still(admission) is None


def test_a_mark_tells_nothing_of_the_token() -> None:
    admission = admitted(people(), ANNA)
    assert ANNA not in repr(admission)
    assert People(Settings(people=SecretStr(json.dumps(PEOPLE))), "l" * 40).still(admission) is None


@pytest.mark.parametrize(
    ("settings", "trusts"),
    [
        ({}, True),
        ({"host": "::1"}, True),
        ({"enable_api": False}, False),
        ({"host": "0.0.0.0"}, False),  # noqa: S104
        ({"api_token": SecretStr("x" * 16)}, False),
        ({"admin_token": SecretStr("x" * 16)}, False),
        ({"jwt_secret": SecretStr("x" * 40)}, False),
        ({"people": SecretStr(json.dumps(PEOPLE))}, False),
        ({"people": SecretStr("{}")}, True),
    ],
)
def test_this_machine_is_trusted_only_where_there_is_no_secret(settings: dict[str, Any], trusts: bool) -> None:
    assert People(Settings(**settings), KEY).trusts_machine is trusts


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("anna", "the whole: Invalid JSON"),
        ("[]", "the whole: Input should be"),
        ({"anna": {"role": "reviewer", "token": "short"}}, "anna.token: "),
        ({"anna": {"role": "king", "token": ANNA}}, "anna.role: "),
        ({"anna": {"role": "viewer"}}, "anna.token: Field required"),
        ({"anna": {"role": "viewer", "token": ANNA, "mail": "a"}}, "anna.mail: "),
        ({"anna": {"role": "viewer", "token": ANNA}, "bob": {"role": "admin", "token": ANNA}}, "'bob' a token that is"),
        ({"owner": {"role": "viewer", "token": ANNA}}, "names 'owner'"),
        ({"<script>": {"role": "viewer", "token": ANNA}}, "names '<script>'"),
        ({"": {"role": "viewer", "token": ANNA}}, "names ''"),
        ({"x" * 65: {"role": "viewer", "token": ANNA}}, "names 'xxx"),
    ],
)
def test_what_cannot_be_used_is_refused_without_telling_a_token(given: Any, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        people(given)
    assert said in str(caught.value)
    assert ANNA not in str(caught.value)
    assert "short" not in str(caught.value).replace("should", "")


def test_a_person_may_not_have_the_servers_token() -> None:
    with pytest.raises(SettingsError, match="taken"):
        people(api_token=SecretStr(ANNA))
