"""Where a training begins: from the weights of an earlier one, or from nothing. A pure rule over two sets of examples.

A warm start costs a fraction of the time and is built on what was learned before. So it is only for few new examples;
and where anything was taken back (a label undone, a conversation erased) the training begins from nothing, as
nothing else forgets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from configs.assistant_config import Method
from configs.nlu_data import Example
from training.warm_start import LEAST_EXAMPLES, WarmFacts, text_key

FEW_SHARE = 0.2  # of all examples


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How a training begins.

    Attributes:
        base: The release that it is built on; None from nothing.
        sentence: Why.
    """

    base: str | None
    sentence: str


def chosen_start(
    examples: Sequence[Example], base: str | None, kept: WarmFacts | None, method: Method, *, from_nothing: bool
) -> Start:
    """Where to begin.

    Args:
        base: The release that serves; None for none.
        kept: What its training has kept; None where it has not.
        from_nothing: Whether that was asked for.
    """
    if from_nothing or base is None or kept is None:
        why = ", as was asked for" if from_nothing else ": there is no earlier training to build on"
        return Start(base=None, sentence=f"From nothing{why}.")
    if method not in (Method.AUTO, Method.FULL):
        return Start(base=None, sentence=f"From nothing: with the method {method} there is nothing to build on.")
    before = {**kept.learned, **kept.held_out}
    now = {text_key(example.text): example.intent for example in examples}
    new, gone = _differing(now, before), _differing(before, now)
    if gone:
        return Start(base=None, sentence=f"From nothing: {gone:,} examples were taken back or changed.")
    if len(now) < LEAST_EXAMPLES:
        return Start(base=None, sentence=f"From nothing: {len(now):,} examples are soon learned, and no worse so.")
    if new > FEW_SHARE * len(now):
        return Start(
            base=None, sentence=f"From nothing: {new:,} of {len(now):,} examples are new, over {FEW_SHARE:.0%}."
        )
    return Start(base=base, sentence=f"Built on the release {base}: {new:,} of {len(now):,} examples are new.")


def _differing(these: Mapping[str, str], those: Mapping[str, str]) -> int:
    return sum(those.get(key) != intent for key, intent in these.items())
