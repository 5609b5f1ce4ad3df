"""Runs an owner's actions in this process. The only file that imports rasa_sdk, which takes some 0.3 s."""

import asyncio
import functools
import inspect
import json
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import structlog
from rasa_sdk import Action, ActionExecutionRejection, ValidationAction
from rasa_sdk.executor import ActionExecutor
from rasa_sdk.utils import all_subclasses

from bot.actions.domain_json import DomainJson
from bot.actions.package import ActionsPackage
from bot.actions.result import ActionFailed, ActionRejected, ActionResult, parse_result
from bot.actions.threads import ActionThreads, TooManyAbandoned
from configs.errors import AssistantError
from configs.yaml_file import nearest

_log = structlog.get_logger()


class InProcessActions:
    """The actions in an assistant's folder.

    One that is a coroutine runs on the event loop, any other in a thread, and so do the parts of a validation that
    rasa_sdk calls. What does not end in time is abandoned: a coroutine is cancelled, a thread goes on by itself.

    Args:
        timeout_s: How long one action may take.
        now: Unix time, for events that come without.
        max_abandoned: Abandoned runs that may be under way, of coroutines and of threads; while there are as many, no
            further one is begun.

    Raises:
        AssistantError: The actions cannot be imported or registered.
    """

    def __init__(self, root: Path, *, timeout_s: float, now: Callable[[], float], max_abandoned: int = 8) -> None:
        self._timeout_s, self._now, self._max_abandoned = timeout_s, now, max_abandoned
        self._threads = ActionThreads(max_abandoned=max_abandoned)
        self._abandoned: set[asyncio.Task[Any]] = set()
        self._domain = DomainJson()
        self._executor = ActionExecutor()
        known = set(all_subclasses(Action))
        self._package = ActionsPackage(root)
        try:
            for kind in self._action_classes(known):
                self._register(kind)
        except BaseException:
            self._package.close()
            raise
        _log.info("actions_loaded", actions=sorted(self.names))

    @property
    def names(self) -> frozenset[str]:
        """The actions there are."""
        return frozenset(self._executor.actions)

    async def run(self, name: str, tracker: Mapping[str, Any], domain: Mapping[str, Any]) -> ActionResult:
        """Runs the action `name` on copies of `tracker` and `domain`.

        Raises:
            ActionRejected: It would not run.
            ActionFailed: There is none, it crashed, or it took too long.
        """
        if name not in self.names:
            raise ActionFailed(name, f"the assistant's actions have none of this name.{nearest(name, self.names)}")
        if len(self._abandoned) >= self._max_abandoned:
            raise ActionFailed(name, f"not begun: {len(self._abandoned)} earlier runs have not ended")
        call = {
            "next_action": name,
            "sender_id": tracker.get("sender_id"),
            "tracker": json.loads(json.dumps(tracker)),
            "domain": json.loads(self._domain.of(domain).text),
        }
        payload = await self._in_time(name, call)
        if isinstance(payload, ActionExecutionRejection):
            raise ActionRejected(name)
        if isinstance(payload, BaseException):
            raise ActionFailed(name, self._reason(payload))
        return parse_result(payload, action=name, now=self._now())

    async def close(self) -> None:
        """Cancels what was abandoned, and forgets the modules. Threads that have not ended go on."""
        for task in tuple(self._abandoned):
            task.cancel()
        self._package.close()

    async def _in_time(self, name: str, call: Mapping[str, Any]) -> object:
        """What the action gave, or the error that it ended with."""
        task = asyncio.create_task(self._attempt(call), name=name)
        try:
            await asyncio.wait({task}, timeout=self._timeout_s)
        finally:
            if not task.done():
                task.cancel()
                self._abandoned.add(task)
                task.add_done_callback(self._abandoned.discard)
        if not task.done():
            raise ActionFailed(name, f"did not end within {self._timeout_s:g} s")
        return asyncio.CancelledError() if task.cancelled() else task.result()

    async def _attempt(self, call: Mapping[str, Any]) -> object:
        try:
            result = await self._executor.run(dict(call))
        except (Exception, SystemExit) as error:
            return error
        return result.model_dump() if result else None

    def _reason(self, error: BaseException) -> str:
        """The kind of error and where in the owner's files it arose; its message may hold a customer's words."""
        if isinstance(error, TooManyAbandoned):
            return f"not begun: {error}"
        place = self._package.place(error)
        where = f" at {place[0].relative_to(self._package.root)}:{place[1]}" if place else ""
        return f"ended with {type(error).__name__}{where}"

    def _action_classes(self, known: set[type]) -> Iterator[type[Action]]:
        """The actions that came with the package, and those that its modules name although they were there before."""
        named = {id(value) for module in self._package.modules for value in vars(module).values()}
        for kind in dict.fromkeys(all_subclasses(Action)):
            is_new = kind not in known or id(kind) in named
            if is_new and not kind.__module__.startswith("rasa_sdk.") and not inspect.isabstract(kind):
                yield kind

    def _register(self, kind: type[Action]) -> None:
        try:
            action = kind()
            name = action.name()
            if not isinstance(name, str) or not name.strip():
                raise TypeError(f"name() gives {name!r}, not a name")
            self._executor.register_function(name, action.run)  # looks at how many arguments it takes
            self._executor.actions[name] = self._run_of(action)
        except (Exception, SystemExit) as error:
            path, line = self._package.place(error) or _place_of(kind) or (self._package.root, None)
            problem = f"the action {kind.__name__} cannot be registered: {type(error).__name__}: {error}"
            raise AssistantError(path, line, problem, "Give it a name() and a run(), or make it abstract.") from error

    def _run_of(self, action: Action) -> Callable[..., Awaitable[Any]]:
        if isinstance(action, ValidationAction):
            for name, function in inspect.getmembers_static(type(action), inspect.isfunction):
                if name.startswith(("validate_", "extract_")) and not inspect.iscoroutinefunction(function):
                    setattr(action, name, self._for_the_sdk(getattr(action, name)))
        run: Callable[..., Awaitable[Any]] = action.run
        return run if inspect.iscoroutinefunction(run) else functools.partial(self._in_thread, run)

    def _for_the_sdk(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """`method`, which rasa_sdk calls on the event loop, in a thread. Where the owner's code calls it, it stays."""

        @functools.wraps(method)
        def called(*args: Any, **kwargs: Any) -> Any:
            if sys._getframe(1).f_globals.get("__name__") == ValidationAction.__module__:
                return self._in_thread(functools.partial(method, **kwargs), *args)
            return method(*args, **kwargs)

        return called

    async def _in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        result = await self._threads.call(function, *args)
        return await result if inspect.isawaitable(result) else result


def _place_of(kind: type) -> tuple[Path, int] | None:
    try:
        return Path(inspect.getfile(kind)), inspect.getsourcelines(kind)[1]
    except (OSError, TypeError):
        return None
