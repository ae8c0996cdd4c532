import numpy as np

import augseq
from augseq.augment.augmentation_list import make_augmentation_list
from augseq.inspection.drawing.contact_sheet import draw_contact_sheet
from augseq.inspection.drawing.positions import spread_positions
from augseq.loading.pipeline import Pipeline
from augseq.loading.sample import load_sample
from augseq.pixels.options import DecodeOptions, ResizeOptions
from augseq.pixels.source import FileSource


def _pipeline(manifest: augseq.Manifest) -> Pipeline:
    return Pipeline(
        source=FileSource(root=manifest.root, options=DecodeOptions()),
        augment=make_augmentation_list(augseq.preset("light")),
        resize=ResizeOptions(image_size=(24, 24)),
        dtype="uint8",
    )


def test_few_images_still_show_all_classes(samples: augseq.Manifest) -> None:
    shown = samples.select(spread_positions(samples, 6))
    assert shown.class_counts() == {"butterfly": 2, "fish": 1, "leaf": 1, "mushroom": 1, "shell": 1}


def test_more_images_than_there_are_show_each_once(samples: augseq.Manifest) -> None:
    few = samples.select([3, 60])
    assert spread_positions(few, 10).tolist() == [0, 1]


def test_a_flat_folder_is_shown_from_end_to_end(samples: augseq.Manifest) -> None:
    flat = augseq.index_folder(f"{samples.root}/leaf", labels=None, progress=False)
    assert spread_positions(flat, 3).tolist() == [0, 19, 39]


def test_a_sheet_has_a_row_per_image_and_a_column_per_seed(samples: augseq.Manifest) -> None:
    figure = draw_contact_sheet(samples, _pipeline(samples), seeds=[7, 8, 9], num_images=2)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == [
        "butterfly",
        "seed 7",
        "seed 8",
        "seed 9",
        "fish",
        "seed 7",
        "seed 8",
        "seed 9",
    ]


def test_a_cell_shows_exactly_the_pixels_of_its_sample(samples: augseq.Manifest) -> None:
    pipeline, record = _pipeline(samples), samples[0]
    figure = draw_contact_sheet(samples, pipeline, seeds=[5], num_images=1, epoch=3)
    shown = np.asarray(figure.axes[1].images[0].get_array())
    assert np.array_equal(shown, load_sample(record, pipeline, seed=5, epoch=3).image)
    assert figure.axes[1].get_title() == "seed 5, epoch 3"


def test_an_image_is_shown_in_several_epochs(samples: augseq.Manifest) -> None:
    augment = augseq.preset("light")
    batches = augseq.ImageSequence(samples, image_size=(24, 24), seed=9, augment=augment)
    figure = batches.show_augmentations(20, num_epochs=3)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["without augmentation", "epoch 0", "epoch 1", "epoch 2"]
    original = augseq.read_image(f"{samples.root}/{samples[20].path}", image_size=(24, 24))
    expected = [original, *[batches.sample(epoch=e, index=20).image for e in range(3)]]
    for axes, image in zip(figure.axes, expected, strict=True):
        assert np.array_equal(axes.images[0].get_array(), np.rint(image))
    assert "seed 9" in figure.get_suptitle()
