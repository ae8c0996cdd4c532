"""The image pipeline of `augseq fit`, for commands that use it without Keras."""

from augseq.augment.augmentation_list import AugmentationList, make_augmentation_list
from augseq.cli.arguments import parse_size
from augseq.cli.augment_argument import load_augment
from augseq.pixels.options import ResizeOptions


def parse_plan(augment: str, image_size: str) -> tuple[AugmentationList, ResizeOptions]:
    """Parse the options `--augment` and `--image-size`.

    Call this before the images are indexed, so that invalid options fail immediately.
    """
    resize = ResizeOptions(image_size=parse_size(image_size))
    return make_augmentation_list(load_augment(augment)), resize
