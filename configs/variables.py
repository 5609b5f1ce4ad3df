"""`${NAME}` in a file stands for a variable of the environment, as in Rasa's projects."""

import re
from collections.abc import Mapping
from typing import Any

from configs.yaml_file import Place, YamlFile

_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")


def substituted(file: YamlFile, place: Place, value: Any, environment: Mapping[str, str]) -> Any:
    """`value`, which stands at `place`, with its variables' values; as it is where it is no text.

    Raises:
        AssistantError: A variable is not set.
    """
    if not isinstance(value, str):
        return value

    def variable(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name not in environment:
            raise file.error(place, f"the variable {name} is not set", "Set it, or write the value out.")
        return environment[name]

    return _VARIABLE.sub(variable, value)
