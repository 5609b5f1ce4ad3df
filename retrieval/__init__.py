"""A question in, ranked stored answers out."""

from retrieval.index import FlatIndex
from retrieval.knowledge import Pair, read_knowledge
from retrieval.retriever import Hit, Retriever

__all__ = ["FlatIndex", "Hit", "Pair", "Retriever", "read_knowledge"]
