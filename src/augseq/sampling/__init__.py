"""The order of records, and the random generator of each."""
