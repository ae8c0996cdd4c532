"""Options that all annotation formats share."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from augseq.validation import check_choice

Frame: TypeAlias = Literal["upright", "stored"]
InvalidPolicy: TypeAlias = Literal["raise", "exclude"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationOptions:
    """How to read annotations; documented as the arguments of `index_coco`."""

    frame: Frame = "upright"
    invalid: InvalidPolicy = "raise"
    check_files: bool = True
    progress: bool = True

    def __post_init__(self) -> None:
        check_choice("frame", self.frame, get_args(Frame))
        check_choice("invalid", self.invalid, get_args(InvalidPolicy))
