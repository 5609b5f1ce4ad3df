"""Review: which customers' messages most deserve a person's minute, and what the person says of them."""

from bot.review.desk import ReviewDesk
from bot.review.items import Agreements, Candidate, Cluster, Item, Key, ShownFor

__all__ = ["Agreements", "Candidate", "Cluster", "Item", "Key", "ReviewDesk", "ShownFor"]
