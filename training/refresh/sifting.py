"""The steps before a training: what was taught is validated, held to the limits, and doubted."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from configs.assistant import Assistant
from configs.bot_spec import BotSpec
from configs.taught import Meaning, Taught
from nlu.masking import regions_of
from retrieval.pair import Pair
from training.refresh.answers import SOURCE
from training.refresh.contacts import known_contacts
from training.refresh.doubts import Embed, doubted
from training.refresh.left_out import LeftOut, Why
from training.refresh.limits import Known, limited
from training.refresh.steps import Steps
from training.refresh.validate import validated


@dataclass(frozen=True, slots=True, kw_only=True)
class Sifted:
    """The rows that are learned, in their order, and the others."""

    kept: tuple[Taught, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What there is before anything is learned.

    Attributes:
        owner: The assistant's own files alone.
        pairs: The past answers.
        set_aside: Words of the test set.
        learned: The rows that the release in use was trained with; see `training.learned.read_trained_with`.
        accepted: Ids of rows that an admin has let through.
    """

    owner: Assistant
    pairs: tuple[Pair, ...]
    set_aside: frozenset[str]
    learned: Mapping[str, str]
    accepted: frozenset[str]


def sift(rows: Sequence[Taught], before: Before, steps: Steps, embed: Callable[[], Embed]) -> Sifted:
    """What of `rows` is learned; each of the three steps is done once for the same inputs.

    Args:
        embed: Loads the untuned encoder, where it is needed.
    """
    plain = [asdict(row) for row in rows]
    known = _owned(before)
    checked = steps.of(
        "validate",
        [plain, known, sorted(pair.id for pair in before.pairs), sorted(before.set_aside)],
        lambda _: _told(*validated(rows, before.owner, {pair.id for pair in before.pairs}, before.set_aside)),
    )
    valid = _rows(checked["kept"])
    config = before.owner.config.refresh
    limits = known_limits(before, valid)
    capped = steps.of(
        "limits",
        [checked["kept"], config.model_dump(), _plain(limits)],
        lambda _: _told(*limited(valid, limits, config)),
    )
    examples = before.owner.examples
    judged = steps.of(
        "doubts",
        [capped["kept"], known, before.owner.config.encoder.model_dump()],
        lambda _: _told(*_doubted(_rows(capped["kept"]), examples, embed)),
    )
    return Sifted(
        kept=tuple(_rows(judged["kept"])),
        left_out=tuple(_left_out([*checked["left_out"], *capped["left_out"], *judged["left_out"]])),
    )


def known_limits(before: Before, rows: Sequence[Taught]) -> Known:
    """What the limits go by, as far as it counts for `rows`."""
    owner = before.owner
    texts = _owned_texts(before) if any(row.meaning is not Meaning.INTENT for row in rows) else ()
    regions = regions_of(owner.language)
    examples = Counter(example.intent for example in owner.examples)
    examples.update(intent for intent in before.learned.values() if intent)
    return Known(
        contacts=known_contacts(texts, regions),
        learned=frozenset(before.learned),
        examples=examples,
        accepted=before.accepted,
        regions=regions,
    )


def _owned_texts(before: Before) -> list[str]:
    """Every text that the owner has written; an answer out of a label becomes one only when somebody has edited it."""
    said = [part for variations in before.owner.domain.responses.values() for one in variations for part in _parts(one)]
    pairs = [pair for pair in before.pairs if pair.source != SOURCE]
    return [*said, *(f"{pair.question}\n{pair.answer}" for pair in pairs)]


def _parts(variation: Any) -> list[str]:
    buttons = [text for button in variation.buttons for text in (button.title, button.payload)]
    return [text for text in (variation.text, variation.image, *buttons) if text]


def _owned(before: Before) -> list[Any]:
    """The owner's files as far as a step goes by them."""
    owner = before.owner
    examples = [[example.text, example.intent] for example in owner.examples]
    return [examples, BotSpec.of(owner).to_json().decode("utf-8")]


def _plain(known: Known) -> Mapping[str, Any]:
    return {
        "contacts": sorted(known.contacts),
        "learned": sorted(known.learned),
        "examples": dict(known.examples),
        "accepted": sorted(known.accepted),
    }


def _doubted(rows: Sequence[Taught], examples: Sequence[Any], embed: Callable[[], Embed]) -> Any:
    if not any(row.meaning is Meaning.INTENT for row in rows):
        return list(rows), []
    return doubted(rows, examples, embed())


def _told(kept: Sequence[Taught], left_out: Sequence[LeftOut]) -> dict[str, Any]:
    return {"kept": [asdict(row) for row in kept], "left_out": [asdict(one) for one in left_out]}


def _rows(plain: Sequence[Mapping[str, Any]]) -> list[Taught]:
    return [Taught(**{**row, "meaning": Meaning(row["meaning"])}) for row in plain]


def _left_out(plain: Sequence[Mapping[str, Any]]) -> list[LeftOut]:
    rows = _rows([one["row"] for one in plain])
    return [
        LeftOut(row=row, why=Why(one["why"]), detail=str(one["detail"])) for row, one in zip(rows, plain, strict=True)
    ]
