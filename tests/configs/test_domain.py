from pathlib import Path
from typing import Any

import pytest

from configs import AssistantError, Button, Domain, Variation
from configs.domain import read_domain


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
  empty:
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
        slots={"shop_name": "Fernway", "city": None, "empty": None, "open": [1, {"a": "no"}]},
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
                Variation(text="with what is known"),
            ),
        },
        session_minutes=0.5,
        carry_over_slots=False,
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
    assert domain == Domain(intents=(), responses={}, slots={}, actions=(), session_minutes=60.0, carry_over_slots=True)
    assert notices == []


def test_no_minutes_mean_that_a_session_never_ends(tmp_path: Path) -> None:
    domain, _ = read(tmp_path, "session_config: {session_expiration_time: 0}")
    assert domain.session_minutes == 0.0


def test_a_split_domain_is_read_as_one(tmp_path: Path) -> None:
    first = domain_file(
        tmp_path,
        "intents: [greet, bye]\nactions: [action_a]\nslots: {a: {initial_value: 1}}\nresponses: {utter_a: [text]}\n"
        "session_config: {session_expiration_time: 5, carry_over_slots_to_new_session: false}\n",
        "a.yml",
    )
    second = domain_file(
        tmp_path,
        "intents: [bye, thank]\nactions: [action_b, action_a]\nslots: {b: {initial_value: 2}}\n"
        "responses: {utter_b: [other]}\nforms: {f: {}}\n",
        "b.yml",
    )
    domain, notices = read_domain([first, second])
    assert domain == Domain(
        intents=("greet", "bye", "thank"),
        actions=("action_a", "action_b"),
        forms=("f",),
        slots={"a": 1, "b": 2},
        responses={"utter_a": (Variation(text="text"),), "utter_b": (Variation(text="other"),)},
        session_minutes=5.0,
        carry_over_slots=False,
    )
    assert notices == [f"{second}:5: `forms` is not used: forms are not run yet"]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("intents: [a]\nresponses:\n  utter_b: [b]\n  utter_a: [b]\n", 4, "utter_a"),
        ("slots:\n  mood: {initial_value: 2}\n", 2, "mood"),
    ],
    ids=["response", "slot"],
)
def test_two_files_must_not_define_the_same(text: str, line: int, what: str, tmp_path: Path) -> None:
    first = domain_file(tmp_path, "responses: {utter_a: [a]}\nslots: {mood: {initial_value: 1}}\n", "a.yml")
    second = domain_file(tmp_path, text, "b.yml")
    with pytest.raises(AssistantError) as caught:
        read_domain([first, second])
    assert str(caught.value) == f"{second}:{line}: {what} is defined in another file too. Keep one."


def test_what_is_not_honoured_is_said_with_its_line(tmp_path: Path) -> None:
    domain, notices = read(
        tmp_path,
        "entities:\n  - city\n  - item: {roles: [bought]}\n"
        "forms:\n  order: {}\nrespones:\n  utter_a: x\ne2e_actions: [Hi]\n"
        "responses:\n  utter_a:\n    - text: a\n    - text: b\n      condition: []\n      emotion: glad\n",
    )
    path = tmp_path / "domain.yml"
    assert domain.entities == ("city", "item")
    assert notices == [
        f"{path}:4: `forms` is not used: forms are not run yet",
        f"{path}:6: `respones` is not used: unknown section",
        f"{path}:12: `condition`, `emotion` in utter_a is not used yet",
    ]


def test_empty_sections_are_not_worth_a_line(tmp_path: Path) -> None:
    assert read(tmp_path, "entities: []\nforms:\nunknown: {}\n")[1] == []


NAME = "Write a word, quoted if need be."
BUTTON = ("a button needs a title and a payload", "Write both as text.")
QUOTES = "Put it in quotes."


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
                f"is {value}",
                "Write minutes, 0 for never.",
            )
            for written, value in (("-1", "-1"), ("1h", "'1h'"), ("true", "True"), ("", "None"), ("1e999", "'1e999'"))
        ),
        *(
            (
                f"session_config:\n  session_expiration_time: 1\n  carry_over_slots_to_new_session: {written}\n",
                3,
                f"is {value}",
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
    assert domain.slots == {"a": value}
