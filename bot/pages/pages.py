"""The pages put together: who is let in, and the routes that every page stands on."""

import time
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from bot.kept_secret import kept_secret
from bot.pages import sign_in, static_files
from bot.pages.people import People
from bot.pages.session import Sessions
from bot.pages.visit import DOORS, Doors
from configs.settings import Settings

SECRET_FILE = "pages_secret"  # noqa: S105 - a file's name


def join(app: web.Application, settings: Settings, data_dir: Path, now: Callable[[], float] = time.time) -> str:
    """Adds the sign-in and the files of the pages to `app`.

    Returns:
        The key with which the pages sign.

    Raises:
        SettingsError: `KEFU_PEOPLE` cannot be used, or the key of the sessions cannot be kept.
    """
    path = data_dir / SECRET_FILE
    key = kept_secret(settings.pages_secret, path, whose="The pages'", setting="KEFU_PAGES_SECRET")
    app[DOORS] = Doors(people=People(settings, key), sessions=Sessions(key, now))
    app.add_routes([*sign_in.routes(), *static_files.routes()])
    return key
