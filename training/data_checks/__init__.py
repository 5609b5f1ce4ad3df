"""What is wrong with an assistant's data, said before training in words that its author can act on."""

from training.data_checks.check import Embed, check_assistant, frozen_embed
from training.data_checks.finding import Finding, Kind, Passage, Severity
from training.data_checks.report import DataReport, write_html, write_json

__all__ = [
    "DataReport",
    "Embed",
    "Finding",
    "Kind",
    "Passage",
    "Severity",
    "check_assistant",
    "frozen_embed",
    "write_html",
    "write_json",
]
