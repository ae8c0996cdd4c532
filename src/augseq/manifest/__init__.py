"""Manifests: tables of the images in a dataset, with their labels."""
