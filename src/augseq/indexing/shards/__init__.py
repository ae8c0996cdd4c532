"""Tar files of samples in WebDataset's layout, and TFRecord files."""
