"""Where conversations are kept. Importing this does no work."""
