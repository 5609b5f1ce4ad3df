"""Every fake of a platform that there is."""

from importlib import import_module
from pathlib import Path

from fakes.platform import Platform
from fakes.vendor import Vendor


def all_platforms() -> list[type[Platform]]:
    """The fakes of platforms, by the names of their channels."""
    for file in sorted(Path(__file__).parent.glob("*.py")):
        import_module(f"fakes.{file.stem}")
    found, waiting = [], [Platform]
    while waiting:
        below = waiting.pop().__subclasses__()
        waiting += below
        found += [one for one in below if hasattr(one, "channel") and is_shipped(one)]
    return sorted(found, key=lambda one: one.channel)


def all_vendors() -> list[type[Vendor]]:
    """Those that bring each message in one HTTP request."""
    return [one for one in all_platforms() if issubclass(one, Vendor)]


def is_shipped(platform: type[Platform]) -> bool:
    """Whether it is one of this folder: a test may have made another of one for itself."""
    return platform.__module__.startswith("fakes.")
