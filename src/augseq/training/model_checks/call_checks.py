"""Checks of the model and the images when Keras begins to use a sequence."""

from augseq.loading.plan import BatchPlan
from augseq.training.epoch_tracking.keras_calls import KerasMethod
from augseq.training.model_checks.any_size import check_any_size
from augseq.training.model_checks.fit_checks import (
    check_targets,
    predicts_a_number,
    warn_if_for_training,
    warn_if_sorted,
)
from augseq.training.model_checks.model_names import check_inputs


class CallChecks:
    """The checks of one sequence, which warns only once."""

    def __init__(self) -> None:
        self._is_order_checked = False
        self._is_use_checked = False

    def check(self, method: KerasMethod, plan: BatchPlan, *, is_own: bool) -> None:
        """Check a call of `fit`, `evaluate` or `predict`.

        Args:
            method: What Keras does.
            plan: The batches.
            is_own: Whether Keras uses the sequence itself, not an object that gets its batches.

        Raises:
            ArgumentError: The model's inputs, outputs or loss do not match the batches.

        Warns:
            AugseqWarning: `fit` trains on images that are sorted by class, or images for training
                are evaluated or predicted.
        """
        if method.name != "fit" and not self._is_use_checked:
            self._is_use_checked = True
            warn_if_for_training(plan)
        if is_own:
            check_inputs(method.model, plan)
            check_any_size(method.model, plan)
        if method.name == "predict" or plan.target is None:
            return
        if is_own:
            check_targets(method.model, plan)
        if method.name == "fit" and not self._is_order_checked:
            self._is_order_checked = True
            if not predicts_a_number(method.model, plan.target):
                warn_if_sorted(plan)
