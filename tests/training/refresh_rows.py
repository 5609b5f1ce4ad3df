"""Rows of what was taught, for tests."""

from typing import Any

from configs.taught import Meaning, Taught


def said(number: int, text: str, value: str, meaning: Meaning = Meaning.INTENT, **more: Any) -> Taught:
    """One row, each of a conversation of its own unless another is named."""
    values = {"conversation": f"c{number}", "turn": 1, "who": "anna", "at": 1_000.0 + number, **more}
    return Taught(number=number, text=text, value=value, meaning=meaning, **values)


def answered(number: int, text: str, answer: str, intent: str = "", **more: Any) -> Taught:
    return said(number, text, answer, Meaning.ANSWER, intent=intent, **more)


def linked(number: int, text: str, pair: str, **more: Any) -> Taught:
    return said(number, text, pair, Meaning.PAIR, **more)
