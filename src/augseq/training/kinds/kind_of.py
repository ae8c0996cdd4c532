"""Which kind of target a sequence has."""

from collections.abc import Callable
from typing import Any

from augseq.errors import ArgumentError
from augseq.loading.targets.label import ColumnLabelTarget, LabelTarget
from augseq.loading.targets.mask import MaskTarget
from augseq.loading.targets.multi_label import MultiLabelTarget
from augseq.loading.targets.number import NumberTarget
from augseq.manifest.manifest import Manifest
from augseq.training.kinds.classes import Classes
from augseq.training.kinds.kind import Kind
from augseq.training.kinds.masks import Masks
from augseq.training.kinds.numbers import Numbers
from augseq.training.kinds.tags import Tags
from augseq.training.sequence import ImageSequence

_KINDS: dict[type[Any], Callable[[Any, Manifest], Kind]] = {
    LabelTarget: Classes.of,
    ColumnLabelTarget: Classes.of,
    NumberTarget: Numbers.of,
    MultiLabelTarget: Tags.of,
    MaskTarget: Masks.of,
}
_TARGETS = (
    "a class (augseq.Label), numbers (augseq.Number), tags (augseq.MultiLabel), or masks "
    "(augseq.Mask)"
)


def kind_of(batches: ImageSequence, taker: str) -> Kind:
    """Return what a sequence has as its target; the labels of the manifest if it loads none.

    Args:
        batches: The sequence.
        taker: The function that requires it, for messages.

    Raises:
        ArgumentError: It has several targets, or one of another kind.
    """
    targets: dict[str, Any] = dict(batches._plan.targets)
    manifest = batches.manifest
    is_labelled = manifest.class_names and not manifest.table.column("target").null_count
    if not targets and is_labelled:
        return Classes(classes=manifest.class_names)
    makers = [_KINDS.get(type(target)) for target in targets.values()]
    if len(makers) != 1 or makers[0] is None:
        what = f"the targets {list(targets)}" if len(makers) > 1 else "images without a target"
        if len(makers) == 1:
            what = next(iter(targets.values())).text
        raise ArgumentError(f"`{taker}` requires one target: {_TARGETS}. Received: {what}")
    (target,) = targets.values()
    return makers[0](target, manifest)
