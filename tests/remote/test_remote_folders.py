"""Remote folders from the user's side: indexed, viewed, trained on."""

import json
import pickle
import shutil
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import fsspec
import keras
import numpy as np
import pytest

import augseq

from .conftest import ROOT, SECRET, Bucket
from .servers import web_server

SMALL = {"image_size": (24, 24), "batch_size": 10, "shuffle": True, "seed": 3}


def _images(manifest: augseq.Manifest, **options: object) -> list[bytes]:
    batches = augseq.ImageSequence(manifest, **{**SMALL, **options})  # type: ignore[arg-type]
    return [batches.batch(step).images.tobytes() for step in range(len(batches))]


def _same(manifest: augseq.Manifest, local: augseq.Manifest) -> bool:
    return bool(manifest.table.equals(local.table)) and manifest.class_names == local.class_names


def test_a_bucket_has_the_manifest_of_the_folder(bucket: Bucket, samples: augseq.Manifest) -> None:
    manifest = bucket.index()
    assert manifest.root == ROOT
    assert _same(manifest, samples)
    assert manifest.fingerprint() == samples.fingerprint()


def test_a_bucket_is_drawn_like_the_folder(
    bucket: Bucket, samples: augseq.Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Enough time for 30 images on a busy machine.
    monkeypatch.setattr("augseq.inspection.html_displays.manifest_html._LIMIT_S", 60.0)
    few = range(0, 200, 20)
    page = bucket.index().select(few)._repr_html_()
    assert page == samples.select(few)._repr_html_().replace(samples.root, ROOT)
    assert SECRET not in page


def test_an_unreachable_bucket_is_drawn_with_the_reason(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("augseq.inspection.html_displays.manifest_html._LIMIT_S", 0.2)
    manifest = bucket.index(num_tries=2).select([0, 50])
    bucket.wire.cut()
    assert "was not ready within 0.2 s" in manifest._repr_html_()


def _as_zip(folder: Path, tmp_path: Path) -> str:
    shutil.make_archive(str(tmp_path / "drawn"), "zip", folder)
    return f"zip://::{tmp_path / 'drawn.zip'}"


def _as_memory(folder: Path, tmp_path: Path) -> str:
    files = fsspec.filesystem("memory")
    # The in-memory file system is shared by the process, and `put` into an existing folder nests.
    if files.exists("/drawn"):
        files.rm("/drawn", recursive=True)
    files.put(str(folder), "/drawn", recursive=True)
    return "memory://drawn"


@pytest.mark.parametrize("place", [_as_zip, _as_memory])
def test_other_storages_have_the_same_records_and_pixels(
    place: Callable[[Path, Path], str],
    samples: augseq.Manifest,
    sample_images: Path,
    tmp_path: Path,
) -> None:
    manifest = augseq.index_folder(place(sample_images, tmp_path), progress=False)
    assert _same(manifest, samples)
    assert _images(manifest[:30], workers=2, worker_kind="threads") == _images(samples[:30])
    assert {path.suffix for path in tmp_path.iterdir()} <= {".zip"}


def test_files_that_only_this_process_can_read_are_read_by_its_threads(
    samples: augseq.Manifest,
    sample_images: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = augseq.index_folder(_as_memory(sample_images, tmp_path), progress=False)[:30]
    expected = _images(samples[:30])
    with pytest.warns(augseq.AugseqWarning, match="image cannot be read there.*Threads are used"):
        assert _images(images, workers=2, worker_kind="processes") == expected
    # Processes start after the first batch.
    monkeypatch.setattr("augseq.workers.auto._START_S", 0.0)
    monkeypatch.setattr("augseq.workers.auto._LEAST_SAMPLE_S", 0.0)
    monkeypatch.setattr("augseq.workers.auto.num_cores", lambda: 2)
    batches = augseq.ImageSequence(images, **SMALL, workers=2)  # type: ignore[arg-type]
    deadline = time.monotonic() + 60
    while "image cannot be read there" not in repr(batches):
        assert time.monotonic() < deadline, repr(batches)
        assert [batches.batch(step).images.tobytes() for step in range(len(batches))] == expected


def test_a_web_server_has_the_same_records_and_pixels(
    samples: augseq.Manifest, sample_images: Path
) -> None:
    with web_server(sample_images) as port:
        manifest = augseq.index_folder(f"http://127.0.0.1:{port}", progress=False)
        assert _same(manifest, samples)
        assert _images(manifest[:20]) == _images(samples[:20])


def test_hidden_loose_and_foreign_files_count_as_in_a_local_folder(tmp_path: Path) -> None:
    names = ["a/1.jpg", "a/deep/2.PNG", "a/.hidden.jpg", ".b/3.jpg", "a/.c/4.jpg", "a/note.txt",
             "a b/5.jpg", "a-b/6.jpg", "loose.jpg", "a/raw.nef"]  # fmt: skip
    local, archive = tmp_path / "local", tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("empty/", b"")
        (local / "empty").mkdir(parents=True)
        for name in names:
            file.writestr(name, b"")
            (local / name).parent.mkdir(parents=True, exist_ok=True)
            (local / name).touch()
    files = fsspec.filesystem("memory")
    files.put(str(local), "/odd", recursive=True)
    files.makedirs("/odd/empty", exist_ok=True)
    results = []
    for root in [str(local), f"zip://::{archive}", "memory://odd"]:
        with pytest.warns(augseq.AugseqWarning) as caught:
            manifest = augseq.index_folder(root, progress=False)
        texts = sorted(str(warning.message).replace(repr(root), "ROOT") for warning in caught)
        results.append((manifest.table.to_pydict(), manifest.class_names, texts))
    assert results[0] == results[1] == results[2]
    assert results[0][0]["path"] == ["a b/5.jpg", "a-b/6.jpg", "a/1.jpg", "a/deep/2.PNG"]


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_all_workers_read_a_bucket(bucket: Bucket, samples: augseq.Manifest, kind: str) -> None:
    manifest = bucket.index()[:40]
    assert _images(manifest, workers=2, worker_kind=kind) == _images(samples[:40])


def _model() -> keras.Model:
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(5)]
    model = keras.Sequential([keras.Input((24, 24, 3)), *layers])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, run_eagerly=True)
    return model


class _Outage(keras.callbacks.Callback):
    """Cuts the connection for ten seconds after a batch."""

    def __init__(self, bucket: Bucket) -> None:
        super().__init__()
        self.bucket = bucket
        self.seconds = 0.0

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        if batch == 1:
            self.start = time.monotonic()
            self.bucket.wire.cut()
            threading.Timer(10, self.bucket.wire.mend).start()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        self.seconds = time.monotonic() - self.start


def test_training_survives_a_server_that_is_down_for_ten_seconds(
    bucket: Bucket, samples: augseq.Manifest
) -> None:
    outage, weights = _Outage(bucket), []
    for manifest, callbacks in [(samples[:60], []), (bucket.index()[:60], [outage])]:
        model = _model()
        batches = augseq.ImageSequence(manifest, **SMALL, workers=2, max_queue_size=1)  # type: ignore[arg-type]
        sync = augseq.EpochSync(batches)
        model.fit(batches, epochs=1, shuffle=False, verbose=0, callbacks=[sync, *callbacks])
        weights.append(model.get_weights())
    assert outage.seconds > 9.5
    assert all(np.array_equal(*pair) for pair in zip(*weights, strict=True))


def test_a_run_resumes_from_its_state_at_another_location(
    bucket: Bucket, samples: augseq.Manifest
) -> None:
    state = json.dumps(augseq.ImageSequence(samples, **SMALL).state_dict(num_batches=17))  # type: ignore[arg-type]
    rest = augseq.ImageSequence(bucket.index(), **SMALL)  # type: ignore[arg-type]
    rest.load_state_dict(json.loads(state))
    assert rest[0][0].tobytes() == _images(samples)[17]
    assert SECRET not in state


def test_a_server_that_stays_down_is_named_with_the_record_and_the_fix(
    bucket: Bucket,
) -> None:
    manifest = bucket.index(num_tries=2)
    bucket.wire.cut()
    with pytest.raises(
        augseq.errors.RemoteError, match=r"index 5\).*s3://photos/drawn.*2 tries"
    ) as caught:
        augseq.ImageSequence(manifest).sample(epoch=0, index=5)
    assert "RemoteOptions(num_tries" in str(caught.value)


def test_a_missing_object_is_named(bucket: Bucket) -> None:
    manifest = bucket.index()
    files = fsspec.filesystem("s3", **bucket.options)
    path = f"photos/drawn/{manifest[7].path}"
    data = files.cat_file(path)
    files.rm_file(path)
    try:
        with pytest.raises(
            augseq.errors.MissingFileError, match=r"index 7\) is not in 's3://photos/drawn'"
        ):
            augseq.ImageSequence(manifest).sample(epoch=0, index=7)
        report = augseq.check_images(manifest[:10], progress=False)
        (missing,) = [f for f in report.findings if f.severity == "error"]
        assert [file.index for file in missing.files] == [7]
    finally:
        files.pipe_file(path, data)


def test_the_secret_is_written_nowhere(bucket: Bucket, tmp_path: Path) -> None:
    manifest = bucket.index(num_tries=1)
    augseq.write_manifest(manifest, tmp_path / "m.parquet")
    batches = augseq.ImageSequence(manifest, cache=tmp_path / "pixels")
    batches.batch(0)
    texts = [repr(manifest), repr(batches), repr(batches.pipeline), str(batches.state_dict())]
    assert not any(SECRET in text for text in texts)
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes()
    wrong = augseq.RemoteOptions(
        storage_options={**bucket.options, "endpoint_url": f"http://{SECRET}@x:y"}
    )
    for remote in (wrong, bucket.remote(num_tries=1)):
        bucket.wire.cut()
        with pytest.raises(augseq.AugseqError) as caught:
            augseq.index_folder(ROOT, remote=remote, progress=False)
        assert SECRET not in str(caught.value)


def test_a_manifest_read_from_a_file_needs_the_options_again(
    bucket: Bucket, samples: augseq.Manifest, tmp_path: Path
) -> None:
    augseq.write_manifest(bucket.index(), tmp_path / "m.parquet")
    manifest = augseq.read_manifest(tmp_path / "m.parquet", remote=bucket.remote())
    train, _ = manifest.split(val=0.5)
    assert train.remote.storage_options == bucket.options
    assert _images(pickle.loads(pickle.dumps(manifest[:20]))) == _images(samples[:20])
    augseq.write_manifest(samples, tmp_path / "local.parquet")
    moved = augseq.read_manifest(tmp_path / "local.parquet", root=ROOT, remote=bucket.remote())
    assert _images(moved[:20]) == _images(samples[:20])


def test_a_cache_is_filled_once_and_notices_a_changed_object(
    bucket: Bucket, samples: augseq.Manifest, tmp_path: Path
) -> None:
    manifest = bucket.index()[:20]
    batches = augseq.ImageSequence(manifest, **SMALL, cache=tmp_path)  # type: ignore[arg-type]
    assert batches.fill_cache(progress=False) == 20
    assert [batches.batch(step).images.tobytes() for step in (0, 1)] == _images(samples[:20])
    files = fsspec.filesystem("s3", **bucket.options)
    path, other = (f"photos/drawn/{manifest[k].path}" for k in (4, 15))
    data = files.cat_file(path)
    files.pipe_file(path, files.cat_file(other))
    try:
        changed = batches.sample(epoch=0, index=4).image
        np.testing.assert_array_equal(changed, batches.sample(epoch=0, index=15).image)
    finally:
        files.pipe_file(path, data)


def test_a_remote_folder_is_probed_and_a_replaced_object_is_refused(
    samples: augseq.Manifest, sample_images: Path, tmp_path: Path
) -> None:
    root = _as_memory(sample_images, tmp_path)
    manifest = augseq.index_folder(root, probe=True, progress=False)
    local = augseq.probe_manifest(samples, progress=False)
    for here, there in zip(manifest, local, strict=True):
        assert replace(here.probe, modified_ns=0) == replace(there.probe, modified_ns=0)
    assert _images(manifest[:10]) == _images(samples[:10])
    files, path = fsspec.filesystem("memory"), f"/drawn/{manifest[0].path}"
    content = files.cat_file(path)
    files.pipe_file(path, content)  # Uploaded again as it was: another time, the same content.
    assert _images(manifest[:10]) == _images(samples[:10])
    files.pipe_file(path, content[:-1] + b"?")
    try:
        with pytest.raises(augseq.errors.ChangedFileError, match=r"\(index 0\).*other content"):
            _images(manifest[:10])
    finally:
        files.pipe_file(path, content)


def test_links_of_a_remote_folder_cannot_be_followed(bucket: Bucket) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match="follow_links"):
        augseq.index_folder(ROOT, remote=bucket.remote(), follow_links=True)


def test_a_zip_file_is_refused_with_its_address(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("a/1.jpg", b"")
    with pytest.raises(augseq.errors.NotAFolderError, match="zip://::"):
        augseq.index_folder(tmp_path / "a.zip")


def test_splits_of_a_remote_folder_are_those_of_the_local_folder(
    sample_images: Path, tmp_path: Path
) -> None:
    for split in ("train", "val"):
        shutil.copytree(sample_images, tmp_path / "photos" / split)
    fsspec.filesystem("memory").put(str(tmp_path / "photos"), "/parts", recursive=True)
    roots = [str(tmp_path / "photos"), _as_zip(tmp_path / "photos", tmp_path), "memory://parts"]
    found = [augseq.index_folder(root, splits=["train", "val"], progress=False) for root in roots]
    assert _same(found[1], found[0])
    assert _same(found[2], found[0])
    for root in roots:
        with pytest.raises(augseq.errors.MissingFileError, match="'test'"):
            augseq.index_folder(root, splits=["train", "test"], progress=False)


def test_manifests_of_one_remote_root_can_be_concatenated_but_not_of_two(
    bucket: Bucket, samples: augseq.Manifest
) -> None:
    manifest = bucket.index()
    joined = augseq.concat_manifests([manifest[:100], manifest[100:]])
    assert joined.root == ROOT
    assert joined.remote.storage_options == bucket.options
    with pytest.raises(augseq.errors.ArgumentError, match="common folder"):
        augseq.concat_manifests([manifest[:100], samples[100:]])


def test_tables_accept_an_address_if_files_are_not_checked(
    bucket: Bucket, samples: augseq.Manifest
) -> None:
    rows = samples.to_pandas()[["path", "class_name"]].rename(columns={"class_name": "label"})
    manifest = augseq.index_table(rows, root=ROOT, check_files=False)
    assert manifest.root == ROOT
    with pytest.raises(augseq.errors.ArgumentError, match="check_files=False"):
        augseq.index_table(rows, root=ROOT)
