"""`ImageSequence` with a cache, as a user has it."""

import os
import pickle
import re
import textwrap
from pathlib import Path

import albumentations as A
import numpy as np
import pytest
from PIL import Image

import augseq
from tests.backends import run_warm
from tests.pixels.cache.conftest import entries
from tests.pixels.conftest import encoded, noise


def test_the_plan_shows_the_cache_and_what_it_holds(
    samples: augseq.Manifest, tmp_path: Path
) -> None:
    cache = augseq.ImageCache(folder=tmp_path, shorter_side_px=40, max_bytes=5 * 10**9)
    batches = augseq.ImageSequence(samples, batch_size=20, cache=cache)
    batches.batch(0)
    text = repr(batches)
    for part in (str(tmp_path), "shorter side at most 40 px", "20 files", "of at most 5.0 GB"):
        assert part in text
    assert "in memory" in repr(augseq.ImageSequence(samples, cache="memory"))
    assert "cache" not in repr(augseq.ImageSequence(samples))


def cache_line(batches: augseq.ImageSequence) -> str:
    return next(line for line in repr(batches).splitlines() if line.startswith("  cache"))


def test_filling_decodes_what_is_missing(samples: augseq.Manifest, tmp_path: Path) -> None:
    part = samples[:50]
    batches = augseq.ImageSequence(part, cache=tmp_path, workers=2, batch_size=8)
    batches.batch(1)
    times = {path: path.stat().st_mtime_ns for path in entries(tmp_path)}
    assert batches.fill_cache(progress=False) == 50
    assert len(entries(tmp_path)) == 50
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    twin = augseq.ImageSequence(samples, cache=str(tmp_path), workers=0)
    assert twin.fill_cache(progress=False) == len(samples)
    assert f"{len(samples)} files" in cache_line(twin)


def test_filling_returns_how_many_images_fit(samples: augseq.Manifest, tmp_path: Path) -> None:
    cache = augseq.ImageCache(folder=tmp_path, max_bytes=400_000)
    batches = augseq.ImageSequence(samples, cache=cache, workers=2)
    with pytest.warns(augseq.AugseqWarning, match="is full"):
        num_kept = batches.fill_cache()
    assert 0 < num_kept == len(entries(tmp_path)) < len(samples)


def test_long_filling_shows_a_bar(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "images").mkdir()
    large = encoded(Image.fromarray(noise(2000, 2000, 3)), compress_level=1)
    for number in range(16):
        (tmp_path / "images" / f"{number}.png").write_bytes(large)
    images = augseq.index_folder(tmp_path / "images", labels=None, progress=False)
    cache = augseq.ImageCache(folder=tmp_path / "cache", shorter_side_px=8)
    options = {"cache": cache, "label_mode": None}
    assert augseq.ImageSequence(images, **options).fill_cache(progress=False) == 16
    assert capsys.readouterr().err == ""
    for path in entries(tmp_path / "cache"):
        path.unlink()
    assert augseq.ImageSequence(images, **options).fill_cache() == 16
    assert re.search(r"Caching: .*16/16", capsys.readouterr().err)


def test_a_damaged_file_stops_filling_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "bad.jpg").write_bytes(b"\xff\xd8 and no more")
    images = augseq.index_folder(tmp_path / "images", labels=None, progress=False)
    batches = augseq.ImageSequence(images, cache=tmp_path / "cache", label_mode=None)
    with pytest.raises(augseq.errors.DecodeError, match=r"'bad\.jpg' \(index 0\)"):
        batches.fill_cache(progress=False)


def test_filling_requires_a_cache(samples: augseq.Manifest) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match='cache="memory"'):
        augseq.ImageSequence(samples).fill_cache()


def test_arrays_have_no_cache() -> None:
    with pytest.raises(augseq.errors.ArgumentError, match="'cache'"):
        augseq.ImageSequence.from_arrays(np.zeros((4, 8, 8, 3), np.uint8), cache="memory")


def test_copies_share_the_memory_of_a_sequence(samples: augseq.Manifest) -> None:
    batches = augseq.ImageSequence(samples, cache="memory", workers=2, shuffle=True)
    batches.fill_cache(progress=False)
    for twin in (pickle.loads(pickle.dumps(batches)), batches.repeat()):
        assert twin.pipeline.source.folder.root == batches.pipeline.source.folder.root
        np.testing.assert_array_equal(twin.batch(2).images, batches.batch(2).images)


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_a_program_that_exits_while_loading_ahead_releases_its_memory(
    sample_images: Path, kind: str
) -> None:
    code = f"""
        import augseq
        images = augseq.index_folder({str(sample_images)!r}, progress=False)
        batches = augseq.ImageSequence(
            images, cache="memory", workers=4, worker_kind={kind!r}, batch_size=2
        )
        batches.batch(0)
        print(batches.pipeline.source.folder.root)
    """
    run = run_warm("tensorflow", "-W", "error", "-c", textwrap.dedent(code))
    assert run.returncode == 0
    # TensorFlow also writes there.
    assert re.search("AugseqWarning|Error|Traceback", run.stderr) is None
    assert not os.path.exists(run.stdout.strip())
    assert not os.path.exists(run.stdout.strip() + "-gone")


def test_the_profile_of_a_cache_decodes_nothing(samples: augseq.Manifest) -> None:
    options = {"image_size": (96, 96), "batch_size": 8, "augment": [A.HorizontalFlip()]}
    plain = augseq.ImageSequence(samples, **options).profile(num_images=64)
    cached = augseq.ImageSequence(samples, cache="memory", **options).profile(num_images=64)
    assert list(cached.stages) == list(plain.stages)
    assert cached.stages["decode"] < plain.stages["decode"] / 3
