import os
import pickle
from pathlib import Path

import pytest

import augseq


def test_delays_grow_to_eight_seconds_and_survive_a_server_that_is_down_for_ten() -> None:
    options = augseq.RemoteOptions()
    delays = [options.delay_s(failures) for failures in range(1, options.num_tries)]
    assert delays == [0.5, 1, 2, 4, 8, 8, 8]
    assert options.delay_s(10**6) == 8


def test_storage_options_appear_in_no_text() -> None:
    options = augseq.RemoteOptions(storage_options={"secret": "canary"})
    assert "canary" not in repr(options) + str(options) + f"{options}"
    assert pickle.loads(pickle.dumps(options)).storage_options == {"secret": "canary"}


def test_a_folder_for_copies_is_the_same_for_all_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for given, expected in [
        (Path("here"), tmp_path / "here"),
        ("~/photos", os.path.expanduser("~/photos")),
    ]:
        assert augseq.RemoteOptions(cache_dir=given).cache_dir == str(expected)
    (tmp_path / "file").touch()
    remote = augseq.RemoteOptions(cache_dir=tmp_path / "file")
    with pytest.raises(
        augseq.errors.ArgumentError, match="`cache_dir` must be a folder that exists or"
    ):
        augseq.index_folder("memory://x", remote=remote)


@pytest.mark.parametrize(
    "wrong",
    [{"num_tries": 0}, {"try_s": 0}, {"total_s": float("inf")}, {"total_s": "1"},
     {"try_s": True}, {"total_s": 1j}, {"try_s": 10**400}, {"total_s": float("nan")},
     {"storage_options": "canary"}, {"storage_options": {1: "canary"}}, {"cache_dir": ""},
     {"cache_dir": True}, {"cache_max_bytes": 0}, {"cache_max_bytes": 1.5}],
)  # fmt: skip
def test_an_invalid_option_is_refused_without_showing_secrets(wrong: dict[str, object]) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=next(iter(wrong))) as caught:
        augseq.RemoteOptions(**wrong)  # type: ignore[arg-type]
    assert "canary" not in str(caught.value)
