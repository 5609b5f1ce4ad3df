"""Text in, `Understanding` out. Importing this package imports neither torch nor onnxruntime."""

from nlu.checkpoint import Checkpoint, CheckpointError, find_checkpoint
from nlu.encoder import INTENT_HEAD, Encoded, Encoder
from nlu.intent import IntentClassifier, IntentScore
from nlu.text import prepare_text
from nlu.understanding import Understander, Understanding

__all__ = [
    "INTENT_HEAD",
    "Checkpoint",
    "CheckpointError",
    "Encoded",
    "Encoder",
    "IntentClassifier",
    "IntentScore",
    "Understander",
    "Understanding",
    "find_checkpoint",
    "prepare_text",
]
