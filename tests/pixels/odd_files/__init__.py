"""Rare, damaged and hostile files, each with the expected result."""
