"""Files and folders of question-answer pairs, read row by row and written whole."""

from retrieval.files.opening import FORMATS, open_knowledge
from retrieval.files.rows import BadRow, KnowledgeFile, Row
from retrieval.files.writing import write_knowledge

__all__ = ["FORMATS", "BadRow", "KnowledgeFile", "Row", "open_knowledge", "write_knowledge"]
