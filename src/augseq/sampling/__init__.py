"""Which record comes when, and with which randomness."""
