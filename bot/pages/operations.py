"""The pages' routes, as the OpenAPI document describes them."""

from collections.abc import Sequence

from bot.api.openapi import HTML, JSON, OBJECT, TEXT, Operation, Parameter, Schema
from bot.pages.form import FORM_TYPE

_PAGE: dict[int, dict[str, Schema]] = {200: {HTML: TEXT}}
_ON: dict[int, dict[str, Schema]] = {303: {}, **_PAGE}  # whoever follows gets a page
_PERIOD = ("since", "until", "channel", "intent")
_FILES = {"text/css": TEXT, "text/javascript": TEXT, "image/svg+xml": TEXT}


def shown(
    path: str, summary: str, parameters: Sequence[str] = (), errors: Sequence[int] = (), as_type: str = HTML
) -> Operation:
    """A page to read, or what stands on it in another form."""
    return Operation(
        method="GET",
        path=path,
        summary=summary,
        parameters=[Parameter(name=name, schema=TEXT) for name in parameters],
        answers={303: {}, 200: {as_type: OBJECT if as_type == JSON else TEXT}},
        errors=(*errors, 503),
        page=True,
    )


def sent(path: str, summary: str, fields: Sequence[str], errors: Sequence[int] = ()) -> Operation:
    """A form; its other field is `csrf`."""
    form: Schema = {"type": "object", "properties": dict.fromkeys([*fields, "csrf"], TEXT)}
    return Operation(
        method="POST",
        path=path,
        summary=summary,
        body={FORM_TYPE: form},
        answers=_ON,
        errors=(*errors, 503),
        page=True,
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/sign-in",
        summary="Asks for a token.",
        parameters=(Parameter(name="next", schema=TEXT),),
        answers=_ON,
        errors=(403,),
        open=True,
        page=True,
    ),
    Operation(
        method="POST",
        path="/sign-in",
        summary="Begins a session.",
        body={FORM_TYPE: {"type": "object", "properties": {"token": TEXT, "next": TEXT}}},
        answers=_ON,
        errors=(401, 403),
        open=True,
        page=True,
    ),
    sent("/sign-out", "Ends a session.", ()),
    Operation(
        method="GET",
        path="/pages/{name}",
        summary="A file of the pages.",
        answers={200: _FILES},
        errors=(404,),
        open=True,
    ),
    shown("/review", "A message to be looked at.", ("kind", "at", "kept", "q"), (400, 404, 422)),
    shown("/review/pairs", "Past answers to choose from.", ("q",), (422,)),
    sent(
        "/review/label",
        "Says what a message means.",
        ("turn", "say", "value", "answer", "shown_for", "kind", "next"),
        (404,),
    ),
    sent("/review/undo", "Takes labels back.", ("labels", "turn", "kind", "back"), (404,)),
    shown("/review/clusters", "Messages that ask the like.", ("kept", "count"), (422,)),
    sent(
        "/review/clusters", "Says what all messages of a cluster mean.", ("cluster", "say", "value", "answer"), (404,)
    ),
    shown("/review/history", "What people have said of messages.", ("before", "who"), (400, 422)),
    shown("/review/disagreements", "Messages of which people say different things."),
    sent("/review/disagreements", "Decides for one of the labels.", ("turn", "label"), (404,)),
    shown("/dashboard", "The figures of a period.", _PERIOD, (400,)),
    shown("/dashboard.json", "The same as JSON.", _PERIOD, (400,), JSON),
    shown("/dashboard.csv", "The same as CSV.", _PERIOD, (400,), "text/csv"),
)
