"""What the shared layers make of the examples is the same whether it was kept or is computed again."""

import numpy as np
import pytest
import torch

from nlu.checkpoint import Checkpoint
from nlu.torch_encoder import TorchEncoder, load_torch_encoder, tensors
from training import trunk
from training.trunk import TrunkStates

TEXTS = ["where is my parcel", "hello", "I want to send the lamp back", "", "hi there"]


@pytest.fixture(scope="module")
def encoder(tiny_checkpoint: Checkpoint) -> TorchEncoder:
    torch.manual_seed(5)
    return load_torch_encoder(tiny_checkpoint, 3, torch.device("cpu"), tuned_layers=lambda _: 1)


@pytest.fixture(scope="module")
def ids(encoder: TorchEncoder) -> list[list[int]]:
    return encoder.tokenizer.ids(TEXTS)


@pytest.fixture
def passes(encoder: TorchEncoder, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Texts of each pass through the trunk."""
    seen: list[int] = []
    lower = encoder.model.lower

    def counted(input_ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        seen.append(len(input_ids))
        return lower(input_ids, mask)

    monkeypatch.setattr(encoder.model, "lower", counted)
    return seen


def bytes_of(ids: list[list[int]], dimension: int) -> int:
    return sum(map(len, ids)) * dimension * 4


@pytest.mark.parametrize("rows", [[0], [2, 0], [1, 4], [4, 3, 2, 1, 0]])
def test_kept_and_recomputed_states_are_equal(
    encoder: TorchEncoder, ids: list[list[int]], rows: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = TrunkStates(encoder, ids)
    monkeypatch.setattr(trunk, "MAX_KEPT_BYTES", 0)
    recomputed = TrunkStates(encoder, ids)

    (left, left_mask), (right, right_mask) = kept.batch(rows), recomputed.batch(rows)

    lengths = [len(ids[row]) for row in rows]
    assert left.shape == right.shape == (len(rows), max(lengths), encoder.dimension)
    assert left_mask.sum(1).tolist() == right_mask.sum(1).tolist() == lengths
    for position, length in enumerate(lengths):
        torch.testing.assert_close(left[position, :length], right[position, :length], atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.from_numpy(kept.plain), torch.from_numpy(recomputed.plain), atol=0, rtol=0)


def test_the_states_are_those_of_one_text_at_a_time(encoder: TorchEncoder, ids: list[list[int]]) -> None:
    states, _ = TrunkStates(encoder, ids).batch([2, 0])

    for position, row in enumerate([2, 0]):
        with torch.no_grad():
            alone = encoder.model.lower(*tensors([ids[row]], encoder.device))[0]
        torch.testing.assert_close(states[position, : len(ids[row])], alone, atol=1e-5, rtol=0)


def test_the_plain_embeddings_are_the_encoders(encoder: TorchEncoder, ids: list[list[int]]) -> None:
    np.testing.assert_allclose(TrunkStates(encoder, ids).plain, encoder.encode(TEXTS).plain, atol=1e-6)


def test_what_is_kept_is_computed_once(encoder: TorchEncoder, ids: list[list[int]], passes: list[int]) -> None:
    states = TrunkStates(encoder, ids)
    read = sum(passes)
    states.batch([0, 1])
    states.batch([0, 1])

    assert read == sum(passes) == len(TEXTS)


@pytest.mark.parametrize(("spare", "computed_again"), [(0, 0), (-1, 2)], ids=["just fits", "one byte too many"])
def test_a_corpus_too_large_is_not_kept(
    encoder: TorchEncoder,
    ids: list[list[int]],
    passes: list[int],
    spare: int,
    computed_again: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trunk, "MAX_KEPT_BYTES", bytes_of(ids, encoder.dimension) + spare)

    TrunkStates(encoder, ids).batch([0, 1])

    assert sum(passes) - len(TEXTS) == computed_again


def test_no_texts_have_no_states(encoder: TorchEncoder) -> None:
    assert TrunkStates(encoder, []).plain.shape == (0, encoder.dimension)
