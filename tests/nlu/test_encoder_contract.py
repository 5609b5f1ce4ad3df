"""What every `Encoder` promises, shown by comparing values with the slowest way to compute them."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from configs import EncoderConfig
from nlu.checkpoint import Checkpoint, find_checkpoint
from nlu.encoder import INTENT_HEAD, Encoder, batches_by_length
from nlu.onnx_encoder import OnnxEncoder
from nlu.torch_encoder import TorchEncoder, load_torch_encoder
from training.export import export_encoder

CLASSES = 5
MAX_TOKENS = 64
TOLERANCE = 1e-5
Oracle = Callable[[str], tuple[np.ndarray, np.ndarray]]

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
    torch.manual_seed(7)
    return load_torch_encoder(checkpoint, CLASSES, torch.device("cpu"))


@pytest.fixture(scope="module")
def onnx_encoder(torch_encoder: TorchEncoder, tmp_path_factory: pytest.TempPathFactory) -> OnnxEncoder:
    folder = tmp_path_factory.mktemp("exported")
    export_encoder(torch_encoder, folder, TEXTS)
    return OnnxEncoder(folder)


@pytest.fixture(scope="module")
def oracle(checkpoint: Checkpoint, torch_encoder: TorchEncoder) -> Oracle:
    """One text at a time: the tokenizer library, the torch body in float32, and the formulas in numpy."""
    tokenizer = Tokenizer.from_file(str(Path(checkpoint.source) / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    model = torch_encoder.model.eval()
    weight, bias = (part.detach().numpy().astype(np.float64) for part in (model.head.weight, model.head.bias))

    def encode_one(text: str) -> tuple[np.ndarray, np.ndarray]:
        ids = torch.tensor([tokenizer.encode("query: " + text).ids])
        with torch.no_grad():
            hidden = model.body(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        mean = hidden[0].numpy().astype(np.float64).mean(axis=0)
        embedding = mean / np.sqrt((mean**2).sum())
        return embedding, weight @ embedding + bias

    return encode_one


class TestEncoder:
    """Every test here runs on every implementation."""

    @pytest.fixture(params=["torch", "onnx"])
    def encoder(self, request: pytest.FixtureRequest) -> Encoder:
        encoder: Encoder = request.getfixturevalue(f"{request.param}_encoder")
        return encoder

    def test_values_are_those_of_one_text_at_a_time(self, encoder: Encoder, oracle: Oracle) -> None:
        encoded = encoder.encode(TEXTS)

        embeddings, logits = map(np.stack, zip(*map(oracle, TEXTS), strict=True))
        np.testing.assert_allclose(encoded.embeddings, embeddings, atol=TOLERANCE)
        np.testing.assert_allclose(encoded.logits[INTENT_HEAD], logits, atol=TOLERANCE)

    def test_rows_have_length_one(self, encoder: Encoder) -> None:
        lengths = np.linalg.norm(encoder.encode([*TEXTS, *STRANGE_TEXTS]).embeddings, axis=1)

        np.testing.assert_allclose(lengths, 1.0, atol=1e-5)

    def test_arrays_are_float32_in_c_order_of_the_promised_shape(self, encoder: Encoder) -> None:
        encoded = encoder.encode(TEXTS)

        assert encoder.dimension == 384
        assert encoded.embeddings.shape == (len(TEXTS), 384)
        assert encoded.logits[INTENT_HEAD].shape == (len(TEXTS), CLASSES)
        for array in (encoded.embeddings, encoded.logits[INTENT_HEAD]):
            assert array.dtype == np.float32
            assert array.flags.c_contiguous

    def test_order_is_kept_over_several_batches_of_mixed_lengths(
        self, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        texts = [TEXTS[i % len(TEXTS)] for i in np.random.default_rng(3).permutation(36)]
        alone = {text: encoder.encode([text]) for text in TEXTS}
        for runtime in ("torch", "onnx"):
            monkeypatch.setattr(f"nlu.{runtime}_encoder.MAX_BATCH_TOKENS", 50)

        encoded = encoder.encode(texts)

        np.testing.assert_allclose(
            encoded.embeddings, np.concatenate([alone[text].embeddings for text in texts]), atol=TOLERANCE
        )
        np.testing.assert_allclose(
            encoded.logits[INTENT_HEAD],
            np.concatenate([alone[text].logits[INTENT_HEAD] for text in texts]),
            atol=TOLERANCE,
        )

    @pytest.mark.parametrize("neighbours", [[TEXTS[2]], TEXTS[1:], ["word " * 500], STRANGE_TEXTS], ids=len)
    def test_a_text_does_not_depend_on_its_neighbours(self, encoder: Encoder, neighbours: list[str]) -> None:
        alone, beside = encoder.encode([TEXTS[0]]), encoder.encode([*neighbours, TEXTS[0]])

        np.testing.assert_allclose(beside.embeddings[-1], alone.embeddings[0], atol=TOLERANCE)
        np.testing.assert_allclose(beside.logits[INTENT_HEAD][-1], alone.logits[INTENT_HEAD][0], atol=TOLERANCE)

    def test_no_texts_give_arrays_of_no_rows(self, encoder: Encoder) -> None:
        encoded = encoder.encode([])

        assert encoded.embeddings.shape == (0, 384)
        assert encoded.logits[INTENT_HEAD].shape == (0, CLASSES)
        assert encoded.embeddings.dtype == encoded.logits[INTENT_HEAD].dtype == np.float32

    def test_a_very_long_text_is_cut_to_its_beginning(self, encoder: Encoder, oracle: Oracle) -> None:
        beginning = "the parcel " * MAX_TOKENS
        encoded = encoder.encode([beginning, beginning + "something else " * 100_000])

        np.testing.assert_allclose(encoded.embeddings[0], oracle(beginning)[0], atol=TOLERANCE)
        np.testing.assert_allclose(encoded.embeddings[1], encoded.embeddings[0], atol=TOLERANCE)

    @pytest.mark.parametrize("text", STRANGE_TEXTS, ids=ascii)
    def test_strange_texts_are_encoded_like_any_other(self, encoder: Encoder, text: str) -> None:
        encoded = encoder.encode([text])

        assert np.isfinite(encoded.embeddings).all()
        assert np.isfinite(encoded.logits[INTENT_HEAD]).all()
        np.testing.assert_allclose(np.linalg.norm(encoded.embeddings), 1.0, atol=1e-5)

    def test_different_texts_get_different_rows(self, encoder: Encoder) -> None:
        cosines = (rows := encoder.encode(TEXTS).embeddings) @ rows.T

        assert (cosines[~np.eye(len(TEXTS), dtype=bool)] < 0.9).all()


def test_both_runtimes_agree_on_strange_texts(torch_encoder: TorchEncoder, onnx_encoder: OnnxEncoder) -> None:
    wanted, got = torch_encoder.encode(STRANGE_TEXTS), onnx_encoder.encode(STRANGE_TEXTS)

    np.testing.assert_allclose(got.embeddings, wanted.embeddings, atol=TOLERANCE)
    np.testing.assert_allclose(got.logits[INTENT_HEAD], wanted.logits[INTENT_HEAD], atol=TOLERANCE)


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
