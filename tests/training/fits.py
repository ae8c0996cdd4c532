"""Programs that call `fit` and keep backups, killed and run again; prints what did not hold.

python -m tests.training.fits [SCENARIO...]

Keras is loaded once. Each run of a program is a fork of that process, so that a kill is a real one
and nothing of an earlier run is remembered.
"""

import copy
import json
import os
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

import augseq

KILLED = 9
SCENARIOS: dict[str, Callable[[Path], None]] = {}

_RNG = np.random.default_rng(0)
X = _RNG.integers(0, 256, (12, 6, 6, 3), np.uint8)
Y = _RNG.integers(0, 2, 12)


def scenario(function: Callable[[Path], None]) -> Callable[[Path], None]:
    """Register a function that raises where its name does not hold."""
    SCENARIOS[function.__name__] = function
    return function


class KillAfter(keras.callbacks.Callback):
    """Kills the process after this number of batches of a program; 0 for never."""

    def __init__(self, num_batches: int) -> None:
        super().__init__()
        self.num_batches = num_batches
        self.num_trained = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.num_trained += 1
        if self.num_trained == self.num_batches:
            os._exit(KILLED)


class Brighter:
    """Has Python's own `repr`."""

    def __init__(self, by: int) -> None:
        self.by = by

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.clip(image.astype(int) + self.by + rng.integers(9), 0, 255).astype(np.uint8)


def make_batches(x: Any = X, y: Any = Y, *, by: int = 5, **options: Any) -> augseq.ImageSequence:
    settings = {"batch_size": 4, "shuffle": True, "seed": 1, "augment": [Brighter(by)], **options}
    return augseq.ImageSequence.from_arrays(x, y, **settings)


def compile_model(model: keras.Model, **options: Any) -> keras.Model:
    settings = {
        "optimizer": keras.optimizers.SGD(0.1, momentum=0.9),
        "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "metrics": ["accuracy"],
        "run_eagerly": keras.backend.backend() == "tensorflow",
        **options,
    }
    model.compile(**settings)
    return model


def make_model(*, seed: int | None = 3, units: int = 3, rate: float = 0.2) -> keras.Model:
    if seed is not None:
        keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential([keras.Input((6, 6, 3)), layers.Rescaling(1 / 255), layers.Flatten()])
    for layer in (layers.Dropout(rate), layers.Dense(units, name="hidden"), layers.Dense(2)):
        model.add(layer)
    return compile_model(model)


def fit(
    model: keras.Model,
    batches: Any,
    folder: Path,
    kill: KillAfter,
    *,
    backup: dict[str, Any] | None = None,
    before: tuple[Any, ...] = (),
    after: tuple[Any, ...] = (),
    sequence: augseq.ImageSequence | None = None,
    **options: Any,
) -> keras.callbacks.History:
    saves = augseq.BackupAndResume(
        batches if sequence is None else sequence, folder, **(backup or {})
    )
    settings = {"epochs": 3, "shuffle": False, "verbose": 0, **options}
    return model.fit(batches, callbacks=[*before, saves, *after, kill], **settings)


def outcome(*models: keras.Model, histories: tuple[Any, ...] = ()) -> list[float]:
    """All that a program hands on: weights of models, and what `fit` returned."""
    found = [float(v) for model in models for w in model.get_weights() for v in np.ravel(w)]
    for history in histories:
        found += [len(history.epoch), *np.ravel(list(history.history.values())).tolist()]
    return found


Program = Callable[[Path, KillAfter], list[float]]


def run(program: Program, folder: Path, kill_after: int = 0) -> dict[str, Any]:
    """Run a program in a separate process.

    Returns:
        "values" as it returned, "steps" that it trained, "error" and "warnings" as text; empty if
        it was killed.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        kill, result = KillAfter(kill_after), {"error": "", "values": []}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                result["values"] = program(folder, kill)
            except Exception as error:
                result["error"] = f"{type(error).__name__}: {error}"
        ours = [w for w in caught if issubclass(w.category, augseq.AugseqWarning)]
        result |= {"steps": kill.num_trained, "warnings": [str(w.message) for w in ours]}
        with open(writing, "w") as file:
            json.dump(result, file)
        os._exit(0)
    os.close(writing)
    with open(reading) as file:
        text = file.read()
    os.waitpid(child, 0)
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def require(holds: Any, *seen: Any) -> None:
    if not holds:
        raise AssertionError(f"{seen}"[:3000])


def require_same_end(program: Program, folder: Path, *kills: tuple[int, ...]) -> dict[str, Any]:
    """A program that is killed once or several times ends like one that is not."""
    whole = run(program, folder / "whole")
    require(whole and not whole["error"], whole)
    for number, kill in enumerate(kills):
        for after in kill:
            require(not run(program, folder / str(number), after), "not killed", kill)
        again = run(program, folder / str(number))
        require(again["values"] == whole["values"] and not again["error"], kill, again, whole)
        require(again["steps"] < whole["steps"], kill, again["steps"])
    return whole


def require_refused(
    program: Program, folder: Path, *words: str, error: str = "BackupError"
) -> None:
    """A program stops in words before it trains, and leaves all files as they were."""
    before = files_below(folder)
    found = run(program, folder)
    require(found and found["error"].startswith(error) and found["steps"] == 0, found)
    require(all(word in found["error"] for word in words), words, found)
    require(files_below(folder) == before, "changed files")


def head_and_whole(folder: Path, kill: KillAfter, **named: bool) -> list[float]:
    names = ({"name": "head"}, {"name": "whole"}) if named.get("named", True) else ({}, {})
    batches, model = make_batches(), make_model()
    one = fit(model, batches, folder, kill, backup=names[0])
    compile_model(model, optimizer=keras.optimizers.SGD(0.01))
    other = fit(model, batches, folder, kill, backup=names[1], initial_epoch=3, epochs=5)
    return outcome(model, histories=(one, other))


@scenario
def a_named_program_of_two_fits_ends_alike_wherever_it_is_killed(folder: Path) -> None:
    # In the first, at its very end, when the second has begun, and twice more at the end.
    whole = require_same_end(head_and_whole, folder, (4,), (9,), (10,), (14, 2, 1))
    require(whole["steps"] == 15 and not whole["warnings"], whole)
    again = run(head_and_whole, folder / "whole")
    require((again["steps"], again["values"]) == (0, whole["values"]), again)


@scenario
def a_second_fit_without_names_is_refused_by_the_first(folder: Path) -> None:
    def program(folder: Path, kill: KillAfter) -> list[float]:
        return head_and_whole(folder, kill, named=False)

    whole = run(program, folder / "whole")
    require("Two calls of `fit`" in whole["warnings"][0], whole)
    require(not run(program, folder / "killed", 14))
    require_refused(program, folder / "killed", "optimizer.learning_rate", "initial_epoch", "name=")


@scenario
def folds_and_grids_by_name_end_alike(folder: Path) -> None:
    def program(folder: Path, kill: KillAfter) -> list[float]:
        models = []
        for fold in range(3):
            keep = np.arange(12) % 3 != fold
            model = make_model(units=2 + fold)
            backup = {"name": f"fold {fold}", "every_batches": 1}
            fit(model, make_batches(X[keep], Y[keep]), folder, kill, backup=backup)
            models.append(model)
        return outcome(*models)

    require_same_end(program, folder, (7,), (11, 3))


@scenario
def folds_without_names_are_refused(folder: Path) -> None:
    def program(folder: Path, kill: KillAfter) -> list[float]:
        for fold in range(2):
            keep = np.arange(12) % 3 != fold
            fit(make_model(), make_batches(X[keep], Y[keep]), folder, kill)
        return []

    require(not run(program, folder, 10))
    require_refused(program, folder, "source", "targets")


@scenario
def members_of_an_ensemble_are_distinguished_by_their_order(folder: Path) -> None:
    def program(folder: Path, kill: KillAfter) -> list[float]:
        for _ in range(2):
            fit(make_model(seed=None), make_batches(), folder, kill)
        return []

    require(not run(program, folder, 13))
    require_refused(program, folder, "number 1", "number 2")
    # In the first one there is nothing to distinguish.
    require(not run(program, folder / "first", 4))
    require(run(program, folder / "first")["steps"] == 15, "not resumed")


@scenario
def a_finished_run_trains_nothing_again(folder: Path) -> None:
    def program(folder: Path, kill: KillAfter, epochs: int = 3) -> list[float]:
        model, stop = make_model(), keras.callbacks.EarlyStopping("loss", patience=9)
        # The best weights come back when training has ended, after the callback has seen it.
        stop = keras.callbacks.EarlyStopping(
            "accuracy", patience=9, mode="min", restore_best_weights=True
        )
        backup = {"delete_at_end": False}
        history = fit(model, make_batches(), folder, kill, backup=backup, after=(stop,),
                      epochs=epochs)  # fmt: skip
        return outcome(model, histories=(history,))

    first, again = run(program, folder), run(program, folder)
    require((first["steps"], again["steps"]) == (9, 0), first, again)
    require(first["values"] == again["values"], first, again)
    require(len(files_below(folder)) == 1, files_below(folder).keys())
    require_refused(lambda f, k: program(f, k, epochs=2), folder, "epochs: 3 then")


@scenario
def more_epochs_continue_as_if_training_had_not_ended(folder: Path) -> None:
    def program(folder: Path, kill: KillAfter, epochs: int = 3) -> list[float]:
        # With an average of the weights, which Keras puts in their place at the end.
        average = keras.optimizers.SGD(0.1, momentum=0.9, use_ema=True, ema_momentum=0.5)
        model = compile_model(make_model(), optimizer=average)
        history = fit(model, make_batches(), folder, kill, backup={"name": "a"}, epochs=epochs)
        return outcome(model, histories=(history,))

    require(run(program, folder)["steps"] == 9)
    longer = run(lambda f, k: program(f, k, epochs=5), folder)
    whole = run(lambda f, k: program(f, k, epochs=5), folder / "whole")
    require((longer["steps"], longer["values"]) == (6, whole["values"]), longer, whole)


def _program_with(**change: Any) -> Program:
    def program(folder: Path, kill: KillAfter) -> list[float]:
        batches = make_batches(
            change.get("x", X), change.get("y", Y), by=change.get("by", 5),
            **change.get("options", {}),
        )  # fmt: skip
        model = make_model(**change.get("model", {}))
        if "frozen" in change:
            model.get_layer("hidden").trainable = False
        compile_model(model, **change.get("compile", {}))
        fit(model, batches, folder, kill, backup=change.get("backup"), **change.get("fit", {}))
        return outcome(model)

    return program


def _own_loss(true: Any, logits: Any) -> Any:
    return keras.losses.sparse_categorical_crossentropy(true, logits, from_logits=True)


SGD = keras.optimizers.SGD
OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "other pixels": ({"x": 255 - X}, "source"),
    "one other pixel": ({"x": np.where(np.arange(12)[:, None, None, None] == 7, 1, X)}, "source"),
    "other labels": ({"y": 1 - Y}, "targets"),
    "another strength": ({"by": 6}, "augmentation 1: 'Brighter(by=5)"),
    "another seed": ({"options": {"seed": 2}}, "seed: 1 then, 2 now"),
    "another rate": ({"compile": {"optimizer": SGD(0.01, 0.9)}}, "optimizer.learning_rate: 0.1"),
    "another momentum": ({"compile": {"optimizer": SGD(0.1)}}, "optimizer.momentum: 0.9 then"),
    "another optimizer": ({"compile": {"optimizer": "adam"}}, "optimizer.class: 'SGD'"),
    "a schedule": (
        {"compile": {"optimizer": SGD(keras.optimizers.schedules.CosineDecay(0.1, 9), 0.9)}},
        "optimizer.learning_rate",
    ),
    "another loss": ({"compile": {"loss": _own_loss}}, "loss"),
    "another option of the loss": (
        {"compile": {"loss": keras.losses.SparseCategoricalCrossentropy()}},
        "loss",
    ),
    "other metrics": ({"compile": {"metrics": []}}, "metrics"),
    "another architecture": ({"model": {"units": 5}}, "units: 3 then, 5 now"),
    "another dropout": ({"model": {"rate": 0.5}}, "rate: 0.2 then, 0.5 now"),
    "a frozen layer": ({"frozen": True}, "not trainable"),
    "weights of classes": ({"fit": {"class_weight": {0: 1.0, 1: 3.0}}}, "class_weight"),
    "another first epoch": ({"fit": {"initial_epoch": 1}}, "initial_epoch: 0 then, 1 now"),
    "fewer epochs than are done": ({"fit": {"epochs": 1}}, "epochs: 3 then"),
}


@scenario
def another_fit_is_refused_with_the_difference(folder: Path) -> None:
    require(not run(_program_with(), folder / "a", 8))
    before = files_below(folder)

    def others(folder: Path, kill: KillAfter) -> list[float]:
        for name, (change, words) in OTHERS.items():
            try:
                _program_with(**change)(folder, kill)
            except augseq.errors.BackupError as error:
                found = all(word in str(error) for word in (words, "name=", "force=True"))
                require(found, name, words, error)
            else:
                require(None, name, "was not refused")
        return []

    found = run(others, folder / "a")
    require(not found["error"] and not found["steps"], found)
    require(files_below(folder) == before, "changed files")
    again, whole = run(_program_with(), folder / "a"), run(_program_with(), folder / "b")
    require(again["values"] == whole["values"], again, whole)


@scenario
def force_resumes_with_the_new_rate(folder: Path) -> None:
    change = {"compile": {"optimizer": SGD(0.0, 0.9)}, "backup": {"force": True}}
    require(not run(_program_with(), folder, 7))
    found = run(_program_with(**change), folder)
    require(found["steps"] == 3 and not found["error"], found)


@scenario
def weights_that_are_not_finite_leave_the_good_backups(folder: Path) -> None:
    class Poison(keras.callbacks.Callback):
        def __init__(self, kill: KillAfter) -> None:
            super().__init__()
            self.kill = kill

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if self.kill.num_trained == 6:
                bad = [np.full_like(w, np.nan) for w in self.model.get_weights()]
                self.model.set_weights(bad)

    def program(folder: Path, kill: KillAfter, **stop: Any) -> list[float]:
        model = make_model()
        after = (Poison(kill), *((keras.callbacks.TerminateOnNaN(),) if stop else ()))
        fit(model, make_batches(), folder, kill, backup={"every_batches": 1}, after=after, epochs=4)
        return outcome(model)

    for name, stop in (("stopped", {"stop": True}), ("not stopped", {})):
        found = run(lambda f, k, stop=stop: program(f, k, **stop), folder / name)
        require("no longer finite" in "".join(found["warnings"]) or stop, found)
        kept = files_below(folder / name)
        require(kept and found["warnings"] and "resumes from it" in found["warnings"][-1], found)
        again = run(_program_with(fit={"epochs": 4}), folder / name)
        # What was trained when the weights were spoilt had been saved just before.
        require(again["steps"] == 12 - 7 and np.isfinite(again["values"]).all(), again)


@scenario
def schedules_that_act_when_an_epoch_begins_or_ends_resume_alike(folder: Path) -> None:
    def program(folder: Path, kill: KillAfter, first: bool = True) -> list[float]:
        model = make_model()
        rates = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
        plateau = keras.callbacks.ReduceLROnPlateau("loss", patience=1, factor=0.5, min_delta=9)
        others = {"before" if first else "after": (rates if first else plateau,)}
        fit(model, make_batches(), folder, kill, epochs=4, **others)
        return outcome(model)

    require_same_end(program, folder / "a", (4,), (7,))

    def after(folder: Path, kill: KillAfter) -> list[float]:
        model = make_model()
        rates = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
        fit(model, make_batches(), folder, kill, epochs=4, after=(rates,))
        return outcome(model)

    require_same_end(after, folder / "b", (4,), (7,))


@scenario
def a_retry_in_the_same_process_resumes_even_if_its_rate_was_changed(folder: Path) -> None:
    class CrashOnce(keras.callbacks.Callback):
        steps = 0

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.steps += 1
            if self.steps == 8:
                raise RuntimeError("crash")

    def program(folder: Path, kill: KillAfter, rate: float | None = None) -> list[float]:
        model, batches, crash = make_model(), make_batches(), CrashOnce()
        rates = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
        for _ in range(2):
            try:
                fit(model, batches, folder, kill, epochs=4, after=(rates, crash))
            except RuntimeError:
                if rate is not None:
                    model.optimizer.learning_rate = rate
        return outcome(model)

    whole = run(lambda f, k: _retry_free(f, k), folder / "whole")
    again = run(program, folder / "again")
    require(again["values"] == whole["values"] and again["steps"] == 7 + 6, again, whole)
    found = run(lambda f, k: program(f, k, rate=0.7), folder / "other")
    require("optimizer.learning_rate" in found["error"], found)


def _retry_free(folder: Path, kill: KillAfter) -> list[float]:
    model = make_model()
    rates = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
    fit(model, make_batches(), folder, kill, epochs=4, after=(rates,))
    return outcome(model)


@scenario
def a_wrapper_around_a_sequence_raises_an_error_when_fit_begins(folder: Path) -> None:
    class Around(keras.utils.PyDataset):
        def __init__(self, inner: augseq.ImageSequence) -> None:
            super().__init__()
            self.inner = inner

        def __len__(self) -> int:
            return len(self.inner)

        def __getitem__(self, index: int) -> Any:
            return self.inner[index]

    def wrapped(folder: Path, kill: KillAfter) -> list[float]:
        batches = make_batches()
        fit(make_model(), Around(batches), folder, kill, sequence=batches)
        return []

    def twin(folder: Path, kill: KillAfter) -> list[float]:
        fit(make_model(), make_batches(), folder, kill, sequence=make_batches())
        return []

    def shuffled(folder: Path, kill: KillAfter) -> list[float]:
        fit(make_model(), make_batches(), folder, kill, shuffle=True)
        return []

    require_refused(wrapped, folder, "Around", "itself", error="ArgumentError")
    require_refused(twin, folder, "different ImageSequence", error="ArgumentError")
    require_refused(shuffled, folder, "shuffle=False", error="ArgumentError")
    # Also where there is a backup of the sequence itself.
    require(not run(_program_with(), folder, 5))
    require_refused(wrapped, folder, "Around", error="ArgumentError")


@scenario
def a_deep_copy_saves_and_resumes_the_same_sequence(folder: Path) -> None:
    def program(folder: Path, kill: KillAfter) -> list[float]:
        batches, model = make_batches(), make_model()
        backup = augseq.BackupAndResume(batches, folder, every_batches=1)
        for _ in range(2):
            # Also of one that has trained.
            backup = copy.deepcopy([backup])[0]
            model.fit(batches, epochs=2, shuffle=False, verbose=0, callbacks=[backup, kill])
            compile_model(model, optimizer="adam")
        return outcome(model)

    require(run(program, folder / "whole")["steps"] == 12)
    require(not run(program, folder / "killed", 3))
    again = run(program, folder / "killed")
    # The third batch ended an epoch, whose end had not been saved yet.
    require((again["steps"], again["error"]) == (12 - 2, ""), again)


@scenario
def backups_of_a_concurrent_fit_are_not_changed(folder: Path) -> None:
    class Write(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            (folder / "backup-999999999999.npz").write_bytes(b"another")

    def program(folder: Path, kill: KillAfter) -> list[float]:
        fit(make_model(), make_batches(), folder, kill, backup={"every_batches": 1, "keep": 1},
            after=(Write(),))  # fmt: skip
        return []

    found = run(program, folder)
    require("at the same time" in found["error"], found)
    require(files_below(folder)["backup-999999999999.npz"] == b"another")


@scenario
def backups_of_the_version_before_are_refused_or_forced(folder: Path) -> None:
    require(not run(_program_with(), folder, 8))
    for path in folder.iterdir():
        with np.load(path) as file:
            arrays = dict(file)
        state = json.loads(arrays["state.json"].tobytes())
        old = {**state["data"], "format": 1}
        arrays["state.json"] = np.frombuffer(json.dumps(old).encode(), np.uint8)
        np.savez(path, **arrays)
    require_refused(_program_with(), folder, "earlier version", "force=True")
    found = run(_program_with(backup={"force": True}), folder)
    require((found["steps"], found["error"]) == (3, ""), found)


def main() -> None:
    problems: dict[str, str | None] = {}
    for name in sys.argv[1:] or SCENARIOS:
        function, problems[name] = SCENARIOS[name], None
        with tempfile.TemporaryDirectory() as folder:
            try:
                function(Path(folder))
            except Exception:
                problems[name] = traceback.format_exc()
        print(json.dumps({name: problems[name]}), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main()
