"""How a manifest shows itself, drawn by functions that lie in a layer above it.

What opens the images of a manifest imports the manifest. So the functions that draw it are looked
up by name when a person looks, as `augseq/__init__.py` looks up the public names; and a worker
process that is sent a manifest loads no matplotlib.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRAWING_FUNCTIONS = {
    "draw_manifest": "augseq.inspection.manifest_picture",
    "manifest_html": "augseq.inspection.manifest_html",
}


class Displayed:
    """The part of a manifest that a person looks at."""

    __slots__ = ()

    def show(self, *, class_name: str | None = None, num_images: int = 12) -> "Figure":
        """Draw some images as they lie in their files, with their labels.

        An image that cannot be read is drawn as a box with the reason.

        Args:
            class_name: Of this class alone, with the names of the files; None for all in turn.
            num_images: At most so many, from the first to the last.

        Returns:
            A matplotlib figure, to be restyled or saved; Jupyter shows it.

        Raises:
            ArgumentError: There is no such class, or no image.
        """
        figure: Figure = _drawing_function("draw_manifest")(
            self, class_name=class_name, num_images=num_images
        )
        return figure

    def _repr_html_(self) -> str:
        html: str = _drawing_function("manifest_html")(self)
        return html


def _drawing_function(name: str) -> Any:
    return getattr(import_module(DRAWING_FUNCTIONS[name]), name)
