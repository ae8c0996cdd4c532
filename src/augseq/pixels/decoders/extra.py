"""Libraries that only some formats need, installed as extras."""

import importlib
import importlib.util
from dataclasses import dataclass
from typing import Any

from augseq.errors import DecodeError, install_command


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """An extra of augseq, and its library that decodes a format.

    Attributes:
        name: Name of the extra, as in `augseq.errors.EXTRAS`.
        library: Name of the module to import.
        reads: What it reads, for the error message if it is missing.
    """

    name: str
    library: str
    reads: str

    @property
    def is_installed(self) -> bool:
        """Whether the library can be imported; checked without importing it."""
        return importlib.util.find_spec(self.library) is not None

    def check(self) -> None:
        """Raise `DecodeError` if the library is not installed."""
        if not self.is_installed:
            raise self._missing()

    def load(self) -> Any:
        """Import the library; called for the first file that needs it.

        Raises:
            DecodeError: It is not installed.
        """
        try:
            return importlib.import_module(self.library)
        except ImportError as error:
            raise self._missing() from error

    def _missing(self) -> DecodeError:
        return DecodeError(
            f"it is a {self.reads} image, which needs a library; to read it, "
            f"{install_command(self.name)}"
        )
