import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlu.entities import BUILTIN, LEARNED, OWNERS_PATTERN, Entity, SynonymMapper, in_original, merge_entities
from nlu.text import prepare_with_origins


def found(
    start: int, end: int, entity: str = "city", extractor: str = LEARNED, confidence: float | None = None
) -> Entity:
    return Entity(entity=entity, start=start, end=end, value="x", extractor=extractor, confidence=confidence)


ENTITIES = st.builds(
    lambda start, length, extractor, confidence: found(start, start + length, "e", extractor, confidence),
    st.integers(0, 30),
    st.integers(1, 6),
    st.sampled_from((OWNERS_PATTERN, BUILTIN, LEARNED)),
    st.none() | st.floats(0, 1),
)


def test_a_pattern_s_entity_has_rasa_s_five_keys() -> None:
    entity = Entity(entity="zip", start=3, end=8, value="12345", extractor=OWNERS_PATTERN)

    assert entity.to_rasa() == {
        "entity": "zip",
        "start": 3,
        "end": 8,
        "value": "12345",
        "extractor": "RegexEntityExtractor",
    }


def test_all_that_is_known_of_an_entity_is_in_rasa_s_form() -> None:
    entity = Entity(
        entity="city",
        start=0,
        end=5,
        value="LDS",
        extractor=LEARNED,
        role="to",
        group="1",
        confidence=0.0,
        processors=("EntitySynonymMapper",),
    )

    assert entity.to_rasa() == {
        "entity": "city",
        "start": 0,
        "end": 5,
        "value": "LDS",
        "extractor": "KefuLearnedExtractor",
        "role": "to",
        "group": "1",
        "confidence_entity": 0.0,
        "processors": ["EntitySynonymMapper"],
    }


def test_a_value_of_several_parts_can_be_written_as_json() -> None:
    entity = Entity(entity="money", start=0, end=3, value={"amount": "20.00", "currency": "USD"}, extractor=BUILTIN)

    assert json.loads(json.dumps(entity.to_rasa()))["value"] == {"amount": "20.00", "currency": "USD"}


@pytest.mark.parametrize(
    ("given_entities", "kept"),
    [
        ([], []),
        ([found(5, 8), found(0, 5)], [found(0, 5), found(5, 8)]),
        ([found(0, 5, extractor=OWNERS_PATTERN), found(3, 9, confidence=0.1)], [found(3, 9, confidence=0.1)]),
        ([found(0, 5, "a", LEARNED, 0.99), found(0, 5, "b", OWNERS_PATTERN)], [found(0, 5, "b", OWNERS_PATTERN)]),
        ([found(0, 5, "a", BUILTIN), found(0, 5, "b", OWNERS_PATTERN)], [found(0, 5, "b", OWNERS_PATTERN)]),
        ([found(0, 5, "a", LEARNED, 1.0), found(0, 5, "b", BUILTIN)], [found(0, 5, "b", BUILTIN)]),
        ([found(0, 5, "a", LEARNED, 0.6), found(2, 7, "b", LEARNED, 0.7)], [found(2, 7, "b", LEARNED, 0.7)]),
        ([found(0, 5, "b", OWNERS_PATTERN), found(0, 5, "a", OWNERS_PATTERN)], [found(0, 5, "b", OWNERS_PATTERN)]),
        ([found(0, 9), found(1, 2), found(3, 4), found(9, 10)], [found(0, 9), found(9, 10)]),
    ],
)
def test_of_overlapping_entities_one_stays(given_entities: list[Entity], kept: list[Entity]) -> None:
    assert merge_entities(given_entities) == kept


@settings(deadline=None)
@given(st.lists(ENTITIES, max_size=20))
def test_merged_entities_are_apart_and_every_other_overlaps_one(entities: list[Entity]) -> None:
    merged = merge_entities(entities)

    assert all(before.end <= behind.start for before, behind in itertools.pairwise(merged))
    assert all(any(kept.start < entity.end and entity.start < kept.end for kept in merged) for entity in entities)
    assert merge_entities(merged) == merged


def test_a_synonym_replaces_the_value_without_regard_to_case() -> None:
    entity = Entity(entity="city", start=0, end=5, value="LEEDS", extractor=LEARNED, confidence=0.5)
    other = Entity(entity="city", start=6, end=10, value="York", extractor=LEARNED)

    mapped = SynonymMapper({"leeds": "LDS"}).map([entity, other])

    assert (mapped[0].value, mapped[0].processors, mapped[0].confidence) == ("LDS", ("EntitySynonymMapper",), 0.5)
    assert mapped[1] is other


def test_a_value_of_several_parts_has_no_synonyms() -> None:
    entity = Entity(entity="money", start=0, end=3, value={"amount": "20.00", "currency": "USD"}, extractor=BUILTIN)

    assert SynonymMapper({"20.00": "20"}).map([entity]) == [entity]


def test_entities_are_reported_in_the_text_that_was_sent() -> None:
    prepared = prepare_with_origins(" to  cafe\u0301  now ")

    assert in_original([found(3, 7), found(8, 11)], prepared) == [found(5, 10), found(12, 15)]
