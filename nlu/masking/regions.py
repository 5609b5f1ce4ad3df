"""Where phone numbers without a country code may be from, as the language of an assistant says."""

from nlu.masking.find import Regions

_REGIONS = {
    "de": ("DE", "AT", "CH"),
    "en": ("US", "GB"),
    "es": ("ES", "MX"),
    "fr": ("FR",),
    "it": ("IT",),
    "ja": ("JP",),
    "ko": ("KR",),
    "nl": ("NL",),
    "pt": ("PT", "BR"),
    "zh": ("CN",),
}


def regions_of(language: str) -> Regions:
    """Regions whose phone numbers are looked for; the region of a code such as `en-GB` comes alone."""
    code, _, region = language.replace("_", "-").partition("-")
    own = (region.upper(),) if len(region) == 2 else _REGIONS.get(code.lower(), ())
    return own or (None,)
