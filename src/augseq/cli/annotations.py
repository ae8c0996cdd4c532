"""Options of `augseq index` for files with boxes."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

import typer

from augseq.cli.flat_options import number_option
from augseq.errors import ArgumentError
from augseq.indexing.annotations.coco import index_coco
from augseq.indexing.annotations.options import Frame, InvalidPolicy
from augseq.indexing.annotations.voc import index_voc
from augseq.indexing.annotations.yolo import index_yolo
from augseq.indexing.table.index_table import MissingLabels
from augseq.manifest.manifest import Manifest
from augseq.remote.url import is_remote

Format: TypeAlias = Literal["coco", "voc", "yolo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotations:
    """Options only for annotations of boxes."""

    annotations: Annotated[
        Format | None,
        typer.Option(
            help="SOURCE has boxes: a COCO file, a folder of VOC files, or YOLO's data.yaml; with "
            "--images-root."
        ),
    ] = None
    first_pixel: Annotated[
        int,
        number_option(
            "VOC: 1 if pixels are numbered from 1, or 0 for coordinates from 0.", least=0, most=1
        ),
    ] = 1
    frame: Annotated[
        Frame,
        typer.Option(help="Annotations: whether boxes fit the upright or the stored image."),
    ] = "upright"
    invalid: Annotated[
        InvalidPolicy,
        typer.Option(help="Annotations: fail on invalid ones, or exclude their images."),
    ] = "raise"

    def read(
        self,
        source: str,
        root: str | None,
        class_names: str | None,
        splits: list[str] | None,
        missing_labels: MissingLabels,
    ) -> Manifest:
        """Index the annotations."""
        if class_names is not None:
            raise ArgumentError(
                "--class-names is for classes of images, not of boxes. Received: --class-names "
                f"{class_names} with --annotations {self.annotations}"
            )
        self._check_only("voc", "--first-pixel 0", is_given=self.first_pixel != 1)
        self._check_only("yolo", "--splits", is_given=splits is not None)
        self._check_only("yolo", "--missing-labels", is_given=missing_labels != "error")
        options: dict[str, Any] = {"frame": self.frame, "invalid": self.invalid}
        if self.annotations == "yolo":
            return index_yolo(source, root, splits=splits, missing_labels=missing_labels, **options)
        options["check_files"] = not is_remote(root)
        if self.annotations == "coco":
            return index_coco(source, root, **options)
        if root is None:
            raise ArgumentError(
                "--annotations voc requires --images-root, the folder of the images, such as "
                "JPEGImages. Received: none"
            )
        return index_voc(source, root, first_pixel=1 if self.first_pixel else 0, **options)

    def _check_only(self, name: Format, option: str, *, is_given: bool) -> None:
        if is_given and self.annotations != name:
            raise ArgumentError(
                f"{option} is only for --annotations {name}. Received: --annotations "
                f"{self.annotations}"
            )
