"""The intents and actions that every Rasa project has, and Kefu's own, which no domain need list."""

OUT_OF_SCOPE, NLU_FALLBACK = "out_of_scope", "nlu_fallback"
DEFAULT_INTENTS = frozenset({"restart", "back", OUT_OF_SCOPE, "session_start", NLU_FALLBACK})
TWO_STAGE_FALLBACK = "action_two_stage_fallback"
HANDOFF_ACTIONS = frozenset({"action_handoff", "action_human_handoff"})
DEFAULT_ACTIONS = frozenset(
    {
        "action_listen",
        "action_restart",
        "action_session_start",
        "action_default_fallback",
        "action_deactivate_loop",
        "action_revert_fallback_events",
        "action_default_ask_affirmation",
        "action_default_ask_rephrase",
        TWO_STAGE_FALLBACK,
        "action_unlikely_intent",
        "action_back",
        "action_extract_slots",
        *HANDOFF_ACTIONS,
    }
)
