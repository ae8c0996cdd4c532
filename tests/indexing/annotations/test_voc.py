"""Pascal VOC files: read, written, and read back with equal columns."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import augseq

BOX = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>60</xmax><ymax>40</ymax></bndbox>"
SIZE = "<size><width>60</width><height>40</height><depth>3</depth></size>"
SCENE = f"""<annotation verified="yes">
  <folder>VOC2007</folder><filename>a.png</filename>
  <source><database>The &lt;best&gt;</database><image>flickr</image></source>
  {SIZE}
  <object>
    <name>dog</name><pose>Left</pose><truncated>1</truncated><difficult>0</difficult>
    {BOX}
    <part><name>head</name>{BOX}</part>
  </object>
  <object><name>cat</name><difficult>1</difficult>
    <bndbox><xmin>7.5</xmin><ymin>9</ymin><xmax>7.5</xmax><ymax>9</ymax></bndbox></object>
</annotation>
"""
EMPTY = f"<annotation><filename>b/c.png</filename>{SIZE}</annotation>"


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """Two images, one of them without objects, and their VOC files."""
    for name in ("a.png", "b/c.png"):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (60, 40)).save(path)
    for name in ("boxes", "again"):
        (tmp_path / name).mkdir()
    (tmp_path / "boxes/a.xml").write_text(SCENE)
    (tmp_path / "boxes/c.xml").write_text(EMPTY)
    return tmp_path


def index(scene: Path, folder: str = "boxes", **options: Any) -> augseq.Manifest:
    return augseq.index_voc(scene / folder, scene / "images", progress=False, **options)


def test_voc_files_become_columns_with_the_objects_of_each_image(scene: Path) -> None:
    images = index(scene)
    assert [record.path for record in images] == ["a.png", "b/c.png"]
    assert images.box_class_names == ("cat", "dog")
    columns = images[0].columns
    # Pixels are numbered from 1, and the last one belongs to the box.
    assert columns["boxes"] == [0, 1, 60, 40, 6.5, 8, 7.5, 9]
    assert columns["box_classes"] == ["dog", "cat"]
    assert columns["box_difficult"] == [False, True]
    assert columns["box_truncated"] == [True, None]
    assert images[1].columns["boxes"] == []
    assert index(scene, class_names=["dog", "cow", "cat"]).box_class_names == ("dog", "cow", "cat")


def test_coordinates_from_0_are_an_option(scene: Path) -> None:
    zero = SCENE.replace(">1<", ">0<").replace(">2<", ">0<").replace("7.5</xmax", "8</xmax")
    (scene / "boxes/a.xml").write_text(zero.replace("9</ymax>", "10.25</ymax>"))
    with pytest.raises(augseq.ManifestError, match=r"'a\.xml', line 5.*xmin=0.*first_pixel=0"):
        index(scene)
    assert index(scene, first_pixel=0)[0].columns["boxes"] == [0, 0, 60, 40, 7.5, 9, 8, 10.25]
    (scene / "boxes/a.xml").write_text(zero.replace(">60<", ">61<", 2))
    with pytest.raises(augseq.ManifestError, match=r"'a\.xml'.*61.*40 x 60"):
        index(scene, first_pixel=0)
    with pytest.raises(augseq.ArgumentError, match="first_pixel"):
        index(scene, first_pixel=2)


@pytest.mark.parametrize("first_pixel", [0, 1])
def test_reading_written_files_gives_equal_columns(scene: Path, first_pixel: int) -> None:
    if first_pixel == 0:
        text = SCENE.replace("7.5</xmax", "8</xmax").replace("9</ymax>", "10.25</ymax>")
        (scene / "boxes/a.xml").write_text(text)
    images = index(scene, first_pixel=first_pixel)
    augseq.write_voc(images, scene / "again", first_pixel=first_pixel)
    assert index(scene, "again", first_pixel=first_pixel) == images
    # Read by another parser too.
    tree = ElementTree.parse(scene / "again/a.xml").getroot()
    assert tree.get("verified") == "yes"
    assert tree.findtext("source/database") == "The <best>"
    assert tree.findtext("size/depth") == "3"
    assert [box.findtext("xmin") for box in tree.findall("object/bndbox")] == ["1", "7.5"]
    assert tree.findtext("object/part/bndbox/ymax") == "40"


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    digits=st.sampled_from([0, 3, 17]),
    num_boxes=st.sampled_from([0, 1, 20, 500]),
    first_pixel=st.sampled_from([0, 1]),
    name=st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1),
)
def test_any_numbers_come_back(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    digits: int,
    num_boxes: int,
    first_pixel: int,
    name: str,
) -> None:
    folder, rng = tmp_path_factory.mktemp("voc"), random.Random(seed)
    (folder / "b").mkdir()
    root = ElementTree.Element("annotation")
    ElementTree.SubElement(root, "filename").text = "x.jpg"
    boxes = []
    for _ in range(num_boxes):
        element = ElementTree.SubElement(root, "object")
        ElementTree.SubElement(element, "name").text = rng.choice([name, "other"])
        box = ElementTree.SubElement(element, "bndbox")
        low = [round(rng.uniform(1, 999), digits) for _ in "xy"]
        boxes.append([*low, *(value + rng.choice([1, 7.25, 1 / 3]) for value in low)])
        for corner, value in zip(("xmin", "ymin", "xmax", "ymax"), boxes[-1], strict=True):
            ElementTree.SubElement(box, corner).text = repr(value)
    ElementTree.ElementTree(root).write(folder / "x.xml", encoding="utf-8")
    options: dict[str, Any] = {"first_pixel": first_pixel, "check_files": False}
    images = augseq.index_voc(folder, folder, **options)
    augseq.write_voc(images, folder / "b", first_pixel=first_pixel)
    assert augseq.index_voc(folder / "b", folder, **options) == images
    found = ElementTree.parse(folder / "b/x.xml").getroot().iterfind("object/bndbox")
    assert [[float(part.text or "") for part in box] for box in found] == boxes


def test_a_box_that_ends_within_the_first_pixel_is_read_again(scene: Path) -> None:
    images = index(scene)
    # As a crop leaves it.
    boxes = [[3.0, 0.0, 9.5, 0.25, 0.0, 2.0, 0.125, 8.0], *images.column("boxes").tolist()[1:]]
    images = images.with_column("boxes", boxes)
    augseq.write_voc(images, scene / "again")
    assert index(scene, "again")[0].columns["boxes"] == boxes[0]


def test_boxes_of_a_coco_file_are_written_as_voc(scene: Path) -> None:
    images = index(scene)
    augseq.write_coco(images, scene / "boxes.json")
    coco = augseq.index_coco(scene / "boxes.json", scene / "images", progress=False)
    augseq.write_voc(coco, scene / "again")
    again = index(scene, "again")
    for name in ("boxes", "box_classes", "image_height"):
        assert again.column(name).tolist()[0] is not None
        assert again.table.column(name).equals(images.table.column(name))


BROKEN = {
    "cut": (SCENE[:200], r"'a\.xml' is not well-formed XML.*line"),
    "empty": ("", r"'a\.xml' is not well-formed XML"),
    "bomb": (
        '<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>',
        r"line 1.*document type",
    ),
    "deep": ("<a>" * 1000, r"nests over"),
    "encoding": ('<?xml version="1.0" encoding="x-none"?><annotation/>', r"not well-formed"),
    "other": ("<html>\n</html>", r"Pascal VOC file.*<html> in line 1.*move files of other kinds"),
    "no file name": (SCENE.replace("filename", "file"), r"must name its image in <filename>"),
    "size": (SCENE.replace(">60</width", ">6x</width"), r"line 4.*integers above 0.*'6x'"),
    "other size": (SCENE.replace(">60</width", ">61</width"), r"'a\.xml'.*40 x 61.*40 x 60"),
    "no name": (SCENE.replace("<name>cat</name>", ""), r"'a\.xml', line 10.*must have a <name>"),
    "no box": (
        SCENE.replace(BOX, "<robndbox><cx>3</cx></robndbox>", 1),
        r"line 5.*must have a <bndbox>.*only 'name', 'pose', ",
    ),
    "no corner": (SCENE.replace("<xmin>1</xmin>", "", 1), r"line 5.*<bndbox> must have four"),
    "word": (SCENE.replace(">60</x", ">6o</x"), r"line 5.*four numbers.*6o"),
    "underscore": (SCENE.replace(">60</x", ">6_0</x"), r"line 5.*four numbers.*6_0"),
    "nan": (SCENE.replace(">60</x", ">nan</x"), r"line 5.*finite.*nan"),
    "turned": (SCENE.replace("<xmax>7.5", "<xmax>6"), r"line 10.*width and a height"),
    "outside": (SCENE.replace("<xmax>60", "<xmax>60.75"), r"line 5.*inside its image.*60\.75"),
    "flag": (SCENE.replace("<truncated>1", "<truncated>Yes"), r"line 5.*<truncated>.*'Yes'"),
    "no image": (SCENE.replace("a.png", "z.png"), r"no file.*'z\.png'"),
    "same image": (SCENE.replace("a.png", "b/c.png"), r"only once.*'b/c\.png'"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_an_error_that_names_file_and_line(scene: Path, case: str) -> None:
    text, message = BROKEN[case]
    (scene / "boxes/a.xml").write_text(text)
    with pytest.raises(augseq.AugseqError, match=f"(?s){message}"):
        index(scene)


def test_images_with_invalid_boxes_are_excluded_on_request(scene: Path) -> None:
    (scene / "boxes/a.xml").write_text(BROKEN["outside"][0])
    with pytest.warns(augseq.AugseqWarning, match="Excluded: 1 image "):
        images = index(scene, invalid="exclude")
    assert [record.path for record in images] == ["b/c.png"]
    (scene / "boxes/a.xml").write_text(SCENE)
    with pytest.raises(augseq.ManifestError, match=r"no class 'dog'.*Did you mean 'dogs'"):
        index(scene, class_names=["cat", "dogs"])


def test_a_missing_image_is_an_error_that_names_what_lists_it(scene: Path) -> None:
    (scene / "images/b/c.png").unlink()
    message = "'b/c.png'; 'c.xml' of the files in .*boxes"
    with pytest.raises(augseq.MissingFileError, match=message):
        augseq.index_voc(scene / "boxes", scene / "images", progress=False)


def test_text_that_xml_cannot_hold_is_refused(scene: Path) -> None:
    images = index(scene)
    for name in (" dog", "do\x01g", ""):
        odd = images.with_column("box_classes", [[name, "cat"], []])
        with pytest.raises(augseq.ArgumentError, match="must not be empty"):
            augseq.write_voc(replace(odd, dataset_info=""), scene / "again")
    with pytest.raises(augseq.MissingFileError, match="Create it first"):
        augseq.write_voc(images, scene / "nowhere")


def test_files_that_macos_adds_beside_others_are_not_read(scene: Path) -> None:
    images = index(scene)
    (scene / "boxes/._a.xml").write_bytes(b"\0\5\26\7")
    assert index(scene) == images


def test_files_in_folders_below_belong_to_images_in_such_folders(scene: Path) -> None:
    (scene / "boxes/b").mkdir()
    (scene / "boxes/c.xml").rename(scene / "boxes/b/c.xml")
    (scene / "images/b/a.png").write_bytes((scene / "images/a.png").read_bytes())
    (scene / "boxes/b/a.xml").write_text(SCENE)
    images = index(scene)
    assert [record.path for record in images] == ["a.png", "b/a.png", "b/c.png"]
    augseq.write_voc(images, scene / "again")
    assert "<filename>a.png</filename>" in (scene / "again/b/a.xml").read_text()
    assert index(scene, "again") == images
    with pytest.raises(augseq.MissingFileError, match=r"no \.xml files in .*images'"):
        index(scene, "images")


@pytest.mark.parametrize("name", ["n02_1", "v1.2"])
def test_an_image_is_found_by_its_name_without_extension(scene: Path, name: str) -> None:
    (scene / "images/a.png").rename(scene / f"images/b/{name}.PNG")
    (scene / "boxes/a.xml").write_text(SCENE.replace("a.png", f"b/{name}"))
    images = index(scene)
    assert [record.path for record in images] == [f"b/{name}.PNG", "b/c.png"]
    augseq.write_voc(images, scene / "again")
    assert {record.path for record in index(scene, "again")} == {f"b/{name}.PNG", "b/c.png"}
    assert index(scene, check_files=False)[0].path == f"b/{name}"
    Image.new("RGB", (60, 40)).save(scene / f"images/b/{name}.bmp")
    with pytest.raises(augseq.ManifestError, match=r"'a\.xml'.*\.PNG', .*\.bmp'.*Add the ext"):
        index(scene)


def test_flags_and_sizes_are_read_as_programs_write_them(scene: Path) -> None:
    images = index(scene)
    text = SCENE.replace("<truncated>1", "<truncated>True").replace(
        "<difficult>0", "<difficult>false"
    )
    text = text.replace(">60</width", ">60.0</width").replace(">40</height", ">40.0</height")
    assert text.count(".0<") == 2
    (scene / "boxes/a.xml").write_text(text)
    assert index(scene) == images
    unknown = SCENE.replace("<truncated>1", "<truncated>Unspecified")
    (scene / "boxes/a.xml").write_text(unknown)
    (columns,) = [record.columns for record in index(scene) if record.path == "a.png"]
    assert "box_truncated" not in columns


def test_a_file_in_another_encoding_says_how_to_save_it(scene: Path) -> None:
    (scene / "boxes/a.xml").write_bytes(SCENE.replace("dog", "chien bâtard").encode("latin-1"))
    with pytest.raises(augseq.ManifestError, match=r"'a\.xml' is not.*Save it as UTF-8"):
        index(scene)


def test_two_images_cannot_have_one_file(scene: Path) -> None:
    (scene / "images/a.jpg").write_bytes((scene / "images/a.png").read_bytes())
    (scene / "boxes/d.xml").write_text(SCENE.replace("a.png", "a.jpg"))
    with pytest.raises(augseq.ArgumentError, match=r"differ only in the ending.*'a\.xml'"):
        augseq.write_voc(index(scene), scene / "again")


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("/home/ann/a.png", "remove '/home/ann/' from the paths in the annotations"),
        ("photos/a.png", "remove it in the annotations"),
        ("a.jpg", "correct it in the annotations"),
    ],
)
def test_advice_about_wrong_paths_speaks_of_annotations_not_of_tables(
    scene: Path, name: str, way: str
) -> None:
    (scene / "boxes/a.xml").write_text(SCENE.replace("a.png", name))
    with pytest.raises(augseq.AugseqError, match=way) as error:
        index(scene)
    assert "frame[column]" not in str(error.value)
