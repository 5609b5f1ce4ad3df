"""Sets some examples of every intent aside, and orders the rest into batches."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from configs.assistant_config import TrainingConfig
from configs.nlu_data import Example
from nlu.text import prepare_text

ENOUGH_HELD_OUT = 500
ENOUGH_OF_INTENT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Examples to learn from and examples to check on; none stands in both."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]


def enough_share(example_count: int, intent_count: int, most: float) -> float:
    """Share of the examples that is enough to check on: what calibrates well needs no tenth of a large corpus."""
    enough = max(ENOUGH_HELD_OUT, ENOUGH_OF_INTENT * intent_count)
    return min(most, enough / max(1, example_count))


def stratified_split(examples: Sequence[Example], share: float, seed: int) -> Split:
    """Sets about `share` of each intent's examples aside, at least one where it has three or more.

    Texts that are equal but for case and white space fall on the same side, so that nothing is checked on what it
    was taught.
    """
    random = np.random.default_rng(seed)
    train: list[Example] = []
    validation: list[Example] = []
    for intent in dict.fromkeys(example.intent for example in examples):
        by_text: dict[str, list[Example]] = {}
        for example in examples:
            if example.intent == intent:
                by_text.setdefault(prepare_text(example.text).casefold(), []).append(example)
        groups = [list(by_text.values())[i] for i in random.permutation(len(by_text))]
        held_count = max(1, round(share * len(groups))) if len(groups) >= 3 else 0
        validation += [example for group in groups[:held_count] for example in group]
        train += [example for group in groups[held_count:] for example in group]
    return Split(train=tuple(train), validation=tuple(validation))


def held_out_split(examples: Sequence[Example], config: TrainingConfig) -> Split:
    """What an assistant's measured fit learns from, and what is set aside; the same each time."""
    intents = len({example.intent for example in examples})
    return stratified_split(examples, enough_share(len(examples), intents, config.validation_share), config.seed)


def length_bucketed_batches(lengths: Sequence[int], batch_size: int, random: np.random.Generator) -> list[list[int]]:
    """Random batches of texts of similar length: little padding, yet another order each time.

    Shuffles, sorts within runs of fifty batches, cuts, and shuffles the batches.
    """
    order = random.permutation(len(lengths))
    run = 50 * batch_size
    batches: list[list[int]] = []
    for start in range(0, len(order), run):
        nearby = sorted(order[start : start + run], key=lambda index: lengths[index])
        batches += [[int(i) for i in nearby[at : at + batch_size]] for at in range(0, len(nearby), batch_size)]
    return [batches[i] for i in random.permutation(len(batches))]
