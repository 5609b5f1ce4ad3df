from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from configs import AssistantError, Button, Domain, Form, Slot, Variation
from configs.domain import read_domain
from configs.flows import SlotStep
from configs.slots import MappingCondition, MappingType, SlotMapping, SlotType
from configs.yaml_file import parse_yaml

METADATA = Slot(name="session_started_metadata", influences=False)
REQUESTED = Slot(name="requested_slot", type=SlotType.TEXT, influences=False)


def domain_file(folder: Path, text: str, name: str = "domain.yml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def read(folder: Path, text: str) -> tuple[Domain, list[str]]:
    return read_domain([domain_file(folder, text)])


FULL = """\
version: "3.1"
intents:
  - greet
  - track_order: {use_entities: []}
  - 'no'
  - greet
actions: [action_look_up, validate_form]
slots:
  shop_name: {type: text, initial_value: Fernway}
  city:
    type: text
  open: {type: any, initial_value: [1, {a: no}]}
responses:
  utter_greet:
    - text: "Hi\\n\\nthere"
      buttons:
        - {title: Yes, payload: /affirm}
        - title: Say it
      image: https://a.example/b.png
    - Hello, just so
    - text: Only here
      channel: telegram
  utter_rich:
    - custom: {blocks: [1]}
    - attachment: {type: file}
    - elements: [{title: A}]
    - quick_replies: [{title: Q, payload: /q}]
    - metadata: {a: 1}
      id: x
      button_type: vertical
      text: with what is known
session_config:
  session_expiration_time: 0.5
  carry_over_slots_to_new_session: false
"""


def test_a_domain_is_read_as_rasa_writes_it(tmp_path: Path) -> None:
    domain, notices = read(tmp_path, FULL)
    assert domain == Domain(
        intents=("greet", "track_order", "no"),
        actions=("action_look_up", "validate_form"),
        used_entities={"track_order": frozenset()},
        slots={
            "shop_name": Slot(name="shop_name", type=SlotType.TEXT, initial_value="Fernway"),
            "city": Slot(name="city", type=SlotType.TEXT),
            "open": Slot(name="open", initial_value=[1, {"a": "no"}], influences=False),
            "session_started_metadata": METADATA,
        },
        responses={
            "utter_greet": (
                Variation(
                    text="Hi\n\nthere",
                    buttons=(Button(title="Yes", payload="/affirm"), Button(title="Say it", payload="Say it")),
                    image="https://a.example/b.png",
                ),
                Variation(text="Hello, just so"),
                Variation(text="Only here", channel="telegram"),
            ),
            "utter_rich": (
                Variation(custom={"blocks": [1]}),
                Variation(attachment={"type": "file"}),
                Variation(elements=({"title": "A"},)),
                Variation(buttons=(Button(title="Q", payload="/q"),)),
                Variation(text="with what is known", id="x", metadata={"a": 1}),
            ),
        },
        session_minutes=0.5,
        carry_over_slots=False,
        source=parse_yaml(FULL, Path("domain.yml")).data,
    )
    assert notices == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "version: '3.1'\n",
        "intents:\nresponses:\nslots:\nactions:\nsession_config:\n",
        "session_config: {}\n",
    ],
)
def test_what_is_left_out_has_rasas_defaults(text: str, tmp_path: Path) -> None:
    domain, notices = read(tmp_path, text)
    assert replace(domain, source={}) == Domain(
        slots={"session_started_metadata": METADATA}, session_minutes=60.0, carry_over_slots=True
    )
    assert notices == []


def test_no_minutes_mean_that_a_session_never_ends(tmp_path: Path) -> None:
    domain, _ = read(tmp_path, "session_config: {session_expiration_time: 0}")
    assert domain.session_minutes == 0.0


def test_a_split_domain_is_read_as_one(tmp_path: Path) -> None:
    first = domain_file(
        tmp_path,
        "intents: [greet, bye]\nactions: [action_a]\nslots: {a: {type: any, initial_value: 1}}\n"
        "responses: {utter_a: [text]}\n"
        "session_config: {session_expiration_time: 5, carry_over_slots_to_new_session: false}\n",
        "a.yml",
    )
    second = domain_file(
        tmp_path,
        "intents: [bye, thank]\nactions: [action_b, action_a]\nslots: {b: {type: any, initial_value: 2}}\n"
        "responses: {utter_b: [other]}\nforms: {f: {required_slots: [a]}}\n",
        "b.yml",
    )
    domain, notices = read_domain([first, second])
    assert domain == Domain(
        intents=("greet", "bye", "thank"),
        actions=("action_a", "action_b"),
        forms={"f": Form(name="f", required_slots=("a",))},
        slots={
            "a": Slot(name="a", initial_value=1, influences=False),
            "b": Slot(name="b", initial_value=2, influences=False),
            "requested_slot": REQUESTED,
            "session_started_metadata": METADATA,
        },
        responses={"utter_a": (Variation(text="text"),), "utter_b": (Variation(text="other"),)},
        session_minutes=5.0,
        carry_over_slots=False,
        source={
            "intents": ["greet", "bye", "thank"],
            "actions": ["action_a", "action_b"],
            "slots": {"a": {"type": "any", "initial_value": 1}, "b": {"type": "any", "initial_value": 2}},
            "responses": {"utter_a": ["text"], "utter_b": ["other"]},
            "session_config": {"session_expiration_time": 5, "carry_over_slots_to_new_session": False},
            "forms": {"f": {"required_slots": ["a"]}},
        },
    )
    assert notices == []


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("intents: [a]\nresponses:\n  utter_b: [b]\n  utter_a: [b]\n", 4, "utter_a"),
        ("slots:\n  mood: {type: any, initial_value: 2}\n", 2, "mood"),
        ("forms:\n  sell: {required_slots: []}\n", 2, "sell"),
    ],
    ids=["response", "slot", "form"],
)
def test_two_files_must_not_define_the_same(text: str, line: int, what: str, tmp_path: Path) -> None:
    first = domain_file(tmp_path, "responses: {utter_a: [a]}\nslots: {mood: {type: any}}\nforms: {sell: {}}\n", "a.yml")
    second = domain_file(tmp_path, text, "b.yml")
    with pytest.raises(AssistantError) as caught:
        read_domain([first, second])
    assert str(caught.value) == f"{second}:{line}: {what} is defined in another file too. Keep one."


def test_what_is_not_honoured_is_said_with_its_line(tmp_path: Path) -> None:
    domain, notices = read(
        tmp_path,
        "entities:\n  - city\n  - item: {roles: [bought], rules: []}\n"
        "intents:\n  - greet: {use_entity: [city]}\nrespones:\n  utter_a: x\ne2e_actions: [Hi]\n"
        "responses:\n  utter_a:\n    - text: a\n    - text: b\n      conditions: []\n      zzz: glad\n"
        "session_config: {expiration: 1}\nactions:\n  - action_a: {send_domian: true}\n",
    )
    path = tmp_path / "domain.yml"
    assert domain.entities == ("city", "item")
    assert notices == [
        f"{path}:6: unknown key `respones` in the domain is ignored. Did you mean 'responses'?",
        f"{path}:8: `e2e_actions` is not used: the bot says responses",
        f"{path}:5: unknown key `use_entity` in intent greet is ignored. Did you mean 'use_entities'?",
        f"{path}:3: unknown key `rules` in entity item is ignored. Did you mean 'roles'?",
        f"{path}:17: unknown key `send_domian` in action action_a is ignored. Did you mean 'send_domain'?",
        f"{path}:13: unknown key `conditions` in utter_a is ignored. Did you mean 'condition'?",
        f"{path}:14: unknown key `zzz` in utter_a is ignored.",
        f"{path}:15: unknown key `expiration` in session_config is ignored. Did you mean 'session_expiration_time'?",
    ]


def test_empty_sections_are_not_worth_a_line(tmp_path: Path) -> None:
    assert read(tmp_path, "entities: []\nforms:\nunknown: {}\n")[1] == []


NAME = "Write a word, quoted if need be."
BUTTON = ("a button needs a title and a payload", "Write both as text.")
QUOTES = "Put it in quotes."
FLAG = "Write true or false."
CONDITION = "Write `- type: slot`, `name: ...` and `value: ...`."


@pytest.mark.parametrize(
    ("text", "line", "problem", "fix"),
    [
        ("\n- intents\n", 2, "must be a mapping", "Start with `intents:` and `responses:`."),
        ("just words\n", 1, "must be a mapping", "Start with `intents:` and `responses:`."),
        ("version: 1\nintents: greet\n", 2, "`intents` must be a list", "Write one `- name` a line."),
        ("actions: {a: b}\n", 1, "`actions` must be a list", "Write one `- name` a line."),
        ("intents:\n  - greet\n  - 12\n", 3, "12 is not a name", NAME),
        ("intents:\n  - ' '\n", 2, "' ' is not a name", NAME),
        ("actions:\n  - a\n  -\n", 3, "None is not a name", NAME),
        ("intents:\n  - {a: 1, b: 2}\n", 2, "{'a': 1, 'b': 2} is not a name", NAME),
        ("intents:\n  - []\n", 2, "[] is not a name", NAME),
        ("responses: []\n", 1, "`responses` must be a mapping", "Indent `name: value` lines under it."),
        ("a: 1\nslots: text\n", 2, "`slots` must be a mapping", "Indent `name: value` lines under it."),
        ("session_config: 60\n", 1, "`session_config` must be a mapping", "Indent `name: value` lines under it."),
        ("slots:\n  a: text\n", 2, "slot a must be a mapping", "Write `type: text` under it."),
        ("intents:\n  - greet: all\n", 2, "the options of greet are 'all'", "Indent `key: value` lines under it."),
        ("intents:\n  - greet:\n      use_entities: [1]\n", 3, "1 is not a name", NAME),
        ("entities:\n  - city:\n      influence_conversation: 1\n", 3, "influence_conversation is 1", FLAG),
        (
            "forms:\n  f:\n    required_slots:\n      - a\n      - cty\nslots: {a: {type: text}, city: {type: text}}\n",
            5,
            "the form f asks for 'cty', which is no slot of the domain",
            "Add it under `slots:`. Did you mean 'city'?",
        ),
        ("forms:\n  - f\n", 1, "`forms` must be a mapping", "Indent `name: value` lines under it."),
        ("forms:\n  f: [a]\n", 2, "`f` must be a mapping", "Indent `name: value` lines under it."),
        ("forms:\n  f:\n    required_slots: a\n", 3, "`required_slots` must be a list", "Write one `- slot` a line."),
        ("forms:\n  f:\n    ignored_intents: [2]\n", 3, "2 is not a name", NAME),
        ("responses:\n  utter_a:\n    - text: a\n      condition: b\n", 4, "`condition` must be a list", CONDITION),
        (
            "responses:\n  utter_a:\n    - text: a\n      condition:\n        - {type: intent, name: b, value: 1}\n",
            5,
            "{'type': 'intent', 'name': 'b', 'value': 1} is not a condition",
            CONDITION,
        ),
        (
            "responses:\n  utter_a:\n    - text: a\n      condition:\n        - {type: slot, name: b}\n",
            5,
            "{'type': 'slot', 'name': 'b'} is not a condition",
            CONDITION,
        ),
        ("responses:\n  utter_a:\n    - text: a\n      id: 7\n", 4, "id is 7, not text", QUOTES),
        ("responses:\n  utter_a:\n", 2, "response utter_a has no variations", "Write `- text: ...` under it."),
        ("responses:\n  utter_a: []\n", 2, "response utter_a has no variations", "Write `- text: ...` under it."),
        ("responses:\n  utter_a: hi\n", 2, "response utter_a has no variations", "Write `- text: ...` under it."),
        ("responses:\n  utter_a:\n    - a\n    - 12\n", 4, "12 is not a response", "Write `- text: ...`."),
        ("responses:\n  utter_a:\n    - [a]\n", 3, "['a'] is not a response", "Write `- text: ...`."),
        ("responses:\n  utter_a:\n    - {}\n", 3, "a variation of utter_a says nothing", "Give it a `text:`."),
        (
            "responses:\n  utter_a:\n    - text: a\n    - channel: rest\n",
            4,
            "a variation of utter_a says nothing",
            "Give it a `text:`.",
        ),
        ("responses:\n  utter_a:\n    - text: 12\n", 3, "text is 12, not text", QUOTES),
        ("responses:\n  utter_a:\n    - image: a\n      text: true\n", 4, "text is True, not text", QUOTES),
        ("responses:\n  utter_a:\n    - image: [a]\n", 3, "image is ['a'], not text", QUOTES),
        ("responses:\n  utter_a:\n    - text: a\n      channel: 1\n", 4, "channel is 1, not text", QUOTES),
        (
            "responses:\n  utter_a:\n    - text: a\n      buttons: b\n",
            4,
            "buttons must be a list",
            "Write `- title: ...` and `payload: ...`.",
        ),
        (
            "responses:\n  utter_a:\n    - text: a\n      quick_replies: {title: b}\n",
            4,
            "quick_replies must be a list",
            "Write `- title: ...` and `payload: ...`.",
        ),
        ("responses:\n  utter_a:\n    - text: a\n      buttons:\n        - b\n", 5, *BUTTON),
        ("responses:\n  utter_a:\n    - text: a\n      buttons:\n        - {payload: /b}\n", 5, *BUTTON),
        ("responses:\n  utter_a:\n    - text: a\n      buttons:\n        - {title: 5}\n", 5, *BUTTON),
        (
            "responses:\n  utter_a:\n    - text: a\n      buttons:\n        - {title: b}\n"
            "        - {title: c, payload: 5}\n",
            6,
            *BUTTON,
        ),
        (
            "responses:\n  utter_a:\n    - text: a\n      elements: [b]\n",
            4,
            "elements must be a list of mappings",
            "Mend the indentation.",
        ),
        (
            "responses:\n  utter_a:\n    - text: a\n      elements: 5\n",
            4,
            "elements must be a list of mappings",
            "Mend the indentation.",
        ),
        (
            "responses:\n  utter_a:\n    - text: a\n      elements: {b: 1}\n",
            4,
            "elements must be a list of mappings",
            "Mend the indentation.",
        ),
        *(
            (
                f"session_config:\n  session_expiration_time: {written}\n",
                2,
                f"session_expiration_time is {value}",
                "Write minutes, 0 for never.",
            )
            for written, value in (("-1", "-1"), ("1h", "'1h'"), ("true", "True"), ("", "None"), ("1e999", "'1e999'"))
        ),
        *(
            (
                f"session_config:\n  session_expiration_time: 1\n  carry_over_slots_to_new_session: {written}\n",
                3,
                f"carry_over_slots_to_new_session is {value}",
                "Write true or false.",
            )
            for written, value in (("no", "'no'"), ("0", "0"), ("", "None"))
        ),
    ],
)
def test_a_wrong_domain_is_refused_with_line_problem_and_fix(
    text: str, line: int, problem: str, fix: str, tmp_path: Path
) -> None:
    with pytest.raises(AssistantError) as caught:
        read(tmp_path, text)
    assert str(caught.value) == f"{tmp_path / 'domain.yml'}:{line}: {problem}. {fix}"


@pytest.mark.parametrize(
    ("written", "value"),
    [("no", "no"), ("'12'", "12"), ("12:30", "12:30"), ("true", True), ("1.5", 1.5), ("[a, b]", ["a", "b"])],
)
def test_a_slot_starts_with_the_value_written(written: str, value: Any, tmp_path: Path) -> None:
    domain, _ = read(tmp_path, f"slots:\n  a:\n    type: any\n    initial_value: {written}\n")
    assert domain.slots["a"].initial_value == value


def test_a_variation_may_hang_on_what_slots_hold(tmp_path: Path) -> None:
    domain, notices = read(
        tmp_path,
        "responses:\n  utter_a:\n    - text: gold\n      condition:\n        - {type: slot, name: tier, value: gold}\n"
        "        - {type: slot, name: open, value: true}\n    - text: none\n      condition:\n"
        "        - {type: slot, name: tier, value: null, nam: x}\n    - text: else\n",
    )
    assert domain.responses["utter_a"] == (
        Variation(text="gold", conditions=(SlotStep(slot="tier", value="gold"), SlotStep(slot="open", value=True))),
        Variation(text="none", conditions=(SlotStep(slot="tier"),)),
        Variation(text="else"),
    )
    assert notices == [
        f"{tmp_path / 'domain.yml'}:9: unknown key `nam` in a condition of utter_a is ignored. Did you mean 'name'?"
    ]


ENTITIES = "entities: [name, size, {city: {roles: [from, to], groups: [a]}}, {mood: {influence_conversation: false}}]\n"


@pytest.mark.parametrize(
    ("intent", "used"),
    [
        ("greet", {"name", "size", "city"}),
        ("greet:", {"name", "size", "city"}),
        ("greet: {use_entities: true}", {"name", "size", "city"}),
        ("greet: {use_entities: []}", set()),
        ("greet: {use_entities: false}", set()),
        ("greet: {use_entities: null}", set()),
        ("greet: {use_entities: [size, city]}", {"size", "city"}),
        ("greet: {use_entities: [size, mood]}", {"size"}),
        ("greet: {use_entities: [mood], ignore_entities: []}", {"mood"}),
        ("greet: {ignore_entities: [name]}", {"size", "city", "mood"} - {"mood"}),
        ("greet: {use_entities: [size, name], ignore_entities: name}", {"size"}),
    ],
)
def test_an_intent_says_which_entities_count_beside_it(intent: str, used: set[str], tmp_path: Path) -> None:
    domain, notices = read(tmp_path, f"intents:\n  - {intent}\n{ENTITIES}")
    assert domain.used_entities == {"greet": used}
    assert notices == []


def test_an_intent_beside_which_all_entities_count_is_not_listed(tmp_path: Path) -> None:
    domain, _ = read(tmp_path, "intents: [a, {b: {use_entities: true}}, {c: {use_entities: []}}]\nentities: [x]\n")
    assert domain.used_entities == {"c": frozenset()}


def test_entities_have_roles_and_groups(tmp_path: Path) -> None:
    domain, _ = read(tmp_path, ENTITIES)
    assert domain.entities == ("name", "size", "city", "mood")
    assert (domain.roles, domain.groups) == ({"city": ("from", "to")}, {"city": ("a",)})


def test_a_form_names_its_slots_and_the_intents_that_fill_none(tmp_path: Path) -> None:
    domain, notices = read(
        tmp_path,
        "slots: {a: {type: text}, b: {type: text}}\nforms:\n  f:\n    required_slots: [b, a]\n"
        "    ignored_intents: chat\n"
        "  g:\n    requred_slots: [a]\n  h:\n",
    )
    assert domain.forms == {
        "f": Form(name="f", required_slots=("b", "a"), ignored_intents=("chat",)),
        "g": Form(name="g", required_slots=()),
        "h": Form(name="h", required_slots=()),
    }
    assert list(domain.slots) == ["a", "b", "requested_slot", "session_started_metadata"]
    assert notices == [
        f"{tmp_path / 'domain.yml'}:7: unknown key `requred_slots` in form g is ignored. Did you mean 'required_slots'?"
    ]


def test_a_form_of_rasa_2_fills_its_slots_in_the_form_alone(tmp_path: Path) -> None:
    domain, _ = read(
        tmp_path,
        "slots: {a: {type: text, mappings: [{type: custom}]}}\nforms:\n  f:\n    required_slots:\n"
        "      a: [{type: from_entity, entity: city}]\n      b: [{type: from_text, not_intent: stop}]\n",
    )
    assert domain.forms == {"f": Form(name="f", required_slots=("a", "b"))}
    assert domain.slots["a"].mappings == (
        SlotMapping(type=MappingType.CUSTOM),
        SlotMapping(type=MappingType.FROM_ENTITY, entity="city", conditions=(MappingCondition(active_loop="f"),)),
    )
    condition = MappingCondition(active_loop="f", requested_slot="b")
    assert domain.slots["b"].mappings == (
        SlotMapping(type=MappingType.FROM_TEXT, not_intents=("stop",), conditions=(condition,)),
    )


def test_a_domain_that_has_rasas_own_slots_keeps_its_own(tmp_path: Path) -> None:
    domain, _ = read(
        tmp_path,
        "slots: {requested_slot: {type: categorical, values: [a]}, a: {type: text}}\n"
        "forms: {f: {required_slots: [a]}}\n",
    )
    assert domain.slots["requested_slot"] == Slot(name="requested_slot", type=SlotType.CATEGORICAL, values=("a",))


def test_responses_in_the_training_data_belong_to_the_domain(tmp_path: Path) -> None:
    data = parse_yaml("nlu: []\nresponses: {utter_faq/a: [A]}\n", tmp_path / "nlu.yml")
    domain, notices = read_domain([domain_file(tmp_path, "responses: {utter_b: [B]}")], [data])
    assert domain.responses == {"utter_b": (Variation(text="B"),), "utter_faq/a": (Variation(text="A"),)}
    assert domain.source == {"responses": {"utter_b": ["B"], "utter_faq/a": ["A"]}}
    assert notices == []
