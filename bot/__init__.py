"""The running assistant: dialogue, policy, responses, channels, stores, web pages, HTTP API."""

__all__: list[str] = []
