"""All the ways to find entities in a message, and their results put together."""

from collections.abc import Callable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from configs.entity_spec import EntitySpec
from nlu.builtin_context import BuiltinContext, region_of
from nlu.encoder import TaggedPieces
from nlu.entities import LEARNED, Entity, SynonymMapper, in_original, merge_entities
from nlu.intent import softmax
from nlu.patterns import PatternExtractor
from nlu.tagging import TagSet, decode_tags
from nlu.text import prepare_with_origins


class EntityReader:
    """Finds entities by the owner's patterns, by those that come with Kefu, and by what the encoder has learned.

    Args:
        tags: Of the encoder's tagger; no labels where it has none.
        now: The time that `tomorrow` is told from, in the zone it is given.
    """

    def __init__(self, spec: EntitySpec, tags: TagSet, *, now: Callable[[ZoneInfo], datetime] = datetime.now) -> None:
        self.spec = spec
        self.tags = tags
        self._patterns = PatternExtractor(regexes=spec.regexes, lookups=spec.lookups)
        self._synonyms = SynonymMapper(spec.synonyms)
        self._zone = ZoneInfo(spec.timezone)
        self._now = now
        self._finders = self._builtins()

    def read(self, text: str, tagged: TaggedPieces | None) -> tuple[Entity, ...]:
        """The entities of one message, in the order of their places, which are code points of `text`."""
        prepared = tagged.pieces.prepared if tagged else prepare_with_origins(text)
        found = self._patterns.extract(prepared.text)
        if self._finders:
            context = self._context()
            found += [entity for find in self._finders for entity in find(prepared.text, context)]
        if tagged:
            found += self._learned(tagged)
        return tuple(self._synonyms.map(in_original(merge_entities(found), prepared))) if found else ()

    def _learned(self, tagged: TaggedPieces) -> list[Entity]:
        text = tagged.pieces.prepared.text
        probabilities = softmax(tagged.logits).astype("float32")
        return [
            Entity(
                entity=span.entity,
                start=span.start,
                end=span.end,
                value=text[span.start : span.end],
                role=span.role,
                group=span.group,
                confidence=span.confidence,
                extractor=LEARNED,
            )
            for span in decode_tags(probabilities, tagged.pieces.offsets, text, self.tags)
        ]

    def _context(self) -> BuiltinContext:
        return BuiltinContext(
            now=self._now(self._zone),
            language=self.spec.language,
            region=self.spec.region or region_of(self.spec.language),
            order_number_pattern=self.spec.order_number_pattern,
        )

    def _builtins(self) -> Sequence[Callable[[str, BuiltinContext], list[Entity]]]:
        if not self.spec.builtin:
            return ()
        from nlu.builtin import BUILTINS  # noqa: PLC0415 - phonenumbers takes a tenth of a second

        return [find for name, find in BUILTINS.items() if name in self.spec.builtin]
