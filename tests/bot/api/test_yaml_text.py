"""Values written as YAML come back as the same values, by Kefu's reader and by YAML 1.1's."""

import json
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.api.yaml_text import yaml_text
from configs.yaml_file import parse_yaml

texts = st.text(st.characters(exclude_categories=("Cs", "Cc", "Co", "Cn")), max_size=12) | st.sampled_from(
    ["yes", "no", "on", "null", "~", "1e3", "08", "0x1f", "1_000", "1:30", "+1", ".5", "-", "- a", "a: b", "#", "a\nb"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(texts, values, max_size=4))
def test_what_is_written_is_read_back(data: dict[str, Any]) -> None:
    text = yaml_text(data)

    assert parse_yaml(text, Path("x")).data == data
    assert yaml.safe_load(text) == data


def test_the_order_of_keys_and_line_breaks_stay() -> None:
    text = yaml_text({"b": "one\ntwo\n", "a": ("x",)})

    assert text == "b: |\n  one\n  two\na:\n- x\n"


def test_what_occurs_twice_is_written_twice() -> None:
    part = {"title": "x"}

    assert "&" not in yaml_text({"a": part, "b": part})
    assert json.loads(json.dumps(yaml.safe_load(yaml_text({"a": part, "b": part})))) == {"a": part, "b": part}
