"""Files written whole, locked, counted and named, for every room."""
