"""Whatever a cell ends with is a short text: shapes and ranges, and no values or addresses."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pytest

import augseq
from augseq.inspection.reports.augmentation_stats import AugmentationStats, TransformStats
from augseq.inspection.reports.explanation import Explanation, Stage
from augseq.inspection.reports.profile import Profile
from augseq.inspection.reports.purity import Impurity, PurityReport
from augseq.loading.batch import Batch
from augseq.manifest.box_statistics import Spread
from augseq.terminal_text import num_columns

LONG = "deep/" * 40 + "image \x1b[2J <script>alert(1)</script> 猫.jpg"
PROBE = augseq.Probe(
    num_bytes=123456789, modified_ns=1795993904788365661, content_hash=bytes(16), height=4000,
    width=3000, format="JPEG", mode="RGB", orientation=6, num_frames=12,
)  # fmt: skip
NO_IMAGE = augseq.Probe(num_bytes=0, modified_ns=1, content_hash=bytes(16))
RECORD = augseq.Record(index=123456, path=LONG, target=12, probe=PROBE)
PIXELS = np.linspace(0, 255, 64 * 9 * 9 * 3, dtype=np.float32).reshape(64, 9, 9, 3)


def manifest(num_classes: int = 3, num_images: int = 64) -> augseq.Manifest:
    names = [f"class {number} {LONG}" for number in range(num_classes)]
    table = pa.table(
        {
            "index": range(num_images),
            "path": [f"{number}/{LONG}" for number in range(num_images)],
            "target": [number % num_classes for number in range(num_images)],
        }
    )
    return augseq.Manifest(root="/" + LONG, class_names=tuple(names), table=table)


def sequence() -> augseq.ImageSequence:
    labels = np.arange(64)
    return augseq.ImageSequence.from_arrays(PIXELS, labels, batch_size=64, workers=0)


def batch(**others: Any) -> Batch:
    usual = {"inputs": {"image": PIXELS}, "targets": {"label": np.arange(64)}}
    return Batch(**{**usual, "records": [RECORD] * 64, **others})


def sample(**targets: Any) -> augseq.Sample:
    record = augseq.Record(index=7, path="a.jpg")
    return augseq.Sample(
        record=record, inputs={"image": np.zeros((4, 5, 3), np.uint8)}, targets=targets
    )


def check_report(num_files: int) -> augseq.CheckReport:
    kinds = ("unreadable", "duplicates", "tiny", "imbalance", "huge", "rotated", "grayscale")
    return augseq.CheckReport(
        manifest=manifest(),
        num_bytes=10**9,
        class_counts={LONG: 64},
        split_counts={},
        options=augseq.CheckOptions(),
        findings=tuple(finding(kind, num_files) for kind in kinds * 2),
    )


def finding(kind: str, num_files: int) -> augseq.CheckFinding:
    group = 0 if "duplicates" in kind else None
    file = augseq.FoundFile(path=LONG, index=3, label=LONG, group=group, detail=LONG)
    return augseq.CheckFinding(kind=kind, files=(file,) * num_files, detail=LONG)


def profile(num_stages: int = 9) -> Profile:
    return Profile(
        num_images=256,
        stages={f"augment {number}: {LONG}": 0.1 for number in range(num_stages)},
        images_per_s={"1 thread": 10.0, "64 processes": 12345.6},
        transport_ms=None,
        verdict=f"Decode is 48% of the time: {LONG} gives 2.0 times the speed. " * 3,
    )


def stats(num_transforms: int) -> AugmentationStats:
    one = TransformStats(step=1, name=LONG, num_fired=4, parameters={"angle": np.arange(4.0)})
    return AugmentationStats(num_samples=9, num_images=8, transforms=(one,) * num_transforms)


def explanation() -> Explanation:
    fired = ((LONG, {"angle": 3.0, "matrix": np.eye(3)}),)
    stages = [Stage(name=f"{number} {LONG}", image=PIXELS[0], fired=fired) for number in range(9)]
    return Explanation(record=RECORD, seed=2**63, epoch=100, stages=tuple(stages))


def audit_report() -> augseq.AuditReport:
    wrong = {epoch: list(range(5000)) for epoch in range(90)}
    return augseq.AuditReport(
        num_epochs=90, missing=wrong, repeated=wrong, num_padding=3, unfinished=0
    )


def run_result() -> augseq.RunResult:
    return augseq.RunResult(model=None, evaluation=evaluation(), seconds=3.25, backend="jax")


def evaluation() -> augseq.ClassEvaluation:
    history = {"loss": [0.5] * 90, "val_accuracy": [0.5] * 90}
    return augseq.ClassEvaluation(predictions=predictions(10), history=history, batches=sequence())


def numbers(num_images: int) -> augseq.NumberPredictions:
    values = np.arange(num_images * 99, dtype=np.float32).reshape(num_images, 99) * 1e6
    names = tuple(LONG + str(k) for k in range(99))
    return augseq.NumberPredictions(
        paths=(LONG,) * num_images, names=names, values=values, truth=values + 1
    )


def number_evaluation() -> augseq.NumberEvaluation:
    return augseq.NumberEvaluation(predictions=numbers(9), history={}, batches=sequence())


def tags(num_images: int) -> augseq.TagPredictions:
    return augseq.TagPredictions(
        paths=(LONG,) * num_images,
        names=tuple(LONG + str(k) for k in range(99)),
        probabilities=np.ones((num_images, 99), np.float32),
        truth=np.ones((num_images, 99), bool),
    )


def tag_evaluation() -> augseq.TagEvaluation:
    return augseq.TagEvaluation(predictions=tags(9), history={}, batches=sequence())


def masks(num_images: int) -> augseq.MaskPredictions:
    numbers = np.arange(num_images * 24, dtype=np.uint8).reshape(num_images, 4, 6) % 99
    return augseq.MaskPredictions(
        paths=(LONG,) * num_images,
        class_names=tuple(LONG + str(k) for k in range(99)),
        masks=numbers,
        truth=numbers,
        batches=sequence(),
    )


def mask_evaluation() -> augseq.MaskEvaluation:
    return augseq.MaskEvaluation(predictions=masks(9), history={}, batches=sequence())


def predictions(num_images: int) -> augseq.ClassPredictions:
    return augseq.ClassPredictions(
        paths=(LONG,) * num_images,
        class_names=tuple(LONG + str(k) for k in range(99)),
        probabilities=np.ones((num_images, 99), np.float32),
        labels=np.ones(num_images, int),
    )


def trained_run() -> augseq.TrainedRun:
    return augseq.TrainedRun(
        folder=Path(LONG),
        model=keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten()]),
        manifest=manifest(num_classes=64),
        settings={"pixels": {"image_size": [4, 4], "color_mode": "rgb"}},
    )


DISPLAYED: dict[str, Callable[[], Any]] = {
    "manifest": manifest,
    "manifest of many classes": lambda: manifest(num_classes=64),
    "manifest of nothing": lambda: manifest(num_images=0),
    "record": lambda: RECORD,
    "record without image": lambda: augseq.Record(index=0, path=LONG, probe=NO_IMAGE),
    "record without more": lambda: augseq.Record(index=0, path="a.jpg"),
    "probe": lambda: PROBE,
    "probe without image": lambda: NO_IMAGE,
    "split": lambda: manifest().split(val=0.2),
    "fold": lambda: next(manifest().k_fold(5)),
    "split of many parts": lambda: (
        manifest().with_column("part", [str(number) for number in range(64)]).split_by("part")
    ),
    "batch": batch,
    "batch of bytes": lambda: batch(inputs={"image": PIXELS.astype(np.uint8)}),
    "batch with weights": lambda: batch(weights=np.ones(64, np.float32)),
    "batch without targets": lambda: batch(targets={}),
    "batch of several targets": lambda: batch(targets={LONG: PIXELS, "age": np.ones(64)}),
    "batch of not a number": lambda: batch(
        inputs={"image": np.full((1, 2, 2, 3), np.nan, np.float32)}
    ),
    "batch of nothing": lambda: batch(
        inputs={"image": PIXELS[:0]}, targets={"label": np.zeros(0)}, records=[]
    ),
    "sequence": sequence,
    "batch of a sequence": lambda: sequence().batch(0),
    "sample": lambda: sequence().sample(epoch=0, index=3),
    "sample of a long path": lambda: augseq.Sample(
        record=RECORD, inputs={"image": PIXELS[0]}, targets={}
    ),
    "explanation": explanation,
    "stage": lambda: explanation().stages[0],
    "stage that did not fire": lambda: Stage(name="A", image=PIXELS[0], fired=()),
    "profile": profile,
    "stats": lambda: stats(2),
    "stats of many": lambda: stats(50),
    "stats of nothing": lambda: stats(0),
    "stats of one": lambda: stats(1).transforms[0],
    "purity": lambda: PurityReport(names=(LONG,) * 20, impurities=()),
    "impurity": lambda: Impurity(number=1, name=LONG, evidence=LONG),
    "impurities": lambda: PurityReport(
        names=(LONG,) * 20, impurities=(Impurity(number=1, name=LONG, evidence=LONG),) * 20
    ),
    "check": lambda: check_report(num_files=500),
    "check of nothing": lambda: check_report(num_files=0),
    "finding": lambda: finding("unreadable", 100_000),
    "finding of groups": lambda: finding("duplicates", 9),
    "finding of no file": lambda: finding("imbalance", 0),
    "file": lambda: finding("tiny", 1).files[0],
    "check options": augseq.CheckOptions,
    "check options, set": lambda: augseq.CheckOptions(split_column=LONG, tiny_px=3, num_bits=4),
    "run": trained_run,
    "predictions": lambda: predictions(500),
    "prediction": lambda: predictions(1),
    "label": augseq.Label,
    "label of a column": lambda: augseq.Label(LONG, classes=[LONG + str(k) for k in range(99)]),
    "several labels": lambda: augseq.MultiLabel(LONG, classes=[LONG], separator="; "),
    "several columns of labels": lambda: augseq.MultiLabel([LONG + str(k) for k in range(99)]),
    "number": lambda: augseq.Number(LONG),
    "numbers": lambda: augseq.Number([LONG + str(k) for k in range(99)]),
    "mask": lambda: augseq.Mask(LONG, classes=[LONG + str(k) for k in range(99)]),
    "mask of colours": lambda: augseq.Mask(
        LONG, classes=["a"], coding={(k, k, k): "a" for k in range(99)}
    ),
    "value map": lambda: augseq.ValueMap(LONG, scale=1 / 3, missing=float("nan"), fill=-1),
    "input image": augseq.InputImage,
    "boxes": augseq.Boxes,
    "boxes, set": lambda: augseq.Boxes(
        "rel_center_xywh", classes=[LONG + str(k) for k in range(99)], key_points=augseq.KeyPoints()
    ),
    "boxes in arrays": lambda: augseq.Boxes(
        arrays={"boxes": np.zeros((99, 9, 4)), "labels": np.zeros((99, 9))}
    ),
    "affine of Keras": lambda: augseq.KerasAffine(rotation_range=20, zoom_range=0.1),
    "converted generator": lambda: augseq.image_data_generator(horizontal_flip=True),
    "key points": lambda: augseq.KeyPoints(max_objects=9, mirror=range(99)),
    "paired image": lambda: augseq.PairedImage(LONG),
    "statistics of pixels": lambda: augseq.PixelStatistics(
        mean=(1 / 3, 2 / 3, 1), variance=(1 / 3, 2 / 3, 1), num_images=10**7, num_pixels=10**12
    ),
    "counts of masks": lambda: augseq.MaskCounts(
        pixels={LONG + str(k): 10**9 for k in range(99)},
        images={LONG + str(k): 10**6 for k in range(99)},
        ignored_pixels=7,
        num_images=10**6,
    ),
    "statistics of boxes": lambda: augseq.BoxStatistics(
        boxes={LONG + str(k): 10**9 for k in range(99)},
        images={LONG + str(k): 10**6 for k in range(99)},
        num_images=10**6,
        num_empty_images=10**5,
        **dict.fromkeys(("per_image", "heights", "widths", "ratios"), Spread(1 / 3, 1e5, 1e15)),
        sizes={"small": 10**9, "medium": 1, "large": 0},
    ),
    "record with columns": lambda: replace(RECORD, columns={LONG: LONG, "age": 3}),
    "cache": lambda: augseq.ImageCache(folder="memory", shorter_side_px=512),
    "cache in a folder": lambda: augseq.ImageCache(folder=f"/{LONG}", max_bytes=10**12),
    "remote options": augseq.RemoteOptions,
    "remote options, set": lambda: augseq.RemoteOptions(cache_dir=f"/{LONG}", try_s=1),
    "run options": augseq.RunOptions,
    "balanced": lambda: augseq.Balanced(num_images=100),
    "weighted": lambda: augseq.Weighted("hardness"),
    "mixing of images": lambda: augseq.MixUp(alpha=0.2, p=0.5),
    "mixing of parts": lambda: augseq.CutMix(alpha=1, p=0.5),
    "sources": lambda: augseq.Sources({"own": 1, "public": 3}),
    "run options, set": lambda: augseq.RunOptions(augment=augseq.preset("strong"), epochs=3),
    "run result": run_result,
    "evaluation": evaluation,
    "evaluation of numbers": number_evaluation,
    "evaluation of tags": tag_evaluation,
    "predicted numbers": lambda: numbers(3000),
    "predicted tags": lambda: tags(3000),
    "predicted masks": lambda: masks(3000),
    "evaluation of masks": mask_evaluation,
    "result of a mask": lambda: augseq.MaskResult(
        name=LONG, num_pixels=10**9, num_right=1, num_predicted=0
    ),
    "result of a number": lambda: augseq.NumberResult(
        name=LONG, mean_error=1e-7, root_mean_square_error=1e9, r2=-1e9
    ),
    "result of a class": lambda: augseq.ClassResult(
        name=LONG, num_images=10**6, num_right=1, num_predicted=0
    ),
    "callback of epochs": lambda: augseq.EpochSync(sequence(), sequence()),
    "backups": lambda: augseq.BackupAndResume(sequence(), LONG),
    "audit": lambda: augseq.Audit(sequence(), f"{LONG}.jsonl"),
    "audit report": audit_report,
    "loss spikes": lambda: augseq.LossSpikes(sequence()),
    "window": lambda: augseq.Window(
        top=4000, left=0, height=512, width=512, image_height=4512, image_width=3000
    ),
    "buckets": lambda: augseq.Buckets([(224, 224), (192, 256), (256, 192)]),
    "written predictions": lambda: augseq.WrittenPredictions(
        num_images=64, row_content="class", score="accuracy 97.1%"
    ),
    "loss spike": lambda: augseq.LossSpike(loss=2.5, epoch=3, indices=tuple(range(1024))),
}


@pytest.mark.parametrize("make", DISPLAYED.values(), ids=DISPLAYED)
def test_what_a_cell_ends_with_is_a_short_text(make: Callable[[], Any]) -> None:
    text = repr(make())
    lines = text.split("\n")
    assert text
    assert len(lines) <= 10
    assert max(map(num_columns, lines)) <= 100
    assert all(line.isprintable() for line in lines)
    # Neither places in memory nor the rows of an array.
    assert " at 0x" not in text
    assert "array(" not in text
    assert "..." not in text.replace("…", "")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (
            Batch(
                inputs={"image": np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)},
                targets={"label": np.array([[0.5], [-1]], np.float32)},
                records=[augseq.Record(index=7, path="a.jpg"), augseq.Record(index=8, path="b")],
            ),
            "Batch of 2 images\n"
            "  image    (2, 2, 2, 3) uint8, 0 to 23\n"
            "  label    (2, 1) float32, -1 to 0.5\n"
            "  records  'a.jpg' (index 7) and 1 more",
        ),
        (
            sample(label=np.array(3)),
            "Sample of 'a.jpg' (index 7)\n"
            "  image  (4, 5, 3) uint8, 0 to 0\n"
            "  label  () int64, 3 to 3",
        ),
        (augseq.Record(index=7, path="a.jpg", target=2), "Record(index=7, path='a.jpg', target=2)"),
        (augseq.Record(index=7, path="a.jpg"), "Record(index=7, path='a.jpg')"),
        (PROBE, "Probe(JPEG RGB, 4000 x 3000 px, orientation 6, 12 frames, 123,456,789 bytes)"),
        (NO_IMAGE, "Probe(no usable image, 0 bytes)"),
        (augseq.CheckOptions(tiny_px=8), "CheckOptions(tiny_px=8)"),
        (augseq.RemoteOptions(storage_options={"secret": "x"}), "RemoteOptions()"),
        (
            augseq.LossSpike(loss=2.5, epoch=3, indices=(4, 5)),
            "LossSpike(loss 2.5, epoch 3, 2 records: 4, 5)",
        ),
        (run_result(), "RunResult(accuracy 0.0% (0 of 10 images), 90 epochs, 3.2 s, jax)"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_a_text_says_what_there_is(value: Any, text: str) -> None:
    assert repr(value) == text


def test_a_printed_manifest_lists_its_classes() -> None:
    table = pa.table({"index": range(4), "path": list("abcd"), "target": [0, 1, 1, None]})
    unlabelled = table.set_column(2, "target", pa.nulls(4, pa.int32()))
    images = augseq.Manifest(root="photos", class_names=("cat", "猫と犬"), table=table)
    assert str(images).split("\n") == [
        "Manifest(4 images, 2 classes, root='photos')",
        "  cat     1",
        "  猫と犬  2",
    ]
    assert str(manifest(num_classes=64)).endswith("\n  and 57 more")
    flat = augseq.Manifest(root="photos", class_names=(), table=unlabelled)
    assert str(flat) == "Manifest(4 images, no labels, root='photos')"


@pytest.mark.parametrize("make", [profile, lambda: check_report(9)], ids=["profile", "check"])
def test_a_report_is_a_table_in_a_notebook(make: Callable[[], Any]) -> None:
    html = make()._repr_html_()
    assert html.startswith('<div class="augseq">')
    assert "&lt;script&gt;" in html or "script" not in html
    assert "<script" not in html
    assert "http" not in html
    assert len(html) < 30_000


def test_every_public_type_that_a_cell_can_end_with_is_tried() -> None:
    tried = {type(make()) for make in DISPLAYED.values()}
    public = (getattr(augseq, name) for name in augseq.__all__)
    types = {value for value in public if isinstance(value, type)}
    errors = {value for value in types if issubclass(value, BaseException)}
    # A panel is tested where it is drawn; a crop is made by augmentations alone.
    others = {augseq.Augmentation, augseq.DetailedAugmentation, augseq.Crop, augseq.Explorer}
    # What several types of results share.
    others |= {augseq.Predictions, augseq.Evaluation}
    assert types - errors - others <= tried


def test_a_path_is_whole_where_it_is_to_be_copied(tmp_path: Path) -> None:
    record = augseq.Record(index=1, path="a" * 300)
    assert str(record) == f"'{'a' * 300}' (index 1)"
