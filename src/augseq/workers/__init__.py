"""Compute batches side by side: one Protocol, one file per kind."""
