"""Load batches in parallel: one Protocol, one file per kind of workers."""
