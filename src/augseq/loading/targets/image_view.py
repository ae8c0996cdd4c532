"""Further views of the image: the same file, augmented with draws of its own."""

from dataclasses import dataclass, replace

from augseq.augment.mixing import Mix
from augseq.errors import ArgumentError
from augseq.loading.pipeline import Pipeline, check_dtype
from augseq.loading.targets.target import Target
from augseq.loading.targets.view import TargetView
from augseq.manifest.record import Record
from augseq.pixels.options import PixelDtype
from augseq.pixels.source import ImageSource
from augseq.types import Array, Image
from augseq.validation import check_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageView(Target):
    """Another augmented version of the image, as an input.

    Attributes:
        source: Where the image comes from.
        dtype: dtype of the pixels in a batch.
    """

    source: ImageSource
    dtype: PixelDtype

    @property
    def own_source(self) -> ImageSource:
        """The source of the image itself; the draws differ."""
        return self.source

    def load(self, record: Record, image: Image | None = None) -> Array:
        """Return the view as the model gets it, shape (height, width, channels)."""
        assert image is not None
        check_dtype(image, self.dtype)
        return image.astype(self.dtype, copy=False)

    def mixing_obstacle(self, *, blends: bool) -> str:
        """Return an empty text: views can be mixed."""
        return ""

    def mixed(self, own: Array, other: Array, mix: Mix, image: Image) -> Array:
        """Return the views of both images, mixed like the images."""
        return mix.pixels(own, other)

    def view(self, value: Array) -> TargetView:
        """Return the image."""
        return TargetView(title="another view", image=value)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(height, width, channels), not known before an image is loaded."""
        return (None, None, None)

    @property
    def text(self) -> str:
        """The view in a few words."""
        return f"another view of the image, {self.dtype} (height, width, channels)"

    @property
    def content(self) -> str:
        """What decides the values, beside the image."""
        return "ImageView"


def with_views(pipeline: Pipeline, views: int) -> Pipeline:
    """Return a pipeline that loads several views of each image.

    Args:
        pipeline: Loads one view.
        views: Number of views, at least 1.

    Raises:
        ArgumentError: `views` is less than 1, or all views would be equal.
    """
    check_views(pipeline, views)
    if views == 1:
        return pipeline
    loaded = {**pipeline.inputs, **pipeline.targets}
    changing = [name for name, value in loaded.items() if value.class_mirror]
    if changing:
        raise ArgumentError(
            "With several views, one can be mirrored and another not, so classes cannot change "
            "places with all of them: remove `mirror`, or `views`. Received: "
            f"views={views}, and `mirror` for {changing[0]!r}"
        )
    view = ImageView(source=pipeline.source, dtype=pipeline.dtype)
    further = {f"image_{number}": view for number in range(2, views + 1)}
    taken = [name for name in further if name in pipeline.inputs]
    if taken:
        raise ArgumentError(
            f"With `views`, {taken[0]!r} is a view of the image: rename this input. "
            f"Received: {list(pipeline.inputs)}"
        )
    return replace(pipeline, inputs={**pipeline.inputs, **further}, own_images=None)


def check_views(pipeline: Pipeline, views: int) -> None:
    """Raise `ArgumentError` if there are no views, or if all would be equal."""
    if check_whole("views", views, least=1) > 1 and not pipeline.augment.steps:
        raise ArgumentError(
            "Without augmentations, all views of an image are equal: pass `augment`, such as "
            'augment=augseq.preset("light"). '
            f"Received: views={views}"
        )
