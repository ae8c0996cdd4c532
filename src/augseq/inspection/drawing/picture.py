"""A figure that displays itself in Jupyter, in fonts that have its characters."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from matplotlib.figure import Figure

from augseq.errors import AugseqWarning
from augseq.inspection.drawing.fonts import missing_text, use_fallback_fonts


class Picture(Figure):
    """A matplotlib figure that Jupyter displays even if pyplot was never imported.

    pyplot would keep every figure alive and draw those of a notebook twice.

    Warns:
        AugseqWarning: When drawn, if no installed font has a character of it.
    """

    _has_warned = False

    def draw(self, renderer: Any) -> None:
        """Draw everything, in fonts that have the characters, as matplotlib requests."""
        with self._fallback_fonts() as missing:
            super().draw(renderer)
        if missing and not self._has_warned:
            self._has_warned = True
            warnings.warn(missing_text(missing), AugseqWarning, stacklevel=2)

    def tight_layout(self, **options: Any) -> None:
        """Fit the axes into the figure, measured in the fonts used for drawing."""
        with self._fallback_fonts():
            super().tight_layout(**options)

    def _repr_png_(self) -> bytes:
        png = io.BytesIO()
        # 12 photos then take 0.3 MB, so a notebook with several pictures stays small.
        self.savefig(png, format="png", dpi=80)
        return png.getvalue()

    @contextmanager
    def _fallback_fonts(self) -> Iterator[str]:
        """Choose fonts; yield the characters that none has."""
        missing = use_fallback_fonts(self)
        if not missing:
            yield missing
            return
        with warnings.catch_warnings():
            # One warning with advice replaces a warning without advice per character.
            warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
            yield missing
