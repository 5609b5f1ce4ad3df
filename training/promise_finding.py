"""Says, in figures and in a sentence, what a promise was tested on and what came of it."""

from dataclasses import dataclass

import numpy as np

from retrieval.promise import Finding
from training.learn_then_test import answers_needed, upper_bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """The tests of a promise.

    Attributes:
        basis: `questions` or `examples`.
        rate: Of wrong answers, that was tried for.
        messages: That were tested on.
        share: Of all messages, that these are; the others were fitted on.
        first: At the first threshold, which is the likeliest to pass: answers given, and those of them that were wrong.
        last: The same at the last threshold that passed, None where none has.
    """

    basis: str
    rate: float
    confidence: float
    messages: int
    share: float
    first: tuple[int, int]
    last: tuple[int, int] | None

    @property
    def promisable(self) -> float:
        """The least rate that can be promised."""
        given, wrong = self.first
        return upper_bound(wrong, given, self.confidence)

    @property
    def needed(self) -> int | None:
        """Messages in all that would be enough."""
        given, wrong = self.first
        answers = answers_needed(wrong / max(1, given), self.rate, self.confidence)
        return int(np.ceil(answers * self.messages / given / self.share)) if answers and given else None

    def finding(self) -> Finding:
        """For the release."""
        given, wrong = self.last or self.first
        return Finding(
            basis=self.basis,
            messages=self.messages,
            answered=given / self.messages,
            wrong=wrong / max(1, given),
            promisable=min(self.promisable, self.rate) if self.last else self.promisable,
            needed=self.needed,
            sentence=self._kept() if self.last else self._not_kept(),
        )

    def _kept(self) -> str:
        given, wrong = self.last or self.first
        return (
            f"Promised, with {self.confidence:.0%} confidence: at most {self.rate:.1%} of the given answers are wrong, "
            f"on messages like the {self.messages:,} {self._whose()} it was tested on. Of these "
            f"{given / self.messages:.1%} are answered, and {wrong / max(1, given):.1%} of the answers are wrong."
            f"{self._warning()}"
        )

    def _not_kept(self) -> str:
        needed = self.needed
        more = (
            f"about {needed:,} labelled messages like these would be enough"
            if needed
            else "more messages like these would not be enough, as too many of the surest answers are wrong"
        )
        return (
            f"Not promised: {self.messages:,} {self._whose()} do not show that at most {self.rate:.1%} of the given "
            f"answers are wrong. With {self.confidence:.0%} confidence {self.promisable:.1%} could be promised; for "
            f"{self.rate:.1%}, {more}. Until then the thresholds under kefu.policy decide.{self._warning()}"
        )

    def _whose(self) -> str:
        return "labelled questions" if self.basis == "questions" else "examples of the assistant's own"

    def _warning(self) -> str:
        if self.basis == "questions":
            return ""
        return " Customers write otherwise than examples do: label some of their questions in calibration.jsonl."


def untested(question_count: int, least: int, rate: float) -> Finding:
    """Where there is too little to test anything on."""
    return Finding(
        basis="nothing",
        sentence=f"Not promised: {question_count} labelled questions and too few examples to try for {rate:.1%} of "
        f"wrong answers. Label {least} customers' questions or more in calibration.jsonl. Until then the thresholds "
        "under kefu.policy decide.",
    )
