"""Hashes of what a release is made from: equal inputs need no second training."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import astuple
from importlib.metadata import version
from pathlib import Path

from configs.assistant import Assistant
from configs.assistant_config import KefuConfig
from configs.bot_spec import BotSpec
from nlu.checkpoint import Checkpoint
from retrieval.pair import Pair
from training.evaluation import Question
from training.manifest import file_sha256


def intents_fingerprint(assistant: Assistant, checkpoint: Checkpoint) -> str:
    """Of all that shapes the encoder: examples, training settings, start weights, versions."""
    config = assistant.config
    return _hash(
        [
            [(example.text, example.intent, *map(astuple, example.entities)) for example in assistant.examples],
            config.training.model_dump(),
            config.encoder.model_dump(),
            _weights(checkpoint),
            [version(name) for name in ("kefu", "torch", "transformers")],
        ]
    )


def release_fingerprint(
    intents: str, spec: BotSpec, pairs: Sequence[Pair], config: KefuConfig, questions: Sequence[Question]
) -> str:
    """Of all that a release holds."""
    return _hash(
        [
            intents,
            spec.to_json().decode("utf-8"),
            [pair.to_dict() for pair in pairs],
            config.retrieval.model_dump(),
            [config.max_wrong_rate, config.confidence],
            [[q.text, sorted(q.intents), sorted(q.pairs), q.out_of_scope] for q in questions],
        ]
    )


def warm_fingerprint(fingerprint: str, release_id: str) -> str:
    """Of the same inputs, where the training is built on that of an earlier release."""
    return _hash([fingerprint, release_id])


def encoder_fingerprint(checkpoint: Checkpoint) -> str:
    """Of the weights that a training starts with."""
    return _hash(_weights(checkpoint))


def _weights(checkpoint: Checkpoint) -> list[str]:
    folder = Path(checkpoint.source)
    names = sorted([*folder.glob("*.safetensors"), folder / "tokenizer.json"]) if folder.is_dir() else []
    return [checkpoint.prefix, *(file_sha256(path) for path in names)] if names else [checkpoint.source]


def _hash(value: object) -> str:
    canonical = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()
