"""Image formats: one file and one row of `registry.FORMATS` for each."""
