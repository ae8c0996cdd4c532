"""Names that differ only in Unicode normalization: é as one character or as two."""

import os
import unicodedata
from collections.abc import Iterable

from augseq.errors import LabelError


def check_unicode_forms(names: Iterable[str]) -> None:
    """Raise `LabelError` if two class names are the same text in two Unicode forms.

    Older macOS versions write NFD (letter and accent separate), other systems NFC (one character),
    so a class copied from both appears twice under names that look the same.
    """
    forms: dict[str, str] = {}
    for name in names:
        if name.isascii():
            continue
        other = forms.setdefault(unicodedata.normalize("NFC", name), name)
        if other != name:
            raise LabelError(
                f"The classes {other!r} and {name!r} are the same name in two Unicode forms "
                f"({other!a} and {name!a}), and would become two classes. Use one form: rename the "
                'folder, or normalize the labels of a table: frame[column].str.normalize("NFC").'
            )


def same_name(name: str, names: Iterable[str]) -> str:
    """Return a hint if a name exists in another Unicode form; or ""."""
    form = unicodedata.normalize("NFC", name)
    if name.isascii():
        return ""
    twin = next((other for other in names if unicodedata.normalize("NFC", other) == form), None)
    if twin is None:
        return ""
    return (
        f" {name!r} and {twin!r} differ only in their Unicode form ({name!a} and {twin!a}): use "
        "the same form, for example with unicodedata.normalize."
    )


class FileNames:
    """Finds files whose names in a table have another Unicode form.

    Args:
        root: A local folder.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._twins: dict[str, dict[str, list[str]]] = {}

    def find(self, path: str) -> str | None:
        """Return the path of the existing file; None if there is none, or several."""
        if path.isascii():
            return None
        found = ""
        for part in path.split("/"):
            names = self._names_in(found).get(unicodedata.normalize("NFC", part), [])
            if part not in names and len(names) != 1:
                return None
            name = part if part in names else names[0]
            found = f"{found}/{name}" if found else name
        return found if os.path.isfile(os.path.join(self._root, found)) else None

    def _names_in(self, folder: str) -> dict[str, list[str]]:
        if folder not in self._twins:
            by_form: dict[str, list[str]] = {}
            try:
                for name in os.listdir(os.path.join(self._root, folder)):
                    by_form.setdefault(unicodedata.normalize("NFC", name), []).append(name)
            except OSError:
                pass
            self._twins[folder] = by_form
        return self._twins[folder]
