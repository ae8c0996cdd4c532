"""How Sphinx builds the site from the pages of the repository: see docs/build.py.

The source folder is the repository, so links between its pages work on GitHub and on the site.
"""

import os
import re
import sys
from pathlib import Path

from docutils import nodes
from pygments.lexers import JsonLexer
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.highlighting import lexers

PROJECT = Path(__file__).parents[1]
sys.path.insert(0, str(PROJECT / "src"))
# Only names and docstrings are needed; TensorFlow and torch would take seconds to load.
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import augseq  # noqa: E402

project = "augseq"
author = "The augseq developers"
project_copyright = author
release = version = augseq.__version__
html_title = f"augseq {release}"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "README"
include_patterns = ["docs/*", "docs/reference/*", "notebooks/*.ipynb", "benchmarks/README.md"]
include_patterns += ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
exclude_patterns = ["**/.*", "**/__pycache__", "build", "src", "tests"]

myst_heading_anchors = 4
myst_links_external_new_tab = False
# The notebooks contain their output. Only a test runs them.
nb_execution_mode = "off"
# It would load scripts from other hosts.
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
nb_merge_streams = True
suppress_warnings = [
    # The panel of the explorer needs a kernel; the text below it is shown instead.
    "mystnb.unknown_mime_type",
]

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
python_use_unqualified_type_names = True
maximum_signature_line_length = 80
add_module_names = False
# `name` in a docstring links to the name if it is public, and is code otherwise.
default_role = "py:obj"

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_show_sourcelink = False
html_copy_source = False
html_show_sphinx = False
# JSON with comments, as GitHub calls it.
lexers["jsonc"] = JsonLexer()
pygments_style, pygments_dark_style = "friendly", "github-dark"

# The navigation. On GitHub, the pages link to each other.
_PAGES = {
    "Data": {
        "docs/manifests": "Manifests",
        "docs/annotations": "COCO, VOC and YOLO",
        "docs/check": "Checks",
        "docs/formats": "Formats",
        "docs/shards": "Tar shards and TFRecord",
        "docs/remote": "Remote folders",
    },
    "Training": {
        "docs/augmentations": "Augmentations",
        "docs/training": "Training",
        "docs/sampling": "Sampling",
        "docs/mixing": "MixUp and CutMix",
        "docs/several_processes": "Several processes",
        "docs/large_images": "Large images and tiles",
        "docs/clusters": "Clusters",
        "docs/buckets": "Several aspect ratios",
        "docs/elsewhere": "With tf.data, torch and Grain",
        "docs/fine_tuning": "Fine-tuning",
        "docs/prediction": "Prediction and serving",
        "docs/command_line": "Command line",
    },
    "What to predict": {
        "docs/targets": "Targets",
        "docs/segmentation": "Segmentation",
        "docs/value_maps": "Depth and other maps",
        "docs/detect": "Boxes and key points",
        "docs/tags": "Tags",
        "docs/regression": "Numbers",
        "docs/pairs": "Pairs of images",
        "docs/autoencoder": "Autoencoder",
        "docs/several_outputs": "Several outputs and weights",
    },
    "How to": {
        "docs/competition": "A CSV of ids, a submission",
        "docs/patients": "Patients, folds, 16 bits",
        "docs/bands": "Satellite images, bands",
        "docs/from_keras": "Migrating from Keras and torch",
        "docs/waiting": "How long the model waits",
        "docs/recipes": "One-line recipes",
    },
    "Notebooks": {
        f"notebooks/{path.stem}": path.stem.replace("_", " ")
        for path in sorted(PROJECT.glob("notebooks/*.ipynb"))
    },
    "Reference": {"docs/api": "API by task"},
    "Project": {
        "docs/promises": "Guarantees and limits",
        "docs/speed": "Speed",
        "benchmarks/README": "Benchmarks",
        "CHANGELOG": "Changelog",
        "CONTRIBUTING": "Contributing",
        "SECURITY": "Security",
    },
}
_LISTED = {page for pages in _PAGES.values() for page in pages}
for _path in sorted(PROJECT.glob("docs/*.md")):
    if f"docs/{_path.stem}" not in _LISTED:
        _PAGES["How to"][f"docs/{_path.stem}"] = _path.stem.replace("_", " ").capitalize()
_REFERENCE = PROJECT / "docs/reference"
_TABLE_ROW = re.compile(r"^\| `([\w.]+)` \|", re.MULTILINE)


def write_reference(_app: Sphinx) -> None:
    """Write a page for each section of docs/api.md, with the docstrings of its names."""
    _REFERENCE.mkdir(exist_ok=True)
    sections = re.split(r"^## ", (PROJECT / "docs/api.md").read_text("utf-8"), flags=re.MULTILINE)
    written = {}
    for section in sections[1:]:
        title = section.split("\n")[0]
        names = [name for name in _TABLE_ROW.findall(section) if name != "errors"]
        written[_REFERENCE / f"{_page_name(title)}.rst"] = _reference_page(title, names)
    for old in set(_REFERENCE.iterdir()) - set(written):
        old.unlink()
    for path, text in written.items():
        # An unchanged file is not read again.
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, encoding="utf-8")


def add_navigation(app: Sphinx, docname: str, source: list[str]) -> None:
    """Add the navigation to the start page, and the reference to the list of names."""
    if docname == app.config.root_doc:
        source[0] += "".join(_toctree(title, pages) for title, pages in _PAGES.items())
    if docname == "docs/api":
        titles = re.findall(r"^## (.*)$", source[0], flags=re.MULTILINE)
        source[0] += _toctree("", {f"reference/{_page_name(title)}": title for title in titles})


def _toctree(caption: str, titles: dict[str, str]) -> str:
    lines = ["", "```{toctree}", ":hidden:", f":caption: {caption}" if caption else "", ""]
    pages = [f"{title} <{page}>" for page, title in titles.items()]
    return "\n".join([*lines, *pages, "```", ""])


def _page_name(title: str) -> str:
    return re.sub(r"\W+", "_", title.lower())


def _reference_page(title: str, names: list[str]) -> str:
    parts = [title, "=" * len(title), "", ".. py:currentmodule:: augseq", ""]
    for name in names:
        value = augseq
        for part in name.split("."):
            value = getattr(value, part)
        kind = "function"
        if isinstance(value, type):
            kind = "exception" if issubclass(value, BaseException) else "class"
        # A heading for each, so that the table of contents lists them.
        parts += [name, "-" * len(name), "", f".. auto{kind}:: augseq.{name}", ""]
    return "\n".join(parts)


def link_names(app: Sphinx, doctree: nodes.document) -> None:
    """Link every public name in code font to its entry in the reference."""
    if app.env.docname.startswith("docs/reference"):
        return
    for literal in list(doctree.findall(nodes.literal)):
        name = re.sub(r"^(augseq\.)?(errors\.)?|\(\)$", "", literal.astext())
        owner = name.split(".")[0]
        if isinstance(literal.parent, nodes.reference):
            continue
        if owner not in augseq.__all__:
            if not hasattr(augseq.errors, owner):
                continue
            name = f"errors.{name}"
        link = addnodes.pending_xref(
            "", literal.deepcopy(), refdomain="py", reftype="obj", reftarget=f"augseq.{name}"
        )
        literal.replace_self(link)


def setup(app: Sphinx) -> None:
    """Add what this project needs beyond the extensions."""
    app.connect("builder-inited", write_reference)
    app.connect("source-read", add_navigation)
    app.connect("doctree-read", link_names)
