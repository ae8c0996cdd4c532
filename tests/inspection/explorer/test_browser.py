"""The explorer in a real browser, in the notebook that comes with the project."""

import base64
import io
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import albumentations as A
import nbformat
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import ConsoleMessage, Locator, Page, expect

import augseq
from tests.inspection.explorer.jupyter import chromium, jupyter_lab

pytestmark = pytest.mark.timeout(400)

NOTEBOOK = "02_choose_augmentations.ipynb"
PROJECT = Path(__file__).parents[3]
# A folder for pictures of the panel, for the README.
PICTURES = os.environ.get("AUGSEQ_PICTURES")
PANEL = ".jp-OutputArea-output .augseq-explorer"
# On a busy machine each step takes seconds.
MOST_MS = 60_000

# Earlier, running a cell would open a dialog to choose a kernel.
KERNEL_IS_IDLE = """
    window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === "idle"
"""
CONTRAST = """panel => {
    const shine = color => {
        const [r, g, b] = color.match(/[\\d.]+/g).map(Number).map(part => part / 255)
            .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const back = shine(getComputedStyle(panel).backgroundColor);
    const texts = panel.querySelectorAll("label, .augseq-column, .augseq-cost, .augseq-note, b");
    return [...texts].filter(one => one.textContent.trim()).map(one => {
        const ink = shine(getComputedStyle(one).color);
        return (Math.max(ink, back) + 0.05) / (Math.min(ink, back) + 0.05);
    });
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The notebook, not run yet, next to the folders that it reads."""
    folder = tmp_path_factory.mktemp("lab")
    # With the picture that replaces the panel if no kernel runs.
    for name in ("docs", "sample_images"):
        shutil.copytree(PROJECT / name, folder / name)
    (folder / "notebooks").mkdir()
    notebook = nbformat.read(PROJECT / "notebooks" / NOTEBOOK, as_version=4)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, folder / "notebooks" / NOTEBOOK)
    return folder


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    """The errors on the browser's console."""
    return []


@pytest.fixture(scope="module")
def page(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, complaints: list[str]
) -> Iterator[Page]:
    """The notebook in JupyterLab, run from top to bottom."""

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(f"{message.text} ({message.location.get('url')})")

    scratch = tmp_path_factory.mktemp("jupyter")
    with jupyter_lab(folder, scratch) as address, chromium() as browser:
        context = browser.new_context(
            viewport={"width": 1200, "height": 1000},
            permissions=["clipboard-read", "clipboard-write"],
        )
        page = context.new_page()
        page.set_default_timeout(MOST_MS)
        expect.set_options(timeout=MOST_MS)
        page.on("console", note)
        # With the stack, which shows whose code it was.
        page.on("pageerror", lambda error: complaints.append(error.stack or str(error)))
        page.goto(address.format(path=f"notebooks/{NOTEBOOK}"))
        page.wait_for_function(KERNEL_IS_IDLE)
        command(page, "application:toggle-left-area")
        command(page, "notebook:run-all-cells")
        # All cells have been run when the last one has.
        prompts = page.locator(".jp-CodeCell .jp-InputPrompt")
        expect(prompts.last).to_have_text(f"[{prompts.count()}]:", timeout=3 * MOST_MS)
        page.locator(PANEL).scroll_into_view_if_needed()
        yield page
        context.close()


def command(page: Page, name: str, **options: str) -> None:
    """Start a command of JupyterLab."""
    page.evaluate(
        "([name, options]) => { jupyterapp.commands.execute(name, options); }", [name, options]
    )


def code_of(page: Page) -> str:
    return page.locator(f"{PANEL} pre code").inner_text()


def pictures(page: Page) -> list[str]:
    sources: list[str] = page.locator(f"{PANEL} .augseq-table img").evaluate_all(
        "images => images.map(image => image.src)"
    )
    return sources


def drag(page: Page, handle: Locator, *, by_px: int) -> None:
    """Drag a handle to the right, as a person does with a mouse."""
    box = handle.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by_px, y, steps=5)
    page.mouse.up()


def as_shown(pixels: np.ndarray) -> np.ndarray:
    """Pixels after the JPEG that carries them to the browser."""
    data = io.BytesIO()
    Image.fromarray(pixels.round().astype(np.uint8)).save(data, format="jpeg", quality=75)
    return np.asarray(Image.open(data))


def decoded(source: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))))


def test_the_notebook_ran_without_an_error(page: Page) -> None:
    assert page.locator('[data-mime-type="application/vnd.jupyter.error"]').count() == 0
    assert page.locator(PANEL).count() == 1
    assert len(pictures(page)) == 15


def test_moving_a_slider_changes_pictures_and_code(page: Page) -> None:
    before = pictures(page)
    assert "scale=(0.5, 1))" in code_of(page)
    slider = page.locator(f"{PANEL} .widget-slider", has_text="scale")
    drag(page, slider.locator(".noUi-handle-lower"), by_px=-40)
    expect(page.locator(f"{PANEL} pre code")).to_contain_text(re.compile(r"scale=\(0\.2\d, 1\)"))
    after = pictures(page)
    assert [one == other for one, other in zip(before, after, strict=True)] == (
        [True, False, False, False, False] * 3
    )


def test_the_code_that_is_copied_makes_the_pictures_that_are_shown(
    page: Page, folder: Path
) -> None:
    page.locator(f"{PANEL} .widget-checkbox", has_text="HorizontalFlip").locator("input").uncheck()
    expect(page.locator(f"{PANEL} pre code")).not_to_contain_text("HorizontalFlip")
    page.locator(f"{PANEL} .augseq-copy").click()
    expect(page.locator(f"{PANEL} .augseq-copy")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == code_of(page)
    augment: list[Any] = eval(copied.removeprefix("augment="), {"A": A})
    assert [type(one).__name__ for one in augment] == ["RandomResizedCrop", "ColorJitter"]
    images = augseq.index_folder(folder / "sample_images", progress=False)
    sequence = augseq.ImageSequence(images, image_size=(96, 96), seed=7, augment=augment)
    titles = page.locator(f"{PANEL} .augseq-file").evaluate_all("all => all.map(one => one.title)")
    shown = pictures(page)
    for row, title in enumerate(titles):
        index = int(title.split("index ")[1].rstrip(")"))
        for epoch in range(4):
            expected = as_shown(sequence.sample(epoch=epoch, index=index).image)
            assert np.array_equal(decoded(shown[5 * row + 1 + epoch]), expected)


def test_a_transform_is_added_moved_and_removed_with_the_mouse(page: Page) -> None:
    code = page.locator(f"{PANEL} pre code")
    page.locator(f"{PANEL} select[title='Add a transform at the end of the list']").select_option(
        "Solarize"
    )
    expect(code).to_contain_text("A.Solarize()")
    page.locator(f"{PANEL} button[title='Move Solarize up']").click()
    expect(code).to_contain_text(re.compile(r"Solarize\(\).*ColorJitter", re.S))
    page.locator(f"{PANEL} button[title='Remove Solarize']").click()
    expect(code).not_to_contain_text("Solarize")


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_it_is_readable_and_fits_in_both_themes(page: Page, theme: str) -> None:
    page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
    is_light = str(theme.endswith("Light")).lower()
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", is_light)
    # JupyterLab removes splash screens twice if two end at the same time.
    expect(page.locator("#jupyterlab-splash")).to_have_count(0)
    panel = page.locator(PANEL)
    # The least important text may be as faint as accessibility guidelines allow.
    assert min(panel.evaluate(CONTRAST)) >= 4.5
    assert panel.evaluate("panel => panel.scrollWidth <= panel.clientWidth")
    if PICTURES:
        name = "explorer.png" if theme.endswith("Light") else "explorer_dark.png"
        # In 256 colours it is a third as large.
        picture = Image.open(io.BytesIO(panel.screenshot())).convert("RGB").quantize(256)
        picture.save(Path(PICTURES) / name, optimize=True)


def test_the_console_of_the_browser_shows_no_error(page: Page, complaints: list[str]) -> None:
    assert complaints == []
