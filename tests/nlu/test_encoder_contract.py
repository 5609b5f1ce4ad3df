"""What every `Encoder` promises, shown by comparing values with the slowest way to compute them."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from configs import EncoderConfig
from configs.assistant_config import Precision
from nlu.checkpoint import Checkpoint, find_checkpoint
from nlu.encoder import INTENT_HEAD, Encoded, Encoder, batches_by_length
from nlu.onnx_encoder import OnnxEncoder
from nlu.text import prepare_with_origins
from nlu.torch_encoder import TorchEncoder, load_torch_encoder
from training.export import export_encoder

CLASSES = 5
TAGS = 5
MAX_TOKENS = 64
TOLERANCE = 1e-5
LEAST_COSINE_OF_INT8 = 0.98


@dataclass(frozen=True)
class Wanted:
    """What the oracle makes of one text."""

    plain: np.ndarray
    tuned: np.ndarray
    logits: np.ndarray
    tags: np.ndarray


Oracle = Callable[[str], Wanted]

TEXTS = [
    "where is my parcel",
    "Hello!",
    "I ordered a lamp on Monday, paid by card, and would like to know on which day it will be delivered to my sister.",
    "wat are yuor oppening huors",
    "r u real",
    "How many days do I have to return a purchase?",
]
STRANGE_TEXTS = [
    "",
    " \t\n ",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f",
    "\u4f60\u597d\uff0c\u6211\u7684\u5305\u88f9\u5728\u54ea\u91cc\uff1f",
    "\u0627\u0644\u0633\u0644\u0627\u0645 \u0639\u0644\u064a\u0643\u0645 \u202e\u202d",
    "z\u0351\u036b\u0343\u036a\u0302a\u0301l\u0328g\u0321o\u0334" * 20,
    "\x00\x01\x1b[31m\x7f\u0085",
    "\ud83d half a pair",
    "\ufeff\ufffe\uffff\U0010ffff",
    "'; DROP TABLE turns; -- <script>{{7*7}}</script> %s %n",
    "a" * 3_000,
    "[CLS] [SEP] [PAD] [MASK]",
]


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return find_checkpoint(EncoderConfig(max_tokens=MAX_TOKENS, prefix="query: "), Path())


@pytest.fixture(scope="module")
def torch_encoder(checkpoint: Checkpoint) -> TorchEncoder:
    """Half of the layers exist twice, and the tuned half is no longer what it was."""
    torch.manual_seed(7)
    device = torch.device("cpu")
    encoder = load_torch_encoder(checkpoint, CLASSES, device, tuned_layers=lambda count: count // 2, tags=TAGS)
    with torch.no_grad():
        for parameter in encoder.model.tuned_top.parameters():
            parameter.mul_(1 + 0.1 * torch.randn_like(parameter))
    return encoder


@pytest.fixture(scope="module")
def onnx_encoder(torch_encoder: TorchEncoder, tmp_path_factory: pytest.TempPathFactory) -> OnnxEncoder:
    folder = tmp_path_factory.mktemp("exported")
    assert export_encoder(torch_encoder, folder, TEXTS, Precision.FLOAT32) is None
    return OnnxEncoder(folder)


@pytest.fixture(scope="module")
def int8_encoder(torch_encoder: TorchEncoder, tmp_path_factory: pytest.TempPathFactory) -> OnnxEncoder:
    folder = tmp_path_factory.mktemp("int8")
    quantised = export_encoder(torch_encoder, folder, TEXTS, Precision.INT8)
    assert quantised is not None
    assert quantised.precision != "float32", quantised.reason
    return OnnxEncoder(folder)


@pytest.fixture(scope="module")
def oracle(checkpoint: Checkpoint, torch_encoder: TorchEncoder) -> Oracle:
    """One text at a time: the tokenizer library, torch's layers in float32, and the formulas in numpy."""
    tokenizer = Tokenizer.from_file(str(Path(checkpoint.source) / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    model = torch_encoder.model.eval()
    assert model.tagger is not None

    def through(layers: torch.nn.ModuleList, states: torch.Tensor) -> torch.Tensor:
        for layer in layers:
            states = layer(states, attention_mask=None)
        return states

    def unit(states: torch.Tensor) -> np.ndarray:
        mean = states[0].numpy().astype(np.float64).mean(axis=0)
        return mean / np.sqrt((mean**2).sum())

    def applied(head: torch.nn.Linear, rows: np.ndarray) -> np.ndarray:
        weight, bias = (part.detach().numpy().astype(np.float64) for part in (head.weight, head.bias))
        return rows @ weight.T + bias

    def encode_one(text: str) -> Wanted:
        ids = torch.tensor([tokenizer.encode("query: " + text).ids])
        with torch.no_grad():
            below = through(model.trunk, model.embeddings(input_ids=ids))
            above, words = through(model.plain_top, below), through(model.tuned_top, below)
        plain, tuned = unit(above), unit(words)
        return Wanted(
            plain=plain,
            tuned=tuned,
            logits=0.3 * applied(model.plain_head, plain) + 0.7 * applied(model.tuned_head, tuned),
            tags=applied(model.tagger, words[0].numpy().astype(np.float64)),
        )

    return encode_one


def parts(encoded: Encoded) -> list[np.ndarray]:
    """All that is said of texts, row by row."""
    return [encoded.plain, encoded.tuned, encoded.embeddings, encoded.logits[INTENT_HEAD]]


def cosines(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return (left * right).sum(-1) / np.linalg.norm(left, axis=-1) / np.linalg.norm(right, axis=-1)


class TestEncoder:
    """Every test here runs on every implementation."""

    @pytest.fixture(params=["torch", "onnx", "int8"])
    def encoder(self, request: pytest.FixtureRequest) -> Encoder:
        encoder: Encoder = request.getfixturevalue(f"{request.param}_encoder")
        return encoder

    @pytest.fixture
    def tolerance(self, request: pytest.FixtureRequest, encoder: Encoder) -> float:
        """Of a text beside others: none at all where int8 would otherwise let neighbours in."""
        return 0.0 if encoder is request.getfixturevalue("int8_encoder") else TOLERANCE

    def test_rows_have_length_one(self, encoder: Encoder) -> None:
        encoded = encoder.encode([*TEXTS, *STRANGE_TEXTS])

        for rows in (encoded.plain, encoded.tuned, encoded.embeddings):
            np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)

    def test_arrays_are_float32_in_c_order_of_the_promised_shape(self, encoder: Encoder) -> None:
        encoded = encoder.encode(TEXTS)

        assert encoder.dimension == 384
        assert [part.shape for part in parts(encoded)] == [(len(TEXTS), 384)] * 3 + [(len(TEXTS), CLASSES)]
        for array in parts(encoded):
            assert array.dtype == np.float32
            assert array.flags.c_contiguous

    def test_every_text_has_tag_logits_for_each_of_its_pieces(self, encoder: Encoder) -> None:
        tagged = encoder.encode([*TEXTS, *STRANGE_TEXTS]).tagged

        assert len(tagged) == len(TEXTS) + len(STRANGE_TEXTS)
        for each, text in zip(tagged, [*TEXTS, *STRANGE_TEXTS], strict=True):
            assert each.logits.shape == (len(each.pieces.ids), TAGS)
            assert each.logits.dtype == np.float32
            assert each.pieces.prepared == prepare_with_origins(text)

    def test_order_is_kept_over_several_batches_of_mixed_lengths(
        self, encoder: Encoder, tolerance: float, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        texts = [TEXTS[i % len(TEXTS)] for i in np.random.default_rng(3).permutation(36)]
        alone = {text: encoder.encode([text]) for text in TEXTS}
        for runtime in ("torch", "onnx"):
            monkeypatch.setattr(f"nlu.{runtime}_encoder.MAX_BATCH_TOKENS", 50)

        encoded = encoder.encode(texts)

        wanted = [np.concatenate(rows) for rows in zip(*(parts(alone[text]) for text in texts), strict=True)]
        for got, expected in zip(parts(encoded), wanted, strict=True):
            np.testing.assert_allclose(got, expected, atol=tolerance, rtol=0)
        for each, text in zip(encoded.tagged, texts, strict=True):
            np.testing.assert_allclose(each.logits, alone[text].tagged[0].logits, atol=10 * tolerance, rtol=0)

    @pytest.mark.parametrize("neighbours", [[TEXTS[2]], TEXTS[1:], ["word " * 500], STRANGE_TEXTS], ids=len)
    def test_a_text_does_not_depend_on_its_neighbours(
        self, encoder: Encoder, tolerance: float, neighbours: list[str]
    ) -> None:
        alone, beside = encoder.encode([TEXTS[0]]), encoder.encode([*neighbours, TEXTS[0]])

        for got, expected in zip(parts(beside), parts(alone), strict=True):
            np.testing.assert_allclose(got[-1], expected[0], atol=tolerance, rtol=0)
        np.testing.assert_allclose(beside.tagged[-1].logits, alone.tagged[0].logits, atol=10 * tolerance, rtol=0)

    def test_no_texts_give_arrays_of_no_rows(self, encoder: Encoder) -> None:
        encoded = encoder.encode([])

        assert [part.shape for part in parts(encoded)] == [(0, 384)] * 3 + [(0, CLASSES)]
        assert all(part.dtype == np.float32 for part in parts(encoded))
        assert encoded.tagged == ()

    def test_a_very_long_text_is_cut_to_its_beginning(self, encoder: Encoder, oracle: Oracle) -> None:
        beginning = "the parcel " * MAX_TOKENS
        encoded = encoder.encode([beginning, beginning + "something else " * 100_000])

        assert cosines(encoded.plain[0], oracle(beginning).plain) >= LEAST_COSINE_OF_INT8
        np.testing.assert_allclose(encoded.plain[1], encoded.plain[0], atol=TOLERANCE)
        np.testing.assert_allclose(encoded.tuned[1], encoded.tuned[0], atol=TOLERANCE)

    @pytest.mark.parametrize("text", STRANGE_TEXTS, ids=ascii)
    def test_strange_texts_are_encoded_like_any_other(self, encoder: Encoder, text: str) -> None:
        encoded = encoder.encode([text])

        assert all(np.isfinite(part).all() for part in parts(encoded))
        assert np.isfinite(encoded.tagged[0].logits).all()
        np.testing.assert_allclose(np.linalg.norm(encoded.embeddings), 1.0, atol=1e-5)

    def test_different_texts_get_different_rows(self, encoder: Encoder) -> None:
        alike = (rows := encoder.encode(TEXTS).plain) @ rows.T

        assert (alike[~np.eye(len(TEXTS), dtype=bool)] < 0.9).all()

    def test_the_two_tops_say_different_things(self, encoder: Encoder) -> None:
        encoded = encoder.encode(TEXTS)

        assert (np.abs(encoded.plain - encoded.tuned).max(axis=1) > 5e-3).all()


@pytest.mark.parametrize("runtime", ["torch", "onnx"])
def test_values_are_those_of_one_text_at_a_time(request: pytest.FixtureRequest, runtime: str, oracle: Oracle) -> None:
    encoded = request.getfixturevalue(f"{runtime}_encoder").encode(TEXTS)

    wanted = [oracle(text) for text in TEXTS]
    np.testing.assert_allclose(encoded.plain, [each.plain for each in wanted], atol=TOLERANCE)
    np.testing.assert_allclose(encoded.tuned, [each.tuned for each in wanted], atol=TOLERANCE)
    np.testing.assert_allclose(encoded.logits[INTENT_HEAD], [each.logits for each in wanted], atol=TOLERANCE)
    for got, expected in zip(encoded.tagged, wanted, strict=True):
        np.testing.assert_allclose(got.logits, expected.tags, atol=10 * TOLERANCE)  # not of length one


def test_int8_stays_near_the_values_of_one_text_at_a_time(int8_encoder: OnnxEncoder, oracle: Oracle) -> None:
    encoded = int8_encoder.encode(TEXTS)

    wanted = [oracle(text) for text in TEXTS]
    assert (cosines(encoded.plain, np.stack([each.plain for each in wanted])) >= LEAST_COSINE_OF_INT8).all()
    assert (cosines(encoded.tuned, np.stack([each.tuned for each in wanted])) >= LEAST_COSINE_OF_INT8).all()
    for got, expected in zip(encoded.tagged, wanted, strict=True):
        assert cosines(got.logits.ravel(), expected.tags.ravel()) >= LEAST_COSINE_OF_INT8


def test_without_tags_or_a_tuned_top_the_tops_are_one_and_nothing_is_tagged(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    encoder = load_torch_encoder(checkpoint, CLASSES, torch.device("cpu"))
    export_encoder(encoder, tmp_path, TEXTS)

    for encoded in (encoder.encode(TEXTS), OnnxEncoder(tmp_path).encode(TEXTS)):
        np.testing.assert_array_equal(encoded.tuned, encoded.plain)
        np.testing.assert_allclose(encoded.embeddings, encoded.plain, atol=1e-6)
        assert encoded.tagged == ()


def test_both_runtimes_agree_on_strange_texts(torch_encoder: TorchEncoder, onnx_encoder: OnnxEncoder) -> None:
    wanted, got = torch_encoder.encode(STRANGE_TEXTS), onnx_encoder.encode(STRANGE_TEXTS)

    for left, right in zip(parts(got), parts(wanted), strict=True):
        np.testing.assert_allclose(left, right, atol=TOLERANCE)


@pytest.mark.parametrize("training", [True, False])
def test_encoding_with_torch_is_without_dropout_and_leaves_the_mode_as_it_was(
    torch_encoder: TorchEncoder, training: bool
) -> None:
    wanted = torch_encoder.encode(TEXTS[:1]).embeddings
    torch_encoder.model.train(training)
    try:
        np.testing.assert_array_equal(torch_encoder.encode(TEXTS[:1]).embeddings, wanted)
        assert torch_encoder.model.training is training
    finally:
        torch_encoder.model.eval()


@settings(deadline=None)
@given(st.lists(st.integers(0, 200), max_size=60), st.integers(1, 400))
@example([], 10)
@example([500], 10)
def test_batches_hold_every_position_once_within_the_budget(lengths: list[int], max_tokens: int) -> None:
    batches = batches_by_length(lengths, max_tokens)

    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= max_tokens


@settings(deadline=None)
@given(st.lists(st.integers(1, 200), min_size=1, max_size=60), st.integers(1, 400))
def test_batches_are_as_full_as_the_budget_allows(lengths: list[int], max_tokens: int) -> None:
    batches = batches_by_length(lengths, max_tokens)

    for batch, following in pairwise(batches):
        assert (len(batch) + 1) * lengths[following[0]] > max_tokens


def test_batches_by_length_of_a_case_by_hand() -> None:
    # Sorted: 2, 3, 3 (3 x 3 = 9 padded tokens), then 5, 5 (10), then 40, which is over the budget alone.
    assert batches_by_length([5, 3, 40, 2, 3, 5], max_tokens=10) == [[3, 1, 4], [0, 5], [2]]
