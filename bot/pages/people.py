"""Who may see the pages and change things on them: people with a token each, and the secrets of the HTTP API."""

import hmac
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError

from bot.api.auth import is_loopback
from bot.api.json_web_token import JsonWebTokens, json_web_tokens
from bot.pages.roles import LOCAL, OWNER, Admission, Person, Proof, Role
from configs.errors import SettingsError
from configs.settings import Settings

MAX_TOKEN_CHARS = 4_000
_NAME = re.compile(r"\w[\w .@+-]{0,63}")


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Literal["viewer", "reviewer", "admin"]
    token: Annotated[SecretStr, Field(min_length=16)]


_PEOPLE: TypeAdapter[dict[str, _Entry]] = TypeAdapter(dict[str, _Entry])


class People:
    """Knows people by their tokens.

    Args:
        key: What marks are made with.

    Attributes:
        is_anybody: Whether there is a token that lets anybody in.
        trusts_machine: Whether requests from this machine need no token: nobody is named, there is no secret, and the
            HTTP API is open to this machine too.

    Raises:
        SettingsError: `KEFU_PEOPLE` cannot be used.
    """

    def __init__(self, settings: Settings, key: str) -> None:
        self._key = key
        self._by_token = dict(_tokens(settings))
        self._jwt_secret = settings.jwt_secret
        self._jwt: JsonWebTokens | None = json_web_tokens(settings)
        self.is_anybody = bool(self._by_token) or self._jwt is not None
        self.trusts_machine = not self.is_anybody and settings.enable_api and is_loopback(settings.host)

    def admit(self, token: str) -> Admission | None:
        """Who has this token; None where it is nobody's. How long it takes tells nothing of the right ones."""
        if len(token) > MAX_TOKEN_CHARS:
            return None
        found = None
        for known, person in self._by_token.items():
            if hmac.compare_digest(token.encode("utf-8", "surrogatepass"), known.encode("utf-8")):
                found = Admission(person=person, proof=Proof.OWN, mark=self._mark(known))
        return found or self._by_jwt(token)

    def still(self, admission: Admission) -> Person | None:
        """The person who was let in so, with today's role; None where the secret is not what it was."""
        if admission.proof is Proof.JWT and self._jwt_secret is not None:
            is_same = hmac.compare_digest(admission.mark, self._mark(self._jwt_secret.get_secret_value()))
            return admission.person if is_same else None
        if admission.proof is Proof.OWN:
            for known, person in self._by_token.items():
                if person.name == admission.person.name and hmac.compare_digest(admission.mark, self._mark(known)):
                    return person
        return None

    def _by_jwt(self, token: str) -> Admission | None:
        claims = None if self._jwt is None else self._jwt.claims(token)
        person = None if claims is None else _claimed(claims)
        if claims is None or person is None or self._jwt_secret is None:
            return None
        mark = self._mark(self._jwt_secret.get_secret_value())
        return Admission(person=person, proof=Proof.JWT, mark=mark, until=claims.get("exp"))

    def _mark(self, secret: str) -> str:
        return hmac.digest(self._key.encode(), f"mark:{secret}".encode("utf-8", "surrogatepass"), "sha256").hex()[:32]


def _claimed(claims: Mapping[str, Any]) -> Person | None:
    """The person of a signed token; Rasa's role `user`, which is a customer's, is none."""
    user = claims.get("user")
    if not isinstance(user, dict):
        return None
    name, word = user.get("username"), user.get("role")
    role = next((role for role in Role if role.word == word), None)
    if role is None or not isinstance(name, str) or not _NAME.fullmatch(name) or name in (OWNER, LOCAL):
        return None
    return Person(name=name, role=role)


def _tokens(settings: Settings) -> Iterator[tuple[str, Person]]:
    """Each token and whose it is."""
    taken = set()
    for secret in (settings.api_token, settings.admin_token):
        if secret is not None:
            taken.add(secret.get_secret_value())
            yield secret.get_secret_value(), Person(name=OWNER, role=Role.ADMIN)
    for name, entry in _entries(settings.people).items():
        token = entry.token.get_secret_value()
        if not _NAME.fullmatch(name) or name in (OWNER, LOCAL):
            raise SettingsError(f"KEFU_PEOPLE names {name!r}. Use up to 64 letters and digits, not {OWNER} or {LOCAL}.")
        if token in taken:
            raise SettingsError(
                f"KEFU_PEOPLE gives {name!r} a token that is taken. Make one with `openssl rand -hex 24`."
            )
        taken.add(token)
        yield token, Person(name=name, role=Role[entry.role.upper()])


def _entries(people: SecretStr | None) -> dict[str, _Entry]:
    if people is None:
        return {}
    try:
        return _PEOPLE.validate_json(people.get_secret_value())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(key) for key in first["loc"]) or "the whole"
        raise SettingsError(
            f'KEFU_PEOPLE: {place}: {first["msg"]}. Write {{"anna": {{"role": "viewer", "reviewer" or "admin", '
            '"token": 16 characters or more}}.'
        ) from None
