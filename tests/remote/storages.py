"""fsspec file systems that fail like real ones, but reproducibly."""

import threading
from collections import Counter
from typing import Any, ClassVar

import fsspec
from fsspec.asyn import AsyncFileSystem
from fsspec.implementations.memory import MemoryFileSystem


class ResettingFiles(MemoryFileSystem):  # type: ignore[misc]
    """In-memory files; the listing of every folder breaks off twice before it succeeds."""

    protocol = "resetting"
    asked: ClassVar[Counter[str]] = Counter()

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.removeprefix("resetting:/")))

    def ls(self, path: str, detail: bool = True, **more: Any) -> Any:
        """List a folder; only the third try succeeds."""
        self.asked[path] += 1
        if self.asked[path] <= 2:
            raise ConnectionResetError
        return super().ls(path, detail, **more)


class HangingFiles(AsyncFileSystem):  # type: ignore[misc]
    """A storage that opens on the second try; the first one hangs until the program ends."""

    protocol = "hanging"
    opened = 0

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        type(self).opened += 1
        if self.opened == 1:
            threading.Event().wait()

    async def _cat_file(self, path: str, **more: Any) -> bytes:
        return path.encode()


for _kind in (ResettingFiles, HangingFiles):
    fsspec.register_implementation(_kind.protocol, _kind, clobber=True)
