"""The `config.yml` of an assistant: Rasa's keys as Rasa means them, and Kefu's own under `kefu:`."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

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


class TrainingConfig(_Section):
    """How the encoder and its head are fine-tuned."""

    max_epochs: int | None = Field(
        None, ge=1, le=100, description="Most passes over the examples; chosen by their number if left out."
    )
    patience: int = Field(3, ge=1, le=100, description="Epochs without a better validation loss before stopping.")
    batch_size: int = Field(32, ge=2, le=512)
    learning_rate: float | None = Field(
        None, gt=0.0, le=0.1, description="Of the encoder's top layer; chosen by the number of examples if left out."
    )
    head_learning_rate: float = Field(2e-3, gt=0.0, le=1.0)
    layer_decay: float = Field(
        0.9, gt=0.0, le=1.0, description="Factor of the learning rate from a layer to the one below."
    )
    warmup_share: float = Field(0.1, ge=0.0, lt=1.0, description="Share of all steps over which the rate rises.")
    weight_decay: float = Field(0.01, ge=0.0, le=1.0)
    label_smoothing: float = Field(0.1, ge=0.0, lt=1.0)
    anchor_weight: float = Field(
        1.0, ge=0.0, le=100.0, description="Pull towards the untuned embedding, which keeps retrieval sharp."
    )
    validation_share: float = Field(0.1, gt=0.0, lt=0.5)
    seed: int = Field(42, ge=0, lt=2**32)


class PolicyConfig(_Section):
    """From which confidence the bot does what; probabilities and cosines lie in [0, 1]."""

    template_threshold: Probability = Field(0.7, description="Least intent probability for a template.")
    answer_threshold: Probability = Field(0.6, description="Least cosine for a past answer.")
    same_question_threshold: Probability = Field(
        0.95,
        description="From this cosine on a stored question counts as asked again, and wins over a template.",
    )
    clarify_threshold: Probability = Field(
        0.3, description="Least intent probability or cosine to be offered as an option."
    )

    @model_validator(mode="after")
    def _ordered(self) -> "PolicyConfig":
        if self.clarify_threshold > min(self.template_threshold, self.answer_threshold):
            raise ValueError("clarify_threshold must not lie above template_threshold or answer_threshold")
        return self


class KefuConfig(_Section):
    """Everything under `kefu:`."""

    encoder: EncoderConfig = EncoderConfig()
    training: TrainingConfig = TrainingConfig()
    policy: PolicyConfig = PolicyConfig()
    titles: dict[str, str] = Field({}, description="What a button that offers an intent says.")
    trust_slash_intents: bool = Field(
        False, description="Take `/intent` from anyone who types it, not only from a button the bot has sent."
    )


RASA_KEYS_IGNORED = {
    "pipeline": "Kefu's own encoder and classifier are used instead",
    "policies": "Kefu follows rules, then past answers, and asks back when unsure",
}
RASA_KEYS_KNOWN = {"recipe", "language", "assistant_id", "version", "kefu", *RASA_KEYS_IGNORED}


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
    return language, _kefu_section(file, data.get("kefu")), notices


def _kefu_section(file: YamlFile, section: Any) -> KefuConfig:
    if section is None:
        return KefuConfig()
    try:
        return KefuConfig.model_validate(section, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ("kefu", *first["loc"])
        name = ".".join(str(key) for key in place)
        if first["type"] == "extra_forbidden":
            siblings = _field_names(KefuConfig, first["loc"][:-1])
            fix = f"Remove it.{nearest(str(first['loc'][-1]), siblings)}"
            raise file.error(place, f"unknown key {name}", fix) from error
        raise file.error(place, f"{name} is {first['input']!r}", f"{first['msg']}.") from error


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
