"""Reads a JSON Lines file, with the line of each value."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from configs.errors import AssistantError
from configs.yaml_file import read_text


def read_json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """Each value with its 1-based line; blank lines are passed over.

    Raises:
        AssistantError: The file cannot be read, or a line is not JSON.
    """
    for line, text in enumerate(read_text(path).split("\n"), start=1):
        if text.strip():
            try:
                yield line, json.loads(text)
            except (ValueError, RecursionError) as error:
                raise AssistantError(path, line, f"not valid JSON: {error}", "Write one object a line.") from error
