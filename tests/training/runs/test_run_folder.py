"""The folder of a run, from its first file to its last."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from augseq.training.run_files import has_backups, is_complete
from augseq.training.runs.run_folder import open_run_folder

FILES = ("settings.json", "manifest.parquet", "model.keras", "last_model.keras", "README.md")


def test_a_process_killed_while_it_deletes_backups_leaves_a_complete_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"

    def killed(path: Path, **options: Any) -> None:
        names = sorted(path.rglob("*.npz"))
        if names:
            names[0].unlink()
            raise KeyboardInterrupt

    def complete() -> None:
        with open_run_folder(folder, [], resume=False):
            for name in FILES:
                (folder / name).touch()
            for stage in ("head", "all"):
                (folder / "backups" / stage).mkdir()
                (folder / "backups" / stage / "backup-000000000001.npz").touch()
            assert not is_complete(folder)
            monkeypatch.setattr(shutil, "rmtree", killed)

    with pytest.raises(KeyboardInterrupt):
        complete()
    assert is_complete(folder)
    assert not has_backups(folder)
