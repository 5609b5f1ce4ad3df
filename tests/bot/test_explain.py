"""`kefu parse` and `POST /model/parse` with everything that can be asked of them, on a trained release."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from rich.console import Console

from bot import cli
from bot.app import INFERENCE
from bot.engine import Engine, Reading
from bot.inference import Inference
from bot.model_host import ModelHost
from bot.parse_command import print_reading, word_bar
from configs import Assistant
from configs.bot_spec import BotSpec
from nlu.entities import BUILTIN, LEARNED, Entity
from nlu.examples import NearExample, save_examples

TWO_WANTS = "when are you open and how do I return my shoes"
Kefu = Callable[..., tuple[int, str, str]]


@pytest.fixture
def engine(host: ModelHost) -> Engine:
    return host.engine


@pytest.fixture
def kefu(
    plain_logging: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    minimal_folder: Path,
    trained_dir: Path,
) -> Kefu:
    """Runs `kefu parse` on the trained release: exit code, standard output, standard error."""

    def run(text: str, *arguments: object) -> tuple[int, str, str]:
        given = arguments or (minimal_folder, "--data", trained_dir)
        monkeypatch.setattr("sys.argv", ["kefu", "parse", text, *map(str, given)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


async def parse(client: TestClient, text: str, query: str = "") -> Any:
    response = await client.post(f"/model/parse{query}", json={"text": text})
    assert response.status == 200, await response.text()
    return await response.json()


def printed(reading: Reading) -> str:
    console = Console(width=200, highlight=False)
    with console.capture() as capture:
        print_reading(reading, console)
    return capture.get()


def understood(engine: Engine, text: str, *, explained: bool = False) -> Reading:
    return engine.parse(engine.read([text])[0], explained=explained)


# Over HTTP


async def test_a_message_with_two_wants_has_two_intents(client: TestClient) -> None:
    parsed = await parse(client, TWO_WANTS)

    intents = parsed["kefu"]["intents"]
    assert [(each["name"], TWO_WANTS[each["start"] : each["end"]]) for each in intents] == [
        ("opening_hours", "when are you open"),
        ("return_item", "how do I return my shoes"),
    ]
    assert all(each["confidence"] >= 0.7 for each in intents)


async def test_a_message_that_fits_nothing_is_rasas_fallback(client: TestClient) -> None:
    parsed = await parse(client, "colourless green ideas sleep furiously")

    assert parsed["intent"] == parsed["intent_ranking"][0] == {"name": "nlu_fallback", "confidence": 0.7}
    assert parsed["kefu"]["intents"] == []


async def test_no_explanation_unless_it_is_asked_for(client: TestClient) -> None:
    assert "explanation" not in (await parse(client, "where is my parcel"))["kefu"]
    assert "explanation" not in (await parse(client, "where is my parcel", "?explain=false"))["kefu"]


async def test_examples_are_read_when_the_first_explanation_wants_them(
    client: TestClient, data_dir: Path, minimal: Assistant
) -> None:
    (folder,) = (path for path in (data_dir / "releases").iterdir() if not path.name.startswith("."))
    assert client.app is not None
    encoder = client.app[INFERENCE].host.engine.understander.encoder
    examples = minimal.examples[::5]
    save_examples(folder, examples, encoder.encode([example.text for example in examples]).plain)

    parsed = await parse(client, examples[3].text, "?explain=true")

    explanation = parsed["kefu"]["explanation"]
    nearest, *others = explanation["examples"]
    assert (nearest["text"], nearest["intent"]) == (examples[3].text, examples[3].intent)
    assert nearest["cosine"] == pytest.approx(1.0, abs=2e-3)
    assert len(others) == 4
    assert [each["cosine"] for each in others] == sorted((each["cosine"] for each in others), reverse=True)


async def test_an_explanation_names_rivals_and_words(client: TestClient) -> None:
    text = "where is my parcel"

    parsed = await parse(client, text, "?explain=true")

    explanation = parsed["kefu"]["explanation"]
    assert explanation["intent"] == parsed["intent"]["name"] == "track_order"
    assert explanation["rivals"] == parsed["intent_ranking"][:5]
    assert [word["text"] for word in explanation["words"]] == text.split()
    assert max(explanation["words"], key=lambda word: word["effect"])["text"] == "parcel"
    assert explanation["words_left_out"] == 0
    assert explanation["scope"].endswith("5% would be enough.")


@pytest.mark.parametrize("value", ["yes", "", "1"])
async def test_explain_is_true_or_false(client: TestClient, value: str) -> None:
    response = await client.post(f"/model/parse?explain={value}", json={"text": "hello"})

    assert response.status == 400
    assert (await response.json())["details"] == {"field": "explain"}


async def test_an_explanation_that_fails_fails_alone() -> None:
    def read(texts: list[str]) -> list[Any]:
        return [SimpleNamespace(text=text) for text in texts]

    def fails(reading: Any, *, explained: bool) -> Any:
        raise ValueError("damaged")

    inference = Inference(
        SimpleNamespace(engine=SimpleNamespace(read=read, parse=fails), is_loaded=True),
        max_batch=4,
        max_waiting=4,
        timeout_s=5,
    )
    try:
        with pytest.raises(ValueError, match="damaged"):
            await inference.parse("a", explained=True)
        assert (await inference.read("b")).text == "b"
    finally:
        await inference.close()


def test_the_parts_of_a_label_are_told_apart_by_the_assistants_symbol(
    engine: Engine, minimal: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = replace(minimal, config=minimal.config.model_copy(update={"intent_split_symbol": "_"}))
    monkeypatch.setattr(engine, "spec", BotSpec.from_json(BotSpec.of(split).to_json()))

    reading = understood(engine, "where is my parcel")

    assert [span.name for span in reading.intents] == ["track", "order"]
    assert reading.understanding.intent.name == "track_order"


# In the terminal


def test_parse_prints_what_is_understood(kefu: Kefu) -> None:
    code, out, err = kefu("  where is my parcel  ")

    assert (code, err) == (0, "")
    assert out.startswith("intent   track_order 0.9")
    assert "\nscope    " in out
    assert "\nmood     neutral 0." in out
    assert "past question" in out
    assert "What each word does" not in out


def test_parse_explains_itself(kefu: Kefu, minimal_folder: Path, trained_dir: Path) -> None:
    code, out, _ = kefu("where is my parcel", minimal_folder, "--data", trained_dir, "--explain")

    assert code == 0
    assert "What each word does for track_order:\nwhere is my parcel\nparcel +0." in out
    assert "Rivals" in out


def test_parse_as_json_is_what_the_api_answers(kefu: Kefu, minimal_folder: Path, trained_dir: Path) -> None:
    code, out, err = kefu("when are you open", minimal_folder, "--data", trained_dir, "--json", "--explain")

    parsed = json.loads(out)
    assert (code, err) == (0, "")
    assert parsed["intent"]["name"] == "opening_hours"
    assert parsed["kefu"]["release"] == (trained_dir / "CURRENT").read_text().strip()
    assert parsed["kefu"]["explanation"]["intent"] == "opening_hours"


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        ("   ", (), "text is empty."),
        ("hello", ("{tmp}/gone",), "there is no such folder"),
        ("hello", ("{assistant}", "--data", "{tmp}/new"), "There is no release in {tmp}/new. Run `kefu train` first."),
    ],
)
def test_a_mistake_is_one_line(
    kefu: Kefu, minimal_folder: Path, tmp_path: Path, text: str, arguments: tuple[str, ...], said: str
) -> None:
    places = {"tmp": tmp_path, "assistant": minimal_folder}

    code, out, err = kefu(text, *(argument.format(**places) for argument in arguments))

    assert (code, out) == (1, "")
    (line,) = err.splitlines()
    assert said.format(**places) in line


def test_two_intents_are_printed_with_their_words(engine: Engine) -> None:
    lines = printed(understood(engine, TWO_WANTS)).splitlines()

    assert lines[1].startswith("         opening_hours 0.9")
    assert lines[1].endswith("in when are you open")
    assert lines[2].endswith("in how do I return my shoes")


def test_a_fallback_is_printed_before_the_likeliest_intent(engine: Engine) -> None:
    reading = understood(engine, "colourless green ideas sleep furiously")

    likeliest = reading.understanding.intent
    first = printed(reading).splitlines()[0]
    assert first == f"intent   nlu_fallback 0.700 before {likeliest.name} {likeliest.probability:.3f}"


def test_entities_and_foreign_letters_are_printed(engine: Engine) -> None:
    reading = engine.read(["to Leeds [b] 20"])[0]
    entities = (
        Entity(entity="city", start=3, end=8, value="Leeds [b]", extractor=LEARNED, role="to", confidence=0.9),
        Entity(entity="money", start=13, end=15, value={"amount": "20.00"}, extractor=BUILTIN),
    )
    changed = replace(reading, understanding=replace(reading.understanding, entities=entities, uncovered=0.25))

    out = printed(changed)

    assert "entity   city, role to = Leeds [b] 0.900 at 3-8, KefuLearnedExtractor\n" in out
    assert "entity   money = {'amount': '20.00'} at 13-15, KefuBuiltinExtractor\n" in out
    assert "script   25% of the letters are in a script the encoder lacks.\n" in out


def test_near_examples_are_printed_and_their_lack_is_said(engine: Engine) -> None:
    reading = understood(engine, "where is my parcel", explained=True)
    assert reading.explanation is not None
    near = (NearExample(text="my [bold] parcel?", intent="track_order", cosine=0.876),)

    with_examples = printed(replace(reading, explanation=replace(reading.explanation, examples=near)))
    without = printed(replace(reading, explanation=replace(reading.explanation, examples=None)))

    assert [cell.strip() for cell in next(x for x in with_examples.splitlines() if "[bold]" in x).split("│")] == [
        "",
        "my [bold] parcel?",
        "track_order",
        "0.876",
        "",
    ]
    assert "The release keeps no examples" in without


def test_words_are_coloured_by_what_they_do(engine: Engine) -> None:
    reading = understood(engine, "where is my parcel", explained=True)
    assert reading.explanation is not None
    effects = (0.5, 0.0, -0.5, 0.1)
    words = tuple(replace(word, effect=e) for word, e in zip(reading.explanation.words, effects, strict=True))

    bar = word_bar("where is my parcel", replace(reading.explanation, words=words))

    assert bar.plain == "where is my parcel"
    assert [(span.start, span.end, span.style) for span in bar.spans] == [
        (0, 5, "black on green3"),
        (9, 11, "white on red3"),
        (12, 18, "on dark_green"),
    ]
