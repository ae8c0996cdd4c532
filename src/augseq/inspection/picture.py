"""A figure that shows itself in Jupyter."""

import io

from matplotlib.figure import Figure


class Picture(Figure):
    """A matplotlib figure that Jupyter shows also where pyplot was never imported.

    pyplot would keep every figure alive and draw those of a notebook twice.
    """

    def _repr_png_(self) -> bytes:
        png = io.BytesIO()
        # 12 photographs are then 0.3 MB, so that a notebook of several pictures stays small.
        self.savefig(png, format="png", dpi=80)
        return png.getvalue()
