"""The panel, used as by a person: by its widgets, and from Python."""

import html
import io
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import albumentations as A
import ipywidgets
import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.inspection.explorer import panel as panel_module
from tests.indexing.annotations.scenes import write_coco_scene
from tests.inspection.page import Page
from tests.inspection.scenes import CLASSES, DEPTH, MASK, TAGGED, scenes

LIST = [
    A.RandomResizedCrop((64, 64), scale=(0.5, 1)),
    A.HorizontalFlip(p=0.3),
    A.OneOf([A.Blur(), A.GaussNoise()], p=0.4),
]


def widgets_in(widget: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from widgets_in(child)


def widget(panel: augseq.Explorer, description: str, number: int = 0) -> Any:
    """The `number`-th widget with this description, or placeholder."""
    found = [
        one
        for one in widgets_in(panel.widget)
        if description in (getattr(one, "description", ""), getattr(one, "placeholder", ""))
    ]
    return found[number]


def page(panel: augseq.Explorer) -> Page:
    """Everything that the panel shows as HTML."""
    parts = [one.value for one in widgets_in(panel.widget) if isinstance(one, ipywidgets.HTML)]
    return Page("".join(parts))


def pictures(panel: augseq.Explorer) -> list[str | None]:
    return [found["src"] for found in page(panel).named("img")]


def as_shown(pixels: np.ndarray) -> np.ndarray:
    """Pixels after the JPEG that carries them to the browser."""
    data = io.BytesIO()
    picture = Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))
    picture.save(data, format="jpeg", quality=75)
    return np.asarray(Image.open(data))


def errors(panel: augseq.Explorer) -> str:
    values = [one.value for one in widgets_in(panel.widget) if isinstance(one, ipywidgets.HTML)]
    return html.unescape(" ".join(value for value in values if 'class="augseq-error"' in value))


def button(panel: augseq.Explorer, tooltip: str) -> Any:
    """The button or menu with this tooltip."""
    (found,) = [one for one in widgets_in(panel.widget) if getattr(one, "tooltip", "") == tooltip]
    return found


def names(panel: augseq.Explorer) -> list[str]:
    return [type(one).__name__ for one in panel.augment]


@pytest.fixture
def panel(samples: augseq.Manifest) -> augseq.Explorer:
    return augseq.explore(samples, augment=LIST, image_size=(64, 64), seed=7)


def test_pictures_are_those_of_seed_epoch_and_index(
    panel: augseq.Explorer, samples: augseq.Manifest
) -> None:
    widget(panel, "epoch").value = 5
    sequence = augseq.ImageSequence(samples, image_size=(64, 64), seed=7, augment=LIST)
    plain = augseq.ImageSequence(samples, image_size=(64, 64))
    images = page(panel).images()
    assert len(images) == 15
    for row, record in enumerate(panel.records):
        expected = [plain.sample(epoch=0, index=record.index).image]
        expected += [sequence.sample(epoch=5 + k, index=record.index).image for k in range(4)]
        for image, pixels in zip(images[5 * row : 5 * row + 5], expected, strict=True):
            assert np.array_equal(np.asarray(image), as_shown(pixels))
    assert {"plain", "epoch 5", "epoch 8"} <= set(page(panel).texts)


def test_a_slider_changes_list_code_and_pictures(panel: augseq.Explorer) -> None:
    before = pictures(panel)
    widget(panel, "scale").value = (0.1, 0.30000000000000004)
    assert panel.augment[0].scale == (0.1, 0.3)
    assert "A.RandomResizedCrop((64, 64), scale=(0.1, 0.3))" in panel.code
    assert panel.code in page(panel).texts
    changed = pictures(panel)
    assert [one == other for one, other in zip(before, changed, strict=True)] == (
        [True, False, False, False, False] * 3
    )
    widget(panel, "scale").value = (0.5, 1.0)
    assert pictures(panel) == before


def test_a_switch_takes_a_transform_out_of_the_list(panel: augseq.Explorer) -> None:
    before = pictures(panel)
    widget(panel, "RandomResizedCrop").value = False
    assert [type(one).__name__ for one in panel.augment] == ["HorizontalFlip", "OneOf"]
    assert panel.code == (
        "augment=[A.HorizontalFlip(p=0.3), A.OneOf([A.Blur(), A.GaussNoise()], p=0.4)]"
    )
    assert pictures(panel) != before
    assert page(panel).texts.count("off") == 1
    widget(panel, "RandomResizedCrop").value = True
    assert pictures(panel) == before


def test_each_transform_shows_its_cost(panel: augseq.Explorer) -> None:
    costs = [text for text in page(panel).texts if text.endswith(" ms")]
    assert len(costs) == 3
    assert all(float(text.split()[0]) >= 0 for text in costs)


def test_another_seed_gives_other_pictures_and_the_same_gives_the_same(
    panel: augseq.Explorer,
) -> None:
    before = pictures(panel)
    widget(panel, "seed").value = 8
    assert panel.seed == 8
    assert pictures(panel) != before
    widget(panel, "seed").value = 7
    assert pictures(panel) == before


def test_images_are_found_by_class_path_and_page(
    panel: augseq.Explorer, samples: augseq.Manifest
) -> None:
    assert len({record.target for record in panel.records}) == 3
    widget(panel, ">").click()
    assert widget(panel, "<").disabled is False
    assert "4 to 6 of 200" in page(panel).texts
    classes = next(w for w in widgets_in(panel.widget) if isinstance(w, ipywidgets.Dropdown))
    classes.value = "fish"
    assert [record.path for record in panel.records] == [
        f"fish/fish_0{number}.jpg" for number in (1, 2, 3)
    ]
    widget(panel, "search paths, then Enter").value = " _1"
    assert "1 to 3 of 10" in page(panel).texts
    assert all("fish_1" in record.path for record in panel.records)
    widget(panel, "search paths, then Enter").value = "nothing like it"
    assert panel.records == []
    assert "No image matches." in page(panel).texts
    assert "0 to 0 of 0" in page(panel).texts


def test_a_value_that_a_transform_refuses_is_reported_and_changes_nothing(
    samples: augseq.Manifest,
) -> None:
    panel = augseq.explore(samples, augment=[A.RandomCrop(40, 40)], image_size=(64, 64))
    before = pictures(panel)
    slider = widget(panel, "height")
    slider.min = -5
    slider.value = -3
    assert "RandomCrop does not accept height=-3 and keeps 40" in errors(panel)
    assert "greater than or equal to 1" in errors(panel)
    assert slider.value == 40
    assert (pictures(panel), panel.code) == (before, "augment=[A.RandomCrop(40, 40)]")
    slider.value = 30
    assert errors(panel) == ""
    assert panel.code == "augment=[A.RandomCrop(30, 40)]"


def test_a_crop_beyond_the_image_is_reported_and_the_panel_stays_usable(
    samples: augseq.Manifest,
) -> None:
    panel = augseq.explore(samples, augment=[A.RandomCrop(40, 40)], image_size=(64, 64))
    slider = widget(panel, "height")
    slider.max = 500
    slider.value = 450
    assert "Crop size (height, width) exceeds image dimensions" in errors(panel)
    assert "Raised by augmentation 1, 'RandomCrop'" in errors(panel)
    assert len(page(panel).of_class("augseq-none")) == 12
    slider.value = 50
    assert errors(panel) == ""
    assert len(pictures(panel)) == 15


def test_a_file_that_cannot_be_read_is_a_box_and_a_line(tmp_path: Path) -> None:
    (tmp_path / "cats").mkdir()
    (tmp_path / "dogs").mkdir()
    (tmp_path / "dogs" / "b.png").write_bytes(b"")
    (tmp_path / "cats" / "torn <b>.jpg").write_bytes(b"\xff\xd8\xff\xe0 torn")
    panel = augseq.explore(augseq.index_folder(tmp_path, progress=False), augment=LIST)
    assert "cats/torn <b>.jpg' (index 0):" in errors(panel)
    assert len(page(panel).of_class("augseq-none")) == 10
    assert page(panel).named("b") == [{}]


def test_a_slow_transform_does_not_block_the_notebook(
    samples: augseq.Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def wait(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        gate.wait()
        return image

    monkeypatch.setattr(panel_module, "_LIMIT_S", 0.3)
    try:
        panel = augseq.explore(samples, augment=[wait], image_size=(32, 32))
        assert "was not ready within 0.3 s" in page(panel).texts
    finally:
        gate.set()
    monkeypatch.undo()
    widget(panel, "wait").value = False
    assert len(pictures(panel)) == 15
    assert panel.code == "augment=[]"


def test_a_sequence_brings_its_list_its_seed_and_its_epoch(samples: augseq.Manifest) -> None:
    sequence = augseq.ImageSequence(samples, image_size=(32, 32), seed=2**60, augment=LIST)
    sequence.set_epoch(4)
    panel = augseq.explore(sequence)
    assert (panel.seed, panel.epoch) == (2**60, 4)
    assert panel.code.count("A.") == 5
    expected = sequence.sample(epoch=4, index=panel.records[0].index).image
    assert np.array_equal(np.asarray(page(panel).images()[1]), as_shown(expected))
    with pytest.raises(augseq.errors.ArgumentError, match="Received: image_size, seed"):
        augseq.explore(sequence, image_size=(32, 32), seed=1)


def test_images_in_an_array_are_explored_too() -> None:
    x = np.random.default_rng(1).integers(0, 256, (5, 16, 16, 1), np.uint8)
    panel = augseq.explore(augseq.ImageSequence.from_arrays(x, augment=[A.HorizontalFlip(p=1)]))
    images = page(panel).images()
    plain, flipped = (np.asarray(image.convert("L")).astype(float) for image in images[:2])
    assert np.abs(plain - x[0, :, :, 0]).mean() < 12
    assert np.abs(flipped - plain[:, ::-1]).mean() < 12


def test_a_large_photo_is_shrunk_for_a_list_that_sets_the_size(tmp_path: Path) -> None:
    Image.new("RGB", (1600, 1200), "teal").save(tmp_path / "sea.png")
    images = augseq.index_folder(tmp_path, labels=None, progress=False)
    panel = augseq.explore(images, augment=LIST)
    hint = "previews start from images shrunk to 1024 px"
    assert hint in page(panel).text
    widget(panel, "RandomResizedCrop").value = False
    assert hint not in page(panel).text


def test_without_a_list_there_is_a_preset(samples: augseq.Manifest) -> None:
    panel = augseq.explore(samples)
    assert [type(one).__name__ for one in panel.augment] == ["HorizontalFlip", "Affine"]
    assert (panel.seed, panel.epoch) == (0, 0)


def test_a_notebook_gets_widgets_and_a_terminal_text(panel: augseq.Explorer) -> None:
    data = panel._repr_mimebundle_()
    data = data[0] if isinstance(data, tuple) else data
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == panel.widget.model_id
    assert data["text/plain"] == repr(panel)
    assert repr(panel).splitlines()[0] == "Explorer(200 images, seed=7)"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_names_of_files_and_classes_are_escaped(tmp_path: Path) -> None:
    for name in ("<img onerror=alert(1) src=x>", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "<script>.png").write_bytes(b"")
    panel = augseq.explore(augseq.index_folder(tmp_path, progress=False))
    assert page(panel).named("img") == page(panel).named("script") == []
    assert "<script>.png" in page(panel).text
    assert "<img onerr" in page(panel).text


def test_without_ipywidgets_the_error_says_how_to_install_it(
    samples: augseq.Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(ImportError, match=r'pip install .*"ipywidgets>=') as caught:
        augseq.explore(samples)
    assert isinstance(caught.value, augseq.errors.MissingExtraError)


def test_an_invalid_source_of_images_is_refused() -> None:
    with pytest.raises(augseq.errors.ArgumentError, match="Received: an object of type str"):
        augseq.explore("photos")  # type: ignore[arg-type]


def test_targets_are_shown_with_a_key(tmp_path: Path) -> None:
    images = scenes(tmp_path)
    sequence = augseq.ImageSequence(
        images, image_size=(24, 32), targets={"mask": MASK, "far": DEPTH, "seen": TAGGED},
        augment=[A.Rotate((20, 20), p=1)], workers=0,
    )  # fmt: skip
    panel = augseq.explore(sequence)
    shown = page(panel)
    # Two records, plain and in four epochs: an image and a value map for each.
    assert len(shown.images()) == 20
    assert shown.texts.count("far") == 2
    assert {"seen: no label", "seen: day", "ignored", *CLASSES} <= set(shown.texts)
    assert errors(panel) == ""


def test_the_boxes_and_key_points_of_a_manifest_are_shown(tmp_path: Path) -> None:
    path = write_coco_scene(tmp_path)
    texts = page(augseq.explore(augseq.index_coco(path, progress=False))).texts
    assert {"boxes: 1 cat, 1 zebra", "boxes: no objects", "nose", "tail"} <= set(texts)


def test_transforms_are_added_moved_and_removed(panel: augseq.Explorer) -> None:
    adding = button(panel, "Add a transform at the end of the list")
    before = pictures(panel)
    adding.value = "Solarize"
    assert names(panel) == ["RandomResizedCrop", "HorizontalFlip", "OneOf", "Solarize"]
    assert panel.code.endswith("A.Solarize(),\n]")
    assert pictures(panel) != before
    # Its sliders are those of the transform, wherever it is.
    button(panel, "Move Solarize up").click()
    widget(panel, "threshold_range").value = (0.2, 0.3)
    button(panel, "Move Solarize up").click()
    assert names(panel) == ["RandomResizedCrop", "Solarize", "HorizontalFlip", "OneOf"]
    assert panel.augment[1].threshold_range == (0.2, 0.3)
    widget(panel, "Solarize").value = False
    button(panel, "Remove RandomResizedCrop").click()
    assert names(panel) == ["HorizontalFlip", "OneOf"]
    button(panel, "Move HorizontalFlip down").click()
    # At the ends of the list nothing happens.
    button(panel, "Move OneOf down").click()
    button(panel, "Move Solarize up").click()
    assert names(panel) == ["HorizontalFlip", "OneOf"]
    button(panel, "Remove Solarize").click()
    button(panel, "Move OneOf up").click()
    assert names(panel) == ["OneOf", "HorizontalFlip"]
    sequence = augseq.ImageSequence(
        panel._manifest, image_size=(64, 64), seed=7, augment=panel.augment
    )
    expected = sequence.sample(epoch=0, index=panel.records[0].index).image
    assert np.array_equal(np.asarray(page(panel).images()[1]), as_shown(expected))
    assert errors(panel) == ""


def test_the_same_transform_can_be_added_twice(panel: augseq.Explorer) -> None:
    adding = button(panel, "Add a transform at the end of the list")
    for _ in range(2):
        adding.value = "HorizontalFlip"
    assert names(panel).count("HorizontalFlip") == 3
    assert adding.value == adding.options[0]


def test_an_added_crop_returns_the_size_of_the_images(panel: augseq.Explorer) -> None:
    starting = button(panel, "Replace the list")
    starting.value = "an empty list"
    assert panel.code == "augment=[]"
    button(panel, "Add a transform at the end of the list").value = "RandomResizedCrop"
    assert panel.code == "augment=[A.RandomResizedCrop((64, 64))]"
    assert errors(panel) == ""


def test_the_panel_starts_from_a_preset_and_from_its_first_list(panel: augseq.Explorer) -> None:
    before, code = pictures(panel), panel.code
    widget(panel, "scale").value = (0.1, 0.3)
    starting = button(panel, "Replace the list")
    for name in ("light", "standard", "strong", "trivial"):
        starting.value = f"preset {name}"
        assert [repr(one) for one in panel.augment] == [repr(one) for one in augseq.preset(name)]
        assert len(pictures(panel)) == 15
    starting.value = "the first list"
    assert (panel.code, pictures(panel)) == (code, before)


def test_an_element_without_code_keeps_its_number_in_the_first_list(
    samples: augseq.Manifest,
) -> None:
    items = [A.HorizontalFlip(), lambda image, _: image[::-1]]
    panel = augseq.explore(samples, augment=items, image_size=(32, 32))
    button(panel, "Remove HorizontalFlip").click()
    assert panel.code == "augment=[augment[1]]"
    assert "element k of the list you passed" in page(panel).text
