"""The encoder that learns: a BERT body with mean pooling and a linear intent head, in torch.

Training fine-tunes it and exports it; with a GPU it is also the other implementation of `Encoder`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors import SafetensorError
from torch import Tensor, nn

from nlu.checkpoint import Checkpoint, CheckpointError
from nlu.encoder import INTENT_HEAD, Encoded, batches_by_length
from nlu.tokens import TextTokenizer, pad

MAX_BATCH_TOKENS = 4_096


class BertClassifier(nn.Module):
    """Ids and mask in, unit embedding and intent logits out.

    The embedding is the mean of the last layer over the text's tokens, scaled to length 1, and the head is a
    linear layer on it, so that the same vector serves search and classification.
    """

    def __init__(self, body: nn.Module, dimension: int, classes: int) -> None:
        super().__init__()
        self.body = body
        self.dimension = dimension
        self.head = nn.Linear(dimension, classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Shapes (n, tokens) twice to (n, d) and (n, classes)."""
        embedding = self.embed(input_ids, attention_mask)
        return embedding, self.head(embedding)

    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Unit embeddings (n, d), float32; the body may run under autocast, the pooling never does."""
        hidden = self.body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state.float()
        mask = attention_mask.unsqueeze(-1).float()
        mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1.0)
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
        return self.model.head.weight.device

    def encode(self, texts: Sequence[str]) -> Encoded:
        """See `Encoder.encode`."""
        return self.encode_ids(self.tokenizer.ids(texts))

    def encode_ids(self, ids: Sequence[Sequence[int]]) -> Encoded:
        """As `encode`, from token ids."""
        embeddings = np.zeros((len(ids), self.dimension), np.float32)
        logits = np.zeros((len(ids), self.model.head.out_features), np.float32)
        training = self.model.training
        self.model.eval()
        with torch.inference_mode():
            for group in batches_by_length([len(row) for row in ids], MAX_BATCH_TOKENS):
                rows = self.model(*tensors([ids[index] for index in group], self.device))
                embeddings[group], logits[group] = (part.float().cpu().numpy() for part in rows)
        self.model.train(training)
        return Encoded(embeddings=embeddings, logits={INTENT_HEAD: logits})


def tensors(ids: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Padded ids and mask on `device`."""
    batch = pad(ids)
    return torch.from_numpy(batch.input_ids).to(device), torch.from_numpy(batch.attention_mask).to(device)


def load_torch_encoder(checkpoint: Checkpoint, classes: int, device: torch.device) -> TorchEncoder:
    """The checkpoint's body with a fresh head.

    Raises:
        CheckpointError: The weights cannot be found, or are not those of an encoder.
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
    except (OSError, ValueError, TypeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise CheckpointError(f"The encoder {checkpoint.source!r} cannot be loaded: {reason}") from error
    model = BertClassifier(body, body.config.hidden_size, classes).to(device)
    return TorchEncoder(model, tokenizer)


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
