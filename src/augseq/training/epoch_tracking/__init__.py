"""How a sequence knows its epoch: set by a callback, or inferred from requests."""
