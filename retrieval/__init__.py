"""A question in, ranked stored answers out."""

from retrieval.facets import Filter
from retrieval.index import VectorIndex
from retrieval.knowledge import read_knowledge
from retrieval.pair import Pair, PairButton
from retrieval.retriever import Hit, Query, Retriever

__all__ = ["Filter", "Hit", "Pair", "PairButton", "Query", "Retriever", "VectorIndex", "read_knowledge"]
