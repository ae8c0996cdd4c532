"""Index a folder: labels, options, findings."""

import os
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

import augseq
from tests.folders import MakeFolder


def index(folder: Path, **options: Any) -> augseq.Manifest:
    return augseq.index_folder(folder, **{"progress": False, **options})


def labels(manifest: augseq.Manifest) -> dict[str, str]:
    """The class name of each path."""
    return {record.path: manifest.class_names[record.target or 0] for record in manifest}


def test_the_class_of_an_image_is_its_first_sub_folder(make_folder: MakeFolder) -> None:
    folder = make_folder("cat/1.jpg", "cat/paris/2019/2.jpg", "dog/cat/3.jpg")
    assert labels(index(folder)) == {
        "cat/1.jpg": "cat",
        "cat/paris/2019/2.jpg": "cat",
        "dog/cat/3.jpg": "dog",
    }


def test_labels_follow_the_sorted_folder_names(make_folder: MakeFolder) -> None:
    manifest = index(make_folder("b/1.jpg", "a/1.jpg", "C/1.jpg"))
    assert manifest.class_names == ("C", "a", "b")
    assert [(r.path, r.target) for r in manifest] == [
        ("C/1.jpg", 0),
        ("a/1.jpg", 1),
        ("b/1.jpg", 2),
    ]


def test_labels_are_right_if_names_sort_differently_with_a_slash(
    make_folder: MakeFolder,
) -> None:
    """As folders, "a" sorts before "a b"; as paths, "a b/" sorts before "a/"."""
    manifest = index(make_folder("a/1.jpg", "a/2.jpg", "a b/1.jpg", "a!/1.jpg"))
    assert manifest.class_names == ("a", "a b", "a!")
    assert [(r.path, r.target) for r in manifest] == [
        ("a b/1.jpg", 1),
        ("a!/1.jpg", 2),
        ("a/1.jpg", 0),
        ("a/2.jpg", 0),
    ]


def test_records_are_numbered_from_zero_in_the_order_of_their_paths(
    make_folder: MakeFolder,
) -> None:
    manifest = index(make_folder("b/2.jpg", "a/10.jpg", "b/1.jpg", "a/9.jpg"))
    assert [record.path for record in manifest] == ["a/10.jpg", "a/9.jpg", "b/1.jpg", "b/2.jpg"]
    assert [record.index for record in manifest] == [0, 1, 2, 3]


def test_class_names_set_the_order_of_the_labels(make_folder: MakeFolder) -> None:
    manifest = index(make_folder("cat/1.jpg", "dog/1.jpg"), class_names=["dog", "cat"])
    assert manifest.class_names == ("dog", "cat")
    assert [(record.path, record.target) for record in manifest] == [
        ("cat/1.jpg", 1),
        ("dog/1.jpg", 0),
    ]


def test_a_folder_that_is_not_in_class_names_is_named(make_folder: MakeFolder) -> None:
    with pytest.raises(augseq.errors.LabelError, match=r"'yak'.*not in `class_names`"):
        index(make_folder("cat/1.jpg", "yak/1.jpg"), class_names=["cat", "dog"])


def test_a_class_name_without_a_folder_is_an_empty_class(make_folder: MakeFolder) -> None:
    folder = make_folder("cat/1.jpg", "dog/1.jpg")
    with pytest.warns(augseq.AugseqWarning, match="1 of 3 classes .* have no images: 'yak'"):
        manifest = index(folder, class_names=["yak", "cat", "dog"])
    assert manifest.class_counts() == {"yak": 0, "cat": 1, "dog": 1}


def test_an_empty_class_folder_keeps_its_label_and_is_reported(make_folder: MakeFolder) -> None:
    folder = make_folder("cat/1.jpg", "bee/", "dog/1.jpg")
    with pytest.warns(augseq.AugseqWarning, match="have no images: 'bee'"):
        manifest = index(folder)
    assert manifest.class_counts() == {"bee": 0, "cat": 1, "dog": 1}
    assert [record.target for record in manifest] == [1, 2]


def test_many_empty_classes_are_counted_and_a_few_are_named(make_folder: MakeFolder) -> None:
    folder = make_folder("cat/1.jpg", *(f"empty{number}/" for number in range(7)))
    with pytest.warns(augseq.AugseqWarning, match="7 of 8 classes .*'empty4' and 2 more$"):
        index(folder)


def test_a_single_class_is_reported(make_folder: MakeFolder) -> None:
    with pytest.warns(augseq.AugseqWarning, match="a single class, 'cat'"):
        manifest = index(make_folder("cat/1.jpg", "cat/2.jpg"))
    assert manifest.targets.tolist() == [0, 0]


def test_images_outside_class_folders_are_skipped_and_reported(
    make_folder: MakeFolder,
) -> None:
    folder = make_folder("cat/1.jpg", "dog/1.jpg", "loose.jpg", "stray.png")
    with pytest.warns(augseq.AugseqWarning, match="2 images directly in .* not indexed"):
        manifest = index(folder)
    assert [(record.index, record.path) for record in manifest] == [
        (0, "cat/1.jpg"),
        (1, "dog/1.jpg"),
    ]


def test_links_that_are_not_followed_are_reported(make_folder: MakeFolder) -> None:
    folder = make_folder("cat/1.jpg", "dog/1.jpg")
    (folder / "dog" / "2.jpg").symlink_to(folder / "cat" / "1.jpg")
    with pytest.warns(augseq.AugseqWarning, match=r"1 symbolic links .*`follow_links`"):
        assert len(index(folder)) == 2
    assert len(index(folder, follow_links=True)) == 3


def test_a_warning_points_to_the_line_that_called_index_folder(make_folder: MakeFolder) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        augseq.index_folder(make_folder("cat/1.jpg"), progress=False)
    assert [warning.filename for warning in caught] == [__file__]


def test_a_flat_folder_is_an_error_that_suggests_both_fixes(make_folder: MakeFolder) -> None:
    with pytest.raises(
        augseq.errors.LabelError, match=r"2 images .* no class.*sub-folder.*labels=None"
    ):
        index(make_folder("1.jpg", "2.jpg"))


def test_without_labels_every_image_is_indexed(make_folder: MakeFolder) -> None:
    manifest = index(make_folder("b.jpg", "a.jpg", "deep/er/c.jpg", "empty/"), labels=None)
    assert [record.path for record in manifest] == ["a.jpg", "b.jpg", "deep/er/c.jpg"]
    assert manifest.class_names == ()
    assert {record.target for record in manifest} == {None}


def test_a_circular_link_is_not_a_class(make_folder: MakeFolder) -> None:
    folder = make_folder("cat/1.jpg", "dog/1.jpg")
    (folder / "loop").symlink_to(folder)
    with pytest.warns(augseq.AugseqWarning, match="1 symbolic links .* already indexed"):
        assert index(folder, follow_links=True).class_names == ("cat", "dog")


@pytest.mark.parametrize("spelling", ["jpg", ".jpg", "JPG", ".Jpg"])
def test_extensions_can_be_spelled_in_any_way(make_folder: MakeFolder, spelling: str) -> None:
    folder = make_folder("a/1.jpg", "a/2.JPG", "b/3.Jpg", "b/4.png", "b/jpg", "b/5.jpg.txt")
    manifest = index(folder, extensions=[spelling])
    assert [record.path for record in manifest] == ["a/1.jpg", "a/2.JPG", "b/3.Jpg"]


def test_a_single_extension_string_is_not_split_into_letters(
    make_folder: MakeFolder,
) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=r"`extensions`.*'jpg'"):
        index(make_folder("a/1.jpg", "b/1.j"), extensions="jpg")


def test_the_usual_formats_are_images_and_other_files_are_not(make_folder: MakeFolder) -> None:
    names = [
        "avif",
        "bmp",
        "gif",
        "jfif",
        "jpe",
        "jpeg",
        "jpg",
        "png",
        "ppm",
        "tif",
        "tiff",
        "webp",
    ]
    folder = make_folder(
        *(f"a/1.{name}" for name in names), "b/1.PNG", "b/notes.txt", "b/Thumbs.db"
    )
    assert [record.path for record in index(folder)] == [
        *(f"a/1.{name}" for name in names),
        "b/1.PNG",
    ]


def test_no_image_is_opened(make_folder: MakeFolder) -> None:
    folder = make_folder("a/1.jpg", "b/1.jpg")
    (folder / "a" / "1.jpg").write_text("This is no image.")
    assert len(index(folder)) == 2


def test_the_root_is_always_absolute(
    make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder("a/1.jpg", "b/1.jpg")
    monkeypatch.chdir(folder.parent)
    manifests = [index(given) for given in (folder, str(folder), "photos", "photos/", "./photos")]
    assert all(manifest == manifests[0] for manifest in manifests)
    assert manifests[0].root == str(folder)


def test_indexing_twice_gives_equal_manifests(make_folder: MakeFolder) -> None:
    folder = make_folder("a/1.jpg", "b/1.jpg", "b/2.jpg")
    assert index(folder) == index(folder)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(augseq.errors.MissingFileError, match=r"There is no folder .*nowhere"):
        index(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError):
        index(tmp_path / "nowhere")


def test_a_local_address_is_indexed_as_its_path(make_folder: MakeFolder) -> None:
    folder = make_folder("a/1.jpg", "b/2.jpg")
    odd = folder.rename(folder.with_name("50% of a?b#c"))
    (odd / "file.jpg").touch()
    for address in (odd.as_uri(), odd.as_uri().replace("file://", "file://localhost")):
        with pytest.warns(augseq.AugseqWarning, match="directly in"):
            manifest = augseq.index_folder(address, progress=False)
        assert manifest.root == str(odd)
        with pytest.raises(augseq.errors.NotAFolderError, match="is a file"):
            augseq.index_folder(f"{address}/file.jpg")
        with pytest.raises(augseq.errors.MissingFileError, match="no folder 'file://"):
            augseq.index_folder(f"{address}/gone")


def test_an_address_of_another_host_is_not_read_as_a_local_folder(
    make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(make_folder("a/1.jpg", "b/2.jpg"))
    for address in ("file://photos", "file://", "file://a"):
        with pytest.raises(augseq.errors.ArgumentError, match="file:///data/photos"):
            augseq.index_folder(address)


def test_a_file_is_not_accepted_as_a_folder(make_folder: MakeFolder) -> None:
    folder = make_folder("a/1.jpg")
    with pytest.raises(augseq.errors.NotAFolderError, match=r"1\.jpg' must be a folder"):
        index(folder / "a" / "1.jpg")
    with pytest.raises(NotADirectoryError):
        index(folder / "a" / "1.jpg")


def test_a_folder_without_images_reports_what_it_contains(make_folder: MakeFolder) -> None:
    folder = make_folder("a/1.psd", "a/2.psd", "a/3.txt", "b/4.psd", "b/5.txt", "a/README")
    expected = r"No images found in .*photos.*\.jpg.*3 x \.psd, 2 x \.txt, 1 x \(none\)"
    with pytest.raises(augseq.errors.MissingFileError, match=expected):
        index(folder)


def test_an_empty_folder_has_no_images(make_folder: MakeFolder) -> None:
    with pytest.raises(augseq.errors.MissingFileError, match=r"No images found in .*photos"):
        index(make_folder(), labels=None)


def test_a_folder_with_only_links_suggests_follow_links(make_folder: MakeFolder) -> None:
    folder = make_folder("a/", "b/")
    (folder / "a" / "1.jpg").symlink_to(folder.parent / "elsewhere.jpg")
    with pytest.raises(augseq.errors.MissingFileError, match=r"1 symbolic links .*`follow_links`"):
        index(folder)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": "int"}, "`labels` must be .*'int'"),
        (
            {"labels": None, "class_names": ["cat"]},
            '`class_names` requires `labels`: "inferred", a p',
        ),
        ({"class_names": "cat"}, "`class_names` must be a list of different.*'cat'"),
        ({"class_names": ["cat", "cat"]}, "`class_names` must be a list of different"),
    ],
)
def test_an_invalid_option_is_an_error(
    make_folder: MakeFolder, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=message):
        index(make_folder("cat/1.jpg"), **options)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux allows any bytes as a name")
@pytest.mark.parametrize("name", [b"cat/caf\xe9.jpg", b"caf\xe9/1.jpg"])
def test_a_name_that_is_not_utf_8_is_shown_byte_by_byte(
    make_folder: MakeFolder, name: bytes
) -> None:
    folder = make_folder("cat/1.jpg", "dog/1.jpg")
    path = os.path.join(os.fsencode(folder), name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, "xb").close()
    with pytest.raises(
        augseq.errors.ManifestError, match=r"valid UTF-8.*caf\\xe9.*Rename"
    ) as caught:
        index(folder)
    str(caught.value).encode()


def test_names_in_any_script_are_kept(make_folder: MakeFolder) -> None:
    folder = make_folder("猫/写真 1.jpg", "ネコ/😀.jpg", "chat d'été/#1 100%.jpg")
    assert [record.path for record in index(folder)] == [
        "chat d'été/#1 100%.jpg",
        "ネコ/😀.jpg",
        "猫/写真 1.jpg",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="file names are any bytes on Linux only")
def test_a_class_name_that_is_not_utf_8_is_refused_even_without_images(
    make_folder: MakeFolder,
) -> None:
    folder = make_folder("cat/1.jpg", "dog/1.jpg")
    os.mkdir(os.fsencode(folder) + b"/\xffclass")
    with pytest.raises(augseq.errors.ManifestError, match=r"folder name .*\\xffclass.*Rename"):
        index(folder)
    assert len(index(folder, labels=None)) == 2


@pytest.mark.parametrize(
    "options", [{"labels": lambda path: "\udcff" + path}, {"class_names": ["cat", "\udcff"]}]
)
def test_class_names_that_are_not_utf_8_are_refused(
    make_folder: MakeFolder, options: dict[str, Any]
) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=r"in valid UTF-8.*udcff"):
        index(make_folder("cat/1.jpg"), **options)
