"""Image formats: one file and one row in `registry.FORMATS` for each."""
