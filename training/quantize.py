"""Finds how much of a graph can be int8 without losing more than is allowed. The graph work is `int8_graph`'s.

All of it is tried first. Where that loses too much, one kind of part at a time is left in float32 (the layers that
leave attention, say, or the embedding table), then the kinds that help most together, and what is found is narrowed to
the layers that need it. Each try is measured by the caller, on what the caller cares about.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from training.int8_graph import Feeds, FloatArray, Part, find_parts, input_peaks, load_fused, to_int8


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What a graph loses against the float32 graph, or how much of it is allowed.

    Attributes:
        changed_share: Messages whose best intent is another one, 0 to 1.
        accuracy_points: Accuracy lost, in percentage points; negative where it is better.
        cosine_drift: 1 minus the cosine of a message's two embeddings, for the worst message; 0 to 2.
    """

    changed_share: float
    accuracy_points: float
    cosine_drift: float

    @classmethod
    def between(
        cls,
        logits: tuple[FloatArray, FloatArray],
        classes: NDArray[np.int64],
        embeddings: Sequence[tuple[FloatArray, FloatArray]],
    ) -> "Loss":
        """Compares pairs of (float32's, the graph's) outputs.

        Args:
            logits: Of shape (n, classes), n at least 1.
            classes: The right ones, (n,).
            embeddings: Pairs of unit vectors (n, d), one pair for each embedding that the graph gives.
        """
        before, after = (part.argmax(axis=1) for part in logits)
        cosines = [np.sum(wanted * got, axis=1).min() for wanted, got in embeddings]
        return cls(
            changed_share=float(np.mean(before != after)),
            accuracy_points=100 * float(np.mean(before == classes) - np.mean(after == classes)),
            cosine_drift=1 - float(np.min(cosines)),
        )

    def excess(self, allowed: "Loss") -> float:
        """How many times the allowed loss this is, by the worst of the three; at most 1 is allowed."""
        return max(_times(lost, bound) for lost, bound in zip(astuple(self), astuple(allowed), strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One try: the parts left in float32, and what was lost."""

    in_float32: tuple[str, ...]
    loss: Loss
    excess: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantised:
    """What was written.

    Attributes:
        precision: `int8`, `mixed` or `float32`.
        reason: Why it is that, in a sentence.
        float32_bytes: Size of the same graph in float32.
        in_float32: Names of the parts left in float32, of those that could be int8.
        part_count: How many could be.
        steps: Every try, in order.
    """

    precision: str
    reason: str
    float32_bytes: int
    target_bytes: int
    in_float32: tuple[str, ...]
    part_count: int
    steps: tuple[Step, ...]


def quantize_graph(
    source: Path, target: Path, measure: Callable[[Path], Loss], *, allowed: Loss, examples: Sequence[Feeds]
) -> Quantised:
    """Writes the graph at `source` to `target` with as much of it in int8 as `allowed` lets.

    Args:
        source: A float32 graph, with its weights inside or beside it.
        target: Overwritten at each try; holds the result in the end. May be `source`.
        measure: Says what the graph at a path loses. Called once where int8 suffices, else about ten times.
        allowed: The bound for each kind of loss.
        examples: Inputs of single messages, a few dozen, that show which channels are large.

    Raises:
        ValueError: There are no examples.
    """
    if not examples:
        raise ValueError("quantize_graph needs at least one example message; pass some that the bot was trained on.")
    model = load_fused(source)
    parts = find_parts(model)
    peaks = input_peaks(model, parts, examples)
    search = _Search(model=model, parts=parts, peaks=peaks, target=target, measure=measure, allowed=allowed)
    left = _find(search)
    precision, reason = _verdict(search, left)
    search.write(left)
    return Quantised(
        precision=precision,
        reason=reason,
        float32_bytes=model.ByteSize(),
        target_bytes=target.stat().st_size,
        in_float32=tuple(part.name for part in left),
        part_count=len(parts),
        steps=tuple(search.steps),
    )


@dataclass(kw_only=True)
class _Search:
    """Writes and measures one try after another."""

    model: onnx.ModelProto
    parts: Sequence[Part]
    peaks: dict[str, FloatArray]
    target: Path
    measure: Callable[[Path], Loss]
    allowed: Loss
    steps: list[Step] = field(default_factory=list)

    def write(self, left: Iterable[Part]) -> None:
        kept = set(left)
        onnx.save(to_int8(self.model, [part for part in self.parts if part not in kept], self.peaks), self.target)

    def excess(self, left: Sequence[Part]) -> float:
        """Tries the graph with `left` in float32."""
        self.write(left)
        loss = self.measure(self.target)
        names = tuple(part.name for part in left)
        self.steps.append(Step(in_float32=names, loss=loss, excess=loss.excess(self.allowed)))
        return self.steps[-1].excess


def _find(search: _Search) -> Sequence[Part]:
    """The parts to leave in float32; all of them where nothing less is enough."""
    if search.excess(()) <= 1:
        return ()
    kinds: dict[str, list[Part]] = {}
    for part in search.parts:
        kinds.setdefault(part.kind, []).append(part)
    if len(kinds) == 1:
        return _narrow(search, search.parts)
    excess = {kind: search.excess(left) for kind, left in kinds.items()}
    enough = [kinds[kind] for kind, value in excess.items() if value <= 1]
    if enough:
        return _narrow(search, min(enough, key=_weight_count))
    ranked = sorted(excess, key=lambda kind: excess[kind])
    for count in range(2, len(ranked)):
        left = [part for kind in ranked[:count] for part in kinds[kind]]
        if search.excess(left) <= 1:
            return _narrow(search, left)
    return _narrow(search, search.parts)


def _narrow(search: _Search, left: Sequence[Part]) -> Sequence[Part]:
    """Half of `left`, and half of that, as long as one of the halves is enough; the early layers first."""
    left = sorted(left, key=search.parts.index)
    while len(left) > 1:
        middle = (len(left) + 1) // 2
        half = next((half for half in (left[:middle], left[middle:]) if search.excess(half) <= 1), None)
        if half is None:
            break
        left = half
    return left


def _verdict(search: _Search, left: Sequence[Part]) -> tuple[str, str]:
    if not search.parts:
        return "float32", "The graph has no weights that can be int8."
    first = search.steps[0].excess
    if not left:
        return "int8", "All parts are int8 and lose no more than is allowed."
    if len(left) < len(search.parts):
        return "mixed", f"All parts in int8 lose {first:.1f} times what is allowed; {len(left)} stay in float32."
    least = min(step.excess for step in search.steps)
    return "float32", f"Every mixture tried loses too much: at best {least:.1f} times what is allowed."


def _weight_count(parts: Sequence[Part]) -> int:
    return sum(part.weight_count for part in parts)


def _times(lost: float, bound: float) -> float:
    if lost <= 0:
        return 0.0
    return lost / bound if bound > 0 and np.isfinite(lost) else float("inf")
