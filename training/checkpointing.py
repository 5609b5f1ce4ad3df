"""What a model is while it learns, written after every epoch, so that a fit that was stopped can go on.

    <folder>/epoch-003.safetensors    weights, moments of the optimizer, pending gradients, random states; the counts
                                      and the learning curve as JSON in its header
    <folder>/checkpoint.json          its name and SHA-256, replaced last: what it does not name does not count

A fit that goes on from here ends with the weights that it would have had undisturbed.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from training.manifest import file_sha256
from training.workspace import CHECKPOINT_FILE

FORMAT_VERSION = 1
_LEARNED = ("tuned_top.", "tuned_head.", "plain_head.", "tagger.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Snapshot:
    """The state of a fit between two epochs.

    Attributes:
        tensors: By name, anything that is a tensor.
        facts: The rest, as JSON can hold it.
    """

    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any]

    def part(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose names begin with `prefix`, without it."""
        return {name.removeprefix(prefix): value for name, value in self.tensors.items() if name.startswith(prefix)}


class _Pointer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format_version: int
    file: str
    sha256: str


class FitCheckpoint:
    """The latest snapshot of one fit, in a folder of its own.

    Args:
        note: Told in a sentence what has become of an earlier snapshot.
    """

    def __init__(self, folder: Path, note: Callable[[str], None]) -> None:
        self.folder = folder
        self.note = note

    def save(self, snapshot: Snapshot, epoch: int) -> None:
        """Puts `snapshot` in the place of the one before; a process that dies meanwhile leaves that one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"epoch-{epoch:03}.safetensors"
        temporary = self.folder / f".{path.name}.{os.getpid()}"
        tensors = {name: value.contiguous() for name, value in snapshot.tensors.items()}
        save_file(tensors, temporary, metadata={"facts": json.dumps(snapshot.facts)})
        temporary.replace(path)
        pointer = _Pointer(format_version=FORMAT_VERSION, file=path.name, sha256=file_sha256(path))
        temporary.write_text(pointer.model_dump_json(), "utf-8")
        temporary.replace(self.folder / CHECKPOINT_FILE)
        for other in [*self.folder.glob("*.safetensors"), *self.folder.glob(".epoch-*")]:
            if other != path:
                other.unlink()

    def load(self) -> Snapshot | None:
        """The latest snapshot; None where there is none, or where it is damaged."""
        place = self.folder / CHECKPOINT_FILE
        if not place.is_file():
            return None
        try:
            pointer = _Pointer.model_validate_json(place.read_bytes())
            snapshot = self._read(pointer)
        except (OSError, ValueError, SafetensorError) as error:
            self.note(f"{place} is damaged and is ignored: {str(error).splitlines()[0]}")
            return None
        self.note(f"Going on from {self.folder / pointer.file}, which a training that was stopped has left.")
        return snapshot

    def _read(self, pointer: _Pointer) -> Snapshot:
        path = self.folder / Path(pointer.file).name
        if pointer.format_version != FORMAT_VERSION:
            raise ValueError(f"it has format {pointer.format_version}, this Kefu reads {FORMAT_VERSION}.")
        if file_sha256(path) != pointer.sha256:
            raise ValueError(f"{path.name} does not have its recorded SHA-256.")
        with safe_open(path, "pt") as file:
            facts = json.loads(file.metadata()["facts"])
            return Snapshot(tensors={name: file.get_tensor(name) for name in file.keys()}, facts=facts)  # noqa: SIM118


def learned_state(model: nn.Module) -> dict[str, Tensor]:
    """A copy of the weights that a fit may change."""
    state = model.state_dict()
    return {name: value.detach().clone() for name, value in state.items() if name.startswith(_LEARNED)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Learner:
    """What moves while a model learns; the rates follow from the number of the step."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    random: np.random.Generator
    device: torch.device

    def snapshot(self, best_state: Mapping[str, Tensor], counts: Mapping[str, Any]) -> Snapshot:
        """All of it, with the weights of the best epoch and what is counted."""
        tensors = {"random": torch.get_rng_state()}
        if self.device.type == "cuda":
            tensors["random_of_gpu"] = torch.cuda.get_rng_state(self.device)
        tensors |= {f"model.{name}": value for name, value in learned_state(self.model).items()}
        tensors |= {f"best.{name}": value for name, value in best_state.items()}
        for name, parameter in self.model.named_parameters():
            if parameter.grad is not None:  # of batches whose step is still to come
                tensors[f"gradient.{name}"] = parameter.grad
        for index, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in moments.items()}
        return Snapshot(tensors=tensors, facts={"counts": counts, "order": self.random.bit_generator.state})

    def restore(self, snapshot: Snapshot) -> None:
        """Makes everything what it was when `snapshot` was taken."""
        self.model.load_state_dict(snapshot.part("model."), strict=False)
        gradients = snapshot.part("gradient.")
        for name, parameter in self.model.named_parameters():
            parameter.grad = gradients[name].to(self.device) if name in gradients else None
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in snapshot.part("optimizer.").items():
            index, _, moment = name.partition(".")
            moments.setdefault(int(index), {})[moment] = value
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
        self.random.bit_generator.state = snapshot.facts["order"]
        torch.set_rng_state(snapshot.tensors["random"])
        if "random_of_gpu" in snapshot.tensors and self.device.type == "cuda":
            torch.cuda.set_rng_state(snapshot.tensors["random_of_gpu"], self.device)
