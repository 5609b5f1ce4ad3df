"""What a training has learned, kept beside its release so that a later one can begin there and learn what is new.

    <data>/warm/<release id>/measured.safetensors      the tuned layers of each fit, in half precision
    <data>/warm/<release id>/everything.safetensors
    <data>/warm/<release id>/warm.json                 the rest, and the SHA-256 of both; written last

The heads follow from the examples and are not kept. Of the examples it holds hashes only: which were learned, and which
set aside. A later training leaves those that were set aside where they are, so that it is measured on nothing that the
weights it began with have seen.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from configs.assistant_config import TrainingConfig
from configs.nlu_data import Example
from nlu.text import prepare_text
from training.manifest import file_sha256
from training.split import Split, enough_share, stratified_split

FACTS_FILE = "warm.json"
FORMAT_VERSION = 1
MAX_FACTS_BYTES = 64 * 1024 * 1024
_KEPT = ("tuned_top.", "tagger.")

# Below, a training from nothing takes a minute or two and comes out no worse: on BANKING77, with 485 to 685 examples of
# which 100 are new, a warm start took a quarter less time and lost 0.1 to 0.4 points.
LEAST_EXAMPLES = 4_000

State = Mapping[str, Tensor]


class WarmFacts(BaseModel):
    """What a warm start rests on.

    Attributes:
        encoder: Fingerprint of the weights that were tuned.
        tuned_layers: As the settings had it; with the same encoder and the same setting as many layers exist twice.
        labels: The intents that were taught.
        tags: The entity tags, in the tagger's order.
        files: By name, the SHA-256.
        learned: By hash of its text, the intent of each example that the measured fit learned.
        held_out: The same for those that were set aside.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format_version: int
    encoder: str
    tuned_layers: int | None
    labels: list[str]
    tags: list[list[str | None]]
    files: dict[str, str]
    learned: dict[str, str]
    held_out: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WarmStart:
    """What an earlier training has learned.

    Attributes:
        states: By fit, `measured` or `everything`, the weights that it ended with.
    """

    facts: WarmFacts
    states: Mapping[str, State]

    def knows(self, fit: str, example: Example) -> bool:
        """Whether the earlier fit of that name learned `example`, with the same intent."""
        key = text_key(example.text)
        known = self.facts.learned.get(key) or (self.facts.held_out.get(key) if fit != "measured" else None)
        return known == example.intent

    def state(self, fit: str, tags: Sequence[Sequence[str | None]]) -> State | None:
        """The weights of the fit of that name; without the tagger where the tags are others now; None without it."""
        state = self.states.get(fit)
        if state is None or [list(tag) for tag in tags] == self.facts.tags:
            return state
        return {name: value for name, value in state.items() if not name.startswith("tagger.")}

    def split(self, examples: Sequence[Example], config: TrainingConfig) -> Split:
        """Sets the same examples aside as before, and some of the new ones."""
        learned: list[Example] = []
        held: list[Example] = []
        new: list[Example] = []
        for example in examples:
            key = text_key(example.text)
            (learned if key in self.facts.learned else held if key in self.facts.held_out else new).append(example)
        intents = len({example.intent for example in examples})
        share = enough_share(len(examples), intents, config.validation_share)
        added = stratified_split(new, share, config.seed)
        return Split(train=(*learned, *added.train), validation=(*held, *added.validation))


def text_key(text: str) -> str:
    """Equal for texts that are equal but for case and white space."""
    return hashlib.sha256(prepare_text(text).casefold().encode("utf-8")).hexdigest()[:24]


def save_warm(
    folder: Path,
    *,
    encoder: str,
    tuned_layers: int | None,
    labels: Sequence[str],
    tags: Sequence[Sequence[str | None]],
    split: Split,
    states: Mapping[str, State],
) -> None:
    """Puts what a training has learned into `folder`, whole or not at all, in the place of what is there."""
    part = folder.with_name(f".part-{folder.name}-{os.getpid()}")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        for name, state in states.items():
            kept = {key: _compact(value) for key, value in state.items() if key.startswith(_KEPT)}
            save_file(kept, part / f"{name}.safetensors")
        facts = WarmFacts(
            format_version=FORMAT_VERSION,
            encoder=encoder,
            tuned_layers=tuned_layers,
            labels=list(labels),
            tags=[list(tag) for tag in tags],
            files={path.name: file_sha256(path) for path in sorted(part.iterdir())},
            learned={text_key(example.text): example.intent for example in split.train},
            held_out={text_key(example.text): example.intent for example in split.validation},
        )
        (part / FACTS_FILE).write_text(facts.model_dump_json(), "utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def load_warm(folder: Path, *, encoder: str, tuned_layers: int | None, note: Callable[[str], None]) -> WarmStart | None:
    """What `save_warm` put there; None, with a note, where it is not there, damaged, or of another encoder.

    Args:
        encoder: Fingerprint of the weights that are to be tuned now.
        tuned_layers: As the settings have it now.
    """
    try:
        return _load(folder, encoder, tuned_layers)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        reason = _first_line(error)
        note(f"What the release {folder.name} has learned cannot be built on: {reason} The training begins anew.")
        return None


def _load(folder: Path, encoder: str, tuned_layers: int | None) -> WarmStart:
    path = folder / FACTS_FILE
    if not path.is_file() or path.is_symlink():
        raise ValueError("it was not kept.")
    if path.stat().st_size > MAX_FACTS_BYTES:
        raise ValueError(f"{FACTS_FILE} is too large.")
    facts = WarmFacts.model_validate_json(path.read_bytes())
    if facts.format_version != FORMAT_VERSION:
        raise ValueError(f"it has format {facts.format_version}, this Kefu reads {FORMAT_VERSION}.")
    if facts.encoder != encoder:
        raise ValueError("it was made from another encoder.")
    if facts.tuned_layers != tuned_layers:
        raise ValueError("other layers were tuned than are to be now.")
    states = {}
    for name, sha256 in facts.files.items():
        file = folder / Path(name).name
        if file.is_symlink() or file_sha256(file) != sha256:
            raise ValueError(f"{file.name} does not have its recorded SHA-256.")
        states[file.stem] = {key: value.float() for key, value in load_file(file).items()}
    if "measured" not in states:
        raise ValueError("it holds no fit.")
    return WarmStart(facts=facts, states=states)


def _compact(value: Tensor) -> Tensor:
    return value.detach().to("cpu", torch.float16).contiguous()


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or FACTS_FILE}: {first['msg']}."
    if isinstance(error, OSError):
        return f"{Path(error.filename or FACTS_FILE).name} cannot be read: {error.strerror}."
    return str(error).splitlines()[0]
