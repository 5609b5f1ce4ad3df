"""`kefu erase`: a sender is made to be gone from everything that Kefu keeps."""

import asyncio
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.markup import escape

from bot.data_folder import AssistantOption, DataOption, data_dir
from configs.assistant import STARTER, read_assistant
from configs.errors import KefuError, SettingsError
from configs.settings import Settings, load_settings

if TYPE_CHECKING:
    from bot.erasure import Erased

SERVER_TIMEOUT_S = 600.0
MAX_SHOWN = 50
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

SenderOption = Annotated[str, typer.Option("--sender", metavar="ID", help="Whose conversations: the id, exactly.")]
PrefixOption = Annotated[
    bool, typer.Option("--prefix", help="Also those whose id goes on behind it and a colon, as telegram:7:shop.")
]


def erase(
    sender: SenderOption,
    prefix: PrefixOption = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    server: Annotated[
        str | None,
        typer.Option("--server", metavar="URL", help="A running server that is to do it; with KEFU_API_TOKEN."),
    ] = None,
    assistant: AssistantOption = None,
    data: DataOption = None,
) -> None:
    """Erase a customer: conversations, feedback, labels, files, and what was learned or derived from them.

    [dim]Examples:[/dim]  kefu erase --sender ann    kefu erase --sender telegram:7 --prefix --yes
    """
    settings = load_settings(data_dir=data)
    if not yes:
        which = f"{sender!r} and what goes on behind it" if prefix else repr(sender)
        typer.confirm(f"Erase everything that is held of {which}? It cannot be brought back", abort=True)
    if server is not None:
        erased = _by_server(server, sender, settings, prefix=prefix)
    else:
        root = assistant or STARTER
        language = read_assistant(root).language
        erased = asyncio.run(_erase(sender, settings, data_dir(root, data), language, prefix=prefix)).to_dict()
    _print(erased)
    if erased["failures"]:
        raise typer.Exit(1)


async def _erase(sender: str, settings: Settings, folder: Path, language: str, *, prefix: bool) -> "Erased":
    from bot.erasure import erase_sender  # noqa: PLC0415 - other commands do without
    from bot.stores.errors import StoreError, StoreInUse  # noqa: PLC0415
    from bot.stores.location import connector_of  # noqa: PLC0415
    from bot.stores.store import ConversationStore  # noqa: PLC0415
    from nlu.masking import regions_of  # noqa: PLC0415

    store = ConversationStore(connector_of(settings, folder))
    try:
        try:
            await store.open()
        except StoreInUse as error:
            raise KefuError(
                f"{error} Or let the server that has it erase the sender, with the same command and `--server "
                f"http://{settings.host}:{settings.port}`. Nothing was erased."
            ) from error
        except StoreError:  # it is met again, and named, when the conversations are looked for
            pass
        return await erase_sender(sender, store, folder, regions_of(language), erase=store.erase, prefix=prefix)
    finally:
        await store.close()


def _by_server(server: str, sender: str, settings: Settings, *, prefix: bool) -> dict[str, Any]:
    """Has a running server erase; it answers 500 where it could not reach everything."""
    if not server.startswith(("http://", "https://")):
        raise SettingsError(f"--server is {server!r}. Write an address such as http://127.0.0.1:5005.")
    query = "?prefix=true" if prefix else ""
    address = f"{server.rstrip('/')}/senders/{quote(sender, safe='')}{query}"
    headers = {}
    if settings.api_token is not None:
        headers["Authorization"] = f"Bearer {settings.api_token.get_secret_value()}"
    request = urllib.request.Request(address, method="DELETE", headers=headers)  # noqa: S310 - checked above
    try:
        with _opener().open(request, timeout=SERVER_TIMEOUT_S) as response:
            return _answer(response.read())
    except urllib.error.HTTPError as error:
        answer = _answer(error.read())
        if "failures" in answer:
            return answer
        said = answer.get("message") or f"status {error.code}"
        raise KefuError(f"{server} did not erase: {said} Nothing was erased.") from error
    except OSError as error:
        raise KefuError(f"{server} cannot be reached: {error}. Nothing is known to be erased.") from error


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _opener() -> urllib.request.OpenerDirector:
    """Follows no redirection: the token is for this server alone."""
    return urllib.request.build_opener(_NoRedirection)


def _answer(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _print(erased: dict[str, Any]) -> None:
    count = erased["conversations"]
    _say(f"{count} conversation{'' if count == 1 else 's'} erased.")
    for line in erased["done"]:
        _say(f"  and {line}")
    for line in erased["derived"][:MAX_SHOWN]:
        _say(f"  derived: {line}")
    if len(erased["derived"]) > MAX_SHOWN:
        _say(f"  and {len(erased['derived']) - MAX_SHOWN} more that were derived")
    if releases := erased["releases"]:
        _say(
            f"These releases were trained with rows of the sender, or hold wordings: {', '.join(releases)}. "
            "`kefu refresh` makes one without them, and `kefu releases prune` removes those that serve no more."
        )
    for failure in erased["failures"]:
        err.print(f"Not erased: {escape(failure['store'])}. {escape(failure['reason'])}", soft_wrap=True)
    if erased["failures"]:
        err.print("Run the command again once that is mended; it goes on where it could not.")


def _say(text: str) -> None:
    out.print(escape(text), soft_wrap=True)
