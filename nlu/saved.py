"""An understander in a folder: beside the encoder's files, the intents' names, their calibration, and the scope."""

import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.numpy import load, save

from configs.entity_spec import EntitySpec
from nlu.entity_reader import EntityReader
from nlu.intent import IntentClassifier
from nlu.language import ScriptCoverage
from nlu.mood import mood_reader_for
from nlu.onnx_encoder import OnnxEncoder
from nlu.scope import ScopeScorer
from nlu.tagging import TagSet
from nlu.understanding import Understander

INTENTS_FILE = "intents.json"
SCOPE_FILE = "scope.safetensors"


def save_understanding(
    folder: Path, intents: IntentClassifier, scope: ScopeScorer, coverage: ScriptCoverage, tags: TagSet
) -> None:
    """Writes what `load_understander` reads besides the encoder."""
    facts = {
        "labels": intents.labels,
        "temperature": intents.temperature,
        "tags": tags.labels,
        "scripts": dict(coverage.known),
    }
    (folder / INTENTS_FILE).write_text(json.dumps(facts, ensure_ascii=False, indent=1), "utf-8")
    (folder / SCOPE_FILE).write_bytes(save(scope.to_arrays()))


def load_understander(folder: Path, entities: EntitySpec, *, threads: int = 1) -> Understander:
    """The understander in `folder`, which serves without torch.

    Raises:
        ValueError: A file is damaged, or the files do not fit together.
    """
    encoder = OnnxEncoder(folder, threads=threads)
    try:
        facts = json.loads((folder / INTENTS_FILE).read_text("utf-8"))
        intents = IntentClassifier(facts["labels"], facts["temperature"])
        tags = TagSet(tuple((entity, role, group) for entity, role, group in facts["tags"]))
        coverage = ScriptCoverage({script: float(share) for script, share in facts["scripts"].items()})
        scope = ScopeScorer.from_arrays(load((folder / SCOPE_FILE).read_bytes()))
    except (KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise ValueError(f"{folder}: the intents or the scope are damaged: {error!r}") from error
    tag_count = len(tags) if tags.labels else 0
    if (len(intents.labels), tag_count, encoder.dimension) != (encoder.classes, encoder.tags, scope.centres.shape[1]):
        raise ValueError(f"{folder}: encoder, intents, entity tags and scope do not fit together")
    return Understander(
        encoder,
        intents,
        scope=scope,
        coverage=coverage,
        entities=EntityReader(entities, tags),
        mood=mood_reader_for(encoder),
    )
