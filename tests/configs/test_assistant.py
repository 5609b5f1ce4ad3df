import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pydantic
import pytest

from configs import (
    MINIMAL,
    STARTER,
    Assistant,
    AssistantError,
    Example,
    Rule,
    Variation,
    copy_assistant,
    read_assistant,
)
from configs.bot_spec import BotSpec
from configs.flows import ActionStep, UserStep
from configs.slots import Slot

NLU = "nlu:\n- intent: greet\n  examples: |\n    - hello\n- intent: bye\n  examples: |\n    - good bye\n"
FILES = {
    "config.yml": "language: en\n",
    "domain.yml": "intents: [greet, bye]\nresponses:\n  utter_greet: [Hi]\n  utter_bye: [Bye]\n",
    "data/nlu.yml": NLU,
    "data/rules.yml": "rules:\n- rule: Greet\n  steps:\n  - intent: greet\n  - action: utter_greet\n",
}


def answers(assistant: Assistant) -> dict[str, tuple[str, ...]]:
    """By the intent that each rule begins with, the actions after it."""
    return {
        first.intent: tuple(step.action for step in rule.steps if isinstance(step, ActionStep))
        for rule in assistant.rules
        if isinstance(first := rule.steps[0], UserStep)
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
        Rule(
            name="Greet",
            steps=(UserStep(intent="greet"), ActionStep(action="utter_greet")),
            where="data/rules.yml:2",
        ),
        Rule(name="utter_bye", steps=(UserStep(intent="bye"), ActionStep(action="utter_bye")), where="data/nlu.yml:7"),
    )


def test_an_intent_that_a_story_waits_for_needs_no_rule_of_its_own(tmp_path: Path) -> None:
    folder = assistant_folder(
        tmp_path,
        {
            "data/stories.yml": "stories:\n- story: leave\n  steps: [{intent: greet}, {action: utter_greet}, "
            "{intent: bye}, {action: utter_bye}]\n"
        },
    )
    assistant = read_assistant(folder)
    assert answers(assistant) == {"greet": ("utter_greet",)}
    assert [(story.name, len(story.steps), story.where) for story in assistant.stories] == [
        ("leave", 4, "data/stories.yml:2")
    ]
    assert BotSpec.of(assistant).answerable == {"greet", "bye"}


def test_an_intent_without_rule_and_response_is_left_without(tmp_path: Path) -> None:
    folder = assistant_folder(tmp_path, {"domain.yml": "intents: [greet, bye]\nresponses: {utter_greet: [Hi]}\n"})
    assert answers(read_assistant(folder)) == {"greet": ("utter_greet",)}


FAQ = {
    "domain.yml": "intents: [greet, faq]\nresponses:\n  utter_greet: [Hi]\n  utter_more: [More?]\n"
    "  utter_faq/hours: [From 9]\n  utter_faq/place: [Leeds]\n",
    "data/nlu.yml": "nlu:\n- {intent: greet, examples: [hello]}\n- {intent: faq/hours, examples: [open?]}\n"
    "- {intent: faq/place, examples: [where?]}\n",
}


def test_a_rule_for_a_retrieval_intent_stays_one_rule_and_answers_all_its_parts(tmp_path: Path) -> None:
    rules = "rules:\n- steps: [{intent: faq}, {action: utter_faq}, {action: utter_more}]\n"
    assistant = read_assistant(assistant_folder(tmp_path, {**FAQ, "data/rules.yml": rules}))
    assert answers(assistant) == {"faq": ("utter_faq", "utter_more"), "greet": ("utter_greet",)}
    assert BotSpec.of(assistant).answerable == {"greet", "faq", "faq/hours", "faq/place"}
    assert assistant.notices == ()


def test_parts_of_a_retrieval_intent_without_a_rule_are_answered_by_their_responses(tmp_path: Path) -> None:
    assistant = read_assistant(assistant_folder(tmp_path, {**FAQ, "data/rules.yml": "rules: []\n"}))
    assert answers(assistant) == {
        "greet": ("utter_greet",),
        "faq/hours": ("utter_faq/hours",),
        "faq/place": ("utter_faq/place",),
    }
    assert BotSpec.of(assistant).answerable == {"greet", "faq/hours", "faq/place"}
    assert assistant.notices == ()


def test_responses_may_stand_beside_the_examples(tmp_path: Path) -> None:
    folder = assistant_folder(
        tmp_path,
        {
            "domain.yml": "intents: [greet, bye]\nresponses: {utter_greet: [Hi]}\n",
            "data/nlu.yml": f"{NLU}responses: {{utter_bye: [Bye]}}\n",
        },
    )
    assert answers(read_assistant(folder)) == {"greet": ("utter_greet",), "bye": ("utter_bye",)}


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
    assert answers(read_assistant(folder)) == {"greet": ("utter_greet",), "bye": ("utter_bye",)}


def test_actions_of_the_domain_and_of_rasa_may_be_used(tmp_path: Path) -> None:
    folder = assistant_folder(
        tmp_path,
        {
            "domain.yml": "intents: [greet, bye]\nactions: [action_look_up]\n",
            "data/rules.yml": "rules:\n- steps: [{intent: greet}, {action: action_look_up}]\n"
            "- steps: [{intent: bye}, {action: action_restart}, {action: action_default_fallback}]\n",
        },
    )
    assert answers(read_assistant(folder)) == {
        "greet": ("action_look_up",),
        "bye": ("action_restart", "action_default_fallback"),
    }


def test_everything_not_honoured_is_said_once(tmp_path: Path) -> None:
    folder = assistant_folder(
        tmp_path,
        {
            "config.yml": "language: en\npipeline: [{name: DIETClassifier}]\npolicies: [{name: TEDPolicy}]\n",
            "domain.yml": "intents: [greet]\nentities: [city]\nresponses: {utter_greet: [Hi]}\n",
            "data/stories.yml": "stories:\n- {story: a, steps: [{user: hi}, {bot: hello}]}\ntests: []\n",
            "data/nlu.yml": f"{NLU}- lookup: town\n  examples: |\n    - Paris\n",
            "endpoints.yml": "lock_store: {type: redis}\naction_endpoint: {url: http://localhost:5055/webhook}\n",
            "credentials.yml": "rest:\nhangouts: {verify: x}\n",
            "actions/actions.py": "",
        },
    )
    assert read_assistant(folder).notices == (
        f"{folder}/config.yml: `pipeline` is not used: Kefu's own encoder and classifier are used instead",
        f"{folder}/config.yml:3: TEDPolicy is not used: stories are followed where they match word for word",
        f"{folder}/data/stories.yml:3: unknown key `tests` in a file of data/ is ignored.",
        f"{folder}/data/stories.yml:2: the story 'a' is not followed: it has `user:` words without an `intent:`",
        "the intent bye has examples but is not listed in the domain; it is used all the same",
        "the intent bye has neither a rule nor a story nor a response utter_bye: it is never answered from a template",
        f"{folder}/endpoints.yml:1: `lock_store` is not used: "
        "Kefu's own store keeps the turns of a conversation in order",
        f"{folder}/credentials.yml:2: the channel `hangouts` is not served.",
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


def test_forms_custom_actions_and_rasas_own_actions_are_followed(tmp_path: Path) -> None:
    folder = assistant_folder(
        tmp_path,
        {
            "domain.yml": "intents: [greet, bye]\nactions: [action_book]\nresponses: {utter_sorry: [Sorry]}\n"
            "slots: {n: {type: text}}\nforms: {table_form: {required_slots: [n]}}\n",
            "data/rules.yml": "rules:\n"
            "- {rule: Sorry, steps: [{intent: nlu_fallback}, {action: action_two_stage_fallback}, "
            "{active_loop: action_two_stage_fallback}]}\n"
            "- {rule: Back, steps: [{intent: back}, {action: action_back}]}\n"
            "- {rule: Table, steps: [{intent: bye}, {action: table_form}, {active_loop: table_form}]}\n"
            "- {rule: Book, steps: [{intent: greet}, {action: action_book}, {action: action_handoff}]}\n",
        },
    )
    assistant = read_assistant(folder)
    assert answers(assistant) == {
        "nlu_fallback": ("action_two_stage_fallback",),
        "back": ("action_back",),
        "bye": ("table_form",),
        "greet": ("action_book", "action_handoff"),
    }
    assert assistant.notices == ()


def test_an_example_that_stands_under_two_intents_is_used_under_the_first(tmp_path: Path) -> None:
    folder = assistant_folder(tmp_path, {"data/sub.yml": "nlu:\n- intent: bye\n  examples:\n  - see you\n  - HELLO\n"})
    assistant = read_assistant(folder)
    assert [example.text for example in assistant.examples if example.intent == "bye"] == ["good bye", "see you"]
    assert assistant.notices == (
        f"{folder}/data/sub.yml:5: 'HELLO' is not used as an example of bye: it is one of greet in nlu.yml:4",
    )


def test_an_intent_that_fills_a_slot_needs_no_answer(tmp_path: Path) -> None:
    folder = assistant_folder(
        tmp_path,
        {
            "domain.yml": "intents: [greet, bye, inform, yes]\nentities: [city]\nresponses: {utter_bye: [Bye]}\n"
            "slots:\n  city: {type: text, mappings: [{type: from_entity, entity: city}]}\n"
            "  ok: {type: bool, mappings: [{type: from_intent, intent: yes, value: true}]}\n",
            "data/rules.yml": "rules: []\n",
            "data/more.yml": "nlu:\n- {intent: inform, examples: ['[Rome](city)']}\n"
            "- {intent: yes, examples: [sure]}\n",
        },
    )
    assert read_assistant(folder).notices == (
        "the intent greet has neither a rule nor a story nor a response utter_greet: "
        "it is never answered from a template",
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
            "the rules 'Greet' and 'Also' contradict each other: where 'Greet' goes on with utter_greet, "
            "'Also' goes on with utter_bye",
            "Keep one of them, or give one a `condition:`. The other stands in data/rules.yml:2.",
        ),
        (
            {
                "data/nlu.yml": f"{NLU}- {{intent: faq/hours, examples: [open]}}\n",
                "data/rules.yml": "rules:\n- rule: F\n  steps: [{intent: faq}, {action: utter_faq}]\n",
            },
            "/data/rules.yml:2",
            "the rule 'F' uses 'utter_faq', which the domain does not define",
            "Add it under `responses:` or `actions:`. Did you mean 'utter_bye'?",
        ),
        (
            {"data/s.yml": "stories:\n- {story: S, steps: [{intent: gret}]}\n"},
            "/data/s.yml:2",
            "the story 'S' waits for the intent 'gret', which has no examples",
            "Add examples or mend the name. Did you mean 'greet'?",
        ),
        (
            {"data/s.yml": "stories:\n- {story: S, steps: [{intent: greet}, {action: utter_by}]}\n"},
            "/data/s.yml:2",
            "the story 'S' uses 'utter_by', which the domain does not define",
            "Add it under `responses:` or `actions:`. Did you mean 'utter_bye'?",
        ),
        (
            {
                "domain.yml": "intents: [greet, bye]\nslots: {n: {type: text}}\nforms: {buy: {required_slots: [n]}}\n"
                "responses: {utter_greet: [Hi]}\n",
                "data/s.yml": "rules:\n- {rule: R, condition: [{active_loop: by}], steps: [{intent: bye}]}\n",
            },
            "/data/s.yml:2",
            "the rule 'R' has the form 'by', which the domain does not define",
            "Add it under `forms:`. Did you mean 'buy'?",
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
    assert spec.rules == assistant.rules
    assert spec.answerable == {example.intent for example in assistant.examples}
    assert BotSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize("initial", [None, True, 1.5, 10**299, "客服", ["a", {"b": [1]}], {"c": None}])
def test_a_slots_value_survives_a_release_unchanged(initial: object, tmp_path: Path) -> None:
    spec = BotSpec.of(read_assistant(assistant_folder(tmp_path)))
    spec = replace(spec, domain=replace(spec.domain, slots={"a": Slot(name="a", initial_value=initial)}))
    assert BotSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize("raw", [b"", b"{}", b"[1]", b"\xff", b'{"name": "a"}'])
def test_what_is_no_spec_is_refused(raw: bytes) -> None:
    with pytest.raises(pydantic.ValidationError):
        BotSpec.from_json(raw)


def test_what_the_policies_say_is_carried_along(tmp_path: Path) -> None:
    policies = (
        "policies:\n- {name: RulePolicy, core_fallback_action_name: utter_bye, enable_fallback_prediction: false}\n"
    )
    spec = BotSpec.of(
        read_assistant(
            assistant_folder(tmp_path, {"config.yml": f"{policies}- {{name: MemoizationPolicy, max_history: 3}}\n"})
        )
    )
    assert (spec.max_history, spec.fallback_action, spec.falls_back) == (3, "utter_bye", False)
    assert BotSpec.from_json(spec.to_json()) == spec


EVERYTHING = {
    "domain.yml": """
intents: [greet, bye, {book: {use_entities: [size, city, name]}}]
entities: [size, name, {city: {roles: [to]}}]
slots:
  size: {type: categorical, values: [big, small], mappings: [{type: from_entity, entity: size}]}
  name:
    type: text
    mappings: [{type: from_text, conditions: [{active_loop: buy, requested_slot: name}]}]
  n: {type: float, max_value: 9, initial_value: 2, mappings: [{type: custom, action: action_n}]}
forms: {buy: {required_slots: [size, name], ignored_intents: [bye]}}
actions: [{action_n: {send_domain: true}}]
responses:
  utter_greet: [{text: Hi, condition: [{type: slot, name: size, value: big}], metadata: {a: [1]}, id: x}, Hello]
""",
    "data/rules.yml": """
rules:
- {rule: Book, condition: [{active_loop: null}, {slot_was_set: [n]}], steps: [{intent: book}, {action: buy}]}
stories:
- story: long
  steps:
  - {intent: book, entities: [{city: Leeds, role: to}]}
  - action: buy
  - active_loop: null
  - slot_was_set: [{size: big}, {n: null}]
  - action: utter_greet
""",
}


def test_a_whole_rasa_project_survives_a_release_unchanged(tmp_path: Path) -> None:
    assistant = read_assistant(assistant_folder(tmp_path, EVERYTHING))
    spec = BotSpec.of(assistant)
    raw = spec.to_json()
    assert BotSpec.from_json(raw) == spec
    assert b'"book":["city","name","size"]' in b"".join(raw.split())
    assert str(tmp_path).encode() not in raw
