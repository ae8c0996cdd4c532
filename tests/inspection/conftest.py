"""Manifests to display."""

from tests.manifest.conftest import animals, unlabelled

__all__ = ["animals", "unlabelled"]
