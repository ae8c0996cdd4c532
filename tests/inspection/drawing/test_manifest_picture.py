"""Images of a manifest, as stored in their files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import augseq


def test_all_classes_are_shown_in_turn(samples: augseq.Manifest) -> None:
    figure = samples.show(num_images=5)
    assert [axes.get_title() for axes in figure.axes] == list(samples.class_names)


def test_images_of_one_class_are_titled_with_their_files(samples: augseq.Manifest) -> None:
    figure = samples.show(class_name="fish", num_images=3)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["fish_01.jpg", "fish_20.jpg", "fish_40.png"]
    with Image.open(f"{samples.root}/fish/fish_20.jpg") as image:
        shown = figure.axes[1].images[0].get_array()
        assert np.abs(np.asarray(image).astype(int) - shown).mean() < 1


def test_an_unreadable_file_does_not_hide_the_others(tmp_path: Path) -> None:
    Image.new("RGB", (20, 10)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no image at all")
    figure = augseq.index_folder(tmp_path, labels=None, progress=False).show()
    assert [len(axes.images) for axes in figure.axes] == [1, 0]
    assert "not an image" in figure.axes[1].texts[0].get_text().replace("\n", " ")


def test_a_wrong_name_or_number_is_an_error_that_says_so(samples: augseq.Manifest) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=r"class_name.*'fish'.*'cow'"):
        samples.show(class_name="cow")
    with pytest.raises(augseq.errors.ArgumentError, match="num_images"):
        samples.show(num_images=0)
    with pytest.raises(augseq.errors.ArgumentError, match="must be an image to show"):
        samples.select([]).show()
