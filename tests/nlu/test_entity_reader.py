"""Entities of all sources in one message, with their places in the text that the customer sent."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from configs import EncoderConfig
from configs.entity_spec import EntitySpec
from nlu.checkpoint import find_checkpoint
from nlu.encoder import TaggedPieces
from nlu.entities import BUILTIN, LEARNED, OWNERS_PATTERN, SYNONYM_MAPPER, Entity
from nlu.entity_reader import EntityReader
from nlu.tagging import TagSet
from nlu.tokens import TextTokenizer

CITY = ("city", None, None)
TAGS = TagSet((CITY,))
NO_TAGS = TagSet(())
SURE = 20.0
TOKENIZER = Path(find_checkpoint(EncoderConfig(), Path()).source) / "tokenizer.json"


def spec(**changed: object) -> EntitySpec:
    return EntitySpec(**{"regexes": {}, "lookups": {}, "synonyms": {}, **changed})  # type: ignore[arg-type]


def tagged(text: str, *marked: str, prefix: str = "") -> TaggedPieces:
    """The pieces of `text` as a tagger sees them that is sure that the prepared words `marked` are cities."""
    (pieces,) = TextTokenizer(TOKENIZER, prefix=prefix, max_tokens=64).pieces([text])
    logits = np.zeros((len(pieces.ids), len(TAGS)), np.float32)
    logits[:, 0] = SURE
    for word in marked:
        start = pieces.prepared.text.index(word)
        inside = [i for i, (a, b) in enumerate(pieces.offsets) if start <= a < b <= start + len(word)]
        begins = [i for i in inside if pieces.prepared.text[: pieces.offsets[i][0]][-1:] in ("", " ")]
        tags = TAGS.run(CITY, len(begins))
        for piece, tag in zip(begins, tags, strict=True):
            logits[piece] = 0.0
            logits[piece, tag] = SURE
    return TaggedPieces(pieces=pieces, logits=logits)


def said(entities: tuple[Entity, ...], text: str) -> list[tuple[str, str, str]]:
    return [(entity.entity, text[entity.start : entity.end], entity.extractor) for entity in entities]


def test_patterns_built_in_and_learned_entities_come_in_the_order_of_their_places() -> None:
    reader = EntityReader(spec(regexes={"colour": ("red|blue",)}, builtin=("email",)), TAGS)
    text = "send the red lamp to Leeds and write to ann@example.com"

    assert said(reader.read(text, tagged(text, "Leeds")), text) == [
        ("colour", "red", OWNERS_PATTERN),
        ("city", "Leeds", LEARNED),
        ("email", "ann@example.com", BUILTIN),
    ]


def test_of_two_that_overlap_the_owners_pattern_goes_before_the_learned_one() -> None:
    reader = EntityReader(spec(lookups={"town": ("Leeds",)}), TAGS)
    text = "to Leeds please"

    assert said(reader.read(text, tagged(text, "Leeds")), text) == [("town", "Leeds", OWNERS_PATTERN)]


def test_a_longer_learned_entity_goes_before_a_shorter_pattern() -> None:
    reader = EntityReader(spec(lookups={"town": ("York",)}), TAGS)
    text = "to New York please"

    assert said(reader.read(text, tagged(text, "New York")), text) == [("city", "New York", LEARNED)]


def test_a_learned_entity_says_how_sure_it_is() -> None:
    reader = EntityReader(spec(), TAGS)

    (found,) = reader.read("to Leeds", tagged("to Leeds", "Leeds"))

    assert found.confidence == pytest.approx(1.0, abs=1e-6)
    assert (found.value, found.start, found.end) == ("Leeds", 3, 8)


def test_synonyms_replace_the_values_of_all_sources() -> None:
    synonyms = {"leeds": "LDS", "scarlet": "red"}
    reader = EntityReader(spec(regexes={"colour": ("scarlet",)}, synonyms=synonyms), TAGS)
    text = "Scarlet lamps to Leeds"

    found = reader.read(text, tagged(text, "Leeds"))

    assert [(entity.value, entity.processors) for entity in found] == [
        ("red", (SYNONYM_MAPPER,)),
        ("LDS", (SYNONYM_MAPPER,)),
    ]


@pytest.mark.parametrize("prefix", ["", "query: "])
@pytest.mark.parametrize(
    ("text", "prepared", "original"),
    [
        ("  to   Leeds  now", "Leeds", "Leeds"),
        ("\uff54\uff4f \uff2c\uff45\uff45\uff44\uff53", "Leeds", "\uff2c\uff45\uff45\uff44\uff53"),
        ("cafe\u0301 in Zu\u0308rich now", "Z\u00fcrich", "Zu\u0308rich"),
        ("\U0001f600 to Leeds", "Leeds", "Leeds"),
    ],
    ids=["blanks", "full width", "combining marks", "beyond the first plane"],
)
def test_places_are_those_of_the_text_that_was_sent(prefix: str, text: str, prepared: str, original: str) -> None:
    reader = EntityReader(spec(), TAGS)

    (found,) = reader.read(text, tagged(text, prepared, prefix=prefix))

    assert text[found.start : found.end] == original
    assert found.value == prepared


def test_patterns_find_full_width_forms_at_their_place_whether_or_not_there_is_a_tagger() -> None:
    text = "\u8ba2\u5355  \uff21\uff11\uff17"
    patterns = spec(regexes={"order": ("A[0-9]+",)})

    alone = EntityReader(patterns, NO_TAGS).read(text, None)

    assert [(e.entity, e.start, e.end, e.value) for e in alone] == [("order", 4, 7, "A17")]
    assert EntityReader(patterns, TAGS).read(text, tagged(text)) == alone


def test_only_the_built_in_entities_that_were_asked_for_are_found() -> None:
    text = "ann@example.com paid 20 EUR"

    assert said(EntityReader(spec(builtin=("email",)), NO_TAGS).read(text, None), text) == [
        ("email", "ann@example.com", BUILTIN)
    ]
    assert EntityReader(spec(), NO_TAGS).read(text, None) == ()


def test_tomorrow_is_told_from_the_clock_in_the_owners_zone() -> None:
    def late_in_london(zone: ZoneInfo) -> datetime:
        return datetime(2026, 5, 1, 23, 30, tzinfo=UTC).astimezone(zone)

    found = {
        zone: EntityReader(spec(builtin=("time",), timezone=zone), NO_TAGS, now=late_in_london).read("tomorrow", None)
        for zone in ("UTC", "Asia/Shanghai")
    }

    assert {zone: str(entities[0].value)[:10] for zone, entities in found.items()} == {
        "UTC": "2026-05-02",
        "Asia/Shanghai": "2026-05-03",
    }


def test_the_owners_order_numbers_take_the_place_of_the_usual_ones() -> None:
    reader = EntityReader(spec(builtin=("order_number",), order_number_pattern="K-[0-9]{3}"), NO_TAGS)

    assert [entity.value for entity in reader.read("K-123 or #1234", None)] == ["K-123"]


def test_nothing_is_found_in_nothing() -> None:
    reader = EntityReader(spec(regexes={"any": (".*",)}, builtin=("email", "money", "time", "phone")), TAGS)

    assert reader.read("", tagged("")) == ()
