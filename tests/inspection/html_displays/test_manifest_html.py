"""The notebook display of a manifest."""

import re
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from IPython.core.formatters import DisplayFormatter
from PIL import Image

import augseq
from augseq.manifest.manifest import make_manifest
from tests.folders import MakeFolder
from tests.inspection.page import Page


def page_of(manifest: augseq.Manifest) -> Page:
    return Page(manifest._repr_html_())


def test_a_notebook_gets_html_and_a_terminal_text(samples: augseq.Manifest) -> None:
    shown, _ = DisplayFormatter().format(samples)
    assert shown["text/html"].startswith("<div")
    assert shown["text/plain"] == repr(samples)


def test_each_class_has_its_count_a_bar_and_some_images(samples: augseq.Manifest) -> None:
    page = page_of(samples)
    for name, count in samples.class_counts().items():
        assert re.search(rf"^{name}\n{count}$", page.text, re.MULTILINE)
    assert len(page.of_class("augseq-bar")) == 5
    assert len(page.images()) == 30
    assert all(max(image.size) <= 96 for image in page.images())
    assert "200 images · 5 classes" in page.text


def test_bars_are_as_long_as_counts(animals: augseq.Manifest) -> None:
    styles = [bar["style"] or "" for bar in page_of(animals).of_class("augseq-bar")]
    assert styles == ["width:80.0%", "width:40.0%", "width:0.0%"]


def test_images_are_those_of_their_class(tmp_path: Path) -> None:
    for name, level in [("bright", 250), ("dark", 5)]:
        (tmp_path / name).mkdir()
        Image.new("RGB", (300, 200), (level,) * 3).save(tmp_path / name / "1.png")
    images = page_of(augseq.index_folder(tmp_path, progress=False)).images()
    assert [round(np.asarray(image).mean() / 255) for image in images] == [1, 0]
    assert images[0].size[0] > images[0].size[1]


def test_every_image_has_an_alternative_text(samples: augseq.Manifest) -> None:
    texts = [image["alt"] or "" for image in page_of(samples).named("img")]
    assert {text.split("/")[0] for text in texts} == set(samples.class_names)


def test_it_needs_no_network_and_no_script(samples: augseq.Manifest) -> None:
    html = samples._repr_html_()
    assert "http" not in html
    assert "url(" not in html
    assert {tag for tag, _ in Page(html).tags} == {"div", "style", "b", "span", "img"}
    assert len(html) < 80_000


@pytest.mark.parametrize(
    "name", ["<script>alert(1)", "<img src=x onerror=alert(1)>", "a\"b' onclick='x", "a&amp;b"]
)
def test_hostile_names_are_text(name: str) -> None:
    names = ("plain", name)
    paths = ["plain/1.jpg", f"{name}/<b>.jpg"]
    whole = make_manifest(f"/no/{name}", names, paths=paths, targets=[0, 1])
    excluded = pa.table({"index": [2], "path": [f"{name}/2.jpg"], "target": [1], "reason": [name]})
    page = page_of(replace(whole, excluded=excluded))
    assert {tag for tag, _ in page.tags} == {"div", "style", "b", "span"}
    assert not any(key.startswith("on") for _, attributes in page.tags for key in attributes)
    assert name in page.texts
    assert f"excluded: {name}/2.jpg — {name}" in page.texts


def test_a_file_that_cannot_be_read_is_a_box_with_the_reason(make_folder: MakeFolder) -> None:
    page = page_of(augseq.index_folder(make_folder("cat/1.jpg", "dog/1.jpg"), progress=False))
    assert page.images() == []
    assert "the file is empty (0 bytes)" in page.text
    assert "no image of 'cat/1.jpg' (index 0): the file is empty (0 bytes)" in page.texts


def test_a_storage_that_never_answers_does_not_hang_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augseq.inspection.html_displays.manifest_html._LIMIT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        root = f"http://127.0.0.1:{server.getsockname()[1]}"
        silent = make_manifest(root, ("cat",), paths=["cat/1.jpg"], targets=[0])
        remote = augseq.RemoteOptions(num_tries=1, try_s=1)
        assert "was not ready within 0.2 s" in page_of(replace(silent, remote=remote)).text


def test_a_million_records_are_shown_quickly() -> None:
    number, labels = 1_000_000, np.arange(1_000_000, dtype=np.int32) % 1000
    paths = pa.array(np.char.mod("c/%d.jpg", np.arange(number)))
    names = [f"class {label}" for label in range(1000)]
    manifest = make_manifest("/nowhere", names, paths=paths, targets=labels)
    # The best of several, since a busy machine is slow, not wrong.
    assert min(_seconds(manifest._repr_html_) for _ in range(3)) < 0.5
    assert "and 988 more classes of 1,000 images each" in page_of(manifest).texts


def test_no_labels_and_no_records_are_shown_too(
    unlabelled: augseq.Manifest, animals: augseq.Manifest
) -> None:
    assert "3 images · no labels" in page_of(unlabelled).text
    assert "0 images · 3 classes" in page_of(animals.select([])).text
    assert "0 images · no labels" in page_of(unlabelled.select([])).text


def test_a_failure_of_the_display_itself_is_shown(
    animals: augseq.Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("<no room>")

    monkeypatch.setattr("augseq.inspection.html_displays.manifest_html.load_with_objects", fail)
    page = page_of(animals)
    assert repr(animals) in page.texts
    assert "This display failed: RuntimeError: <no room>" in page.texts


def _seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
