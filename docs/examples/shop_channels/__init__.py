"""The shop's own channels."""
