"""Every fake of a platform that there is."""

from importlib import import_module
from pathlib import Path

from fakes.vendor import Vendor


def all_vendors() -> list[type[Vendor]]:
    """The fakes of platforms, by the names of their channels."""
    for file in sorted(Path(__file__).parent.glob("*.py")):
        import_module(f"fakes.{file.stem}")
    found, waiting = [], [Vendor]
    while waiting:
        below = waiting.pop().__subclasses__()
        waiting += below
        found += [one for one in below if hasattr(one, "channel")]
    return sorted(found, key=lambda one: one.channel)
