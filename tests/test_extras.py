"""A message that says what to install is right, wherever augseq came from."""

import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import augseq
from augseq.errors import EXTRAS, install_command

PROJECT = Path(__file__).parents[1]
PACKAGE = Path(augseq.__file__).parent
DECLARED = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"][
    "optional-dependencies"
]


@pytest.mark.parametrize("extra", EXTRAS)
def test_a_command_names_what_the_project_declares(extra: str) -> None:
    assert list(EXTRAS[extra]) == DECLARED[extra]
    assert install_command(extra) == " ".join(["pip install", *map('"{}"'.format, DECLARED[extra])])


def test_a_command_for_several_extras_names_all_libraries() -> None:
    words = re.findall(r'"([^"]+)"', install_command(*EXTRAS))
    assert words == [one for extra in EXTRAS for one in DECLARED[extra]]
    assert all(Requirement(word).specifier for word in words)


def test_every_extra_for_users_has_a_command() -> None:
    for_development = {"test", "dev", "docs"}
    assert set(EXTRAS) == set(DECLARED) - {"jax", "torch"} - for_development


@pytest.mark.parametrize(
    "module",
    sorted(PACKAGE.rglob("*.py")),
    ids=lambda path: path.relative_to(PACKAGE).as_posix(),
)
def test_no_module_writes_such_a_command_itself(module: Path) -> None:
    # `pip install "augseq[heif]"` would look for augseq in a package index, where it is not.
    text = module.read_text("utf-8")
    assert "augseq[" not in text
    assert "pip install" not in text or module == PACKAGE / "errors.py", "use install_command"


def test_the_frame_of_a_manifest_says_that_it_needs_pandas(
    monkeypatch: pytest.MonkeyPatch, sample_images: Path
) -> None:
    images = augseq.index_folder(sample_images, progress=False)
    monkeypatch.setitem(sys.modules, "pandas", None)
    command = re.escape(install_command("pandas"))
    with pytest.raises(
        augseq.errors.MissingExtraError, match=f"`to_pandas` requires pandas.*{command}"
    ):
        images.to_pandas()
