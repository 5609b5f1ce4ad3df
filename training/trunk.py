"""What the shared layers make of the examples: they never change while the tops are tuned, so it is computed once."""

from collections.abc import Sequence

import torch
from torch import Tensor

from nlu.encoder import FloatArray, batches_by_length
from nlu.torch_encoder import MAX_BATCH_TOKENS, TorchEncoder, pooled, tensors

MAX_KEPT_BYTES = 768 * 1024 * 1024


class TrunkStates:
    """Hidden states of texts at the border between the trunk and the tops.

    They are kept where all of them fit into `MAX_KEPT_BYTES`, else computed whenever they are asked for.

    Args:
        ids: Token ids of each text.
    """

    def __init__(self, encoder: TorchEncoder, ids: Sequence[Sequence[int]]) -> None:
        self.encoder = encoder
        self.ids = ids
        self._kept: list[Tensor] | None = None
        self.plain = self._read()

    def batch(self, rows: Sequence[int]) -> tuple[Tensor, Tensor]:
        """States (n, tokens, d), float32, and mask (n, tokens) of some of the texts, on the encoder's device."""
        device = self.encoder.device
        input_ids, mask = tensors([self.ids[row] for row in rows], device)
        if self._kept is None:
            with torch.no_grad():
                return self.encoder.model.lower(input_ids, mask), mask
        states = torch.zeros(*mask.shape, self.encoder.dimension)
        for position, row in enumerate(rows):
            states[position, : len(self.ids[row])] = self._kept[row]
        return states.to(device), mask

    def _read(self) -> FloatArray:
        """Fills `_kept` where it fits; returns the plain embeddings, shape (n, d)."""
        model = self.encoder.model.eval()
        fits = sum(map(len, self.ids)) * model.dimension * 4 <= MAX_KEPT_BYTES
        kept: dict[int, Tensor] = {}
        plain = torch.zeros(len(self.ids), model.dimension)
        with torch.no_grad():
            for group in batches_by_length([len(row) for row in self.ids], MAX_BATCH_TOKENS):
                input_ids, mask = tensors([self.ids[row] for row in group], self.encoder.device)
                states = model.lower(input_ids, mask)
                plain[group] = pooled(model.upper(model.plain_top, states, mask), mask).cpu()
                if fits:
                    kept |= {row: states[i, : len(self.ids[row])].cpu().clone() for i, row in enumerate(group)}
        self._kept = [kept[row] for row in range(len(self.ids))] if fits else None
        return plain.numpy()
