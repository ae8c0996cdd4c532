"""Manifests to look at."""

from tests.manifest.conftest import animals, unlabelled

__all__ = ["animals", "unlabelled"]
