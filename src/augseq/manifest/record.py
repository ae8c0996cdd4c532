"""One image and its target."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One image and its target, as the manifest knows them.

    Attributes:
        index: Identity, given when indexed. It survives select and split, so a record keeps
            its random stream wherever it goes.
        path: Path below the manifest's root, with `/` on every system.
        target: Label, from 0 to the number of classes less one; None without labels.
    """

    index: int
    path: str
    target: int | None = None

    def __str__(self) -> str:
        return f"'{self.path}' (index {self.index})"
