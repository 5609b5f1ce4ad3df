"""Rasa's HTTP API, and Kefu's own routes beside it: trackers, models, trainings and tests, for tools with a secret."""

__all__: list[str] = []
