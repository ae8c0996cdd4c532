"""Options of `augseq index` for files with boxes."""

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import typer

from augseq.errors import ArgumentError
from augseq.indexing.annotations.coco import index_coco
from augseq.indexing.annotations.options import Frame, InvalidPolicy
from augseq.manifest.manifest import Manifest
from augseq.remote.url import is_remote

Format: TypeAlias = Literal["coco"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotations:
    """Options only for annotations of boxes."""

    annotations: Annotated[
        Format | None,
        typer.Option(help="SOURCE is a file of boxes in this format; needs --images-root."),
    ] = None
    frame: Annotated[
        Frame,
        typer.Option(help="Annotations: whether boxes fit the upright or the stored image."),
    ] = "upright"
    invalid: Annotated[
        InvalidPolicy,
        typer.Option(help="Annotations: fail on invalid ones, or exclude their images."),
    ] = "raise"

    def read(self, source: str, root: str | None, class_names: str | None) -> Manifest:
        """Index the annotations."""
        if class_names is not None:
            raise ArgumentError(
                "--class-names is for classes of images, not of boxes. Received: --class-names "
                f"{class_names} with --annotations {self.annotations}"
            )
        return index_coco(
            source,
            root,
            frame=self.frame,
            invalid=self.invalid,
            check_files=not is_remote(root),
        )
