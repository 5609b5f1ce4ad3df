"""The encoder that serves: an ONNX graph run by onnxruntime. The only file of the serving path that imports it."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from nlu.encoder import INTENT_HEAD, Encoded, FloatArray, TaggedPieces, batches_by_length
from nlu.tokens import TextTokenizer, pad

GRAPH_FILE = "encoder.onnx"
TOKENIZER_FILE = "tokenizer.json"
SPEC_FILE = "encoder.json"
INPUTS = ("input_ids", "attention_mask")
OUTPUTS = ("plain_embedding", "tuned_embedding", "intent_logits")
TAG_OUTPUT = "entity_logits"
MAX_BATCH_TOKENS = 2_048


class OnnxEncoder:
    """Runs the graph, the tokenizer and the spec that `training.export` wrote into one folder.

    A graph with int8 parts runs one text at a time: its activations share one scale a run, so in a batch a text's
    row would move with its neighbours.

    Args:
        folder: Holds `encoder.onnx`, `tokenizer.json` and `encoder.json`.
        threads: Threads of one forward pass.
        graph: Another graph than the folder's own.
    """

    def __init__(self, folder: Path, *, threads: int = 1, graph: Path | None = None) -> None:
        spec = json.loads((folder / SPEC_FILE).read_text("utf-8"))
        self.tokenizer = TextTokenizer(folder / TOKENIZER_FILE, prefix=spec["prefix"], max_tokens=spec["max_tokens"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Without the arena memory is returned after a large batch: 150 MB less at the peak, no slower here.
        options.enable_cpu_mem_arena = False
        self._session = onnxruntime.InferenceSession(
            str(graph or folder / GRAPH_FILE), options, providers=["CPUExecutionProvider"]
        )
        shapes = {output.name: output.shape for output in self._session.get_outputs()}
        self._dimension, _, self.classes = (int(shapes[name][-1]) for name in OUTPUTS)
        self.tags = int(shapes[TAG_OUTPUT][-1]) if TAG_OUTPUT in shapes else 0
        self._names = [*OUTPUTS, TAG_OUTPUT] if self.tags else list(OUTPUTS)
        self._batched = spec["precision"] == "float32"

    @property
    def dimension(self) -> int:
        """Length of an embedding."""
        return self._dimension

    def encode(self, texts: Sequence[str]) -> Encoded:
        """See `Encoder.encode`."""
        pieces = self.tokenizer.pieces(texts) if self.tags else []
        ids = [piece.ids for piece in pieces] if self.tags else self.tokenizer.ids(texts)
        plain, tuned = (np.zeros((len(ids), self._dimension), np.float32) for _ in range(2))
        logits = np.zeros((len(ids), self.classes), np.float32)
        tagged: dict[int, TaggedPieces] = {}
        for group in self._groups(ids):
            rows = self._run([ids[index] for index in group])
            plain[group], tuned[group], logits[group] = rows[:3]
            for index, tags in zip(group, rows[3] if self.tags else (), strict=False):
                tagged[index] = TaggedPieces(pieces=pieces[index], logits=tags[: len(ids[index])])
        return Encoded(
            plain=plain,
            tuned=tuned,
            logits={INTENT_HEAD: logits},
            tagged=tuple(tagged[index] for index in range(len(tagged))),
        )

    def _groups(self, ids: Sequence[Sequence[int]]) -> list[list[int]]:
        if self._batched:
            return batches_by_length([len(row) for row in ids], MAX_BATCH_TOKENS)
        return [[index] for index in range(len(ids))]

    def _run(self, ids: Sequence[Sequence[int]]) -> list[FloatArray]:
        batch = pad(ids)
        feeds = dict(zip(INPUTS, (batch.input_ids, batch.attention_mask), strict=True))
        rows: list[FloatArray] = self._session.run(self._names, feeds)
        return rows
