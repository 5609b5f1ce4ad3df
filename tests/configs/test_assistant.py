import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pydantic
import pytest

from configs import MINIMAL, STARTER, AssistantError, Example, Rule, Variation, copy_assistant, read_assistant
from configs.bot_spec import BotSpec

NLU = "nlu:\n- intent: greet\n  examples: |\n    - hello\n- intent: bye\n  examples: |\n    - good bye\n"
FILES = {
    "config.yml": "language: en\n",
    "domain.yml": "intents: [greet, bye]\nresponses:\n  utter_greet: [Hi]\n  utter_bye: [Bye]\n",
    "data/nlu.yml": NLU,
    "data/rules.yml": "rules:\n- rule: Greet\n  steps:\n  - intent: greet\n  - action: utter_greet\n",
}


def assistant_folder(parent: Path, changed: Mapping[str, str | None] | None = None) -> Path:
    """A folder with `FILES`, some of them changed, added or (None) left out."""
    folder = parent / "shop"
    for name, text in {**FILES, **(changed or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is not None:
            path.write_text(text, "utf-8")
    return folder


def test_a_folder_is_read_as_a_whole(tmp_path: Path) -> None:
    folder = assistant_folder(
        tmp_path,
        {
            "config.yml": "language: de\nkefu: {titles: {greet: Hallo}}\n",
            "knowledge/b.csv": "",
            "knowledge/a.jsonl": "",
            "knowledge/notes.txt": "",
        },
    )
    assistant = read_assistant(folder)
    assert assistant.root == folder
    assert assistant.name == "shop"
    assert assistant.language == "de"
    assert assistant.config.titles == {"greet": "Hallo"}
    assert assistant.domain.intents == ("greet", "bye")
    assert assistant.domain.responses["utter_bye"] == (Variation(text="Bye"),)
    assert assistant.examples == (
        Example(text="hello", intent="greet", path=folder / "data/nlu.yml", line=4),
        Example(text="good bye", intent="bye", path=folder / "data/nlu.yml", line=7),
    )
    assert assistant.knowledge_paths == (folder / "knowledge/a.jsonl", folder / "knowledge/b.csv")
    assert assistant.notices == ()


def test_an_intent_without_a_rule_is_answered_by_the_response_of_its_name(tmp_path: Path) -> None:
    folder = assistant_folder(tmp_path)
    assert read_assistant(folder).rules == (
        Rule(name="Greet", intent="greet", actions=("utter_greet",), path=folder / "data/rules.yml", line=2),
        Rule(name="utter_bye", intent="bye", actions=("utter_bye",), path=folder / "data/nlu.yml", line=7),
    )


def test_an_intent_without_rule_and_response_is_left_without(tmp_path: Path) -> None:
    folder = assistant_folder(tmp_path, {"domain.yml": "intents: [greet, bye]\nresponses: {utter_greet: [Hi]}\n"})
    assert [rule.intent for rule in read_assistant(folder).rules] == ["greet"]


def test_a_rule_for_a_retrieval_intent_answers_each_of_its_parts(tmp_path: Path) -> None:
    folder = assistant_folder(
        tmp_path,
        {
            "domain.yml": "intents: [greet, faq]\nresponses:\n  utter_greet: [Hi]\n  utter_more: [More?]\n"
            "  utter_faq/hours: [From 9]\n  utter_faq/place: [Leeds]\n",
            "data/nlu.yml": "nlu:\n- {intent: greet, examples: [hello]}\n- {intent: faq/hours, examples: [open?]}\n"
            "- {intent: faq/place, examples: [where?]}\n",
            "data/rules.yml": "rules:\n- steps: [{intent: faq}, {action: utter_faq}, {action: utter_more}]\n",
        },
    )
    assistant = read_assistant(folder)
    assert {rule.intent: rule.actions for rule in assistant.rules} == {
        "faq/hours": ("utter_faq/hours", "utter_more"),
        "faq/place": ("utter_faq/place", "utter_more"),
        "greet": ("utter_greet",),
    }
    assert assistant.notices == ()


def test_domain_and_data_may_be_split_into_files_of_either_ending(tmp_path: Path) -> None:
    folder = assistant_folder(
        tmp_path,
        {
            "domain.yml": None,
            "domain/a.yml": "intents: [greet]\nresponses: {utter_greet: [Hi]}\n",
            "domain/more/b.yaml": "intents: [bye]\nresponses: {utter_bye: [Bye]}\n",
            "data/nlu.yml": "nlu:\n- {intent: greet, examples: [hello]}\n",
            "data/more/nlu.yaml": "nlu:\n- {intent: bye, examples: [good bye]}\n",
        },
    )
    assistant = read_assistant(folder)
    assert assistant.domain.intents == ("greet", "bye")
    assert set(assistant.domain.responses) == {"utter_greet", "utter_bye"}
    assert sorted(example.text for example in assistant.examples) == ["good bye", "hello"]


def test_a_domain_file_wins_over_a_domain_folder(tmp_path: Path) -> None:
    folder = assistant_folder(tmp_path, {"domain/other.yml": "intents: [other]\n"})
    assert read_assistant(folder).domain.intents == ("greet", "bye")


def test_the_same_example_twice_under_one_intent_is_allowed(tmp_path: Path) -> None:
    folder = assistant_folder(tmp_path, {"data/more.yml": "nlu:\n- {intent: greet, examples: [HELLO]}\n"})
    assert [example.text for example in read_assistant(folder).examples] == ["HELLO", "hello", "good bye"]


def test_two_rules_that_say_the_same_are_allowed(tmp_path: Path) -> None:
    folder = assistant_folder(
        tmp_path, {"data/more.yml": "rules:\n- steps: [{intent: greet}, {action: utter_greet}]\n"}
    )
    assert {rule.intent: rule.actions for rule in read_assistant(folder).rules} == {
        "greet": ("utter_greet",),
        "bye": ("utter_bye",),
    }


def test_actions_of_the_domain_and_of_rasa_may_be_used(tmp_path: Path) -> None:
    folder = assistant_folder(
        tmp_path,
        {
            "domain.yml": "intents: [greet, bye]\nactions: [action_look_up]\n",
            "data/rules.yml": "rules:\n- steps: [{intent: greet}, {action: action_look_up}]\n"
            "- steps: [{intent: bye}, {action: action_restart}, {action: action_default_fallback}]\n",
        },
    )
    assert [rule.actions for rule in read_assistant(folder).rules] == [
        ("action_look_up",),
        ("action_restart", "action_default_fallback"),
    ]


def test_everything_not_honoured_is_said_once(tmp_path: Path) -> None:
    folder = assistant_folder(
        tmp_path,
        {
            "config.yml": "language: en\npipeline: [{name: DIETClassifier}]\n",
            "domain.yml": "intents: [greet]\nentities: [city]\nresponses: {utter_greet: [Hi]}\n",
            "data/stories.yml": "stories:\n- story: a\n",
            "data/nlu.yml": f"{NLU}- lookup: town\n  examples: |\n    - Paris\n",
        },
    )
    assert read_assistant(folder).notices == (
        f"{folder}/config.yml: `pipeline` is not used: Kefu's own encoder and classifier are used instead",
        f"{folder}/data/stories.yml:1: stories are not followed yet; rules are",
        "the intent bye has examples but is not listed in the domain; it is used all the same",
        "the intent bye has neither a rule nor a response utter_bye: it is never answered from a template",
        f"{folder}/data/nlu.yml:8: the lookup town is not used: no entity has its name",
    )


def test_the_entities_are_those_that_the_domain_lists_and_those_that_examples_mark(tmp_path: Path) -> None:
    folder = assistant_folder(
        tmp_path,
        {
            "domain.yml": "intents: [greet]\nentities: [city, unused]\nresponses: {utter_greet: [Hi]}\n",
            "data/more.yml": "nlu:\n- intent: greet\n  examples: |\n    - hi from [Ann](name) in [Rome](city)\n",
        },
    )

    assert read_assistant(folder).entity_names == {"city", "unused", "name"}


def test_what_only_rasa_can_do_is_said_and_the_rest_is_used(tmp_path: Path) -> None:
    folder = assistant_folder(
        tmp_path,
        {
            "domain.yml": "intents: [greet, bye]\nactions: [action_book]\nforms: {table_form: {required_slots: [n]}}\n"
            "responses: {utter_greet: [Hi], utter_sorry: [Sorry]}\n",
            "data/rules.yml": "rules:\n"
            "- {rule: Sorry, steps: [{intent: nlu_fallback}, {action: utter_sorry}]}\n"
            "- {rule: Back, steps: [{intent: back}, {action: action_back}]}\n"
            "- {rule: Table, steps: [{intent: bye}, {action: table_form}]}\n"
            "- {rule: Book, steps: [{intent: greet}, {action: action_book}]}\n",
            "data/sub.yml": "nlu:\n- intent: bye\n  examples:\n  - see you\n  - HELLO\n",
            "endpoints.yml": "",
        },
    )
    assistant = read_assistant(folder)
    assert {rule.intent: rule.actions for rule in assistant.rules} == {
        "nlu_fallback": ("utter_sorry",),
        "greet": ("action_book",),
    }
    assert [example.text for example in assistant.examples if example.intent == "bye"] == ["good bye", "see you"]
    assert assistant.notices == (
        f"{folder}/domain.yml:3: `forms` is not used: forms are not run yet",
        f"{folder}/data/sub.yml:5: 'HELLO' is not used as an example of bye: it is one of greet in nlu.yml:4",
        f"{folder}/data/rules.yml:3: the rule 'Back' is not followed yet: action_back cannot be done",
        f"{folder}/data/rules.yml:4: the rule 'Table' is not followed yet: table_form cannot be done",
        "the custom action action_book is not run yet; utter_default is said instead",
        "the intent bye has neither a rule nor a response utter_bye: it is never answered from a template",
        f"{folder}/endpoints.yml: not used yet",
    )


@pytest.mark.parametrize(
    ("changed", "place", "problem", "fix"),
    [
        ({"config.yml": None}, "/config.yml", "there is no such file", "Create it or mend the path."),
        (
            {"domain.yml": None},
            "/domain.yml",
            "there is no domain.yml",
            "Write one, or a folder domain/ of them.",
        ),
        (
            {"data/nlu.yml": None, "data/rules.yml": None, "data/nlu.json": "{}"},
            "/data",
            "holds no YAML file",
            "Write data/nlu.yml.",
        ),
        (
            {"data/nlu.yml": "- intent: a\n"},
            "/data/nlu.yml:1",
            "must be a mapping",
            'Start with `version: "3.1"` and `nlu:` or `rules:`.',
        ),
        (
            {"data/nlu.yml": "nlu:\n- {intent: greet, examples: [hello]}\n"},
            "/data",
            "has examples of 1 intents",
            "Write examples of at least two intents.",
        ),
        ({"data/nlu.yml": ""}, "/data", "has examples of 0 intents", "Write examples of at least two intents."),
        (
            {"data/rules.yml": "rules:\n- rule: Greet\n  steps: [{intent: great}, {action: utter_greet}]\n"},
            "/data/rules.yml:2",
            "the rule 'Greet' waits for the intent 'great', which has no examples",
            "Add examples or mend the name. Did you mean 'greet'?",
        ),
        (
            {"data/rules.yml": "rules:\n- rule: R\n  steps: [{intent: qqqqq}, {action: utter_greet}]\n"},
            "/data/rules.yml:2",
            "the rule 'R' waits for the intent 'qqqqq', which has no examples",
            "Add examples or mend the name.",
        ),
        (
            {"data/rules.yml": "rules:\n\n- rule: Greet\n  steps: [{intent: greet}, {action: utter_gret}]\n"},
            "/data/rules.yml:3",
            "the rule 'Greet' uses 'utter_gret', which the domain does not define",
            "Add it under `responses:` or `actions:`. Did you mean 'utter_greet'?",
        ),
        (
            {"data/z.yml": "rules:\n- rule: Also\n  steps: [{intent: greet}, {action: utter_bye}]\n"},
            "/data/z.yml:2",
            "the rules 'Greet' and 'Also' answer 'greet' differently",
            "Keep one of them.",
        ),
        (
            {
                "data/nlu.yml": f"{NLU}- {{intent: faq/hours, examples: [open]}}\n",
                "data/rules.yml": "rules:\n- rule: F\n  steps: [{intent: faq}, {action: utter_faq}]\n",
            },
            "/data/rules.yml:2",
            "the rule 'F' uses 'utter_faq/hours', which the domain does not define",
            "Add it under `responses:` or `actions:`.",
        ),
    ],
)
def test_a_wrong_folder_is_refused_with_place_problem_and_fix(
    changed: Mapping[str, str | None], place: str, problem: str, fix: str, tmp_path: Path
) -> None:
    folder = assistant_folder(tmp_path, changed)
    with pytest.raises(AssistantError) as caught:
        read_assistant(folder)
    assert str(caught.value) == f"{folder}{place}: {problem}. {fix}"


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    folder = assistant_folder(tmp_path, {"domain.yml": None, "domain.yml/a.txt": ""})
    with pytest.raises(AssistantError) as caught:
        read_assistant(folder)
    assert str(caught.value) == f"{folder}/domain.yml: is not a regular file. Put a text file there."


def test_a_missing_folder_is_refused_by_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AssistantError) as caught:
        read_assistant(Path("shpo"))
    assert str(caught.value) == f"{tmp_path}/shpo: there is no such folder. Make one with `kefu init DIR`."


def test_a_file_is_no_assistant(tmp_path: Path) -> None:
    path = tmp_path / "domain.yml"
    path.write_text("intents: []\n", "utf-8")
    with pytest.raises(AssistantError, match=r"there is no such folder\. Make one with `kefu init DIR`\.$"):
        read_assistant(path)


@pytest.mark.parametrize("source", [MINIMAL, STARTER], ids=["minimal", "shop"])
def test_a_shipped_assistant_is_copied_whole_and_reads_as_the_original(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "new" / "mine"
    copy_assistant(source, target)
    original, copied = read_assistant(source), read_assistant(target)
    assert copied.name == "mine"
    assert (copied.domain, copied.config, copied.language) == (original.domain, original.config, original.language)
    assert [(e.intent, e.text, e.line) for e in copied.examples] == [
        (e.intent, e.text, e.line) for e in original.examples
    ]
    assert [path.name for path in copied.knowledge_paths] == [path.name for path in original.knowledge_paths]


def test_what_a_run_has_left_is_not_copied(tmp_path: Path) -> None:
    source = assistant_folder(tmp_path, {".kefu/CURRENT": "x", "actions/__pycache__/a.pyc": "", "actions/a.py": ""})
    copy_assistant(source, tmp_path / "copy")
    files = {os.path.relpath(path, tmp_path / "copy") for path in (tmp_path / "copy").rglob("*") if path.is_file()}
    assert files == {*FILES, "actions/a.py"}


def test_an_empty_folder_may_take_the_copy(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    copy_assistant(MINIMAL, tmp_path / "mine")
    assert read_assistant(tmp_path / "mine").domain == read_assistant(MINIMAL).domain


def test_nothing_is_written_over(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "domain.yml").write_text("mine", "utf-8")
    for target in (kept, kept / "domain.yml"):
        with pytest.raises(AssistantError) as caught:
            copy_assistant(MINIMAL, target)
        assert str(caught.value) == f"{target}: exists and is not an empty folder. Choose another name."
    assert [path.name for path in kept.iterdir()] == ["domain.yml"]
    assert (kept / "domain.yml").read_text("utf-8") == "mine"


def test_what_the_bot_needs_survives_a_release_unchanged() -> None:
    assistant = read_assistant(STARTER)
    spec = BotSpec.of(assistant)
    assert spec.name == "shop"
    assert spec.domain == assistant.domain
    assert spec.actions["greet"] == ("utter_greet",)
    assert BotSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize("initial", [None, True, 1.5, 10**299, "客服", ["a", {"b": [1]}], {"c": None}])
def test_a_slots_value_survives_a_release_unchanged(initial: object, tmp_path: Path) -> None:
    spec = BotSpec.of(read_assistant(assistant_folder(tmp_path)))
    spec = replace(spec, domain=replace(spec.domain, slots={"a": initial}))
    assert BotSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize("raw", [b"", b"{}", b"[1]", b"\xff", b'{"name": "a"}'])
def test_what_is_no_spec_is_refused(raw: bytes) -> None:
    with pytest.raises(pydantic.ValidationError):
        BotSpec.from_json(raw)
