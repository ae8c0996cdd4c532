"""Tar files in a bucket are read by ranges."""

from pathlib import Path

import numpy as np
import s3fs

import augseq

from .conftest import Bucket


def test_shards_in_a_bucket_give_the_batches_of_the_folder(
    bucket: Bucket, samples: augseq.Manifest, tmp_path: Path
) -> None:
    few = samples.select(range(0, 200, 8))
    local = augseq.write_webdataset(few, tmp_path / "s", max_shard_images=9, progress=False)
    files = s3fs.S3FileSystem(**bucket.options, skip_instance_cache=True)
    files.put(str(tmp_path / "s"), "s3://photos/shards", recursive=True)
    images = augseq.index_webdataset(
        "s3://photos/shards/shard-{000000..000002}.tar", remote=bucket.remote(), progress=False
    )
    assert images.table.equals(local.table)
    assert images.class_names == samples.class_names
    expected, found = (
        augseq.ImageSequence(one, image_size=(16, 16), batch_size=25, workers=0)[0]
        for one in (local, images)
    )
    for one, other in zip(found, expected, strict=True):
        assert np.array_equal(one, other)
