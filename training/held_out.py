"""What the measured fit made of the examples that were set aside, kept in the release.

A later training that takes the encoder over needs it to fit the promise. The texts are not in it, but their places
among the assistant's examples.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from nlu.encoder import FloatArray
from training.manifest import HELD_OUT_FILE

if TYPE_CHECKING:
    from training.fit import HeldOut


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeptHeldOut:
    """The figures of the examples that were set aside, in their order.

    Attributes:
        places: Of each among the examples of the assistant, shape (n,); None in a release of an earlier Kefu.
        logits: Shape (n, classes).
        scope: Shape (n,), in [0, 1].
        nearness: Shape (n,), in [-1, 1].
    """

    places: NDArray[np.int64] | None
    logits: FloatArray
    scope: NDArray[np.float64]
    nearness: NDArray[np.float64]


def save_held_out(folder: Path, held_out: "HeldOut") -> None:
    """Writes what `load_held_out` reads."""
    arrays = {
        "places": held_out.places,
        "logits": held_out.logits,
        "scope": held_out.scope_scores,
        "nearness": held_out.nearness,
    }
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / HELD_OUT_FILE)


def load_held_out(folder: Path) -> KeptHeldOut:
    """What `save_held_out` wrote."""
    arrays = load_file(folder / HELD_OUT_FILE)
    return KeptHeldOut(
        places=arrays.get("places"), logits=arrays["logits"], scope=arrays["scope"], nearness=arrays["nearness"]
    )
