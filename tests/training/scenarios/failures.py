"""What the caller of `fit` learns when a batch cannot be made."""

from pathlib import Path
from typing import Any

import numpy as np

import augseq

from .watch import array_sequence, fit, folder_sequence, require_equal, scenario, temporary_folder


class BrokenTransformError(RuntimeError):
    """A type that augseq does not know."""


def fails_at_seven(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if image[0, 0, 0] == 7:
        raise BrokenTransformError("no sevens")
    return image


def returns_nothing_at_seven(image: np.ndarray, rng: np.random.Generator) -> Any:
    return None if image[0, 0, 0] == 7 else image


def failure_of_fit(sequence: augseq.ImageSequence, **options: Any) -> str:
    """Return what a person reads of the error that `fit` raises: its text and its notes."""
    try:
        fit(sequence, epochs=2, **options)
    except Exception as error:
        return "\n".join([str(error), *getattr(error, "__notes__", [])])
    raise AssertionError("fit did not fail")


@scenario
def a_corrupt_file_stops_fit_with_its_path_and_index() -> None:
    for workers in (0, 1, 4):
        for shuffle in (True, False):
            with temporary_folder() as folder:
                sequence = folder_sequence(folder, workers=workers)
                bad = Path(folder, "b", "07.png")
                bad.write_bytes(bad.read_bytes()[:60])
                text = failure_of_fit(sequence, shuffle=shuffle)
                for part in ("b/07.png", "index 7", "Cannot decode"):
                    require_equal(part in text, True, f"{part!r} is not in {text}")
                failure = sequence.failure
                require_equal(type(failure), augseq.errors.DecodeError, f"workers={workers}")
                assert isinstance(failure, augseq.errors.DecodeError)
                require_equal((failure.path, failure.index), ("b/07.png", 7))


@scenario
def a_missing_file_stops_fit_with_its_path_and_index() -> None:
    with temporary_folder() as folder:
        sequence = folder_sequence(folder, workers=2)
        Path(folder, "b", "07.png").unlink()
        text = failure_of_fit(sequence)
        require_equal("b/07.png" in text and "index 7" in text, True, text)
        require_equal(type(sequence.failure), augseq.errors.MissingFileError)


@scenario
def a_raising_transform_stops_fit_and_the_failure_is_the_original_exception() -> None:
    for workers in (0, 1, 4):
        sequence = array_sequence(augment=[fails_at_seven], workers=workers)
        text = failure_of_fit(sequence)
        require_equal("no sevens" in text, True, text)
        failure = sequence.failure
        require_equal(type(failure), BrokenTransformError)
        notes = " ".join(getattr(failure, "__notes__", []))
        for part in ("index 7", "x[7]", "epoch 0", "sample(epoch=0, index=7)", "fails_at_seven"):
            require_equal(part in notes, True, f"{part!r} is not in {notes!r}")


@scenario
def a_raising_transform_is_reported_with_path_and_index_on_every_backend() -> None:
    # Image 7 is in batch 3, or in batch 1, which TensorFlow reads in the main thread first.
    for options in ({"batch_size": 2}, {"batch_size": 6}):
        for workers in (0, 2):
            sequence = array_sequence(
                augment=[fails_at_seven], shuffle=False, workers=workers, **options
            )
            text = failure_of_fit(sequence, shuffle=False)
            for part in ("no sevens", "x[7]", "index 7", "epoch 0"):
                where = f"{part!r} is not in {text!r}; {options}, workers={workers}"
                require_equal(part in text, True, where)


@scenario
def fit_after_a_resume_in_mid_epoch_says_what_it_needs() -> None:
    sequence = array_sequence(batch_size=2)
    sequence.load_state_dict(sequence.state_dict(num_batches=2))
    text = failure_of_fit(sequence, shuffle=False, sync=False)
    for part in ("are left after load_state_dict", "EpochSync(batches)", "set_epoch(1)"):
        require_equal(part in text, True, f"{part!r} is not in {text!r}")


@scenario
def an_augmentation_that_breaks_its_contract_stops_fit_with_path_and_index() -> None:
    for workers in (0, 2):
        sequence = array_sequence(augment=[returns_nothing_at_seven], workers=workers)
        text = failure_of_fit(sequence)
        for part in ("returns_nothing_at_seven", "x[7]", "index 7", "epoch 0"):
            require_equal(part in text, True, f"{part!r} is not in {text}")
        require_equal(type(sequence.failure), augseq.errors.AugmentationError)


@scenario
def after_a_failure_the_repaired_folder_trains() -> None:
    with temporary_folder() as folder:
        sequence = folder_sequence(folder, workers=2)
        bad = Path(folder, "b", "07.png")
        data = bad.read_bytes()
        bad.write_bytes(data[:60])
        failure_of_fit(sequence)
        bad.write_bytes(data)
        trained = fit(sequence, epochs=1)
        indices = sorted(i for batch in trained[0] for i, _ in batch)
        require_equal(indices, list(range(12)))
