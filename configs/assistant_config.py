"""The `config.yml` of an assistant: Rasa's keys as Rasa means them, and Kefu's own under `kefu:`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from configs.nlu_data import compile_pattern
from configs.opening_hours import OpeningHours, parse_day
from configs.yaml_file import YamlFile, nearest

DEFAULT_ENCODER = "all-MiniLM-L6-v2"

Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class EncoderConfig(_Section):
    """Which BERT encoder is fine-tuned.

    A name is `all-MiniLM-L6-v2` (comes with Kefu), a folder (relative to the assistant), or a hub name.
    """

    name: str = Field(DEFAULT_ENCODER, min_length=1)
    prefix: str | None = Field(
        None, description='Put before every text, as "query: " for e5 models; taken from the model if absent.'
    )
    max_tokens: int = Field(128, ge=8, le=512)


class Method(StrEnum):
    """How the classifier learns: with which of the encoder's weights."""

    AUTO = "auto"
    FULL = "full"
    LORA = "lora"
    BITFIT = "bitfit"
    HEAD = "head"


class IntentTrainingConfig(_Section):
    """How the upper layers and the heads are fine-tuned; what is left out is chosen by the number of examples."""

    method: Method = Field(
        Method.AUTO,
        strict=False,
        description="full: all weights of the tuned layers; lora: low-rank additions to them; bitfit: their biases and "
        "layer norms; head: none, logistic regression on the untouched encoder; auto: full where it beats head.",
    )
    tuned_layers: int | None = Field(
        None, ge=1, le=48, description="Upper layers that are tuned; half of the encoder's if left out."
    )
    max_epochs: int | None = Field(None, ge=1, le=100, description="Most passes over the examples.")
    patience: int = Field(3, ge=1, le=100, description="Epochs without a better validation loss before stopping.")
    batch_size: int = Field(32, ge=2, le=512)
    accumulated_batches: int = Field(1, ge=1, le=64, description="Batches whose gradients make one step.")
    learning_rate: float | None = Field(None, gt=0.0, le=0.1, description="Of the encoder's top layer.")
    head_learning_rate: float = Field(2e-3, gt=0.0, le=1.0)
    layer_decay: float = Field(
        0.9, gt=0.0, le=1.0, description="Factor of the learning rate from a layer to the one below."
    )
    warmup_share: float = Field(0.1, ge=0.0, lt=1.0, description="Share of all steps over which the rate rises.")
    weight_decay: float = Field(0.01, ge=0.0, le=1.0)
    label_smoothing: float = Field(0.1, ge=0.0, lt=1.0)
    lora_rank: int = Field(16, ge=1, le=256, description="Rank of what `lora` adds to each matrix.")


class Precision(StrEnum):
    """What a serving graph computes in."""

    INT8 = "int8"
    FLOAT32 = "float32"


class TrainingConfig(_Section):
    """How a release is made from the examples."""

    intent: IntentTrainingConfig = IntentTrainingConfig()
    precision: Precision = Field(
        Precision.INT8, strict=False, description="int8 as far as what is said of messages stays the same; or float32."
    )
    validation_share: float = Field(0.1, gt=0.0, lt=0.5)
    seed: int = Field(42, ge=0, lt=2**32)
    keep_examples: bool = Field(True, description="Keep the examples in the release, to explain answers by them.")


class PolicyConfig(_Section):
    """From which confidence the bot does what; probabilities and cosines lie in [0, 1]."""

    template_threshold: Probability = Field(0.7, description="Least intent probability for a template.")
    answer_threshold: Probability = Field(0.5, description="Least probability that a past answer is right.")
    same_question_threshold: Probability = Field(
        0.95,
        description="From this cosine on a stored question counts as asked again, and wins over a template.",
    )
    scope_threshold: Probability = Field(
        0.05, description="Share of proper messages that may be taken for out of scope, so that others are found out."
    )
    clarify_threshold: Probability = Field(
        0.3, description="Least intent probability or cosine to be offered as an option."
    )

    @model_validator(mode="after")
    def _ordered(self) -> "PolicyConfig":
        if self.clarify_threshold > min(self.template_threshold, self.answer_threshold):
            raise ValueError("clarify_threshold must not lie above template_threshold or answer_threshold")
        return self


def known_zone(value: str) -> str:
    """`value`, which names a time zone.

    Raises:
        ValueError: It names none.
    """
    try:
        ZoneInfo(value)
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise ValueError("Write a time zone such as Europe/London") from error
    return value


class EntitiesConfig(_Section):
    """Which entities are found without being taught."""

    builtin: tuple[Literal["email", "order_number", "money", "time", "phone"], ...] = Field((), strict=False)
    region: str | None = Field(
        None, pattern=r"^[A-Z]{2}$", description="Whose phone numbers and currency are meant; else by the language."
    )
    timezone: str = Field("UTC", description="The zone that dates and times are meant in.")
    order_number_pattern: str | None = Field(None, description="In RE2's syntax; else #1234 and the like.")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return known_zone(value)

    @field_validator("order_number_pattern")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None:
            compile_pattern(value)
        return value


class RetrievalConfig(_Section):
    """How past answers are indexed."""

    max_memory_mb: float = Field(1_000.0, gt=0.0, description="Memory for the index of embeddings, in 10^6 bytes.")
    recall_at_10: float = Field(
        0.98, gt=0.5, le=1.0, description="Share of the ten nearest rows that an index too large to be exact must find."
    )


class HandoffConfig(_Section):
    """When a person takes over."""

    enabled: bool = Field(False, description="Hand over on the signs below; a rule and the HTTP API always may.")
    intents: tuple[str, ...] = Field(
        ("talk_to_human", "ask_human", "human_handoff", "handoff", "request_human", "speak_to_human", "contact_human"),
        strict=False,
        description="Intents by which a customer asks for a person.",
    )
    angry_messages: int = Field(2, ge=0, le=100, description="Angry messages after which a person is called; 0: never.")
    failures: int = Field(
        2, ge=0, le=100, description="Messages in a row without an answer that call a person; 0: never."
    )
    sensitive: tuple[str, ...] = Field(
        (), strict=False, description="Intents and tags of past answers on which the bot must not be wrong."
    )
    sensitive_threshold: Probability = Field(
        0.9, description="Below this probability of being right, a person answers what is sensitive."
    )
    hours: dict[str, str] = Field({}, description="By weekday, when people are there; always if there is none.")
    timezone: str = Field("UTC", description="The zone that `hours` and `holidays` are meant in.")
    holidays: tuple[str, ...] = Field((), strict=False, description="Days on which nobody is there.")
    wait_minutes: int = Field(10, ge=0, le=10_080, description="How long a customer waits at most; 0: without end.")
    return_after_wait: bool = Field(True, description="Whether the bot takes over again when nobody came.")
    idle_minutes: int = Field(
        60, ge=0, le=100_000, description="Silence after which the bot takes over from a person; 0: never."
    )

    @field_validator("hours")
    @classmethod
    def _known_hours(cls, value: dict[str, str]) -> dict[str, str]:
        OpeningHours.parse(value, "UTC", ())
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return known_zone(value)

    @field_validator("holidays")
    @classmethod
    def _known_days(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for day in value:
            parse_day(day)
        return value

    def opening_hours(self) -> OpeningHours:
        """When people are there."""
        return OpeningHours.parse(self.hours, self.timezone, self.holidays)


class ContextConfig(_Section):
    """How a message is read that leans on the one before."""

    follow_ups: bool = Field(True, description="Read short follow-ups with the subject of the question before.")
    max_age_minutes: int = Field(
        30, ge=1, le=10_080, description="How long after its answer a question may be followed up."
    )


class GateConfig(_Section):
    """What a refreshed release is held to before it serves."""

    significance: float = Field(
        0.01, gt=0.0, le=0.2, description="How often chance alone may pass for a loss, under each rule."
    )
    max_loss: Probability = Field(
        0.05,
        description="Share of right answers that may be lost to a change of the promise; greater losses are "
        "believed on weaker evidence.",
    )
    max_intent_drop: Probability = Field(
        0.25, description="From this loss of its questions on, beyond chance, an intent counts as collapsed."
    )
    max_ece: Probability = Field(0.15, description="Largest calibration error of a first release.")
    max_ece_rise: Probability = Field(0.03, description="Largest rise of the calibration error, beyond chance.")
    max_scope_loss: Probability = Field(
        0.03, description="Largest loss of the AUROC by which messages out of scope are told apart, beyond chance."
    )
    min_understood: Probability = Field(0.5, description="Least share of the questions that a first release knows.")
    max_p95_ms: float = Field(250.0, gt=0.0, description="Longest time that 95 % of the messages may take.")
    max_latency_ratio: float = Field(2.0, gt=1.0, description="How many times as long as before they may take.")
    max_size_mb: float = Field(500.0, gt=0.0, description="Largest size of a release, in 10^6 bytes.")


class MonitorConfig(_Section):
    """When an owner hears that more customers are unhappy than is usual."""

    enabled: bool = Field(True, description="Watch how many messages are negative, where moods are read.")
    learn_days: int = Field(7, ge=3, le=28, description="Days with messages from which it is learned what is usual.")
    false_alarm_days: float = Field(
        60.0, ge=7.0, le=3_650.0, description="Days between two false alarms, on average, at least."
    )


class SuggestionsConfig(_Section):
    """Which questions are offered under an answer."""

    related: int = Field(0, ge=0, le=5, description="At most so many that are near the one asked.")
    next: bool = Field(False, description="Offer what customers are likely to ask next.")
    most: int = Field(3, ge=1, le=5, description="At most so many under one answer.")


class RefreshConfig(_Section):
    """How much of what was said of messages one refresh learns."""

    max_per_sender: int = Field(20, ge=1, le=10_000, description="Rows of one conversation.")
    max_per_sender_intent: int = Field(
        5, ge=1, le=10_000, description="Rows of one conversation for one intent or past answer."
    )
    max_alike: int = Field(3, ge=1, le=10_000, description="Rows for one intent whose texts are nearly the same.")
    max_new: int = Field(
        50, ge=1, le=100_000, description="Rows that are new to an intent; an intent with more examples may double."
    )
    timezone: str = Field("UTC", description="The zone that the times of `kefu refresh --schedule` are meant in.")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return known_zone(value)


class KefuConfig(_Section):
    """Everything under `kefu:`."""

    encoder: EncoderConfig = EncoderConfig()
    training: TrainingConfig = TrainingConfig()
    entities: EntitiesConfig = EntitiesConfig()
    retrieval: RetrievalConfig = RetrievalConfig()
    policy: PolicyConfig = PolicyConfig()
    handoff: HandoffConfig = HandoffConfig()
    context: ContextConfig = ContextConfig()
    gate: GateConfig = GateConfig()
    refresh: RefreshConfig = RefreshConfig()
    monitor: MonitorConfig = MonitorConfig()
    suggestions: SuggestionsConfig = SuggestionsConfig()
    max_wrong_rate: float | None = Field(
        0.05,
        gt=0.0,
        lt=1.0,
        description="Most wrong answers among given ones, as a share; kept to where there are enough labelled messages "
        "to promise it. null: answers are given by the thresholds under `policy`.",
    )
    confidence: float = Field(0.95, ge=0.5, lt=1.0, description="How sure it must be that max_wrong_rate is kept to.")
    titles: dict[str, str] = Field({}, description="What a button that offers an intent says.")
    trust_slash_intents: bool = Field(
        False, description="Take `/intent` from anyone who types it, not only from a button the bot has sent."
    )
    intent_split_symbol: str | None = Field(
        None, min_length=1, description="Joins the intents that one label names; else that of Rasa's `pipeline`."
    )


RASA_KEYS_IGNORED = {
    "pipeline": "Kefu's own encoder and classifier are used instead",
}
RASA_KEYS_KNOWN = {"recipe", "language", "assistant_id", "version", "policies", "kefu", *RASA_KEYS_IGNORED}


def parse_config(file: YamlFile) -> tuple[str, KefuConfig, list[str]]:
    """The language, Kefu's own settings, and a line for each key that is not honoured.

    Raises:
        AssistantError: A value under `kefu:` is unknown, of the wrong type or out of range.
    """
    data: Any = file.data
    if not isinstance(data, dict):
        raise file.error((), "must be a mapping", "Write `language: en` and, under it, `kefu:`.")
    notices = [f"{file.path}: `{key}` is not used: {why}" for key, why in RASA_KEYS_IGNORED.items() if data.get(key)]
    notices += [
        f"{file.path}:{file.line(key)}: unknown key `{key}` is ignored.{nearest(key, RASA_KEYS_KNOWN)}"
        for key in data
        if key not in RASA_KEYS_KNOWN
    ]
    language = data.get("language") or "en"
    if not isinstance(language, str):
        raise file.error(("language",), f"language is {language!r}", "Write a language code such as en.")
    config = _kefu_section(file, data.get("kefu"))
    if config.intent_split_symbol is None:
        config = config.model_copy(update={"intent_split_symbol": _pipeline_split_symbol(file)})
    return language, config, notices


def _pipeline_split_symbol(file: YamlFile) -> str | None:
    """What joins intents by the tokenizer of Rasa's pipeline; its default `_` splits only where it is written out."""
    pipeline = file.data.get("pipeline")
    for index, component in enumerate(pipeline if isinstance(pipeline, list) else ()):
        if isinstance(component, dict) and component.get("intent_tokenization_flag") is True:
            symbol = component.get("intent_split_symbol")
            if symbol is not None and not (isinstance(symbol, str) and symbol):
                place = ("pipeline", index, "intent_split_symbol")
                raise file.error(place, f"intent_split_symbol is {symbol!r}", 'Write a text such as "+".')
            return symbol
    return None


def _kefu_section(file: YamlFile, section: Any) -> KefuConfig:
    if section is None:
        return KefuConfig()
    try:
        return KefuConfig.model_validate(section)  # strict but where a field says otherwise
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ("kefu", *first["loc"])
        name = ".".join(str(key) for key in place)
        if first["type"] == "extra_forbidden":
            siblings = _field_names(KefuConfig, first["loc"][:-1])
            fix = f"Remove it.{nearest(str(first['loc'][-1]), siblings)}"
            raise file.error(place, f"unknown key {name}", fix) from error
        fix = first["msg"].removeprefix("Value error, ")
        raise file.error(place, f"{name} is {first['input']!r}", f"{fix}.") from error


def _field_names(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    for key in loc:
        field = model.model_fields.get(str(key))
        if field is None or not isinstance(field.annotation, type) or not issubclass(field.annotation, BaseModel):
            return []
        model = field.annotation
    return list(model.model_fields)


def encoder_folder(config: EncoderConfig, root: Path) -> str:
    """The encoder's name, made absolute if it names a folder beside the assistant."""
    folder = (root / config.name).resolve()
    return str(folder) if folder.is_dir() else config.name
