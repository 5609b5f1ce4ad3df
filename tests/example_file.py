"""The example programs of the documentation: run as they stand, and shown in their page as they are."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

DOCS = Path(__file__).resolve().parents[1] / "docs"


def example(name: str) -> ModuleType:
    """The module `docs/examples/<name>.py`."""
    spec = spec_from_file_location(f"example_{name}", DOCS / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def is_shown(name: str, page: str) -> bool:
    """Whether the how-to `page` shows the example word for word."""
    text = (DOCS / "how-to" / f"{page}.md").read_text("utf-8")
    return (DOCS / "examples" / f"{name}.py").read_text("utf-8") in re.findall(
        r"^```python\n(.*?)^```", text, re.M | re.S
    )
