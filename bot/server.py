"""Runs the app on a port, says when it is ready, and ends it in order when the process is told to stop."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import structlog
from aiohttp import web

from bot.app import DRAIN, INFERENCE, create_app
from bot.drain import Drain
from configs.errors import SettingsError
from configs.settings import Settings
from training.releases import SMOKE_FILE, Releases

CUT_OFF_S = 0.5  # for requests that are still under way after the drain
# How long one Python thread may keep the others waiting. At the default of 5 ms the model's thread, back from a
# forward pass, waits for the event loop: about a tenth fewer messages a second on two cores.
SWITCH_INTERVAL_S = 0.0005

_log = structlog.get_logger()


async def serve(settings: Settings, releases: Releases, root: Path, ready: Callable[[str, float], None]) -> None:
    """Serves until SIGTERM or SIGINT, then answers what is under way and closes the store; another one cuts it short.

    Args:
        root: The assistant's folder.
        ready: Told the address and the seconds since the process began, once a first answer has been made.

    Raises:
        KefuError: The port is taken, the store is damaged, or no release can be served.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    stop = asyncio.Event()
    app = create_app(settings, releases, root)
    _follow_signals(stop, app[DRAIN])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=CUT_OFF_S)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        try:
            await site.start()
        except OSError as error:
            raise SettingsError(
                f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}. Choose another with --port."
            ) from error
        await _first_answer(app)
        ready(_address(runner, settings), seconds_since_start())
        await stop.wait()
        _log.info("ending")
        app[DRAIN].begin()
        await app[DRAIN].requests_done()
    finally:
        await runner.cleanup()


def _follow_signals(stop: asyncio.Event, drain: Drain) -> None:
    """The first signal ends the server in order, another one cuts that short."""
    loop = asyncio.get_running_loop()

    def end() -> None:
        if stop.is_set():
            drain.hurry()
        stop.set()

    def hung_up() -> None:
        """The terminal is gone, and the server with it; without one the signal means nothing."""
        if sys.stderr.isatty():
            end()
        else:
            _log.info("sighup_ignored", message="Releases are followed by themselves; restart for anything else.")

    loop.add_signal_handler(signal.SIGHUP, hung_up)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)


async def _first_answer(app: web.Application) -> None:
    """Reads one message all the way, so that the first customer does not wait for anything to warm up."""
    inference = app[INFERENCE]
    questions = inference.host.engine.release.read_json(SMOKE_FILE)
    await inference.read(questions[0]["text"] if questions else "hello")


def seconds_since_start() -> float:
    """Seconds since this process began, as the kernel has it; since the interpreter's start elsewhere."""
    stat = Path("/proc/self/stat")
    if not stat.exists():
        return time.process_time()
    fields = stat.read_text().rpartition(")")[2].split()
    started_s = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started_s


def _address(runner: web.AppRunner, settings: Settings) -> str:
    port = runner.addresses[0][1]
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104 - only compared
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
