"""What an entity is, which of several overlapping ones stays, and how synonyms replace values."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nlu.text import PreparedText

OWNERS_PATTERN = "RegexEntityExtractor"
BUILTIN = "KefuBuiltinExtractor"
LEARNED = "KefuLearnedExtractor"
SYNONYM_MAPPER = "EntitySynonymMapper"
_PRECEDENCE = (OWNERS_PATTERN, BUILTIN, LEARNED)

Value = str | Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """Something named in a message.

    Attributes:
        start: First code point, from 0, of the text that the entity was found in.
        end: One behind the last code point.
        value: What it stands for; the words themselves where nothing else is known.
        confidence: In [0, 1], or None where a pattern found it.
        extractor: `OWNERS_PATTERN`, `BUILTIN` or `LEARNED`.
        processors: What has changed the value since.
    """

    entity: str
    start: int
    end: int
    value: Value
    extractor: str
    role: str | None = None
    group: str | None = None
    confidence: float | None = None
    processors: tuple[str, ...] = ()

    def to_rasa(self) -> dict[str, Any]:
        """The entity as Rasa's parse data holds it; what is not known is left out."""
        optional = {
            "role": self.role,
            "group": self.group,
            "confidence_entity": self.confidence,
            "processors": list(self.processors) or None,
        }
        return {
            "entity": self.entity,
            "start": self.start,
            "end": self.end,
            "value": self.value if isinstance(self.value, str) else dict(self.value),
            "extractor": self.extractor,
            **{key: value for key, value in optional.items() if value is not None},
        }


class SynonymMapper:
    """Replaces values by what they are synonyms of, whatever their entity, as Rasa does.

    Args:
        table: From a text in lower case to the value it stands for.
    """

    def __init__(self, table: Mapping[str, str]) -> None:
        self._table = dict(table)

    def map(self, entities: Iterable[Entity]) -> list[Entity]:
        """The entities, those whose value is a synonym with the value it stands for."""
        return [self._mapped(entity) for entity in entities]

    def _mapped(self, entity: Entity) -> Entity:
        value = self._table.get(entity.value.lower()) if isinstance(entity.value, str) else None
        if value is None:
            return entity
        return replace(entity, value=value, processors=(*entity.processors, SYNONYM_MAPPER))


def merge_entities(entities: Iterable[Entity]) -> list[Entity]:
    """Those of `entities` that do not overlap, in the order of their places.

    Of two that overlap the longer one stays. Of two of one length an owner's pattern goes before a built-in one, both
    before a learned entity, and the surer learned one before the other; otherwise the first given stays.
    """
    kept: list[tuple[int, int]] = []
    chosen: dict[int, Entity] = {}
    for entity in sorted(entities, key=_rank):
        place = bisect_left(kept, (entity.start, entity.end))
        free_before = place == 0 or kept[place - 1][1] <= entity.start
        free_behind = place == len(kept) or entity.end <= kept[place][0]
        if free_before and free_behind:
            insort(kept, (entity.start, entity.end))
            chosen[entity.start] = entity
    return [chosen[start] for start, _ in kept]


def in_original(entities: Sequence[Entity], prepared: PreparedText) -> list[Entity]:
    """Entities found in a prepared text, with their places in the text that the customer sent."""
    moved = [(entity, *prepared.original_span(entity.start, entity.end)) for entity in entities]
    return [replace(entity, start=start, end=end) for entity, start, end in moved]


def _rank(entity: Entity) -> tuple[int, int, float]:
    return entity.start - entity.end, _PRECEDENCE.index(entity.extractor), -(entity.confidence or 0.0)
