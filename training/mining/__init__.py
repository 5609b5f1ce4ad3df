"""Conversation histories in, proposed question-answer pairs out; a person decides what becomes of them."""

from training.mining.conversation import BadRecord, Conversation, Role, Turn
from training.mining.extraction import Exchange, Outcome, exchanges
from training.mining.miner import Mined, MiningOptions, mine
from training.mining.transcripts import Format, Transcripts
from training.mining.wordings import Embed

__all__ = [
    "BadRecord",
    "Conversation",
    "Embed",
    "Exchange",
    "Format",
    "Mined",
    "MiningOptions",
    "Outcome",
    "Role",
    "Transcripts",
    "Turn",
    "exchanges",
    "mine",
]
