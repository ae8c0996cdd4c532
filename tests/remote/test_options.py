import pickle

import pytest

import augseq


def test_delays_grow_to_eight_seconds_and_survive_a_server_that_is_down_for_ten() -> None:
    options = augseq.RemoteOptions()
    delays = [options.delay_s(failures) for failures in range(1, options.num_tries)]
    assert delays == [0.5, 1, 2, 4, 8, 8, 8]
    assert options.delay_s(10**6) == 8


def test_storage_options_show_in_no_text() -> None:
    options = augseq.RemoteOptions(storage_options={"secret": "canary"})
    assert "canary" not in repr(options) + str(options) + f"{options}"
    assert pickle.loads(pickle.dumps(options)).storage_options == {"secret": "canary"}


@pytest.mark.parametrize(
    "wrong",
    [{"num_tries": 0}, {"try_s": 0}, {"total_s": float("inf")}, {"total_s": "1"},
     {"storage_options": "canary"}, {"storage_options": {1: "canary"}}],
)  # fmt: skip
def test_a_wrong_option_is_refused_without_showing_secrets(wrong: dict[str, object]) -> None:
    with pytest.raises(augseq.ArgumentError, match=next(iter(wrong))) as caught:
        augseq.RemoteOptions(**wrong)  # type: ignore[arg-type]
    assert "canary" not in str(caught.value)
