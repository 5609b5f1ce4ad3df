"""A small Rasa project, written to disk with what a test changes in it, for the checks of rules, stories and forms."""

from collections.abc import Mapping
from pathlib import Path

from configs import Assistant, read_assistant

FILES = {
    "config.yml": "language: en\n",
    "domain.yml": "intents: [greet, bye]\nresponses:\n  utter_greet: [Hi]\n  utter_bye: [Bye]\n",
    "data/nlu.yml": "nlu:\n- {intent: greet, examples: [hello]}\n- {intent: bye, examples: [good bye]}\n",
    "data/rules.yml": "rules: []\n",
}


def project(folder: Path, changed: Mapping[str, str]) -> Assistant:
    """The assistant of `FILES`, some of them changed or added."""
    for name, text in {**FILES, **changed}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return read_assistant(folder)
