"""The widget's routes, as the OpenAPI document describes them."""

from bot.api.openapi import JSON, OBJECT, Operation, Parameter, Schema
from bot.channels.widget.file_routes import FORM
from bot.channels.widget.frames import MAX_SEQ
from bot.channels.widget.polling import MAX_WAIT_S, FramesBody
from bot.channels.widget.session_route import SessionBody

_NUMBER: Schema = {"type": "number"}
_FRAMES: Schema = {"type": "object", "required": ["frames"]}
_BYTES: Schema = {"type": "string", "format": "binary"}
_FORM: Schema = {"type": "object", "required": ["file"], "properties": {"file": _BYTES}}
_SESSION = (401, 403)  # there is none, or the page may not have the widget

OPERATIONS = (
    Operation(method="GET", path="/webhooks/widget/", summary="Says that the widget is there.", open=True),
    Operation(
        method="POST",
        path="/webhooks/widget/session",
        summary="Begins or renews a page's session.",
        body=SessionBody,
        errors=(403,),
        open=True,
    ),
    Operation(
        method="GET",
        path="/webhooks/widget/socket",
        summary="A page's conversation, as it goes on.",
        answers={101: {}},
        errors=(400, 403),
        open=True,
    ),
    Operation(
        method="POST",
        path="/webhooks/widget/frames",
        summary="Takes what a page without a WebSocket sends.",
        body=FramesBody,
        answers={200: {JSON: _FRAMES}},
        errors=_SESSION,
        open=True,
    ),
    Operation(
        method="GET",
        path="/webhooks/widget/frames",
        summary="What is new for a page without a WebSocket.",
        parameters=(
            Parameter(name="after", schema={"type": "integer", "minimum": 0, "maximum": MAX_SEQ}),
            Parameter(name="wait", schema={**_NUMBER, "minimum": 0, "maximum": MAX_WAIT_S}),
            Parameter(name="begun", schema={**_NUMBER, "minimum": 0}),
        ),
        answers={200: {JSON: _FRAMES}},
        errors=(400, *_SESSION, 503),
        open=True,
    ),
    Operation(
        method="POST",
        path="/webhooks/widget/files",
        summary="Takes a file of a customer.",
        body={FORM: _FORM},
        answers={201: {JSON: OBJECT}},
        errors=(*_SESSION, 404, 409, 503),
        open=True,
    ),
    Operation(
        method="GET",
        path="/webhooks/widget/files/{id}",
        summary="A file of a customer.",
        parameters=(Parameter(name="t", schema={"type": "string"}, required=True),),
        answers={200: {"application/octet-stream": _BYTES}},
        errors=(403, 404),
        open=True,
    ),
)
