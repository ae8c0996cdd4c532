"""Which images exist: a folder becomes a table of records."""
