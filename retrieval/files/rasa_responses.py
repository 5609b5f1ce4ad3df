"""The retrieval intents of a Rasa project: `faq/ask_x` with its examples and `utter_faq/ask_x` become a pair."""

import re
from collections.abc import Iterator
from pathlib import Path

from configs.domain import Variation, read_domain
from configs.errors import AssistantError
from configs.nlu_data import Example, parse_nlu
from configs.yaml_file import read_yaml
from retrieval.checked_pair import WORDINGS
from retrieval.files.folder_files import files_under
from retrieval.files.markdown_folder import in_file
from retrieval.files.rows import BadRow, Row, checked_row

ENDINGS = frozenset({".yml", ".yaml"})
NO_TRAINING_DATA = frozenset({"config", "credentials", "endpoints"})
_SLOT = re.compile(r"\{\w+\}")


class RasaProject:
    """The retrieval intents under a project's folder, read when it is opened."""

    format = "rasa"
    encoding = "utf-8"

    def __init__(self, root: Path) -> None:
        """Reads all YAML files that hold examples or responses.

        Raises:
            AssistantError: A file is no YAML or has another shape than Rasa's, a response is defined twice, or there
                are no retrieval intents.
        """
        self.path = root
        paths, self._refused = files_under(root, ENDINGS)
        examples: list[Example] = []
        with_responses = []
        for path in paths:
            if path.stem in NO_TRAINING_DATA:
                continue
            file = read_yaml(path)
            if isinstance(file.data, dict):
                examples += parse_nlu(file)[0].examples
                if file.data.get("responses"):
                    with_responses.append(path)
        self._responses = read_domain(with_responses)[0].responses
        self._examples: dict[str, list[Example]] = {}
        for example in examples:
            if "/" in example.intent:
                self._examples.setdefault(example.intent, []).append(example)
        if not self._examples and not self._refused:
            raise AssistantError(root, None, "has no retrieval intents", "Give it examples of `- intent: faq/ask_x`.")
        self.total: int | None = len(self._examples)
        self._position = 0
        self.notes = tuple(
            f"utter_{intent}: {{...}} in it is not filled in"
            for intent in self._examples
            if any(_SLOT.search(v.text or "") for v in self._responses.get(f"utter_{intent}", ())[:1])
        )

    def rows(self) -> Iterator[Row | BadRow]:
        """Each retrieval intent, in the order of its first example."""
        yield from self._refused
        for position, (intent, examples) in enumerate(self._examples.items(), start=1):
            self._position = position
            first = examples[0]
            name = first.path.relative_to(self.path).as_posix()
            yield in_file(self._row(intent, examples, name), name)

    def position(self) -> int:
        """Intents read."""
        return self._position

    def _row(self, intent: str, examples: list[Example], name: str) -> Row | BadRow:
        first = examples[0]
        said = _first_text(self._responses.get(f"utter_{intent}", ()))
        if said is None:
            return BadRow(
                line=first.line,
                problem=f"the intent {intent} has no response utter_{intent} with a text",
                fix="Write one under `responses:`.",
            )
        values = {
            "id": intent,
            WORDINGS: list(dict.fromkeys(example.text for example in examples)),
            "answer": said.text,
            "buttons": [{"title": button.title, "payload": button.payload} for button in said.buttons],
            "images": [said.image] if said.image else [],
            "source": name,
        }
        return checked_row(values, first.path, first.line)


def is_rasa_project(folder: Path) -> bool:
    """Whether the folder has a project's files rather than help pages."""
    return (folder / "domain.yml").exists() or ((folder / "config.yml").exists() and (folder / "data").is_dir())


def _first_text(variations: tuple[Variation, ...]) -> Variation | None:
    """The first variation with a text; one for a single channel only where there is no other."""
    with_text = [variation for variation in variations if variation.text and variation.text.strip()]
    return next((v for v in with_text if v.channel is None), with_text[0] if with_text else None)
