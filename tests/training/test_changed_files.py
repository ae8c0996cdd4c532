"""A file that is gone or cut short since it was indexed stops training, and is named."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import augseq
from tests.pixels.conftest import photo

pytestmark = pytest.mark.timeout(60)

GONE = r"The image 'b/5.{suffix}' \(index 5\) is not in '.*'\. Index the folder again"
CUT = r"Cannot decode 'b/5.{suffix}' \(index 5\) in '.*': .*Repair or delete the file, then index"


@pytest.fixture(scope="module", autouse=True)
def lasting_processes() -> Iterator[None]:
    """Two processes shared by all tests, which would otherwise start again for each."""
    x = [[[[0, 0, 0]]]]
    batches = augseq.ImageSequence.from_arrays(x, workers=2, worker_kind="processes")
    batches[0]
    yield
    del batches


def sequence_of(folder: Path, suffix: str, kind: Any, cache: Any) -> augseq.ImageSequence:
    for index in range(8):
        path = folder / "ab"[index // 4] / f"{index}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        photo(40, 50).save(path)
    return augseq.ImageSequence(
        augseq.index_folder(folder, progress=False),
        image_size=(16, 16),
        batch_size=2,
        workers=2,
        worker_kind=kind,
        cache=cache,
    )


@pytest.mark.parametrize("suffix", ["jpg", "png"])
@pytest.mark.parametrize("state", ["no cache", "in memory", "on disk", "filled"])
@pytest.mark.parametrize("kind", ["serial", "threads", "processes"])
def test_a_changed_file_is_named_with_the_remedy_and_all_others_still_load(
    kind: str, state: str, suffix: str, tmp_path: Path
) -> None:
    folder = tmp_path / "images"
    caches = {"no cache": None, "in memory": "memory"}
    batches = sequence_of(folder, suffix, kind, caches.get(state, tmp_path / "cache"))
    if state == "filled":
        batches.fill_cache(progress=False)
    path = folder / "b" / f"5.{suffix}"
    whole = path.read_bytes()
    expected = [batches.sample(epoch=0, index=index).image for index in range(8)]
    for change, error, text in [
        (lambda: path.write_bytes(whole[: len(whole) // 2]), augseq.errors.DecodeError, CUT),
        (lambda: path.write_bytes(b""), augseq.errors.DecodeError, CUT),
        (path.unlink, augseq.errors.MissingFileError, GONE),
    ]:
        change()
        for number in (0, 1, 3):
            images, _ = batches[number]
            assert (images[0] == expected[2 * number]).all()
            assert (images[1] == expected[2 * number + 1]).all()
        with pytest.raises(error, match=text.format(suffix=suffix)) as caught:
            batches[2]
        assert batches.failure is caught.value
    path.write_bytes(whole)
    assert (batches[2][0][1] == expected[5]).all()
