from pathlib import Path
from typing import Any

import pytest

from configs import AssistantError, EncoderConfig, KefuConfig, PolicyConfig, TrainingConfig
from configs.assistant_config import (
    DEFAULT_ENCODER,
    EntitiesConfig,
    IntentTrainingConfig,
    Method,
    Precision,
    encoder_folder,
    parse_config,
)
from configs.yaml_file import parse_yaml

FILE = Path("config.yml")


def read(text: str) -> tuple[str, KefuConfig, list[str]]:
    return parse_config(parse_yaml(text, FILE))


@pytest.mark.parametrize("text", ["", "# nothing\n", "language:\n", "kefu:\n", "recipe: default.v1\nkefu: {}\n"])
def test_an_empty_config_means_english_and_the_defaults(text: str) -> None:
    assert read(text) == ("en", KefuConfig(), [])


def test_every_section_is_read() -> None:
    language, config, notices = read(
        "recipe: default.v1\n"
        "assistant_id: x\n"
        "version: '3.1'\n"
        "language: no\n"
        "kefu:\n"
        "  encoder: {name: intfloat/multilingual-e5-small, prefix: 'query: ', max_tokens: 64}\n"
        "  training:\n"
        "    intent: {method: lora, tuned_layers: 2, max_epochs: 3, learning_rate: 1e-3, weight_decay: 0}\n"
        "    precision: float32\n"
        "    seed: 7\n"
        "  entities: {builtin: [email, money], region: GB, timezone: Europe/London, order_number_pattern: 'A[0-9]+'}\n"
        "  policy: {template_threshold: 0.8, answer_threshold: 1, scope_threshold: 0.1, clarify_threshold: 0}\n"
        "  titles: {greet: Hello, 'no': 'No'}\n"
        "  trust_slash_intents: true\n"
    )
    assert language == "no"
    assert config == KefuConfig(
        encoder=EncoderConfig(name="intfloat/multilingual-e5-small", prefix="query: ", max_tokens=64),
        training=TrainingConfig(
            intent=IntentTrainingConfig(
                method=Method.LORA, tuned_layers=2, max_epochs=3, learning_rate=0.001, weight_decay=0.0
            ),
            precision=Precision.FLOAT32,
            seed=7,
        ),
        entities=EntitiesConfig(
            builtin=("email", "money"), region="GB", timezone="Europe/London", order_number_pattern="A[0-9]+"
        ),
        policy=PolicyConfig(template_threshold=0.8, answer_threshold=1.0, scope_threshold=0.1, clarify_threshold=0.0),
        titles={"greet": "Hello", "no": "No"},
        trust_slash_intents=True,
    )
    assert notices == []


def test_rasas_keys_that_are_not_honoured_are_said_and_what_is_done_instead() -> None:
    _, config, notices = read("language: en\npolicies: [{name: RulePolicy}]\npipeline: [{name: DIETClassifier}]\n")
    assert config == KefuConfig()
    assert notices == [
        "config.yml: `pipeline` is not used: Kefu's own encoder and classifier are used instead",
    ]


def test_empty_rasa_keys_are_not_worth_a_line() -> None:
    assert read("pipeline:\npolicies: []\n")[2] == []


def test_an_unknown_key_of_the_file_is_said_with_its_line_and_likely_meaning() -> None:
    assert read("language: en\nkefuu: {titles: {}}\nqqqq: 1\n")[2] == [
        "config.yml:2: unknown key `kefuu` is ignored. Did you mean 'kefu'?",
        "config.yml:3: unknown key `qqqq` is ignored.",
    ]


@pytest.mark.parametrize(
    ("lines", "at", "problem", "fix"),
    [
        ("  encodr: {}", 2, "unknown key kefu.encodr", "Remove it. Did you mean 'encoder'?"),
        ("  titles: {}\n  qqqq: 1", 3, "unknown key kefu.qqqq", "Remove it."),
        (
            "  encoder:\n    name: a\n    max_token: 8",
            4,
            "unknown key kefu.encoder.max_token",
            "Remove it. Did you mean 'max_tokens'?",
        ),
        (
            "  training:\n    intent:\n      epochs: 8",
            4,
            "unknown key kefu.training.intent.epochs",
            "Remove it. Did you mean 'max_epochs'?",
        ),
        (
            "  policy:\n    answer_treshold: 0.5",
            3,
            "unknown key kefu.policy.answer_treshold",
            "Remove it. Did you mean 'answer_threshold'?",
        ),
        (
            "  encoder:\n    name: ''",
            3,
            "kefu.encoder.name is ''",
            "String should have at least 1 character.",
        ),
        ("  encoder:\n    name: 5", 3, "kefu.encoder.name is 5", "Input should be a valid string."),
        (
            "  encoder:\n    max_tokens: 7",
            3,
            "kefu.encoder.max_tokens is 7",
            "Input should be greater than or equal to 8.",
        ),
        (
            "  encoder:\n    max_tokens: '64'",
            3,
            "kefu.encoder.max_tokens is '64'",
            "Input should be a valid integer.",
        ),
        (
            "  encoder:\n    max_tokens: 64.5",
            3,
            "kefu.encoder.max_tokens is 64.5",
            "Input should be a valid integer.",
        ),
        (
            "  training:\n    intent:\n      learning_rate: 0",
            4,
            "kefu.training.intent.learning_rate is 0",
            "Input should be greater than 0.",
        ),
        (
            "  training:\n    intent:\n      learning_rate: 2e-4x",
            4,
            "kefu.training.intent.learning_rate is '2e-4x'",
            "Input should be a valid number.",
        ),
        (
            "  training:\n    intent:\n      learning_rate: 1e999",
            4,
            "kefu.training.intent.learning_rate is '1e999'",
            "Input should be a valid number.",
        ),
        (
            "  training:\n    intent:\n      learning_rate: .nan",
            4,
            "kefu.training.intent.learning_rate is '.nan'",
            "Input should be a valid number.",
        ),
        (
            "  training:\n    intent:\n      batch_size: true",
            4,
            "kefu.training.intent.batch_size is True",
            "Input should be a valid integer.",
        ),
        (
            "  training:\n    seed: 4294967296",
            3,
            "kefu.training.seed is 4294967296",
            "Input should be less than 4294967296.",
        ),
        (
            "  policy:\n    template_threshold: 1.01",
            3,
            "kefu.policy.template_threshold is 1.01",
            "Input should be less than or equal to 1.",
        ),
        (
            "  policy:\n    clarify_threshold: -0.1",
            3,
            "kefu.policy.clarify_threshold is -0.1",
            "Input should be greater than or equal to 0.",
        ),
        (
            "  training:\n    max_epochs: 3",
            3,
            "unknown key kefu.training.max_epochs",
            "Remove it.",
        ),
        (
            "  training:\n    intent:\n      method: lorra",
            4,
            "kefu.training.intent.method is 'lorra'",
            "Input should be 'auto', 'full', 'lora', 'bitfit' or 'head'.",
        ),
        (
            "  training:\n    intent:\n      tuned_layers: 0",
            4,
            "kefu.training.intent.tuned_layers is 0",
            "Input should be greater than or equal to 1.",
        ),
        (
            "  training:\n    precision: int4",
            3,
            "kefu.training.precision is 'int4'",
            "Input should be 'int8' or 'float32'.",
        ),
        (
            "  entities:\n    builtin: [email, emails]",
            3,
            "kefu.entities.builtin.1 is 'emails'",
            "Input should be 'email', 'order_number', 'money', 'time' or 'phone'.",
        ),
        (
            "  entities:\n    region: gb",
            3,
            "kefu.entities.region is 'gb'",
            "String should match pattern '^[A-Z]{2}$'.",
        ),
        (
            "  entities:\n    timezone: Europe/Lodon",
            3,
            "kefu.entities.timezone is 'Europe/Lodon'",
            "Write a time zone such as Europe/London.",
        ),
        (
            "  policy:\n    scope_threshold: 1.5",
            3,
            "kefu.policy.scope_threshold is 1.5",
            "Input should be less than or equal to 1.",
        ),
        ("  trust_slash_intents: yes", 2, "kefu.trust_slash_intents is 'yes'", "Input should be a valid boolean."),
        ("  trust_slash_intents: 1", 2, "kefu.trust_slash_intents is 1", "Input should be a valid boolean."),
        ("  titles:\n    greet: 5", 3, "kefu.titles.greet is 5", "Input should be a valid string."),
        ("  titles: [a]", 2, "kefu.titles is ['a']", "Input should be a valid dictionary."),
    ],
)
def test_a_wrong_key_under_kefu_is_refused_with_line_problem_and_fix(
    lines: str, at: int, problem: str, fix: str
) -> None:
    with pytest.raises(AssistantError) as caught:
        read(f"kefu:\n{lines}\n")
    assert str(caught.value) == f"config.yml:{at}: {problem}. {fix}"


@pytest.mark.parametrize("name", ["template_threshold", "answer_threshold"])
def test_thresholds_that_contradict_each_other_are_refused(name: str) -> None:
    with pytest.raises(AssistantError) as caught:
        read(f"language: en\nkefu:\n  policy:\n    {name}: 0.2\n    clarify_threshold: 0.25\n")
    assert caught.value.line == 3
    assert "clarify_threshold must not lie above template_threshold or answer_threshold." in str(caught.value)


@pytest.mark.parametrize("pattern", ["(", "(?=a)", "[z-a]"])
def test_a_pattern_of_order_numbers_that_does_not_compile_is_refused(pattern: str) -> None:
    with pytest.raises(AssistantError) as caught:
        read(f"kefu:\n  entities:\n    order_number_pattern: '{pattern}'\n")
    assert str(caught.value).startswith(f"config.yml:3: kefu.entities.order_number_pattern is {pattern!r}. ")


@pytest.mark.parametrize("method", list(Method))
def test_every_method_and_precision_can_be_written(method: Method) -> None:
    for precision in Precision:
        _, config, _ = read(f"kefu: {{training: {{intent: {{method: {method.value}}}, precision: {precision.value}}}}}")
        assert (config.training.intent.method, config.training.precision) == (method, precision)


def test_a_threshold_may_equal_the_one_below() -> None:
    _, config, _ = read("kefu: {policy: {template_threshold: 0.3, answer_threshold: 0.3, clarify_threshold: 0.3}}")
    assert config.policy.clarify_threshold == 0.3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- language: en\n", "config.yml:1: must be a mapping. Write `language: en` and, under it, `kefu:`."),
        ("words\n", "config.yml:1: must be a mapping. Write `language: en` and, under it, `kefu:`."),
        ("\nlanguage: [en]\n", "config.yml:2: language is ['en']. Write a language code such as en."),
        ("language: 5\n", "config.yml:1: language is 5. Write a language code such as en."),
    ],
)
def test_a_config_of_another_shape_is_refused(text: str, said: str) -> None:
    with pytest.raises(AssistantError) as caught:
        read(text)
    assert str(caught.value) == said


@pytest.mark.parametrize(("section", "value"), [("[a]", "['a']"), ("on", "'on'"), ("5", "5")])
def test_a_kefu_section_that_is_no_mapping_is_refused(section: str, value: str) -> None:
    with pytest.raises(AssistantError) as caught:
        read(f"language: en\nkefu: {section}\n")
    assert str(caught.value).startswith(f"config.yml:2: kefu is {value}. Input should be a valid dictionary")


@pytest.mark.parametrize("changed", [{"titles": {}}, {"trust_slash_intents": True}])
def test_a_config_cannot_be_changed_in_place(changed: dict[str, Any]) -> None:
    config = KefuConfig()
    for name, value in changed.items():
        with pytest.raises(ValueError, match="frozen"):
            setattr(config, name, value)
    assert config == KefuConfig()


def test_an_encoder_is_a_folder_beside_the_assistant_or_else_a_name(tmp_path: Path) -> None:
    (tmp_path / "models" / "mine").mkdir(parents=True)
    assistant = tmp_path / "shop"
    assistant.mkdir()
    (assistant / "a-file").write_text("", "utf-8")
    assert encoder_folder(EncoderConfig(name="../models/mine"), assistant) == str(tmp_path / "models" / "mine")
    assert encoder_folder(EncoderConfig(name=str(tmp_path / "models")), assistant) == str(tmp_path / "models")
    assert encoder_folder(EncoderConfig(name="a-file"), assistant) == "a-file"
    assert encoder_folder(EncoderConfig(), assistant) == DEFAULT_ENCODER
