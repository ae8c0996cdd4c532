import json
import time

import albumentations as A
import numpy as np
import pytest

import augseq
from augseq.inspection.profile import Profile


def slow(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Take about 4 ms of pure Python, far more than any other stage of a tiny image."""
    end = time.perf_counter() + 0.004
    while time.perf_counter() < end:
        rng.random()
    return image


@pytest.fixture(scope="module")
def profile(samples: augseq.Manifest) -> Profile:
    batches = augseq.ImageSequence(
        samples, image_size=(24, 24), batch_size=8, augment=[A.HorizontalFlip(), slow]
    )
    return batches.profile(num_images=16)


def test_stages_are_named_in_their_order(profile: Profile) -> None:
    augments = ["augment 1: HorizontalFlip", "augment 2: slow"]
    assert list(profile.stages) == ["read", "decode", *augments, "resize and rest", "collate"]
    assert profile.num_images == 16


def test_a_stage_costs_about_what_it_takes(profile: Profile) -> None:
    assert profile.stages["augment 2: slow"] >= 4
    assert all(ms >= 0 for ms in profile.stages.values())
    assert max(profile.images_per_s.values()) < 1000 / 2


def test_the_verdict_names_the_bottleneck(profile: Profile) -> None:
    assert profile.verdict.startswith("Augment 2: slow is ")
    assert str(profile).endswith(profile.verdict)


def test_a_profile_is_text_json_and_a_picture(profile: Profile) -> None:
    assert json.loads(profile.to_json())["stages"] == profile.stages
    names = [label.get_text() for label in profile.draw().axes[0].get_yticklabels()]
    assert names == list(profile.stages)


def test_arrays_in_memory_have_a_profile_too() -> None:
    x = np.zeros((20, 8, 8, 3), np.uint8)
    batches = augseq.ImageSequence.from_arrays(x, batch_size=8)
    assert batches.profile(num_images=10).num_images == 16
