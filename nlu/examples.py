"""The examples that a release was trained with, kept so that an explanation can name the nearest.

They are what the owner wrote, word for word; `kefu.training.keep_examples` keeps them out of a release.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from configs.json_lines import read_json_lines
from configs.nlu_data import Example
from nlu.encoder import FloatArray

TEXTS_FILE = "examples.jsonl"
EMBEDDINGS_FILE = "examples.safetensors"
EXAMPLE_FILES = (TEXTS_FILE, EMBEDDINGS_FILE)


@dataclass(frozen=True, slots=True, kw_only=True)
class NearExample:
    """An example and its cosine, in [-1, 1], to what was asked for."""

    text: str
    intent: str
    cosine: float


class ExampleIndex:
    """Examples with their embeddings, as they are before any fine-tuning.

    Args:
        examples: Text and intent of each.
        embeddings: Shape (n, d), float16, rows of length 1, in the order of the examples.

    Raises:
        ValueError: There are not as many embeddings as examples.
    """

    def __init__(self, examples: Sequence[tuple[str, str]], embeddings: NDArray[np.float16]) -> None:
        if embeddings.ndim != 2 or len(embeddings) != len(examples):
            raise ValueError(f"{len(examples)} examples have embeddings of the shape {embeddings.shape}")
        self._examples = tuple(examples)
        self._embeddings = embeddings

    def nearest(self, embedding: FloatArray, count: int) -> tuple[NearExample, ...]:
        """The `count` examples nearest to an untouched embedding of shape (d,), the nearest first."""
        cosines = self._embeddings.astype(np.float32) @ embedding
        nearest = np.argsort(-cosines, kind="stable")[:count]
        return tuple(
            NearExample(text=self._examples[row][0], intent=self._examples[row][1], cosine=float(cosines[row]))
            for row in nearest
        )


def save_examples(folder: Path, examples: Sequence[Example], embeddings: FloatArray) -> None:
    """Writes what `load_examples` reads.

    Args:
        embeddings: Shape (n, d), unit rows, as they are before any fine-tuning.
    """
    lines = [json.dumps({"text": each.text, "intent": each.intent}, ensure_ascii=False) for each in examples]
    (folder / TEXTS_FILE).write_text("".join(f"{line}\n" for line in lines), "utf-8")
    (folder / EMBEDDINGS_FILE).write_bytes(save({"plain": embeddings.astype(np.float16)}))


def load_examples(folder: Path) -> ExampleIndex | None:
    """The examples in `folder`, or None where they were not kept.

    Raises:
        ValueError: The files are damaged or do not fit together.
    """
    if not all((folder / name).is_file() for name in EXAMPLE_FILES):
        return None
    try:
        examples = [(value["text"], value["intent"]) for _, value in read_json_lines(folder / TEXTS_FILE)]
        return ExampleIndex(examples, load((folder / EMBEDDINGS_FILE).read_bytes())["plain"])
    except (KeyError, TypeError, SafetensorError) as error:
        raise ValueError(f"{folder}: the examples are damaged: {error!r}") from error
