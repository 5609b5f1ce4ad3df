"""`POST /model/test/intents` and `/model/test/stories`: asks the model that serves, and counts."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from bot.api.data_body import read_data
from bot.api.nlu_evaluation import evaluate_nlu
from bot.api.query import flag, refuse
from bot.api.story_evaluation import evaluate_stories
from bot.dialogue import DialogueManager
from bot.engine import Reading
from bot.errors import Refused
from bot.inference import Inference
from bot.request_body import checked_text, parse_json
from configs.entity_markup import Annotation
from configs.errors import AssistantError
from configs.flows import Story
from configs.nlu_data import Example, parse_nlu
from configs.stories import join_stories, parse_stories
from configs.yaml_file import YamlFile, parse_yaml

MAX_TEST_BYTES = 1024 * 1024
MAX_EXAMPLES = 5_000
MAX_STORIES = 1_000
AT_ONCE = 8  # so that customers find the encoder free in between
_BODY = Path("body")


def routes(inference: Inference, dialogue: DialogueManager, *, max_text_chars: int) -> list[web.RouteDef]:
    """The two routes of tests."""

    async def intents(request: web.Request) -> web.Response:
        refuse(request, "cross_validation_folds")
        refuse(request, "callback_url")
        _check_model(request, inference)
        raw, is_json = await read_data(request, MAX_TEST_BYTES)
        examples = await asyncio.to_thread(parse_examples, raw, is_json=is_json)
        for example in examples:
            checked_text(example.text, "text", max_text_chars)
        readings = await _read(inference, examples)
        return web.json_response(await asyncio.to_thread(evaluate_nlu, examples, readings))

    async def stories(request: web.Request) -> web.Response:
        if flag(request, "e2e"):
            raise Refused(
                400, "InvalidField", "e2e is not offered; stories are followed by their intents.", field="e2e"
            )
        raw, is_json = await read_data(request, MAX_TEST_BYTES)
        domain = inference.host.engine.spec.domain

        def evaluated() -> dict[str, Any]:
            return evaluate_stories(parse_test_stories(raw, is_json=is_json), dialogue.prediction, domain)

        return web.json_response(await asyncio.to_thread(evaluated))

    return [web.post("/model/test/intents", intents), web.post("/model/test/stories", stories)]


def parse_examples(raw: bytes, *, is_json: bool) -> list[Example]:
    """The examples of test data: of `nlu:`, or of `rasa_nlu_data`, Rasa's older JSON.

    Raises:
        Refused: 400 neither YAML nor JSON, 422 no training data, or too many.
    """
    with _as_refusals():
        file = _file(raw, is_json=is_json)
        older = file.data.get("rasa_nlu_data")
        examples = [*parse_nlu(file)[0].examples] if older is None else _older_examples(older)
    if not 0 < len(examples) <= MAX_EXAMPLES:
        said = f"The body holds {len(examples):,} examples; send 1 to {MAX_EXAMPLES:,}."
        raise Refused(422, "InvalidField", said, field="body")
    return examples


def parse_test_stories(raw: bytes, *, is_json: bool) -> list[Story]:
    """The stories of test data; each way through an `or` is one of its own.

    Raises:
        Refused: 400 neither YAML nor JSON, 422 no stories, too many, or one that cannot be followed.
    """
    with _as_refusals():
        blocks, notices = parse_stories(_file(raw, is_json=is_json), Path())
        stories, said = join_stories(blocks)
    if notices or said:
        raise Refused(422, "InvalidField", (*notices, *said)[0], field="body")
    if not 0 < len(stories) <= MAX_STORIES:
        found = f"The body holds {len(stories):,} stories; send 1 to {MAX_STORIES:,}."
        raise Refused(422, "InvalidField", found, field="body")
    return stories


def _file(raw: bytes, *, is_json: bool) -> YamlFile:
    file = YamlFile(path=_BODY, data=parse_json(raw), lines={}) if is_json else parse_yaml(_decoded(raw), _BODY)
    if not isinstance(file.data, dict):
        raise file.error((), "must be a mapping", "Send `nlu:` or `stories:` as in an assistant's files.")
    return file


@contextmanager
def _as_refusals() -> Iterator[None]:
    """What is wrong with a body as the answer that says so."""
    try:
        yield
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "it holds a character that is not allowed"
        raise Refused(400, "InvalidBody", f"The body is not YAML: {problem}.", field="body") from error
    except AssistantError as error:
        raise Refused(422, "InvalidField", str(error), field="body") from error


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(400, "InvalidBody", "The body is not UTF-8 text.", field="body") from error


def _older_examples(data: Any) -> list[Example]:
    items = data.get("common_examples") if isinstance(data, dict) else None
    if not isinstance(items, list) or not all(_is_older_example(item) for item in items):
        raise Refused(422, "InvalidField", "common_examples must be a list of text and intent.", field="body")
    return [
        Example(
            text=item["text"],
            intent=item["intent"],
            path=_BODY,
            line=1,
            entities=tuple(
                Annotation(start=e["start"], end=e["end"], entity=e["entity"], value=str(e.get("value")))
                for e in item.get("entities") or ()
            ),
        )
        for item in items
    ]


def _is_older_example(item: Any) -> bool:
    if not isinstance(item, dict):
        return False
    entities = item.get("entities") or []
    return (
        isinstance(item.get("text"), str)
        and isinstance(item.get("intent"), str)
        and isinstance(entities, list)
        and all(
            isinstance(e, dict)
            and all(type(e.get(key)) is int for key in ("start", "end"))
            and isinstance(e.get("entity"), str)
            for e in entities
        )
    )


def _check_model(request: web.Request, inference: Inference) -> None:
    serving, wanted = inference.host.engine.id, request.query.get("model")
    if wanted is not None and wanted != serving:
        said = f"model is {wanted[:40]!r}; only {serving}, which serves, can be tested. Load another with PUT /model."
        raise Refused(400, "InvalidField", said, field="model")


async def _read(inference: Inference, examples: list[Example]) -> list[Reading]:
    readings: list[Reading] = []
    for start in range(0, len(examples), AT_ONCE):
        batch = examples[start : start + AT_ONCE]
        readings += await asyncio.gather(*(inference.read(example.text) for example in batch))
    return readings
