"""Manifests to test with."""

import pytest

import augseq
from augseq.manifest.manifest import make_manifest


@pytest.fixture
def animals() -> augseq.Manifest:
    """Six records of three classes; the last class is empty."""
    return make_manifest(
        "/photos",
        ("cat", "dog", "yak"),
        paths=["cat/1.jpg", "cat/2.jpg", "cat/3.jpg", "cat/4.jpg", "dog/1.jpg", "dog/2.jpg"],
        targets=[0, 0, 0, 0, 1, 1],
    )


@pytest.fixture
def unlabelled() -> augseq.Manifest:
    """Three records without labels."""
    return make_manifest("/photos", (), paths=["a.jpg", "b.jpg", "c.jpg"], targets=None)
