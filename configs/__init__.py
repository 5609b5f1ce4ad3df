"""Settings, the reading of an assistant's folder, and the assistants that ship with Kefu."""

from configs.assistant import MINIMAL, STARTER, STARTERS, Assistant, copy_assistant, read_assistant
from configs.assistant_config import EncoderConfig, KefuConfig, PolicyConfig, TrainingConfig
from configs.domain import Button, Domain, Variation
from configs.errors import AssistantError, KefuError, SettingsError
from configs.flows import Rule, Story
from configs.forms import Form
from configs.nlu_data import Example
from configs.settings import Settings, load_settings
from configs.slots import Slot

__all__ = [
    "MINIMAL",
    "STARTER",
    "STARTERS",
    "Assistant",
    "AssistantError",
    "Button",
    "Domain",
    "EncoderConfig",
    "Example",
    "Form",
    "KefuConfig",
    "KefuError",
    "PolicyConfig",
    "Rule",
    "Settings",
    "SettingsError",
    "Slot",
    "Story",
    "TrainingConfig",
    "Variation",
    "copy_assistant",
    "load_settings",
    "read_assistant",
]
