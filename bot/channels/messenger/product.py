"""What tells Messenger and Instagram apart."""

from dataclasses import dataclass

from bot.abilities import Abilities, TextUnit

WINDOW_S = 24 * 3_600.0
MAX_BUTTONS = 13  # quick replies
MAX_BUTTON_CHARS = 20
MAX_PAYLOAD_BYTES = 1_000
PER_SECOND = 200.0  # a page or account may be sent 300 texts a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One of the two.

    Attributes:
        name: The channel's name.
        title: What people call it.
        kind: What Meta's notifications say that they are about.
        proves: Whether each request proves that its sender knows the app's secret.
    """

    name: str
    title: str
    kind: str
    max_text: int
    unit: TextUnit
    proves: bool

    @property
    def abilities(self) -> Abilities:
        """What it can show."""
        return Abilities(
            max_text=self.max_text,
            unit=self.unit,
            max_buttons=MAX_BUTTONS,
            max_button_title=MAX_BUTTON_CHARS,
            max_payload_bytes=MAX_PAYLOAD_BYTES,
            link_buttons=True,
            images=True,
            attachments=True,
            cards=True,
            custom=True,
            typing=True,
            reply_within_s=WINDOW_S,
            per_second=PER_SECOND,
        )


MESSENGER = Product(
    name="facebook", title="Messenger", kind="page", max_text=2_000, unit=TextUnit.UTF16_UNITS, proves=True
)
INSTAGRAM = Product(
    name="instagram", title="Instagram", kind="instagram", max_text=1_000, unit=TextUnit.UTF8_BYTES, proves=False
)
