"""What draws a manifest: functions of a layer above, which the package passes down.

Jupyter asks a manifest to show itself, and passes nothing. Drawing it opens its images, so the
functions that do it cannot be imported here. `augseq/__init__`, which knows every module, sets them
before a manifest can exist; they are loaded when first called, so that a program that never looks
loads no matplotlib. They are global, since no argument can carry them: a manifest may come from a
pickle.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class _DrawManifest(Protocol):
    def __call__(self, manifest: Any, *, class_name: str | None, num_images: int) -> "Figure": ...


draw_manifest: _DrawManifest
manifest_html: Callable[[Any], str]
