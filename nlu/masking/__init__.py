"""Personal data in texts: found, and masked before anything is learned from them.

It is a net with holes, which is why people review: what is found never leaves, what is not found may.
"""

from nlu.masking.checksums import passes_chinese_checksum, passes_luhn
from nlu.masking.find import Find, Kind, Regions
from nlu.masking.finding import find_private, find_sure
from nlu.masking.names import CAPITAL, FULL_NAME, NO_NAMES, names_said
from nlu.masking.placeholders import PLACEHOLDER, mask, placeholders, replaced
from nlu.masking.regions import regions_of

__all__ = [
    "CAPITAL",
    "FULL_NAME",
    "NO_NAMES",
    "PLACEHOLDER",
    "Find",
    "Kind",
    "Regions",
    "find_private",
    "find_sure",
    "mask",
    "names_said",
    "passes_chinese_checksum",
    "passes_luhn",
    "placeholders",
    "regions_of",
    "replaced",
]
