"""Files that a cache keeps: whole or not at all, counted, and within a limit."""
