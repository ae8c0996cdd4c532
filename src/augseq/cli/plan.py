"""What `augseq fit` does to each image, for the commands that look at it without Keras."""

from augseq.augment.augmentation_list import AugmentationList, make_augmentation_list
from augseq.cli.arguments import parse_size
from augseq.cli.augment_argument import load_augment
from augseq.pixels.options import ResizeOptions


def parse_plan(augment: str, image_size: str) -> tuple[AugmentationList, ResizeOptions]:
    """Return what two options ask for.

    Call it before the images are indexed, so that a wrong option is refused at once.
    """
    resize = ResizeOptions(image_size=parse_size(image_size))
    return make_augmentation_list(load_augment(augment)), resize
