"""`ImageSequence` on its own, without `fit`."""

import copy
import multiprocessing
import pickle
import re
import threading
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pytest

import augseq
from augseq.runtime.cores import num_cores
from tests.workers.transforms import add_noise


def make(num_images: int = 10, **options: Any) -> augseq.ImageSequence:
    x = np.arange(num_images * 48, dtype=np.uint8).reshape(num_images, 4, 4, 3)
    settings = {"batch_size": 4, "shuffle": True, "seed": 5, "augment": [add_noise], **options}
    return augseq.ImageSequence.from_arrays(x, np.arange(num_images), **settings)


def contents(sequence: augseq.ImageSequence) -> list[tuple[bytes, list[int]]]:
    return [(images.tobytes(), targets.tolist()) for images, targets in sequence]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_iterating_twice_over_an_epoch_gives_equal_batches(workers: int) -> None:
    sequence = make(workers=workers)
    first = contents(sequence)
    sequence.set_epoch(0)
    assert contents(sequence) == first == contents(make())


def test_a_different_epoch_has_a_different_order_and_different_pixels() -> None:
    sequence = make()
    first = contents(sequence)
    sequence.set_epoch(1)
    second = contents(sequence)
    assert sequence.epoch == 1
    assert {pixels for pixels, _ in first}.isdisjoint(pixels for pixels, _ in second)
    assert [labels for _, labels in first] != [labels for _, labels in second]
    sequence.set_epoch(0)
    assert contents(sequence) == first


def test_a_negative_index_counts_from_the_end() -> None:
    sequence = make()
    for index in (-1, -3):
        np.testing.assert_array_equal(sequence[index][0], sequence[3 + index][0])


@pytest.mark.parametrize("index", [3, -4, 1000])
def test_an_index_beyond_the_last_batch_is_an_index_error(index: int) -> None:
    with pytest.raises(IndexError, match=f"There are 3 batches.*{index}"):
        make()[index]


def test_the_length_counts_batches() -> None:
    assert len(make()) == make().num_batches == 3
    assert len(make(drop_remainder=True)) == 2


def test_the_advice_appears_even_if_batches_are_read_between_two_keras_epochs() -> None:
    """As TensorFlow reads ahead where `steps_per_epoch` ends an epoch within a pass."""
    sequence = make(num_images=24)
    for read, read_between in (([0, 1, 2, 3], [4, 5]), ([], [])):
        sequence.on_epoch_begin()
        assert sequence.num_batches == 6
        for index in read:
            sequence[index]
        sequence.on_epoch_end()
        for index in read_between:
            sequence[index]
    sequence.on_epoch_begin()
    assert sequence.num_batches == 6
    sequence[0]
    assert sequence.epoch == 1
    with pytest.warns(augseq.AugseqWarning, match="EpochSync"):
        sequence.on_epoch_begin()


def test_a_custom_loop_resumes_where_a_state_was_saved() -> None:
    sequence, resumed = make(), make()
    resumed.load_state_dict(sequence.state_dict(num_batches=2))
    assert contents(resumed) == contents(sequence)[2:]


def test_a_repeated_sequence_has_no_length() -> None:
    endless = make().repeat()
    assert endless.num_batches is None
    with pytest.raises(TypeError, match="steps_per_epoch"):
        len(endless)


def test_a_repeated_sequence_counts_steps_through_the_epochs() -> None:
    sequence, endless = make(), make().repeat()
    for step in range(9):
        sequence.set_epoch(step // 3)
        np.testing.assert_array_equal(endless[step][0], sequence[step % 3][0])


@pytest.mark.parametrize("twin_of", [lambda s: s.repeat(), lambda s: s.shard(0, 1)])
def test_a_repeated_or_sharded_copy_is_in_the_current_epoch(twin_of: Any) -> None:
    sequence = make()
    sequence.set_epoch(3)
    twin, again = twin_of(sequence), twin_of(twin_of(sequence))
    assert twin.epoch == again.epoch == 3
    for index in range(3):
        np.testing.assert_array_equal(twin[index][0], sequence[index][0])
        np.testing.assert_array_equal(again[index][0], sequence[index][0])


def test_a_shard_resumes_where_a_state_was_saved() -> None:
    sequence, resumed = make(), make()
    sequence.set_epoch(2)
    resumed.load_state_dict(sequence.state_dict(num_batches=1))
    parts = [resumed.shard(index, 2) for index in range(2)]
    assert [part.epoch for part in parts] == [2, 2]
    rest = [record.index for part in parts for record in part.records(0)]
    assert rest[:6] == [r.index for batch in (1, 2) for r in sequence.records(batch)]


def test_a_shard_without_a_full_batch_left_continues_with_the_next_epoch() -> None:
    resumed = make(drop_remainder=True)
    resumed.load_state_dict(make().state_dict(num_batches=1) | {"epoch": 2}, force=True)
    assert resumed.epoch == 2
    part = resumed.shard(0, 2)
    assert part.epoch == 3
    assert len(part) == 1


def test_a_sequence_resumed_inside_an_epoch_can_be_repeated_after_that_epoch() -> None:
    sequence, resumed = make(), make()
    resumed.load_state_dict(sequence.state_dict(num_batches=2))
    with pytest.raises(augseq.errors.ArgumentError, match=r"epoch 0.*set_epoch\(1\)"):
        resumed.repeat()
    resumed.set_epoch(1)
    endless = resumed.repeat()
    for step in range(7):
        sequence.set_epoch(1 + step // 3)
        np.testing.assert_array_equal(endless[step][0], sequence[step % 3][0])


def test_a_negative_index_of_a_repeated_sequence_raises_an_error() -> None:
    with pytest.raises(IndexError):
        make(augment=None, shuffle=False).repeat()[-1]


def test_keras_sees_one_worker_and_no_queue() -> None:
    sequence = make(workers=4)
    assert (sequence.workers, sequence.use_multiprocessing) == (1, False)


def test_workers_cannot_be_changed_afterwards() -> None:
    with pytest.raises(
        augseq.errors.ArgumentError, match=re.escape("ImageSequence(..., workers=3)")
    ):
        make().workers = 3


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
@pytest.mark.parametrize("endless", [False, True])
def test_a_pickled_copy_is_in_the_same_epoch_and_returns_the_same_batches(
    copied: Any, endless: bool
) -> None:
    sequence = make(workers=2).repeat() if endless else make(workers=2)
    sequence.set_epoch(4)
    twin = copied(sequence)
    assert twin.epoch == 4
    assert twin.num_batches == sequence.num_batches
    for index in range(3):
        np.testing.assert_array_equal(twin[index][0], sequence[index][0])
    twin.set_epoch(5)
    assert sequence.epoch == 4


def test_the_repr_shows_the_plan() -> None:
    text = repr(make(workers=2, image_size=(8, 8)))
    for part in (
        "10 images",
        "3 batches of 4",
        "epoch 0",
        "seed 5",
        "add_noise",
        "stretch",
        "2 (auto: ",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"workers": 0}, "none: loaded when requested"),
        ({"worker_kind": "serial"}, "none: loaded when requested"),
        (
            {"workers": 3, "max_queue_size": 7},
            "3 (auto: threads, and processes for longer work), up to 7 batches ahead",
        ),
        ({"worker_kind": "threads", "workers": 6}, "threads: 6, up to 12 batches ahead"),
        ({"worker_kind": "processes", "workers": 1}, "processes: 1, up to 10 batches ahead"),
        ({}, f"{num_cores()} (auto: "),
    ],
)
def test_the_repr_shows_the_workers_and_a_copy_has_the_same(
    options: dict[str, Any], text: str
) -> None:
    sequence = make(**options)
    for twin in (sequence, sequence.repeat(), copy.deepcopy(sequence)):
        assert f"workers  {text}" in repr(twin)


def test_the_repr_shows_what_auto_chose_and_why() -> None:
    sequence = make(workers=2)
    sequence.batch(0)
    assert re.search(r"workers  threads: 2 \(auto: .+\), up to 10 ", repr(sequence))


def test_a_local_function_with_a_lock_is_named_and_threads_are_used() -> None:
    lock = threading.Lock()

    def locked(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        with lock:
            return image

    sequence = make(augment=[locked], worker_kind="processes", workers=1)
    with pytest.warns(augseq.AugseqWarning, match=r"Element 1 of `augment`, '.*locked'"):
        sequence.batch(0)
    assert "workers  threads: 1, " in repr(sequence)


def worker_processes() -> set[int | None]:
    children = multiprocessing.active_children()
    return {child.pid for child in children if child.name == "augseq worker"}


def test_worker_processes_are_kept_across_a_resume_and_the_end_of_its_epoch() -> None:
    sequence = make(workers=1, worker_kind="processes")
    assert len(contents(sequence)) == 3
    before = worker_processes()
    assert before
    sequence.load_state_dict(sequence.state_dict(num_batches=2))
    assert len(sequence.batch(0).records) == 2
    sequence.finish_epoch()
    assert contents(sequence) == contents(make())
    assert worker_processes() <= before


def test_a_sample_alone_equals_its_row_in_the_batch() -> None:
    sequence = make()
    sequence.set_epoch(2)
    images, targets = sequence[1]
    for image, target, record in zip(images, targets, sequence.records(1), strict=True):
        assert target == record.index
        np.testing.assert_array_equal(image, sequence.sample(epoch=2, index=record.index).image)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"batch_size": value} for value in (0, -1, 2.0, True, None)),
        *({"workers": value} for value in (-1, 1.5, True)),
        *({"max_queue_size": value} for value in (0, 1.5)),
        *({"image_size": value} for value in ((8, 0), (8,), 8, (8.0, 8))),
        *({"seed": value} for value in (-1, 2**64, 1.0, None)),
        {"dtype": "float16"},
        {"worker_kind": "process"},
        {"label_mode": "int"},
        *({flag: "False"} for flag in ("shuffle", "drop_remainder")),
    ],
)
def test_an_invalid_option_is_named_with_its_value(wrong: dict[str, Any]) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(augseq.errors.ArgumentError, match=name) as caught:
        make(**wrong)
    shown = name if name == "label_mode" else repr(value)
    assert shown in str(caught.value)


def test_a_text_is_no_switch_and_a_split_no_manifest(samples: augseq.Manifest) -> None:
    for flag in ("exif_orientation", "full_depth", "scaled_decode", "shuffle"):
        with pytest.raises(augseq.errors.ArgumentError, match=f"`{flag}` .* {flag}='False'"):
            augseq.ImageSequence(samples, **{flag: "False"})  # type: ignore[arg-type]
    with pytest.raises(augseq.errors.ArgumentError, match="Pass one of its parts: train, val"):
        augseq.ImageSequence(samples.split(val=0.2, seed=1))  # type: ignore[arg-type]


def test_a_crop_that_would_be_enlarged_raises_a_warning(sample_images: Path) -> None:
    """As for those who set a size in the list and forget the other one."""
    images = augseq.index_folder(sample_images, progress=False)
    crop = A.RandomResizedCrop((96, 80))
    with pytest.warns(augseq.AugseqWarning, match=r"image_size=\(96, 80\)") as caught:
        augseq.ImageSequence(images, augment=[crop, A.HorizontalFlip()])
    assert caught[0].filename == __file__
    augseq.ImageSequence(images, augment=[crop], image_size=(96, 80))
    augseq.ImageSequence(images, augment=[crop], image_size=(32, 32))
    # Who names a size means it.
    augseq.ImageSequence(images, augment=[crop], image_size=(128, 128))
    # The last one counts.
    augseq.ImageSequence(images, augment=[crop, A.Resize(256, 256)])


@pytest.mark.parametrize("epoch", [-1, 1.0, True, 2**64])
def test_an_invalid_epoch_raises_an_error(epoch: Any) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match="epoch"):
        make().set_epoch(epoch)


def test_the_first_argument_must_be_a_manifest() -> None:
    with pytest.raises(augseq.errors.ArgumentError, match="index_folder"):
        augseq.ImageSequence("photos")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "x", [5, None, "photos", [], [1, 2], [[1], [1, 2]], {}, np.float32(1), np.zeros(3), iter([])]
)
def test_an_invalid_stack_of_images_raises_an_error(x: Any) -> None:
    with pytest.raises(
        augseq.errors.ArgumentError, match=r"`x` must be images of shape \(n, height"
    ):
        augseq.ImageSequence.from_arrays(x)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "3", None, True])
def test_the_number_of_images_to_show_is_at_least_1(wrong: Any) -> None:
    sequence = make()
    for ask in (sequence.show, sequence.check_purity, sequence.profile):
        with pytest.raises(augseq.errors.ArgumentError, match=f"`num_images`.*=.?{wrong}"):
            ask(num_images=wrong)
    with pytest.raises(augseq.errors.ArgumentError, match=f"`num_epochs`.*=.?{wrong}"):
        sequence.show_augmentations(num_epochs=wrong)


def test_targets_of_a_different_length_raise_an_error() -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=r"`y`.* each of the 10 images.*\(9,\)"):
        augseq.ImageSequence.from_arrays(np.zeros((10, 4, 4, 3)), np.zeros(9))
