"""What is sent to be trained on becomes an assistant's folder, whichever way a client of Rasa's writes it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.training_child import SENT_JSON, SENT_YAML, lay_out
from configs.errors import AssistantError

CONFIG = {"language": "de", "pipeline": [{"name": "WhitespaceTokenizer"}], "kefu": {"max_wrong_rate": 0.1}}
DOMAIN = {"intents": ["greet"], "responses": {"utter_greet": [{"text": "hi"}]}, "config": {"x": True}}
DATA = {"nlu": [{"intent": "greet", "examples": "- hi\n- hey\n"}], "rules": [], "stories": []}
FILES = {"config.yml": CONFIG, "domain.yml": DOMAIN, "data/training.yml": DATA}


def laid_out(folder: Path) -> dict[str, Any]:
    lay_out(folder)
    return {name: yaml.safe_load((folder / name).read_text("utf-8")) for name in FILES}


@pytest.mark.parametrize("name", [SENT_YAML, SENT_JSON])
@pytest.mark.parametrize(
    "sent",
    [
        {**CONFIG, **DOMAIN, **DATA},
        {"config": CONFIG, "domain": DOMAIN, **DATA},
        {"config": yaml.safe_dump(CONFIG), "domain": yaml.safe_dump(DOMAIN), **DATA},
        {**CONFIG, "domain": DOMAIN, **{key: yaml.safe_dump({key: value}) for key, value in DATA.items()}},
    ],
    ids=["beside each other", "under their names", "as texts", "mixed"],
)
def test_each_part_comes_into_its_file(tmp_path: Path, name: str, sent: dict[str, Any]) -> None:
    (tmp_path / name).write_text(json.dumps(sent) if name == SENT_JSON else yaml.safe_dump(sent, sort_keys=False))

    assert laid_out(tmp_path) == FILES


def test_a_part_stands_on_the_lines_on_which_it_was_sent(tmp_path: Path) -> None:
    sent = "# config\nlanguage: de\n\nintents:\n- greet\nnlu:\n- intent: greet\n  examples: |\n    - hi\n"
    (tmp_path / SENT_YAML).write_text(sent)

    lay_out(tmp_path)

    lines = (tmp_path / "data/training.yml").read_text("utf-8").splitlines()
    assert lines[5:] == sent.splitlines()[5:]
    assert (tmp_path / "domain.yml").read_text("utf-8").splitlines()[3:5] == ["intents:", "- greet"]


@pytest.mark.parametrize("sent", ["[]", "5", "a: [", "text"])
def test_what_is_no_mapping_is_refused(tmp_path: Path, sent: str) -> None:
    (tmp_path / SENT_YAML).write_text(sent)

    with pytest.raises(AssistantError, match=SENT_YAML):
        lay_out(tmp_path)
