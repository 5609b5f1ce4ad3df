"""An owner's actions as Python modules: the package `actions/` or the file `actions.py` in an assistant's folder.

They are imported as `actions`, so that they may import each other as in a Rasa project. Other modules of the folder can
be imported too, but never in the place of an installed one.
"""

import importlib
import importlib.util
import pkgutil
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

from configs.errors import AssistantError

NAME = "actions"


class ActionsPackage:
    """Imports the actions in `root` with all their modules.

    Args:
        root: The assistant's folder.

    Raises:
        AssistantError: A module cannot be imported.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        _forget_actions()
        importlib.invalidate_caches()
        sys.path.append(str(self.root))
        try:
            with _no_bytecode():
                self.modules = list(self._import_all())
        except BaseException:
            _forget_actions()
            sys.path.remove(str(self.root))
            raise

    def close(self) -> None:
        """Lets another assistant's actions be imported afresh. What was imported can still be used."""
        for module in self.modules:
            if sys.modules.get(module.__name__) is module:
                del sys.modules[module.__name__]
        if str(self.root) in sys.path:
            sys.path.remove(str(self.root))

    def place(self, error: BaseException) -> tuple[Path, int] | None:
        """The file and line of the assistant where `error` arose, or the last that led to it."""
        if isinstance(error, SyntaxError) and error.filename and error.lineno and self._is_own(error.filename):
            return Path(error.filename), error.lineno
        frames = traceback.extract_tb(error.__traceback__)
        own = [(Path(f.filename), f.lineno) for f in frames if f.lineno and self._is_own(f.filename)]
        return own[-1] if own else None

    def _is_own(self, file: str) -> bool:
        return Path(file).is_relative_to(self.root)

    def _import_all(self) -> Iterator[ModuleType]:
        with self._explained(NAME):
            module = self._import_top()
        yield module
        yield from self._import_below(module)

    def _import_top(self) -> ModuleType:
        spec = PathFinder.find_spec(NAME, [str(self.root)])
        if spec is None:
            raise ModuleNotFoundError(f"No module named {NAME!r}")
        module = importlib.util.module_from_spec(spec)
        if spec.loader is None:  # a folder without __init__.py
            module.__path__ = [str(self.root / NAME)]
        sys.modules[NAME] = module
        if spec.loader is not None:
            spec.loader.exec_module(module)
        return module

    def _import_below(self, package: ModuleType) -> Iterator[ModuleType]:
        for found in pkgutil.iter_modules(getattr(package, "__path__", ()), prefix=f"{package.__name__}."):
            with self._explained(found.name):
                module = importlib.import_module(found.name)
            yield module
            yield from self._import_below(module)

    @contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        try:
            yield
        except (Exception, SystemExit) as error:
            path, line = self.place(error) or (self.root / name.replace(".", "/"), None)
            said = "it calls sys.exit" if isinstance(error, SystemExit) else f"{type(error).__name__}: {error}"
            raise AssistantError(
                path, line, f"the module {name} cannot be imported: {said}", "Mend it, or install what it imports."
            ) from error


def has_actions(root: Path) -> bool:
    """Whether an assistant brings actions of its own."""
    return (root / f"{NAME}.py").is_file() or any((root / NAME).rglob("*.py"))


def _forget_actions() -> None:
    for name in [name for name in sys.modules if name == NAME or name.startswith(f"{NAME}.")]:
        del sys.modules[name]


@contextmanager
def _no_bytecode() -> Iterator[None]:
    """Nothing is written into the assistant's folder."""
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before
