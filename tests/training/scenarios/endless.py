"""Repeated sequences: a global step fixes epoch and batch."""

from .watch import (
    array_sequence,
    fit,
    joined,
    new_model,
    plan_of,
    require_equal,
    scenario,
)


def steps_of_plans(first: int, stop: int) -> list[list[tuple[int, int]]]:
    """Return what the steps from `first` on must train."""
    plans = [batch for epoch in range(-(-stop // 6)) for batch in plan_of(array_sequence, epoch)]
    return plans[first:stop]


@scenario
def a_repeated_sequence_trains_by_global_steps() -> None:
    for workers, sync in ((0, True), (2, True), (2, False)):
        sequence = array_sequence(workers=workers).repeat()
        trained = fit(sequence, sync=sync, steps_per_epoch=4, epochs=5)
        where = f"workers={workers}, sync={sync}"
        require_equal([len(batches) for batches in trained.values()], [4] * 5, where)
        require_equal(joined(trained), steps_of_plans(0, 20), where)


@scenario
def a_repeated_sequence_starts_at_the_steps_of_the_initial_epoch() -> None:
    sequence = array_sequence(workers=2).repeat()
    for model in (new_model(), new_model(built=True)):
        trained = fit(sequence, model=model, steps_per_epoch=4, initial_epoch=2, epochs=5)
        require_equal(joined(trained), steps_of_plans(8, 20))


@scenario
def a_repeated_sequence_takes_two_steps_per_execution() -> None:
    sequence, model = array_sequence(workers=2).repeat(), new_model(steps_per_execution=2)
    trained = fit(sequence, model=model, steps_per_epoch=4, epochs=4)
    require_equal(joined(trained), steps_of_plans(0, 16))


@scenario
def a_second_fit_without_epoch_sync_begins_a_repeated_sequence_anew() -> None:
    # Undocumented; use `set_epoch` or EpochSync to continue instead.
    sequence, model = array_sequence().repeat(), new_model(built=True)
    for _ in range(2):
        trained = fit(sequence, sync=False, model=model, steps_per_epoch=4, epochs=2)
        require_equal(joined(trained), steps_of_plans(0, 8))
