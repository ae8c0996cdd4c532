"""Two processes train together on each backend; `several_processes` has their programs."""

import json
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import augseq
from tests.backends import BACKENDS, is_installed, two_on_each_backend

LIMIT_S = 240
_TESTS = Path(__file__).parents[1]
_PARTS = ["shard 0 of 2", "shard 1 of 2"]

Findings = list[dict[str, Any]]
"""What each of the two processes found."""


@pytest.fixture(scope="module")
def findings_by_backend(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Findings]:
    """Run all programs side by side, and end what is left of them."""
    found: dict[str, Findings] = {}
    deadline = time.monotonic() + LIMIT_S
    package = "training.several_processes"
    with two_on_each_backend(package, tmp_path_factory, cwd=_TESTS) as started:
        for backend, runs in started.items():
            found[backend] = []
            for process, folder in runs:
                try:
                    process.wait(max(0.0, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    process.kill()
                lines = (folder / "out").read_text().splitlines()
                errors = (folder / "errors").read_text()[-4000:]
                told = [json.loads(line) for line in lines if line.startswith("{")]
                found[backend] += told or [{"errors": errors}]
    return found


@pytest.fixture
def findings(backend: str, findings_by_backend: dict[str, Findings]) -> Findings:
    if not is_installed(backend):
        pytest.skip(f"needs keras and {backend}")
    found = findings_by_backend[backend]
    assert not any("errors" in one for one in found), "\n".join(f["errors"] for f in found)
    return found


on_each_backend = pytest.mark.parametrize("backend", BACKENDS)


def global_steps(findings: Findings) -> list[list[list[tuple[int, int]]]]:
    """What both processes trained in each step, by epochs; the first one's images first."""
    return [
        [
            [tuple(image) for part in parts for image in part]
            # With JAX, the first process gets the data of all of them.
            for parts in zip(*(epoch for epoch in epochs if epoch), strict=True)
        ]
        for epochs in zip(*(one["trained"] for one in findings), strict=True)
    ]


@on_each_backend
def test_both_processes_together_train_each_record_once_an_epoch(findings: Findings) -> None:
    for number, steps in enumerate(global_steps(findings)):
        images = [image for step in steps for image in step]
        assert sorted(images[:22]) == [(index, number) for index in range(22)]
        # Padding: the beginning of the epoch, once more.
        assert images[22:] == images[:2]
        assert [len(step) for step in steps] == [8, 8, 8]


@on_each_backend
def test_a_step_of_both_processes_is_a_step_of_one_with_the_global_batch(
    findings: Findings,
) -> None:
    alone = [[[tuple(image) for image in step] for step in epoch] for epoch in findings[0]["alone"]]
    assert global_steps(findings) == alone


@on_each_backend
def test_the_weights_are_those_of_one_process_with_the_global_batch(findings: Findings) -> None:
    for layer in range(2):
        alone = np.array(findings[0]["weights_alone"][layer])
        for one in findings:
            np.testing.assert_allclose(one["weights"][layer], alone, rtol=1e-5, atol=1e-6)
    start = np.random.default_rng(5).normal(size=(192, 1))
    assert np.abs(start - findings[0]["weights"][0]).max() > 0.01


@pytest.mark.parametrize("backend", ["torch"])
def test_both_processes_together_fill_the_quotas_of_a_sampling(findings: Findings) -> None:
    steps = [one + other for one, other in zip(*(f["balanced"] for f in findings), strict=True)]
    images = [tuple(image) for step in steps for image in step]
    alone = [tuple(image) for step in findings[0]["balanced_alone"] for image in step]
    # The last step is padded.
    assert images[: len(alone)] == alone
    assert Counter(index for index, *_ in alone) == dict.fromkeys(range(22), 2)
    assert len(set(alone)) == 44


@on_each_backend
def test_metrics_over_both_processes_count_each_record_once(findings: Findings) -> None:
    for one in findings:
        assert one["mae"] == pytest.approx(one["mae_by_numpy"], rel=1e-5)


@on_each_backend
def test_a_process_that_would_train_all_records_raises_an_error(findings: Findings) -> None:
    for number, one in enumerate(findings):
        for message in (one["unsharded"], one["too_early"]):
            assert message.startswith("ArgumentError: ")
            received = "Received: shard 0 of 1, in a process that must use shard"
            assert f"{received} {number} of 2." in message
            assert "batches.shard()" in message


@pytest.mark.parametrize("backend", ["jax"])
def test_processes_that_share_a_model_replica_get_the_same_shard(findings: Findings) -> None:
    for one, part in zip(findings, _PARTS, strict=True):
        assert "shard" not in one["one_copy"]
        assert part in one["two_copies"]
        assert part in one["no_distribution"]


@pytest.mark.parametrize("backend", ["jax"])
def test_processes_that_crash_and_resume_end_with_the_same_weights(findings: Findings) -> None:
    for one in findings:
        assert one["weights_after_a_crash"] == one["weights"]
        # Of twice three, four were trained before.
        assert one["batches_after_a_crash"] == 2


@pytest.mark.parametrize("backend", ["jax"])
def test_the_audits_of_all_processes_verify_each_record_once(
    findings: Findings, tmp_path: Path
) -> None:
    paths = [tmp_path / f"audit-{number}.jsonl" for number in range(2)]
    for path, one in zip(paths, findings, strict=True):
        path.write_text(one["audit"])
    manifest = augseq.ImageSequence.from_arrays(np.zeros((22, 8, 8, 3), np.uint8)).manifest
    report = augseq.verify_audit(paths, manifest)
    # 22 records fill 5.5 parts of 4, so two more in each of the two epochs.
    assert (report.holds, report.num_epochs, report.num_padding) == (True, 2, 4), str(report)
    # A process alone has seen but its part.
    assert len(augseq.verify_audit(paths[0], manifest).missing[0]) == 10


@pytest.mark.parametrize("backend", ["jax"])
def test_keras_on_jax_refuses_to_divide_a_sequence_itself(findings: Findings) -> None:
    for one in findings:
        assert "auto_shard_dataset = False" in one["keras_own_sharding"]


@pytest.mark.parametrize("backend", ["tensorflow"])
def test_a_tensorflow_worker_detects_its_shard(findings: Findings) -> None:
    for one, part in zip(findings, _PARTS, strict=True):
        assert part in one["worker"]
        assert part in one["in_scope"]
        assert "shard 0 of 2" in one["chief"]
        assert "shard 1 of 2" in one["worker_of_chief"]
        assert not any("shard" in one[role] for role in ("evaluator", "one_worker"))
        assert "shard" not in one["with_parameter_server"]
        assert one["unsharded_outside_the_scope"].startswith("ArgumentError: ")


@pytest.mark.parametrize("backend", ["tensorflow"])
def test_a_shard_that_tensorflow_would_divide_again_raises_an_error(findings: Findings) -> None:
    for one in findings:
        for message in (one["part_in_fit"], one["part_in_predict"]):
            assert message.startswith("ArgumentError: ")
            assert "strategy.run(model.train_step" in message


@pytest.mark.parametrize("backend", ["tensorflow"])
def test_what_keras_does_with_a_whole_sequence_on_several_workers(findings: Findings) -> None:
    for one in findings:
        assert one["predicts_all"]
        # Keras 3.15 cannot fit with this strategy; then the loop in the docs can go.
        assert "PerReplica" in one["whole_in_fit"]


@pytest.mark.parametrize("backend", ["torch"])
def test_detecting_a_shard_imports_nothing(findings: Findings) -> None:
    assert [one["loaded_by_asking"] for one in findings] == [[], []]


@pytest.mark.parametrize("backend", ["torch"])
def test_libraries_that_disagree_raise_an_error(findings: Findings) -> None:
    for one in findings:
        assert one["contradicted"].startswith("ArgumentError: ")
        assert "[(0, 2), (1, 2)]" in one["contradicted"]


def test_one_process_gets_all_images() -> None:
    batches = augseq.ImageSequence.from_arrays(np.zeros((10, 4, 4, 3), np.uint8), batch_size=4)
    part = batches.shard()
    assert [len(part.records(index)) for index in range(len(part))] == [4, 4, 2]


@pytest.mark.parametrize("half", [{"index": 0}, {"count": 2}])
def test_index_and_count_must_be_given_together(half: dict[str, int]) -> None:
    batches = augseq.ImageSequence.from_arrays(np.zeros((10, 4, 4, 3), np.uint8))
    with pytest.raises(augseq.errors.ArgumentError, match="both index and count"):
        batches.shard(**half)
