"""Examples with embeddings written by hand, for the tests of the data checks."""

from pathlib import Path

import numpy as np

from configs import Example
from training.data_checks.corpus import Corpus

NLU = Path("data", "nlu.yml")


def example(text: str, intent: str, line: int = 1) -> Example:
    return Example(text=text, intent=intent, path=NLU, line=line)


def corpus(*rows: tuple[str, str, float]) -> Corpus:
    """A corpus of (text, intent, angle in degrees): the cosine of two texts is that of the angle between them."""
    angles = np.radians([angle for _, _, angle in rows])
    examples = [example(text, intent, line) for line, (text, intent, _) in enumerate(rows, start=1)]
    return Corpus.of(examples, np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32))
