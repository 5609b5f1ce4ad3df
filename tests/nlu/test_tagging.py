import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from configs import EncoderConfig
from configs.entity_markup import Annotation, parse_markup
from nlu.checkpoint import find_checkpoint
from nlu.encoder import FloatArray
from nlu.tagging import IGNORED, TagSet, decode_tags, encode_tags, in_prepared, misaligned
from nlu.text import prepare_with_origins, word_spans

TAGS = TagSet((("city", None, None), ("city", "to", None), ("size", None, "1")))
CITY_B, CITY_I, CITY_L, CITY_U, TO_B, _, TO_L, TO_U = range(1, 9)


def note(start: int, end: int, entity: str = "city", role: str | None = None, group: str | None = None) -> Annotation:
    return Annotation(start=start, end=end, entity=entity, value="", role=role, group=group)


def one_hot(tags: list[int], count: int) -> FloatArray:
    rows = np.zeros((len(tags), count), np.float32)
    rows[np.arange(len(tags)), np.maximum(tags, 0)] = 1
    return rows


@st.composite
def tagged_texts(draw: st.DrawFn) -> tuple[str, list[Annotation], list[tuple[int, int]]]:
    """A text, annotations on the borders of what is tagged together, and the pieces of some tokenizer."""
    text = " ".join(draw(st.lists(st.text(alphabet="abé客户1,.", min_size=1, max_size=6), min_size=1, max_size=8)))
    words = word_spans(text)
    cuts = sorted(draw(st.sets(st.integers(1, len(words)))) | {len(words)})
    annotations, begin = [], 0
    for end in cuts:
        label = draw(st.none() | st.sampled_from(TAGS.labels))
        if label:
            annotations.append(note(words[begin][0], words[end - 1][1], *label))
        begin = end
    pieces = [(0, 0)]
    for start, end in words:
        inner = sorted({start, end, *draw(st.sets(st.integers(start, end), max_size=2))})
        pieces += itertools.pairwise(inner)
    return text, annotations, [*pieces, (0, 0)]


@settings(deadline=None)
@given(tagged_texts())
def test_what_is_encoded_is_decoded_again(case: tuple[str, list[Annotation], list[tuple[int, int]]]) -> None:
    text, annotations, offsets = case
    tags = encode_tags(annotations, offsets, text, TAGS)

    decoded = decode_tags(one_hot(tags, len(TAGS)), offsets, text, TAGS)

    assert decoded == [(a.start, a.end, a.entity, a.role, a.group, 1.0) for a in annotations]
    assert misaligned(annotations, offsets, text) == []


def test_first_pieces_carry_the_tags_and_all_others_are_ignored() -> None:
    text = "to New York or Leeds"
    offsets = [(0, 0), (0, 2), (3, 6), (7, 9), (9, 11), (12, 14), (15, 18), (18, 20), (0, 0)]

    tags = encode_tags([note(3, 11, role="to"), note(15, 20)], offsets, text, TAGS)

    assert tags == [IGNORED, 0, TO_B, TO_L, IGNORED, 0, CITY_U, IGNORED, IGNORED]


def test_an_entity_of_three_words_has_an_inside() -> None:
    assert encode_tags([note(0, 5)], [(0, 1), (2, 3), (4, 5)], "a b c", TAGS) == [CITY_B, CITY_I, CITY_L]


def test_characters_of_chinese_are_words_and_a_piece_of_several_is_tagged_once() -> None:
    text = "去北京西站吧"

    assert encode_tags([note(1, 5)], [(i, i + 1) for i in range(6)], text, TAGS) == [
        0,
        CITY_B,
        CITY_I,
        CITY_I,
        CITY_L,
        0,
    ]
    assert encode_tags([note(1, 5)], [(0, 1), (1, 3), (3, 5), (5, 6)], text, TAGS) == [0, CITY_B, CITY_L, 0]


def test_a_piece_that_begins_with_its_blank_belongs_to_the_word() -> None:
    offsets = [(0, 2), (2, 8), (8, 9), (9, 10)]

    assert encode_tags([note(3, 8)], offsets, "to Leeds x", TAGS) == [0, CITY_U, IGNORED, 0]


def test_an_annotation_within_a_word_is_widened_and_reported() -> None:
    text = "to Leedsville"
    annotations = [note(3, 8)]

    assert encode_tags(annotations, word_spans(text), text, TAGS) == [0, CITY_U]
    assert misaligned(annotations, word_spans(text), text) == [(annotations[0], "Leedsville")]


def test_a_piece_over_the_border_of_an_annotation_widens_it() -> None:
    text = "到北京吧"
    offsets = [(0, 2), (2, 3), (3, 4)]

    assert misaligned([note(1, 3)], offsets, text) == [(note(1, 3), "到北京")]
    assert misaligned([note(1, 3)], word_spans(text), text) == []


def test_of_two_annotations_of_one_word_the_first_is_learned_and_the_second_reported() -> None:
    text, annotations = parse_markup('[Leeds][{"entity": "city"}, {"entity": "size", "group": "1"}]')

    assert encode_tags(annotations, word_spans(text), text, TAGS) == [CITY_U]
    assert misaligned(annotations, word_spans(text), text) == [(annotations[1], "")]


def test_an_annotation_beyond_the_last_piece_is_left_out_and_reported() -> None:
    assert encode_tags([note(3, 8)], [(0, 2)], "to Leeds", TAGS) == [0]
    assert misaligned([note(3, 8)], [(0, 2)], "to Leeds") == [(note(3, 8), "")]


def test_blanks_around_an_annotation_do_not_count() -> None:
    assert misaligned([note(2, 9)], word_spans("to Leeds x"), "to Leeds x") == []


def test_a_label_that_is_not_in_the_tag_set_is_refused() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        encode_tags([note(0, 1, "town")], [(0, 1)], "a", TAGS)


def test_annotations_are_moved_into_the_prepared_text() -> None:
    text, annotations = parse_markup("  to   [cafe\u0301](place)  x")
    prepared = prepare_with_origins(text)

    assert [(a.start, a.end) for a in annotations] == [(7, 12)]
    assert [(a.start, a.end) for a in in_prepared(annotations, prepared)] == [(3, 7)]
    assert in_prepared([note(0, 2)], prepared) == []


def test_the_likeliest_path_is_legal_where_the_likeliest_tags_are_not() -> None:
    text = "a b"
    rows = np.full((2, len(TAGS)), 0.01, np.float32)
    rows[0, CITY_B], rows[0, 0] = 0.5, 0.3
    rows[1, TO_L], rows[1, CITY_L], rows[1, 0] = 0.6, 0.2, 0.1

    spans = decode_tags(rows, [(0, 1), (2, 3)], text, TAGS)

    # B-city then L-city is 0.5 * 0.2 = 0.1; O then O is 0.3 * 0.1 = 0.03; B-city then L-city/to is not legal.
    assert [span[:5] for span in spans] == [(0, 3, "city", None, None)]
    assert spans[0].confidence == pytest.approx((0.5 * 0.2) ** 0.5)


@pytest.mark.parametrize("tag", [CITY_B, CITY_I, CITY_L])
def test_a_single_word_is_never_part_of_something_longer(tag: int) -> None:
    rows = np.full((1, len(TAGS)), 0.001, np.float32)
    rows[0, tag], rows[0, CITY_U], rows[0, 0] = 0.9, 0.05, 0.01

    assert [span[:3] for span in decode_tags(rows, [(0, 1)], "a", TAGS)] == [(0, 1, "city")]


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_no_legal_path_is_likelier_than_the_one_chosen(words: int, seed: int) -> None:
    tags = TagSet((("a", None, None), ("b", None, None)))
    rows = np.random.default_rng(seed).dirichlet(np.full(len(tags), 0.3), size=words).astype(np.float32)
    text = " ".join("x" * words)
    offsets = word_spans(text)

    spans = decode_tags(rows, offsets, text, tags)

    chosen = encode_tags([note(s.start, s.end, s.entity) for s in spans], offsets, text, tags)
    paths = [path for path in itertools.product(range(len(tags)), repeat=words) if legal(path)]
    best = max(np.log(np.maximum(rows[range(words), path], 1e-30)).sum() for path in paths)
    assert np.log(np.maximum(rows[range(words), chosen], 1e-30)).sum() == pytest.approx(best, rel=1e-5)


def legal(path: tuple[int, ...]) -> bool:
    """Spelt out tag by tag, over labels a (1-4) and b (5-8)."""
    follows = {0: {0, 1, 4, 5, 8}, 1: {2, 3}, 2: {2, 3}, 5: {6, 7}, 6: {6, 7}}
    follows |= {3: follows[0], 4: follows[0], 7: follows[0], 8: follows[0]}
    return (
        path[0] in follows[0]
        and path[-1] in {0, 3, 4, 7, 8}
        and all(b in follows[a] for a, b in itertools.pairwise(path))
    )


def test_no_pieces_and_no_labels_give_no_entities() -> None:
    empty = TagSet(())

    assert decode_tags(np.zeros((2, 13), np.float32), [(0, 0), (0, 0)], "", TAGS) == []
    assert decode_tags(np.ones((2, 1), np.float32), [(0, 1), (2, 3)], "a b", empty) == []
    assert empty.names == ("O",)


def test_a_tag_set_is_ordered_by_its_labels_and_comes_back_from_json() -> None:
    tags = TagSet.of([note(0, 1, "客", "to"), note(0, 1, "city", "to"), note(0, 1, "city"), note(1, 2, "city")])

    assert tags.labels == (("city", None, None), ("city", "to", None), ("客", "to", None))
    assert tags.names[:6] == ("O", "B-city", "I-city", "L-city", "U-city", "B-city/to")
    assert len(tags.names) == len(tags) == 13
    assert TagSet.from_json(tags.to_json()) == tags


def test_the_default_encoder_s_pieces_carry_entities_there_and_back() -> None:
    tokenizer = Tokenizer.from_file(str(Path(find_checkpoint(EncoderConfig(), Path()).source) / "tokenizer.json"))
    written, annotations = parse_markup('send it to [Wolverhampton](city), [Café Zoë]{"entity": "city", "role": "to"}!')
    prepared = prepare_with_origins(written)
    offsets = tokenizer.encode(prepared.text).offsets
    wanted = in_prepared(annotations, prepared)

    tags = encode_tags(wanted, offsets, prepared.text, TAGS)

    assert [span[:4] for span in decode_tags(one_hot(tags, len(TAGS)), offsets, prepared.text, TAGS)] == [
        (11, 24, "city", None),
        (26, 34, "city", "to"),
    ]
