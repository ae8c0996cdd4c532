"""One image and its target."""

import pickle
from dataclasses import FrozenInstanceError

import pytest

import augseq

RECORD = augseq.Record(index=17, path="cats/0017.jpg", target=2)


def test_a_record_reads_as_its_path_and_index() -> None:
    assert str(RECORD) == "'cats/0017.jpg' (index 17)"


def test_a_record_has_no_label_unless_given_one() -> None:
    assert augseq.Record(index=0, path="a.jpg").target is None


def test_records_of_equal_content_are_equal_and_hash_alike() -> None:
    twin = augseq.Record(index=17, path="cats/0017.jpg", target=2)
    assert twin == RECORD
    assert len({twin, RECORD}) == 1


def test_a_record_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        RECORD.index = 3  # type: ignore[misc]


def test_a_record_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(RECORD)) == RECORD
