"""Decode in a child process, where a crash is only an error."""
