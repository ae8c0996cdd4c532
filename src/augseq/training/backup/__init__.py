"""Back up a `fit` while it trains, and resume it after a crash."""
