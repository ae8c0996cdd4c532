"""Names in two Unicode forms: never two classes, and always found."""

import re
import unicodedata
from pathlib import Path

import pandas as pd
import pytest

import augseq
from tests.folders import fill

NAMES = ["café", "Ångström", "naïve", "Ünïcode", "ñandú", "한국", "ガラス", "Đặng", "ö", "ḍ̇", "Ёж"]


def forms(name: str) -> tuple[str, str]:
    """Return a name as Linux and Windows write it, and as older macOS versions did."""
    composed, apart = (unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
    assert composed != apart
    return composed, apart


def both_are_kept(folder: Path, *names: str) -> bool:
    """Return whether a file system keeps both forms, unlike that of macOS."""
    fill(folder, *(f"{name}/1.jpg" for name in names), "z/1.jpg")
    return {place.name for place in folder.iterdir()} >= set(names)


@pytest.mark.parametrize("name", NAMES)
def test_one_class_in_two_forms_is_an_error_that_shows_both(name: str, tmp_path: Path) -> None:
    composed, apart = forms(name)
    message = rf"the same name in two Unicode forms.*{re.escape(ascii(composed))[1:-1]}"
    frame = pd.DataFrame({"path": ["1.jpg", "2.jpg"], "label": [composed, apart]})
    with pytest.raises(augseq.errors.LabelError, match=message):
        augseq.index_table(frame, root=tmp_path, check_files=False)
    one = frame.assign(label=frame["label"].str.normalize("NFC"), x="z")
    one = pd.concat([one, pd.DataFrame({"path": ["3.jpg"], "label": ["z"]})])
    manifest = augseq.index_table(one, root=tmp_path, check_files=False, columns=[])
    assert set(manifest.class_names) == {composed, "z"}


def test_folders_in_two_forms_are_an_error_in_a_split_and_in_two(tmp_path: Path) -> None:
    composed, apart = forms("café")
    if not both_are_kept(tmp_path / "all", composed, apart):
        pytest.skip("this file system knows one form only")
    for label in ("inferred", lambda path: path.split("/")[0]):
        with pytest.raises(augseq.errors.LabelError, match="in two Unicode forms"):
            augseq.index_folder(tmp_path / "all", labels=label, progress=False)  # type: ignore[arg-type]
    chosen = augseq.index_folder(
        tmp_path / "all", class_names=[composed, apart, "z"], progress=False
    )
    assert chosen.class_counts() == {composed: 1, apart: 1, "z": 1}
    fill(tmp_path / "parts", f"train/{composed}/1.jpg", f"val/{apart}/1.jpg")
    with pytest.raises(augseq.errors.LabelError, match="in two Unicode forms"):
        augseq.index_folder(tmp_path / "parts", splits=["train", "val"], progress=False)


def test_class_names_in_another_form_are_reported(tmp_path: Path) -> None:
    composed, apart = forms("naïve")
    fill(tmp_path, f"{apart}/1.jpg", "z/1.jpg")
    frame = pd.DataFrame({"path": [f"{apart}/1.jpg"], "label": [apart]})
    message = "differ only in their Unicode form"
    with pytest.raises(augseq.errors.LabelError, match=message):
        augseq.index_table(frame, root=tmp_path, check_files=False, class_names=[composed, "z"])
    with pytest.raises(augseq.errors.LabelError, match=message):
        augseq.index_folder(tmp_path, class_names=[composed, "z"], progress=False)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("name", NAMES)
def test_a_path_in_another_form_finds_its_file_and_is_reported(
    name: str, form: str, tmp_path: Path
) -> None:
    written = unicodedata.normalize(form, f"{name}/{name} 1.jpg")
    real = unicodedata.normalize("NFD" if form == "NFC" else "NFC", written)
    fill(tmp_path, real, "z/2.jpg")
    if (tmp_path / written).exists():
        pytest.skip("this file system takes both forms for one")
    frame = pd.DataFrame({"path": [written, "z/2.jpg"], "label": ["x", "y"]})
    with pytest.warns(augseq.AugseqWarning, match="1 of 2 paths .* only in their Unicode form"):
        manifest = augseq.index_table(frame, root=tmp_path)
    assert [record.path for record in manifest] == [real, "z/2.jpg"]
    twice = pd.concat([frame, pd.DataFrame({"path": [real], "label": ["x"]})])
    with pytest.raises(augseq.errors.ArgumentError, match="Repeated in"):
        augseq.index_table(twice, root=tmp_path)


def test_a_path_that_matches_two_files_is_missing(tmp_path: Path) -> None:
    # Three ways to write the same two accents.
    full, half, apart = "\u1e17", "\u0113\u0301", "e\u0304\u0301"
    assert unicodedata.normalize("NFC", apart) == full
    fill(tmp_path, f"{full}.jpg", f"{half}.jpg")
    if len(list(tmp_path.iterdir())) < 2 or (tmp_path / f"{apart}.jpg").exists():
        pytest.skip("this file system takes all forms for one")
    frame = pd.DataFrame({"path": [f"{apart}.jpg"]})
    with pytest.raises(augseq.errors.MissingFileError, match="no file for 1 of 1"):
        augseq.index_table(frame, root=tmp_path, label_column=None)
