"""The encoder that learns: a BERT whose upper layers exist twice, in torch.

Training fine-tunes it and exports it; with a GPU it is also the other implementation of `Encoder`.
"""

import copy
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from safetensors import SafetensorError
from torch import Tensor, nn

from nlu.checkpoint import Checkpoint, CheckpointError
from nlu.encoder import INTENT_HEAD, Encoded, TaggedPieces, batches_by_length
from nlu.tokens import TextTokenizer, pad

MAX_BATCH_TOKENS = 4_096
PLAIN_SHARE = 0.3  # of the intent logits: measured on BANKING77, where either side alone is less often right
_MASKED = -1e9


class BertClassifier(nn.Module):
    """One BERT with two tops: shared lower layers, and upper layers once as they were and once to be tuned.

    The tuned top tells intents apart, together with what the plain embedding says of them, and tags words as
    entities. Search uses both embeddings; scope and mood read the plain one, which never changes. An
    embedding is the mean of a top's last layer over the text's tokens, scaled to length 1.

    Args:
        body: A BERT of transformers: `embeddings` and `encoder.layer`.
        classes: Intents.
        tuned_layers: Upper layers that exist twice, from 0 to all of them.
        tags: Entity tags; 0 for none.
    """

    def __init__(self, body: Any, classes: int, *, tuned_layers: int = 0, tags: int = 0) -> None:
        super().__init__()
        self.dimension = int(body.config.hidden_size)
        layers = list(body.encoder.layer)
        split = len(layers) - tuned_layers
        self.embeddings: nn.Module = body.embeddings
        self.trunk = nn.ModuleList(layers[:split])
        self.plain_top = nn.ModuleList(layers[split:])
        self.requires_grad_(False)
        self.tuned_top = copy.deepcopy(self.plain_top).requires_grad_(True)
        self.tuned_head = nn.Linear(self.dimension, classes)
        self.plain_head = nn.Linear(self.dimension, classes)
        self.tagger = nn.Linear(self.dimension, tags) if tags else None

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        """Ids and mask (n, tokens) to plain and tuned embeddings (n, d), intent logits (n, classes), maybe tag logits.

        Tag logits (n, tokens, tags) come last, where there are entities.
        """
        states = self.lower(input_ids, attention_mask)
        plain = pooled(self.upper(self.plain_top, states, attention_mask), attention_mask)
        top = self.upper(self.tuned_top, states, attention_mask) if self.tuned_top else None
        tuned = plain if top is None else pooled(top, attention_mask)
        logits = PLAIN_SHARE * self.plain_head(plain) + (1 - PLAIN_SHARE) * self.tuned_head(tuned)
        if self.tagger is None:
            return plain, tuned, logits
        words = self.upper(self.plain_top, states, attention_mask) if top is None else top
        return plain, tuned, logits, self.tagger(words)

    def lower(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """What the shared layers make of the tokens: (n, tokens, d)."""
        embedded: Tensor = self.embeddings(input_ids=input_ids)
        return self.upper(self.trunk, embedded, attention_mask)

    @staticmethod
    def upper(layers: Iterable[nn.Module], states: Tensor, attention_mask: Tensor) -> Tensor:
        """`states` (n, tokens, d) through `layers`."""
        bias = torch.where(attention_mask[:, None, None, :] > 0, 0.0, _MASKED).to(states.dtype)
        for layer in layers:
            states = layer(states, attention_mask=bias)
        return states


def pooled(states: Tensor, attention_mask: Tensor) -> Tensor:
    """The mean of `states` (n, tokens, d) over the tokens, of length 1: (n, d), float32 whatever came in."""
    mask = attention_mask.unsqueeze(-1).float()
    mean = (states.float() * mask).sum(1) / mask.sum(1).clamp(min=1.0)
    return nn.functional.normalize(mean, dim=-1)


class TorchEncoder:
    """A `BertClassifier` with its tokenizer, as an `Encoder`."""

    def __init__(self, model: BertClassifier, tokenizer: TextTokenizer) -> None:
        self.model = model
        self.tokenizer = tokenizer

    @property
    def dimension(self) -> int:
        """Length of an embedding."""
        return self.model.dimension

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.model.plain_head.weight.device

    def encode(self, texts: Sequence[str]) -> Encoded:
        """See `Encoder.encode`."""
        pieces = self.tokenizer.pieces(texts)
        ids = [piece.ids for piece in pieces]
        plain, tuned = (np.zeros((len(ids), self.dimension), np.float32) for _ in range(2))
        logits = np.zeros((len(ids), self.model.plain_head.out_features), np.float32)
        tagged: dict[int, TaggedPieces] = {}
        training = self.model.training
        self.model.eval()
        with torch.inference_mode():
            for group in batches_by_length([len(row) for row in ids], MAX_BATCH_TOKENS):
                parts = self.model(*tensors([ids[index] for index in group], self.device))
                rows = [part.float().cpu().numpy() for part in parts]
                plain[group], tuned[group], logits[group] = rows[:3]
                for index, tags in zip(group, rows[3] if len(rows) > 3 else (), strict=False):
                    tagged[index] = TaggedPieces(pieces=pieces[index], logits=tags[: len(ids[index])])
        self.model.train(training)
        return Encoded(
            plain=plain,
            tuned=tuned,
            logits={INTENT_HEAD: logits},
            tagged=tuple(tagged[index] for index in range(len(tagged))),
        )


def tensors(ids: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Padded ids and mask on `device`."""
    batch = pad(ids)
    return torch.from_numpy(batch.input_ids).to(device), torch.from_numpy(batch.attention_mask).to(device)


def load_torch_encoder(
    checkpoint: Checkpoint,
    classes: int,
    device: torch.device,
    *,
    tuned_layers: Callable[[int], int] = lambda _: 0,
    tags: int = 0,
) -> TorchEncoder:
    """The checkpoint's layers with fresh heads.

    Args:
        tuned_layers: From the number of layers that there are to the number of those to be tuned.
        tags: As for `BertClassifier`.

    Raises:
        CheckpointError: The weights cannot be found, or are not those of a BERT encoder.
    """
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    local = Path(checkpoint.source).is_dir()
    options = {"trust_remote_code": False, "local_files_only": local}
    try:
        body = transformers.AutoModel.from_pretrained(
            checkpoint.source, add_pooling_layer=False, use_safetensors=True, dtype=torch.float32, **options
        )
        path = _tokenizer_file(checkpoint, options)
        tokenizer = TextTokenizer(path, prefix=checkpoint.prefix, max_tokens=checkpoint.max_tokens)
        model = BertClassifier(body, classes, tuned_layers=tuned_layers(len(body.encoder.layer)), tags=tags)
    except (OSError, ValueError, TypeError, AttributeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise CheckpointError(f"The encoder {checkpoint.source!r} cannot be loaded: {reason}") from error
    return TorchEncoder(model.to(device).eval(), tokenizer)


def _tokenizer_file(checkpoint: Checkpoint, options: dict[str, bool]) -> Path:
    if options["local_files_only"]:
        return Path(checkpoint.source) / "tokenizer.json"
    path = transformers.utils.hub.cached_file(checkpoint.source, "tokenizer.json")
    if path is None:
        raise CheckpointError(f"The encoder {checkpoint.source!r} has no tokenizer.json (a fast tokenizer).")
    return Path(path)


def best_device() -> torch.device:
    """CUDA where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
