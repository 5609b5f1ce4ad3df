from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from configs import EncoderConfig
from nlu.checkpoint import find_checkpoint
from nlu.tokens import TextTokenizer, pad

CLS, SEP = 101, 102


@pytest.fixture(scope="module")
def tokenizer_path() -> Path:
    return Path(find_checkpoint(EncoderConfig(), Path()).source) / "tokenizer.json"


def tokenizer(path: Path, *, prefix: str = "", max_tokens: int = 128) -> TextTokenizer:
    return TextTokenizer(path, prefix=prefix, max_tokens=max_tokens)


def test_ids_are_those_of_the_words_between_the_special_tokens(tokenizer_path: Path) -> None:
    plain = Tokenizer.from_file(str(tokenizer_path))
    words = [plain.token_to_id(word) for word in ("where", "is", "my", "parcel", "?")]

    assert tokenizer(tokenizer_path).ids(["Where is  my parcel?"]) == [[CLS, *words, SEP]]


def test_texts_are_not_padded_to_each_other(tokenizer_path: Path) -> None:
    short, long = tokenizer(tokenizer_path).ids(["hi", "where is my parcel"])

    assert (len(short), len(long)) == (3, 6)


def test_a_text_is_prepared_before_it_is_tokenised(tokenizer_path: Path) -> None:
    ids = tokenizer(tokenizer_path).ids(["caf\u00e9 closed", "cafe\u0301\n\n closed"])

    assert ids[0] == ids[1]


def test_the_prefix_stands_before_every_text(tokenizer_path: Path) -> None:
    prefixed = tokenizer(tokenizer_path, prefix="query: ").ids(["hello", "bye"])

    assert prefixed == tokenizer(tokenizer_path).ids(["query: hello", "query: bye"])


def test_a_long_text_is_cut_to_the_limit_and_still_ends_with_the_special_token(tokenizer_path: Path) -> None:
    text = "one two three four five six seven eight nine ten"
    whole = tokenizer(tokenizer_path).ids([text])[0]

    assert tokenizer(tokenizer_path, max_tokens=8).ids([text])[0] == [*whole[:7], SEP]


def test_no_texts_give_no_ids(tokenizer_path: Path) -> None:
    assert tokenizer(tokenizer_path).ids([]) == []


def test_an_empty_text_has_the_special_tokens_alone(tokenizer_path: Path) -> None:
    assert tokenizer(tokenizer_path).ids([""]) == [[CLS, SEP]]


def test_a_saved_tokenizer_gives_the_same_ids(tokenizer_path: Path, tmp_path: Path) -> None:
    texts = ["Where is my parcel?", "", "\U0001f600 \u4f60\u597d", "word " * 50]
    original = tokenizer(tokenizer_path, max_tokens=16)
    original.save(tmp_path / "tokenizer.json")

    assert tokenizer(tmp_path / "tokenizer.json", max_tokens=16).ids(texts) == original.ids(texts)


def test_padding_goes_to_the_right_and_is_masked() -> None:
    batch = pad([[5, 6, 7], [8], []])

    assert batch.input_ids.tolist() == [[5, 6, 7], [8, 0, 0], [0, 0, 0]]
    assert batch.attention_mask.tolist() == [[1, 1, 1], [1, 0, 0], [0, 0, 0]]
    assert batch.input_ids.dtype == batch.attention_mask.dtype == np.int64


def test_no_rows_pad_to_an_empty_batch() -> None:
    batch = pad([])

    assert batch.input_ids.shape == batch.attention_mask.shape == (0, 0)


@pytest.mark.parametrize("prefix", ["", "query: "])
def test_pieces_have_their_places_in_the_prepared_text_whatever_the_prefix(tokenizer_path: Path, prefix: str) -> None:
    (pieces,) = tokenizer(tokenizer_path, prefix=prefix).pieces(["  Return  the red parcels!"])

    assert pieces.prepared.text == "Return the red parcels!"
    shown = [pieces.prepared.text[start:end] for start, end in pieces.offsets if start < end]
    assert shown == ["Return", "the", "red", "parcels", "!"]
    assert len(pieces.offsets) == len(pieces.ids)
    skipped = 1 + (len(tokenizer(tokenizer_path).ids([prefix])[0]) - 2)
    assert pieces.offsets[:skipped] == [(0, 0)] * skipped
    assert pieces.offsets[-1] == (0, 0)


@pytest.mark.parametrize("prefix", ["", "query: "])
def test_pieces_have_the_same_ids_as_the_text_alone(tokenizer_path: Path, prefix: str) -> None:
    texts = ["Where is my parcel?", "", "\uff21\uff22 cafe\u0301", "\u4f60\u597d", "word " * 50]
    cut = tokenizer(tokenizer_path, prefix=prefix, max_tokens=16)

    assert [list(each.ids) for each in cut.pieces(texts)] == cut.ids(texts)


def test_pieces_of_a_text_that_was_changed_lead_back_to_the_original(tokenizer_path: Path) -> None:
    text = "\uff21 cafe\u0301  bar"  # a full-width A, and an e with its accent apart
    (pieces,) = tokenizer(tokenizer_path, prefix="query: ").pieces([text])

    spans = [pieces.prepared.original_span(start, end) for start, end in pieces.offsets if start < end]
    assert pieces.prepared.text == "A caf\u00e9 bar"
    assert [text[start:end] for start, end in spans] == ["\uff21", "cafe\u0301", "bar"]
