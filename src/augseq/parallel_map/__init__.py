"""Apply a function to many items in parallel: in threads, or on the nodes of a Ray cluster."""
