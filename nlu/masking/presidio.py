"""What Presidio finds besides, where an owner has asked for it: names that nobody introduces, and further numbers.

It reads with models of spaCy, which take hundreds of megabytes and some milliseconds a message. Nothing is loaded, and
nothing else needs it, as long as `KEFU_PRESIDIO_MODELS` is not set.
"""

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from typing import Any

from configs.errors import SettingsError
from configs.settings import load_settings
from nlu.masking.find import Find, Kind

MIN_SCORE = 0.5
SETTING = "KEFU_PRESIDIO_MODELS"
CHINESE = "zh"
# Places, dates and nationalities are left: what is asked is seldom understood without them.
_KINDS = {
    "PERSON": Kind.NAME,
    "EMAIL_ADDRESS": Kind.EMAIL,
    "PHONE_NUMBER": Kind.PHONE,
    "CREDIT_CARD": Kind.CARD,
    "IBAN_CODE": Kind.BANK_ACCOUNT,
    "CRYPTO": Kind.BANK_ACCOUNT,
    "US_BANK_NUMBER": Kind.BANK_ACCOUNT,
    "IP_ADDRESS": Kind.IP_ADDRESS,
    "MEDICAL_LICENSE": Kind.IDENTITY,
    "US_PASSPORT": Kind.PASSPORT,
    "US_SSN": Kind.IDENTITY,
    "US_ITIN": Kind.IDENTITY,
    "US_DRIVER_LICENSE": Kind.IDENTITY,
    "UK_NHS": Kind.IDENTITY,
    "UK_NINO": Kind.IDENTITY,
}


def presidio_finds(text: str) -> Iterator[Find]:
    """What it finds; nothing where it is not asked for.

    Raises:
        SettingsError: It is asked for, and is not installed, or a model is not.
    """
    models = load_models()
    if models is None or not text.strip():
        return
    analyzer, languages = models
    for one in analyzer.analyze(text=text, language=_language(text, languages), score_threshold=MIN_SCORE):
        if (kind := _KINDS.get(one.entity_type)) is not None:
            yield Find(kind=kind, start=one.start, end=one.end, value=text[one.start : one.end])


@cache
def load_models() -> tuple[Any, tuple[str, ...]] | None:
    """The analyser and its languages, loaded once in a process; None where it is not asked for.

    Raises:
        SettingsError: It is not installed, or a model is not.
    """
    models = load_settings().presidio_models
    if not models:
        return None
    if find_spec("presidio_analyzer") is None:
        raise SettingsError(f'{SETTING} is set, but Presidio is not installed. Run pip install "kefu[presidio]".')
    for model in models.values():
        if find_spec(model) is None:  # Presidio would fetch it
            raise SettingsError(
                f"{SETTING} names {model!r}, which is not installed. Run python -m spacy download {model}."
            )
    from presidio_analyzer import AnalyzerEngine  # noqa: PLC0415 - an extra
    from presidio_analyzer.nlp_engine import NlpEngineProvider  # noqa: PLC0415

    named = [{"lang_code": language, "model_name": model} for language, model in models.items()]
    provider = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": named})
    languages = tuple(models)
    return AnalyzerEngine(nlp_engine=provider.create_engine(), supported_languages=list(languages)), languages


def _language(text: str, languages: tuple[str, ...]) -> str:
    """Chinese where it holds Chinese characters, else the first of the others."""
    others = [language for language in languages if language != CHINESE] or [CHINESE]
    return CHINESE if CHINESE in languages and any("\u4e00" <= sign <= "\u9fff" for sign in text) else others[0]
