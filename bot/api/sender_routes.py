"""`DELETE /senders/{id}`: erases a sender from everything that the server holds."""

import structlog
from aiohttp import web

from bot.api.conversation_id import conversation_id
from bot.api.query import flag
from bot.dialogue import DialogueManager
from bot.erasure import erase_sender
from bot.inference import Inference
from bot.stores.store import ConversationStore
from nlu.masking import regions_of

_log = structlog.get_logger()


def routes(dialogue: DialogueManager, inference: Inference, store: ConversationStore) -> list[web.RouteDef]:
    """The route; it is for admins."""

    async def erase(request: web.Request) -> web.Response:
        erased = await erase_sender(
            conversation_id(request),
            store,
            inference.host.releases.data_dir,
            regions_of(inference.host.engine.spec.language),
            erase=dialogue.erase,
            prefix=flag(request, "prefix"),
        )
        failures = [one.store for one in erased.failures]
        _log.info("sender_erased", conversations=erased.conversations, failures=failures)
        return web.json_response(erased.to_dict(), status=200 if erased.is_complete else 500)

    return [web.delete("/senders/{id:.+}", erase)]
