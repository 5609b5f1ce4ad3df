"""Learns what a bot does next from dialogues: what stories of the same course did, and what the words say.

A story memory knows the longest ends of histories that were seen, and backs off to shorter ones; a small network reads
the frozen embeddings of the last words on both sides beside the actions so far. Both are fused by a weight that is
chosen on dialogues kept back from learning. Nothing serves it yet.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nlu.encoder import FloatArray

START = "(start)"
LONGEST_END = 6  # actions of a history that the memory tells apart
RECENT_ACTIONS = 3  # of which the network knows the place
LONGEST_HISTORY = 20
WIDTH = 256
BATCH = 128
EPOCHS = 30
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-2
LABEL_SMOOTHING = 0.05
INPUT_DROPOUT = 0.1
DROPOUT = 0.4
EMBEDDING_SCALE = 2.5  # so that an embedding of length 1 weighs as much as the actions beside it
MEMORY_WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.5)
KEPT_BACK = 0.1  # of the dialogues, to choose the memory's weight by
LEAST_PROBABILITY = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decision:
    """A moment in a dialogue at which the bot did something.

    Attributes:
        dialogue: Which one; those of one dialogue are kept together.
        history: What the bot had done before, the oldest first.
        words: Shape (d,), float32: embeddings of what was said last, side by side; the same parts in every decision.
        action: What it did.
    """

    dialogue: str
    history: tuple[str, ...]
    words: FloatArray
    action: str


class StoryMemory:
    """What was done after each end of a history, the longest end first.

    Source: the interpolation of Witten and Bell, "The zero-frequency problem", IEEE Trans. Inf. Theory 37, 1991.
    """

    def __init__(self, decisions: Sequence[Decision], actions: Sequence[str]) -> None:
        self._places = {action: place for place, action in enumerate(actions)}
        self._seen: Mapping[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        for decision in decisions:
            for end in _ends(decision.history):
                self._seen[end][decision.action] += 1

    def probabilities(self, decisions: Sequence[Decision]) -> FloatArray:
        """Shape (n, actions): how often each was done in the like; the rows sum to 1."""
        found = [self._after(decision.history) for decision in decisions]
        return np.array(found, np.float32).reshape(len(decisions), len(self._places))

    def _after(self, history: tuple[str, ...]) -> NDArray[np.float64]:
        blend = np.full(len(self._places), 1 / len(self._places))
        for end in _ends(history):
            seen = self._seen.get(end)
            if seen is None:
                break
            total, kinds = sum(seen.values()), len(seen)
            counts = np.zeros(len(self._places))
            counts[[self._places[action] for action in seen]] = list(seen.values())
            blend = (counts + kinds * blend) / (total + kinds)
        return blend


class NextActionModel:
    """Says what a bot does next.

    Args:
        decisions: What to learn from; those with an action that is not to be predicted belong into histories only.
        seed: Of the network and of what is kept back.
    """

    def __init__(self, decisions: Sequence[Decision], *, seed: int) -> None:
        self.actions = tuple(sorted({decision.action for decision in decisions}))
        known = {action for decision in decisions for action in decision.history}
        self._places = {action: place for place, action in enumerate(sorted(known))}
        kept, rest = _kept_back(decisions, seed)
        self.memory_weight = self._best_weight(rest, kept, seed) if kept and rest else 0.0
        self._memory = StoryMemory(decisions, self.actions)
        self._network = self._trained(decisions, seed)

    def probabilities(self, decisions: Sequence[Decision]) -> FloatArray:
        """Shape (n, actions), in the order of `actions`; the rows sum to 1."""
        return fused(self._read(self._network, decisions), self._memory.probabilities(decisions), self.memory_weight)

    def predict(self, decisions: Sequence[Decision]) -> list[str]:
        """The likeliest action of each."""
        return [self.actions[place] for place in self.probabilities(decisions).argmax(axis=1)]

    def _best_weight(self, rest: Sequence[Decision], kept: Sequence[Decision], seed: int) -> float:
        words = self._read(self._trained(rest, seed), kept)
        memory = StoryMemory(rest, self.actions).probabilities(kept)
        truth = np.array([self.actions.index(decision.action) for decision in kept])
        shares = {
            weight: float((fused(words, memory, weight).argmax(axis=1) == truth).mean()) for weight in MEMORY_WEIGHTS
        }
        return max(shares, key=lambda weight: (shares[weight], -weight))

    def _trained(self, decisions: Sequence[Decision], seed: int) -> nn.Module:
        torch.manual_seed(seed)
        inputs = torch.from_numpy(self._features(decisions))
        truth = torch.tensor([self.actions.index(decision.action) for decision in decisions])
        network = nn.Sequential(
            nn.Dropout(INPUT_DROPOUT),
            nn.Linear(inputs.shape[1], WIDTH),
            nn.ReLU(),
            nn.Dropout(DROPOUT),
            nn.Linear(WIDTH, len(self.actions)),
        )
        optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        batches = -(-len(decisions) // BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=EPOCHS * batches)
        loss_of = nn.CrossEntropyLoss(label_smoothing=LABEL_SMOOTHING)
        for _ in range(EPOCHS):
            for rows in torch.split(torch.randperm(len(decisions)), BATCH):
                optimizer.zero_grad()
                loss_of(network(inputs[rows]), truth[rows]).backward()
                optimizer.step()
                schedule.step()
        return network.eval()

    def _read(self, network: nn.Module, decisions: Sequence[Decision]) -> FloatArray:
        with torch.inference_mode():
            found: FloatArray = torch.softmax(network(torch.from_numpy(self._features(decisions))), dim=1).numpy()
        return found

    def _features(self, decisions: Sequence[Decision]) -> FloatArray:
        """Shape (n, words + places): embeddings, the last actions by their place, all by whether they were."""
        size = len(self._places)
        course = np.zeros((len(decisions), (RECENT_ACTIONS + 1) * size + 1), np.float32)
        for row, decision in enumerate(decisions):
            for back, action in enumerate(reversed(decision.history)):
                place = self._places.get(action)
                if place is not None:
                    course[row, RECENT_ACTIONS * size + place] = 1.0
                    if back < RECENT_ACTIONS:
                        course[row, back * size + place] = 1.0
            course[row, -1] = min(len(decision.history), LONGEST_HISTORY) / LONGEST_HISTORY
        words = np.stack([decision.words for decision in decisions])
        return np.concatenate([EMBEDDING_SCALE * words, course], axis=1, dtype=np.float32)


def fused(words: FloatArray, memory: FloatArray, memory_weight: float) -> FloatArray:
    """A log-linear blend of two predictions of shape (n, actions), the first with weight 1; the rows sum to 1."""
    scores = np.log(words + LEAST_PROBABILITY) + memory_weight * np.log(memory + LEAST_PROBABILITY)
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    blended: FloatArray = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
    return blended


def _ends(history: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The ends of a history, the shortest first: nothing, the last action, the last two, and so on."""
    whole = (START, *history)
    return [whole[len(whole) - length :] for length in range(min(LONGEST_END, len(whole)) + 1)]


def _kept_back(decisions: Sequence[Decision], seed: int) -> tuple[list[Decision], list[Decision]]:
    """The decisions of some dialogues, and the others."""
    dialogues = sorted({decision.dialogue for decision in decisions})
    chosen = np.random.default_rng(seed).permutation(len(dialogues))[: round(KEPT_BACK * len(dialogues))]
    names = {dialogues[place] for place in chosen}
    kept = [decision for decision in decisions if decision.dialogue in names]
    return kept, [decision for decision in decisions if decision.dialogue not in names]
