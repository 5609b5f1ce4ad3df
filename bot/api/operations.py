"""Every route there can be, as the OpenAPI document describes it."""

from bot.api.conversation_routes import AddMessageBody, ExecuteBody, TriggerBody
from bot.api.data_body import YAML_TYPES
from bot.api.feedback_routes import FeedbackBody
from bot.api.model_routes import LoadBody
from bot.api.openapi import JSON, OBJECT, Operation, Parameter, Schema
from bot.api.tracker_view import EventVerbosity
from bot.api.yaml_text import YAML_TYPE
from bot.channels.widget.operations import OPERATIONS as WIDGET
from bot.handoff_api import AskBody, ClaimBody, ReplyBody, ReturnBody
from bot.knowledge_api import FILTERS, RevertBody
from bot.pages.operations import OPERATIONS as PAGES
from bot.request_body import MessageBody, ParseBody

_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_NUMBER: Schema = {"type": "number"}
_EVENT: Schema = {"type": "object", "required": ["event"], "properties": {"event": _TEXT}}
_EVENTS: Schema = {"anyOf": [_EVENT, {"type": "array", "items": _EVENT, "minItems": 1}]}
_DATA = {JSON: OBJECT, **dict.fromkeys(sorted(YAML_TYPES), _TEXT)}
_LINES = {"application/x-ndjson": _TEXT}
_FILE = {"application/gzip": {"type": "string", "format": "binary"}}
_SCORES: Schema = {"type": "object", "required": ["scores", "policy", "confidence", "tracker"]}

_SHOWN = Parameter(name="include_events", schema={"enum": [*EventVerbosity], "default": "AFTER_RESTART"})
_UNTIL = Parameter(name="until", schema=_NUMBER)
_CHANNEL = Parameter(name="output_channel", schema=_TEXT)
_BY = Parameter(name="by", schema=_TEXT)
_CALLBACK = Parameter(name="callback_url", schema={"type": "string", "format": "uri"})
_IF_MATCH = Parameter(name="If-Match", schema=_TEXT, place="header", required=True)


def _flag(name: str, *, default: bool = False) -> Parameter:
    return Parameter(name=name, schema={**_FLAG, "default": default})


def _limit(most: int) -> Parameter:
    return Parameter(name="limit", schema={"type": "integer", "minimum": 1, "maximum": most})


_CONVERSATION = "/conversations/{id}"
_GONE: dict[int, dict[str, Schema]] = {204: {}}
_MADE: dict[int, dict[str, Schema]] = {201: {JSON: OBJECT}}

_OPEN = (
    Operation(method="GET", path="/", summary="Says hello.", answers={200: {"text/plain": _TEXT}}, open=True),
    Operation(method="GET", path="/version", summary="The version.", open=True),
    Operation(method="GET", path="/health", summary="Whether the process answers.", open=True),
    Operation(method="GET", path="/ready", summary="Whether a model is loaded.", errors=(503,), open=True),
    Operation(method="GET", path="/chat", summary="A page to chat on.", answers={200: {"text/html": _TEXT}}, open=True),
    Operation(
        method="GET",
        path="/widget.js",
        summary="Puts the chat on a page.",
        answers={200: {"text/javascript": _TEXT}},
        open=True,
    ),
    Operation(method="GET", path="/webhooks/rest/", summary="Says that the channel is there.", open=True),
    Operation(
        method="POST",
        path="/webhooks/rest/webhook",
        summary="Takes a customer's message and answers it.",
        body=MessageBody,
        parameters=(_flag("stream"),),
        answers={200: {JSON: {"type": "array"}, "text/event-stream": _TEXT}},
        errors=(409, 503),
        open=True,
    ),
)
_MODEL = (
    Operation(method="GET", path="/openapi.json", summary="This document."),
    Operation(method="GET", path="/status", summary="What is served.", errors=(409,)),
    Operation(
        method="GET",
        path="/domain",
        summary="The domain.",
        answers={200: {JSON: OBJECT, YAML_TYPE: _TEXT}},
        errors=(406, 409),
    ),
    Operation(
        method="POST",
        path="/model/parse",
        summary="How a message is understood.",
        body=ParseBody,
        parameters=(_flag("explain"),),
        errors=(409, 503),
    ),
    Operation(
        method="POST",
        path="/model/predict",
        summary="What comes after these events.",
        body={JSON: _EVENTS},
        parameters=(_SHOWN,),
        answers={200: {JSON: _SCORES}},
        errors=(409,),
    ),
    Operation(
        method="PUT",
        path="/model",
        summary="Loads a release and promotes it.",
        body=LoadBody,
        body_required=False,
        answers=_GONE,
    ),
    Operation(method="DELETE", path="/model", summary="Unloads the model.", answers=_GONE),
    Operation(
        method="POST",
        path="/model/train",
        summary="Trains on what is sent and answers the release.",
        body=_DATA,
        parameters=(
            _flag("force_training"),
            _flag("save_to_default_model_directory", default=True),
            Parameter(name="augmentation", schema=_NUMBER),
            Parameter(name="num_threads", schema=_NUMBER),
            _CALLBACK,
        ),
        answers={200: _FILE, 204: {}},
        errors=(409, 501, 503),
    ),
    Operation(
        method="POST",
        path="/model/test/intents",
        summary="How well the model understands test data.",
        body=_DATA,
        parameters=(Parameter(name="model", schema=_TEXT),),
        errors=(409, 503),
    ),
    Operation(
        method="POST",
        path="/model/test/stories",
        summary="How well the model follows test stories.",
        body=_DATA,
        parameters=(_flag("e2e"),),
        errors=(409,),
    ),
)
_CONVERSATIONS = (
    Operation(
        method="GET",
        path=f"{_CONVERSATION}/tracker",
        summary="The conversation.",
        parameters=(_SHOWN, _UNTIL),
        errors=(400, 409, 422, 503),
    ),
    Operation(
        method="DELETE",
        path=f"{_CONVERSATION}/tracker",
        summary="Erases the conversation.",
        answers=_GONE,
        errors=(404, 422, 503),
    ),
    *(
        Operation(
            method=method,
            path=f"{_CONVERSATION}/tracker/events",
            summary=summary,
            body={JSON: _EVENTS},
            parameters=(_SHOWN, _CHANNEL, _flag("execute_side_effects")),
            errors=(409, 503),
        )
        for method, summary in (("POST", "Adds events."), ("PUT", "Puts events in the place of all there are."))
    ),
    Operation(
        method="GET",
        path=f"{_CONVERSATION}/story",
        summary="The conversation as a test story.",
        parameters=(_UNTIL, _flag("all_sessions")),
        answers={200: {YAML_TYPE: _TEXT}},
        errors=(400, 404, 422, 503),
    ),
    Operation(
        method="POST",
        path=f"{_CONVERSATION}/execute",
        summary="Runs an action.",
        body=ExecuteBody,
        parameters=(_SHOWN, _CHANNEL),
        errors=(404, 409, 503),
    ),
    Operation(
        method="POST",
        path=f"{_CONVERSATION}/trigger_intent",
        summary="Takes a turn as if the customer had meant an intent.",
        body=TriggerBody,
        parameters=(_SHOWN, _CHANNEL),
        errors=(404, 409, 503),
    ),
    Operation(
        method="POST",
        path=f"{_CONVERSATION}/predict",
        summary="What comes next.",
        parameters=(_SHOWN,),
        answers={200: {JSON: _SCORES}},
        errors=(400, 404, 409, 422, 503),
    ),
    Operation(
        method="POST",
        path=f"{_CONVERSATION}/messages",
        summary="Adds a message without answering it.",
        body=AddMessageBody,
        parameters=(_SHOWN,),
        errors=(409, 503),
    ),
    Operation(
        method="GET",
        path=f"{_CONVERSATION}/explain",
        summary="Why the bot said what it said.",
        parameters=(_limit(100),),
        errors=(400, 404, 422, 503),
    ),
    Operation(
        method="POST",
        path=f"{_CONVERSATION}/feedback",
        summary="Takes what a person thinks of a turn.",
        body=FeedbackBody,
        answers=_MADE,
        errors=(404, 503),
    ),
)
_HANDOFF = (
    Operation(
        method="GET",
        path="/handoff",
        summary="Conversations that wait for a person or have one.",
        parameters=(Parameter(name="state", schema={"enum": ["waiting", "human"]}), _limit(100)),
        errors=(400, 503),
    ),
    Operation(
        method="GET", path="/handoff/ws", summary="The same, as it changes.", answers={101: {}}, errors=(400, 426)
    ),
    Operation(
        method="POST",
        path=f"{_CONVERSATION}/handoff",
        summary="Asks for a person.",
        body=AskBody,
        answers=_MADE,
        errors=(404, 409, 503),
    ),
    *(
        Operation(
            method="POST", path=f"{_CONVERSATION}/handoff/{name}", summary=summary, body=body, errors=(404, 409, 503)
        )
        for name, summary, body in (
            ("claim", "A person takes the conversation.", ClaimBody),
            ("reply", "A person says something.", ReplyBody),
            ("return", "Gives the conversation back to the bot.", ReturnBody),
        )
    ),
)
_SENDERS = (
    Operation(
        method="DELETE",
        path="/senders/{id}",
        summary="Erases a customer from everything.",
        parameters=(_flag("prefix"),),
        answers={200: {JSON: OBJECT}, 500: {JSON: OBJECT}},
        errors=(400, 422, 503),
    ),
)
_KNOWLEDGE = (
    Operation(
        method="GET",
        path="/knowledge",
        summary="A page of past answers.",
        parameters=(
            _limit(500),
            Parameter(name="after", schema=_TEXT),
            *(Parameter(name=name, schema=_TEXT) for name in FILTERS),
        ),
        errors=(400, 503),
    ),
    Operation(
        method="POST",
        path="/knowledge",
        summary="Adds a past answer.",
        body={JSON: OBJECT},
        answers=_MADE,
        errors=(409, 503),
    ),
    Operation(
        method="POST",
        path="/knowledge/import",
        summary="Takes past answers over.",
        body=_LINES,
        parameters=(_BY,),
        errors=(503,),
    ),
    Operation(
        method="GET", path="/knowledge/export", summary="All past answers.", answers={200: _LINES}, errors=(503,)
    ),
    Operation(method="GET", path="/knowledge/pairs/{id}", summary="A past answer.", errors=(404, 503)),
    Operation(
        method="PUT",
        path="/knowledge/pairs/{id}",
        summary="Makes a past answer what the body says.",
        body={JSON: OBJECT},
        parameters=(_IF_MATCH,),
        errors=(404, 409, 412, 428, 503),
    ),
    Operation(
        method="DELETE",
        path="/knowledge/pairs/{id}",
        summary="Takes a past answer out.",
        parameters=(_IF_MATCH, _BY),
        answers=_GONE,
        errors=(400, 404, 412, 422, 428, 503),
    ),
    Operation(
        method="GET", path="/knowledge/history/{id}", summary="All versions of a past answer.", errors=(404, 503)
    ),
    Operation(
        method="POST",
        path="/knowledge/revert/{id}",
        summary="Makes a past answer what it was.",
        body=RevertBody,
        parameters=(_IF_MATCH,),
        errors=(404, 412, 428, 503),
    ),
)
OPERATIONS = (*_OPEN, *WIDGET, *PAGES, *_MODEL, *_CONVERSATIONS, *_HANDOFF, *_SENDERS, *_KNOWLEDGE)
