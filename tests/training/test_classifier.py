"""The classifiers that `augseq fit` trains."""

import numpy as np
import pytest

import augseq
from augseq.training.classifier import build_classifier


@pytest.mark.parametrize("architecture", ["small", "mobilenet"])
def test_a_classifier_gives_probabilities_of_images_of_its_size(architecture: str) -> None:
    model = build_classifier(architecture, image_size=(32, 48), num_classes=3, seed=1)
    assert model.input_shape == (None, 32, 48, 3)
    found = np.asarray(model(np.full((2, 32, 48, 3), 200, np.uint8)))
    assert found.shape == (2, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_an_unknown_architecture_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(augseq.errors.ArgumentError, match="MobileNet"):
        build_classifier("mobilnet", image_size=(32, 32), num_classes=2, seed=1)
