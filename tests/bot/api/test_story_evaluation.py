"""Test stories against rules and stories: each action is tried, and what the story says happens all the same."""

from pathlib import Path

import pytest

from bot.api.story_evaluation import evaluate_stories
from bot.conversation import Conversation
from bot.dialogue import Prediction
from bot.events import LISTEN
from bot.flow_policy import FlowPolicy
from configs.domain import Domain, read_domain
from configs.flows import Story
from configs.rules import parse_rules
from configs.stories import join_stories, parse_stories
from configs.yaml_file import parse_yaml

DOMAIN = """
intents: [order, greet]
entities: [colour]
slots:
  colour: {type: text, influence_conversation: true, mappings: [{type: from_entity, entity: colour}]}
forms: {order_form: {required_slots: [colour]}}
responses: {utter_hi: [{text: hi}], utter_done: [{text: done}], utter_red: [{text: red}]}
"""
FLOWS = """
rules:
- rule: greet
  steps: [{intent: greet}, {action: utter_hi}]
- rule: begin
  steps: [{intent: order}, {action: order_form}, {active_loop: order_form}]
- rule: end
  condition: [{active_loop: order_form}]
  steps: [{action: order_form}, {active_loop: null}, {action: utter_done}]
"""


@pytest.fixture(scope="module")
def domain(tmp_path_factory: pytest.TempPathFactory) -> Domain:
    path = tmp_path_factory.mktemp("domain") / "domain.yml"
    path.write_text(DOMAIN)
    return read_domain([path])[0]


@pytest.fixture(scope="module")
def flows(domain: Domain) -> FlowPolicy:
    rules, _ = parse_rules(parse_yaml(FLOWS, Path("rules.yml")), Path())
    return FlowPolicy(rules, (), domain.slots, max_history=5)


def stories(text: str) -> list[Story]:
    return join_stories(parse_stories(parse_yaml(f"stories:\n{text}", Path("s.yml")), Path())[0])[0]


def tried(text: str, flows: FlowPolicy, domain: Domain) -> list[tuple[str, str]]:
    def predict(conversation: Conversation) -> Prediction:
        now = conversation.now
        found = flows.next(now.history, conversation.situation(domain), from_start=now.from_start)
        return Prediction(scores=((found.action if found else LISTEN, 1.0),), policy="RulePolicy", confidence=1.0)

    found = evaluate_stories(stories(text), predict, domain)
    assert found["is_end_to_end_evaluation"] is False
    return [(one["action"], one["predicted"]) for one in found["actions"]]


def test_a_form_is_followed_from_its_beginning_to_its_end(flows: FlowPolicy, domain: Domain) -> None:
    text = """
- story: a form
  steps:
  - user: 'a [red](colour) one'
    intent: order
  - action: order_form
  - active_loop: order_form
  - slot_was_set: [{colour: red}]
  - active_loop: null
  - action: utter_done
"""

    assert tried(text, flows, domain) == [
        ("order_form", "order_form"),
        ("utter_done", "utter_done"),
        (LISTEN, LISTEN),
    ]


def test_after_a_wrong_step_the_story_goes_on_as_it_is_written(flows: FlowPolicy, domain: Domain) -> None:
    text = """
- story: wrong
  steps:
  - intent: greet
  - action: utter_red
  - intent: greet
  - action: utter_hi
"""

    assert tried(text, flows, domain) == [
        ("utter_red", "utter_hi"),
        (LISTEN, LISTEN),
        ("utter_hi", "utter_hi"),
        (LISTEN, LISTEN),
    ]


def test_slots_that_hold_anything_hold_something(flows: FlowPolicy, domain: Domain) -> None:
    text = "- story: slots\n  steps:\n  - slot_was_set: [colour]\n  - intent: greet\n  - action: utter_hi\n"

    assert tried(text, flows, domain)[0] == ("utter_hi", "utter_hi")
