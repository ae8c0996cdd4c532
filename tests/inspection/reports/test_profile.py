import json
import threading
from pathlib import Path

import albumentations as A
import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.inspection.reports.profile import Profile, _advise_scaled_decode, _verdict
from augseq.pixels import native
from augseq.runtime.cores import num_cores
from augseq.sampling.schedule import Step
from tests.workers.transforms import slow


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
    assert profile.images_per_s["1 thread"] <= 1000 / 4


def test_every_kind_of_workers_is_measured(profile: Profile) -> None:
    number = num_cores()
    assert {
        f"{number} threads",
        f"{number} processes",
    } <= profile.images_per_s.keys() or number == 1
    assert {"1 thread", "1 process"} <= profile.images_per_s.keys()
    assert profile.transport_ms is not None
    assert "images/s  wait, ms/image\n1 thread " in str(profile)


def test_a_pipeline_that_cannot_be_pickled_has_only_threads() -> None:
    x, lock = np.zeros((20, 8, 8, 3), np.uint8), threading.Lock()

    def locked(image: np.ndarray, _: np.random.Generator) -> np.ndarray:
        with lock:
            return image

    batches = augseq.ImageSequence.from_arrays(x, batch_size=8, augment=[locked])
    profile = batches.profile(num_images=10)
    assert not any("process" in kind for kind in profile.images_per_s)
    assert profile.transport_ms is None
    assert "worker processes cannot be used: Element 1 of `augment`, " in profile.verdict


def test_the_verdict_advises_no_workers_which_are_chosen_anyway(profile: Profile) -> None:
    assert "workers=" not in profile.verdict
    assert "worker_kind" not in profile.verdict


def test_the_verdict_names_the_bottleneck(profile: Profile) -> None:
    assert profile.verdict.startswith("Augment 2: slow is ")
    text = str(profile)
    assert max(map(len, text.splitlines())) <= 80
    assert " ".join(text.split()).endswith(profile.verdict)


def test_the_verdict_keeps_the_name_of_a_transform() -> None:
    stages = {"decode": 1.0, "augment 1: RandomResizedCrop": 3.0}
    verdict = _verdict(stages, None, None, None)
    assert verdict.startswith("Augment 1: RandomResizedCrop is 75% of the time")


def test_a_missing_decoder_is_named_where_decoding_takes_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stages = {"read": 0.1, "decode": 2.0}
    monkeypatch.setattr(native, "module", None)
    assert "the compiled JPEG decoder is missing" in _verdict(stages, None, None, None)
    assert "JPEG" not in _verdict({"read": 2.0, "decode": 0.1}, None, None, None)


def test_a_profile_is_text_json_and_a_picture(profile: Profile) -> None:
    assert json.loads(profile.to_json())["stages"] == profile.stages
    names = [label.get_text() for label in profile.draw().axes[0].get_yticklabels()]
    assert names == list(profile.stages)


def test_arrays_in_memory_have_a_profile_too() -> None:
    x = np.zeros((20, 8, 8, 3), np.uint8)
    batches = augseq.ImageSequence.from_arrays(x, batch_size=8)
    assert batches.profile(num_images=10).num_images == 16


def test_scaled_decoding_is_advised_where_it_saves_time(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (1200, 1600, 3), np.uint8)
    for suffix in ("jpg", "png"):
        folder = tmp_path / suffix / "noise"
        folder.mkdir(parents=True)
        Image.fromarray(picture).save(folder / f"noise.{suffix}")

    def batches(suffix: str, **options: bool) -> augseq.ImageSequence:
        images = augseq.index_folder(tmp_path / suffix, labels=None, progress=False)
        return augseq.ImageSequence(images, image_size=(64, 64), label_mode=None, **options)

    exact = batches("jpg", scaled_decode=False)
    assert "scaled_decode=True gives" in exact.profile(num_images=1).verdict
    stages = {"decode": 20.0, "resize and rest": 10.0}
    for other in (batches("png", scaled_decode=False), batches("jpg")):
        assert _advise_scaled_decode(other._plan, [Step(epoch=0, batch=0)], stages) is None
