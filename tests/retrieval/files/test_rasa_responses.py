from pathlib import Path

import pytest

from configs import AssistantError
from retrieval.files import BadRow, Row, open_knowledge

NLU = """version: "3.1"
nlu:
- intent: greet
  examples: |
    - hi
- intent: faq/ask_price
  examples: |
    - what does it cost
    - price for [Leeds](city)
    - what does it cost
- intent: faq/ask_hours
  examples: |
    - when do you open
- intent: faq/ask_nothing
  examples: |
    - nothing
"""
DOMAIN = """version: "3.1"
intents: [greet, faq]
responses:
  utter_greet:
  - text: hello
  utter_faq/ask_price:
  - text: only for one channel
    channel: slack
  - text: "**Four euros** a month"
    image: https://shop.example/price.png
    buttons:
    - title: Buy
      payload: /buy
  - text: 4 EUR
"""
RESPONSES = """responses:
  utter_faq/ask_hours:
  - text: From 9, {name}
  utter_faq/ask_nothing:
  - custom: {a: 1}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in {"domain.yml": DOMAIN, "data/nlu.yml": NLU, "data/responses.yml": RESPONSES}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (tmp_path / "endpoints.yml").write_text("not: [valid")
    return tmp_path


def test_each_retrieval_intent_is_a_pair(project: Path) -> None:
    opened = open_knowledge(project)
    price, hours, nothing = opened.rows()
    assert isinstance(price, Row)
    assert isinstance(hours, Row)
    assert (price.line, price.pair.to_dict()) == (
        8,
        {
            "id": "faq/ask_price",
            "question": "what does it cost",
            "also_asked": ("price for Leeds",),
            "answer": "**Four euros** a month",
            "buttons": ({"title": "Buy", "payload": "/buy"},),
            "images": ("https://shop.example/price.png",),
            "source": "data/nlu.yml",
        },
    )
    assert (hours.pair.id, hours.pair.answer) == ("faq/ask_hours", "From 9, {name}")
    assert nothing == BadRow(
        line=16,
        problem="the intent faq/ask_nothing has no response utter_faq/ask_nothing with a text",
        fix="Write one under `responses:`.",
        file="data/nlu.yml",
    )
    assert opened.notes == ("utter_faq/ask_hours: {...} in it is not filled in",)
    assert (opened.format, opened.total, opened.position()) == ("rasa", 3, 3)


def test_an_image_that_is_not_https_is_a_bad_row(project: Path) -> None:
    (project / "domain.yml").write_text(DOMAIN.replace("https://shop", "http://shop"))
    bad = next(open_knowledge(project).rows())
    assert isinstance(bad, BadRow)
    assert bad.message == (
        "data/nlu.yml: images holds 'http://shop.example/price.png'. Write an address that begins with https://."
    )


def test_a_folder_is_a_project_by_its_domain_or_by_name(project: Path) -> None:
    (project / "domain.yml").rename(project / "rest.yml")
    with pytest.raises(AssistantError, match="holds no Markdown page"):
        open_knowledge(project)
    assert len(list(open_knowledge(project, format="rasa").rows())) == 3


def test_a_project_without_retrieval_intents_is_refused(project: Path) -> None:
    (project / "data" / "nlu.yml").write_text(NLU.partition("- intent: faq")[0])
    with pytest.raises(AssistantError, match="has no retrieval intents"):
        open_knowledge(project)
    (project / "data" / "nlu.yml").write_text("nlu: [")
    with pytest.raises(AssistantError, match="not valid YAML"):
        open_knowledge(project)
