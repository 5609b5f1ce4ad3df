"""The pages of the review put together."""

from aiohttp import web

from bot.inference import Inference
from bot.knowledge_service import KnowledgeService
from bot.pages.review_clusters import ReviewClustersPage
from bot.pages.review_desk import ReviewDeskPage
from bot.pages.review_labels import ReviewLabelsPages
from bot.pages.review_parts import ReviewParts
from bot.pages.sealed_turns import SealedTurns
from bot.pages.titles import NamesOfAnswers
from bot.review import ReviewDesk
from bot.stores.store import ConversationStore


def routes(
    desk: ReviewDesk, store: ConversationStore, inference: Inference, knowledge: KnowledgeService, key: str
) -> list[web.RouteDef]:
    """All routes under `/review`.

    Args:
        key: What the names of turns in addresses are sealed with.
    """
    parts = ReviewParts(
        desk=desk,
        store=store,
        host=inference.host,
        names=NamesOfAnswers(inference, knowledge),
        turns=SealedTurns(key),
    )
    pages = (ReviewDeskPage(parts), ReviewClustersPage(parts), ReviewLabelsPages(parts))
    return [route for page in pages for route in page.routes()]
