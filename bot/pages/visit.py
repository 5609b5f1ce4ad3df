"""Who stands behind a request: the person who signed in, or whoever sits at this machine."""

from dataclasses import dataclass

from aiohttp import web

from bot.api.auth import refuse_elsewhere
from bot.pages.people import People
from bot.pages.roles import LOCAL, Person, Role
from bot.pages.session import Sessions, cookie_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request of somebody who was let in.

    Attributes:
        may_leave: Whether there is a session that can be ended.
    """

    person: Person
    session_id: str
    may_leave: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Who is let in, and how sessions are signed."""

    people: People
    sessions: Sessions

    def visit(self, request: web.Request) -> Visit | None:
        """Who asks; None where nobody has signed in.

        Raises:
            Refused: 403; this machine alone is trusted, and the request comes from elsewhere.
        """
        if self.people.trusts_machine:
            refuse_elsewhere(request)
            return Visit(person=Person(name=LOCAL, role=Role.ADMIN), session_id=LOCAL, may_leave=False)
        cookie = cookie_of(request)
        session = None if cookie is None else self.sessions.read(cookie)
        person = None if session is None else self.people.still(session.admission)
        return None if session is None or person is None else Visit(person=person, session_id=session.id)


DOORS: web.AppKey[Doors] = web.AppKey("doors", Doors)
VISIT: web.RequestKey[Visit] = web.RequestKey("visit", Visit)


def person_of(request: web.Request) -> Person:
    """Who asks, in a handler behind `needs`."""
    return request[VISIT].person
