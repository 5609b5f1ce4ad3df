"""How the database of an earlier Kefu becomes one of this version; a migration that was released never changes."""
