"""Many JavaScript modules as one script, so that a page fetches one file and not thirty.

What is read is not JavaScript at large but the plain way in which the widget's modules are written: `import { a } from
"./b.js";` at a line's beginning, and `export` before a class, function or constant. All else is refused.
"""

import re
from collections.abc import Mapping
from graphlib import TopologicalSorter

_IMPORT = re.compile(r'^import (\{[^{}]*\}) from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?(?:class|function|const) (\w+))", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def joined(sources: Mapping[str, str], entry: str) -> str:
    """The script that does what the module `entry` does; each module keeps its names to itself.

    Args:
        sources: The modules' texts by name, without `.js`.

    Raises:
        ValueError: A module imports or exports in another way, or something that is not there.
        CycleError: Modules need each other.
    """
    needs = {name: {found[2] for found in _IMPORT.finditer(text)} for name, text in sources.items()}
    if missing := set().union(*needs.values()) - set(sources):
        raise ValueError(f"{sorted(missing)[0]}.js is imported, but there is no such module")
    order = [name for name in TopologicalSorter(needs).static_order() if name != entry]
    return "\n".join([*(_scope(name, sources[name]) for name in order), _body(entry, sources[entry])])


def _scope(name: str, text: str) -> str:
    """A module as a value that holds what it exports."""
    exported = ", ".join(found[2] for found in _EXPORT.finditer(text))
    return f"const ${name} = (() => {{\n{_body(name, text)}return {{ {exported} }};\n}})();\n"


def _body(name: str, text: str) -> str:
    body = _EXPORT.sub(r"\1", _IMPORT.sub(r"const \1 = $\2;", text))
    if left := _LEFT.search(body):
        raise ValueError(f"{name}.js: cannot join {left[0]!r}; write `import {{ a }} from './b.js'` or export a name")
    return body
