"""A training looks for what can be promised, on the owner's labelled questions where there are enough."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from configs import Assistant, AssistantError, read_assistant
from configs.bot_spec import BotSpec
from configs.rasa_names import OUT_OF_SCOPE
from nlu.saved import load_understander
from retrieval.evidence import Kind
from retrieval.promise import PromiseFile
from retrieval.retriever import Hit, Retriever
from training.held_out import load_held_out
from training.manifest import Release
from training.progress import silent
from training.promise_evidence import Judged, judged_examples, judged_questions, judged_wordings, mixed
from training.promise_step import NOT_ASKED_FOR, QUESTIONS_FILE, read_calibration
from training.ranking_fit import remembering
from training.releases import Releases
from training.split import held_out_split
from training.trainer import train_assistant


@pytest.fixture(scope="module")
def quick(quick_folder_of_module: Path) -> Assistant:
    """The minimal assistant with all its examples as labelled questions, several times over."""
    assistant = read_assistant(quick_folder_of_module)
    lines = [
        json.dumps({"id": f"{turn}-{at}", "text": example.text, "accept": {"intents": [example.intent]}})
        for turn in range(4)
        for at, example in enumerate(assistant.examples)
        if example.intent != OUT_OF_SCOPE
    ]
    (quick_folder_of_module / QUESTIONS_FILE).write_text("\n".join(lines), "utf-8")
    return assistant


@pytest.fixture(scope="module")
def notes() -> list[str]:
    return []


@pytest.fixture(scope="module")
def trained(quick: Assistant, notes: list[str], tmp_path_factory: pytest.TempPathFactory) -> Release:
    releases = Releases(tmp_path_factory.mktemp("promised") / "data")
    return train_assistant(quick, releases, silent, note=notes.append).release


def test_a_release_says_what_it_promises_and_so_do_its_report_and_the_training(
    trained: Release, notes: list[str], quick: Assistant
) -> None:
    finding = PromiseFile.load(trained.folder).finding

    assert finding.basis == "questions"
    assert finding.messages > 0
    assert finding.sentence in notes
    assert finding.sentence in (trained.folder / "report" / "report.md").read_text("utf-8")
    assert (trained.folder / "report" / "promise.png").is_file()
    assert trained.manifest.figures["promise_messages"] == finding.messages
    assert len(read_calibration(quick, [e.intent for e in quick.examples], [])) >= finding.messages


def test_other_questions_or_another_rate_make_another_release_of_the_same_encoder(
    trained: Release, quick: Assistant, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(quick.root, tmp_path / "minimal"))
    data = Path(shutil.copytree(trained.folder.parents[1], tmp_path / "data"))
    assert not train_assistant(read_assistant(folder), Releases(data), silent).fresh

    (folder / QUESTIONS_FILE).unlink()
    without = train_assistant(read_assistant(folder), Releases(data), silent)
    assistant = read_assistant(folder)
    off = replace(assistant, config=assistant.config.model_copy(update={"max_wrong_rate": None}))
    silenced = train_assistant(off, Releases(data), silent)

    assert (without.fresh, without.fitted, silenced.fresh, silenced.fitted) == (True, False, True, False)
    assert PromiseFile.load(without.release.folder).finding.basis != "questions"
    file = PromiseFile.load(silenced.release.folder)
    assert (file.promise, file.finding.sentence) == (None, NOT_ASKED_FOR)
    report = (silenced.release.folder / "report" / "report.md").read_text("utf-8")
    assert report.count("## The promised error rate") == 1
    assert "## Learning curve" in report


def test_a_wrong_line_of_the_questions_is_named(quick: Assistant, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(quick.root, tmp_path / "minimal"))
    (folder / QUESTIONS_FILE).write_text('{"text": "hello", "accept": {"intents": ["no_such"]}}\n', "utf-8")

    with pytest.raises(AssistantError, match=r"calibration.jsonl.*no_such"):
        train_assistant(read_assistant(folder), Releases(tmp_path / "data"), silent)


@pytest.fixture(scope="module")
def parts(trained: Release, quick: Assistant) -> tuple[Assistant, BotSpec, object, Retriever, Path]:
    spec = BotSpec.from_json((trained.folder / "assistant.json").read_bytes())
    return quick, spec, load_understander(trained.folder, spec.entities), Retriever.load(trained.folder), trained.folder


def test_examples_set_aside_are_judged_by_their_intent_and_without_it_by_nothing(parts: tuple) -> None:  # type: ignore[type-arg]
    assistant, spec, understander, retriever, folder = parts
    held_out = held_out_split(assistant.examples, assistant.config.training).validation

    inside, outside = judged_examples(held_out, load_held_out(folder), understander, retriever, spec.answerable)

    assert len(inside) == len(held_out)
    for example, judged in zip(held_out, inside, strict=True):
        for candidate, right in zip(judged.candidates, judged.right, strict=True):
            answer = candidate.answer
            belongs = answer.pair.intent if isinstance(answer, Hit) else answer.name
            assert right is (belongs == example.intent)
    assert outside
    assert not any(right for judged in outside for right in judged.right)
    for example, judged in zip([e for e in held_out if e.intent != OUT_OF_SCOPE], outside, strict=True):
        named = {c.answer.name for c in judged.candidates if c.kind is Kind.TEMPLATE}  # type: ignore[union-attr]
        assert example.intent not in named


def test_wordings_taken_out_find_their_answer_or_nothing_right(parts: tuple) -> None:  # type: ignore[type-arg]
    _, spec, understander, retriever, _ = parts
    pairs = tuple(retriever.pairs())
    embed = remembering(lambda texts: understander.encoder.encode(texts).embeddings)

    inside, outside = judged_wordings(pairs, understander, embed, spec.answerable, like=retriever)

    assert len(inside) + len(outside) == sum(len(pair.questions) for pair in pairs)
    assert not any(right for judged in outside for right in judged.right)
    assert any(right for judged in inside for right in judged.right)


def test_labelled_questions_are_judged_by_their_labels(parts: tuple) -> None:  # type: ignore[type-arg]
    assistant, spec, understander, retriever, _ = parts
    questions = read_calibration(assistant, understander.intents.labels, list(retriever.pairs()))[:20]

    judged = judged_questions(questions, understander, retriever, spec.answerable)

    for question, each in zip(questions, judged, strict=True):
        for candidate, right in zip(each.candidates, each.right, strict=True):
            answer = candidate.answer
            assert right is (
                answer.pair.id in question.pairs if isinstance(answer, Hit) else answer.name in question.intents
            )


def test_messages_that_nothing_answers_are_no_more_than_customers_send() -> None:
    inside = [Judged(candidates=(), right=())] * 70
    outside = [Judged(candidates=(), right=())] * 1_000

    assert len(mixed(inside, outside, seed=0)) == 100
    assert len(mixed(inside, outside[:10], seed=0)) == 80
