"""Tar files at the shell."""

from pathlib import Path

import augseq
from tests.cli.test_main import Run, run  # noqa: F401


def test_tar_files_are_indexed_and_checked(
    run: Run,  # noqa: F811
    samples: augseq.Manifest,
    tmp_path: Path,
) -> None:
    few = samples.select(range(0, 200, 10)).with_column("size", ["small", "large"] * 10)
    augseq.write_webdataset(few, tmp_path / "shards", max_shard_images=7, progress=False)
    outcome = run("index", "shards/shard-{000000..000002}.tar", "--webdataset", "-o", "a.parquet")
    assert outcome.code == 0, outcome.err
    assert "20 images in 5 classes" in outcome.out
    assert augseq.read_manifest("a.parquet").targets.tolist() == few.targets.tolist()
    outcome = run("check", "a.parquet")
    assert (outcome.code, "20 images" in outcome.out) == (0, True)
    run("index", "shards", "--webdataset", "--label-column", "size", "--class-names",
        "small,large", "-o", "b.parquet")  # fmt: skip
    assert augseq.read_manifest("b.parquet").targets.tolist() == [0, 1] * 10
    outcome = run("index", "shards", "--webdataset", "--path-column", "x", "--images-root", ".")
    assert "Only for tables: --path-column, --images-root" in outcome.err
    assert "different sources" in run("index", "s", "--webdataset", "--annotations", "coco").err
