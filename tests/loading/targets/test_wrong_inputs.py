"""Wrong columns and options: one clear error each, that names file, value and way out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import augseq
from augseq.errors import ArgumentError, AugseqError, LabelError
from augseq.loading.targets.target import TargetOption
from augseq.manifest.manifest import make_manifest

PATHS = ["a.jpg", "b/c.jpg", "d.jpg", "e.jpg"]
Y = np.zeros((4, 1), np.float32)
X = np.zeros((4, 2, 2, 3), np.uint8)


def images(**columns: Any) -> augseq.Manifest:
    manifest = make_manifest("/photos", ("x", "y"), paths=PATHS, targets=[0, 1, 0, 1])
    for name, values in columns.items():
        manifest = manifest.with_column(name, values)
    return manifest


def sequence(
    targets: Any = None, *, inputs: Any = None, weights: Any = None, **columns: Any
) -> Any:
    return augseq.ImageSequence(images(**columns), targets=targets, inputs=inputs, weights=weights)


def tags(*classes: Any, **options: Any) -> augseq.MultiLabel:
    return augseq.MultiLabel("t", classes=list(classes), **options)


Number, MultiLabel, Label = augseq.Number, augseq.MultiLabel, augseq.Label
PUBLIC = [getattr(augseq, name) for name in augseq.__all__]
KINDS = [
    kind.__name__ for kind in PUBLIC if isinstance(kind, type) and issubclass(kind, TargetOption)
]

# Of each: what is done, the type of the error, and texts that it contains.
WRONG: dict[str, tuple[Callable[[], Any], type[AugseqError], list[str]]] = {
    # Numbers.
    "a blank number": (
        lambda: sequence(Number("n"), n=[1.0, None, 3.0, 4.0]),
        LabelError,
        ["'b/c.jpg'", "'n'", "with_column"],
    ),
    "a number that is NaN": (
        lambda: sequence(Number("n"), n=np.array([1.0, 2.0, np.nan, 4.0])),
        LabelError,
        ["'d.jpg'", "'n'"],
    ),
    "an infinite number": (
        lambda: sequence(Number("n"), n=[1.0, 2.0, np.inf, 4.0]),
        LabelError,
        ["'d.jpg'", "inf", "finite"],
    ),
    "a number beyond float32": (
        lambda: sequence(Number("n"), n=[1.0, 2.0, 3.0, -1e39]),
        LabelError,
        ["'e.jpg'", "-1e+39", "float32"],
    ),
    "text where numbers are due": (
        lambda: sequence(Number("n"), n=["1", "2", "three", "4"]),
        LabelError,
        ["'three'", "'d.jpg'", "augseq.Label"],
    ),
    "a decimal comma": (
        lambda: sequence(Number("n"), n=["1", "2,5", "3", "4"]),
        LabelError,
        ["'2,5'", "'b/c.jpg'", "Write decimals with a point"],
    ),
    "a blank text where numbers are due": (
        lambda: sequence(Number("n"), n=["1", "", "3", "4"]),
        LabelError,
        ["''", "'b/c.jpg'"],
    ),
    "times where numbers are due": (
        lambda: sequence(Number("n"), n=np.array(["2020-01-01"] * 4, "M8[ms]")),
        ArgumentError,
        ["'n' contains times", "with_column"],
    ),
    "lists of different lengths": (
        lambda: sequence(Number("n"), n=[[1, 2], [3, 4], [5], [6, 7]]),
        LabelError,
        ["2 numbers for 'a.jpg'", "1 for 'd.jpg'"],
    ),
    "empty lists of numbers": (
        lambda: sequence(Number("n"), n=[[], [], [], []]),
        LabelError,
        ["at least 1", "'a.jpg'"],
    ),
    "a column that does not exist": (
        lambda: sequence(Number("agee"), age=[1, 2, 3, 4]),
        ArgumentError,
        ["no column 'agee'", "Did you mean 'age'", "Number('agee')"],
    ),
    "a column of the manifest": (
        lambda: sequence(Number("index")),
        ArgumentError,
        ["'index' belongs to the manifest", "manifest.with_column('index_copy'"],
    ),
    "no column": (lambda: Number([]), ArgumentError, ["name of a column"]),
    "a column twice": (lambda: Number(["n", "n"]), ArgumentError, ["different names"]),
    "columns in a set": (lambda: Number({"a", "b"}), ArgumentError, ["list of different names"]),
    # Several labels.
    "an unknown tag": (
        lambda: sequence(tags("day", "sea"), t=[["day"], [], ["se", "day"], ["sea"]]),
        LabelError,
        ["'se' is not in `classes`", "'d.jpg'", "Did you mean 'sea'?"],
    ),
    "an unknown tag in a text": (
        lambda: sequence(tags("day", separator=";"), t=["day", "day; night", "", "day"]),
        LabelError,
        ["'night'", "'b/c.jpg'"],
    ),
    "another separator": (
        lambda: sequence(tags("day", "sea", separator=";"), t=["day", "day, sea", "", "day"]),
        LabelError,
        ["'day, sea'", "'b/c.jpg'", "separator=','"],
    ),
    "ids as text": (
        lambda: sequence(tags("1", "2"), t=[[1], [2], [], [1, 2]]),
        LabelError,
        ["values are of type int, the classes of type str", "'a.jpg'"],
    ),
    "missing tags": (
        lambda: sequence(tags("day"), t=[["day"], None, None, []]),
        LabelError,
        ["'b/c.jpg', 'd.jpg'", 'missing="empty"'],
    ),
    "text without a separator": (
        lambda: sequence(tags("day", "sea"), t=["day", "sea", "day;sea", ""]),
        ArgumentError,
        ['separator=";"', "augseq.Label"],
    ),
    "lists with a separator": (
        lambda: sequence(tags("day", separator=";"), t=[["day"], [], [], []]),
        ArgumentError,
        ["`separator` is for a column of text", "Remove it"],
    ),
    "tags without classes": (
        lambda: MultiLabel("t", separator=";"),
        ArgumentError,
        ["classes=images.unique('t', separator=';')"],
    ),
    "classes twice": (lambda: tags("day", "day"), ArgumentError, ["different names"]),
    "classes in a set": (
        lambda: MultiLabel("t", classes={"a"}),  # type: ignore[arg-type]
        ArgumentError,
        ["in the order of the outputs"],
    ),
    "classes as one text": (lambda: MultiLabel("t", classes="day"), ArgumentError, ["a list of"]),
    "a flag other than 0 and 1": (
        lambda: sequence(MultiLabel(["p", "q"]), p=[0, 1, 0, 1], q=[0, 1, 2, 1]),
        LabelError,
        ["MultiLabel('q')", "2 for 'd.jpg'", "augseq.Number"],
    ),
    "shares as flags": (
        lambda: sequence(MultiLabel(["p", "q"]), p=[0.5, 1, 0, 1], q=[0.5, 0, 1, 0]),
        LabelError,
        ["MultiLabel('p')", "0.5 for 'a.jpg'"],
    ),
    "flags in lists": (
        lambda: sequence(MultiLabel(["p", "q"]), p=[[0]] * 4, q=[0, 1, 1, 1]),
        ArgumentError,
        ["'p' contains lists"],
    ),
    # Classes in a column.
    "an unknown class": (
        lambda: sequence(Label("c", classes=["cat", "dog"]), c=["cat", "dog", "Dog", "cat"]),
        LabelError,
        ["'Dog'", "'d.jpg'", "Did you mean 'dog'?"],
    ),
    "a blank class": (
        lambda: sequence(Label("c", classes=["cat"]), c=["cat", None, "cat", "cat"]),
        LabelError,
        ["'b/c.jpg'"],
    ),
    "fractions as classes": (
        lambda: sequence(Label("c", classes=[0, 1]), c=[0.0, 1.0, 0.5, 0.0]),
        ArgumentError,
        ["augseq.Number"],
    ),
    "lists as classes": (
        lambda: sequence(Label("c", classes=["cat"]), c=[["cat"], [], [], []]),
        ArgumentError,
        ["augseq.MultiLabel"],
    ),
    "a column of classes without classes": (
        lambda: Label("c"),
        ArgumentError,
        ["classes=images.unique('c')"],
    ),
    "classes without a column": (
        lambda: Label(classes=["cat"]),
        ArgumentError,
        ["requires a `column`"],
    ),
    "binary labels of three classes": (
        lambda: sequence(
            Label("c", classes=["p", "q", "r"], label_mode="binary"), c=["p", "q", "r", "p"]
        ),
        ArgumentError,
        ["needs 2 classes"],
    ),
    # Weights.
    "a negative weight": (
        lambda: sequence(weights="w", w=[1.0, 1.0, -0.5, 1.0]),
        LabelError,
        ["-0.5 for 'd.jpg'", "at least 0"],
    ),
    "a blank weight": (
        lambda: sequence(weights="w", w=[1.0, None, 1.0, 1.0]),
        LabelError,
        ["'b/c.jpg'", "weights='w'"],
    ),
    "no weight but 0": (lambda: sequence(weights="w", w=[0] * 4), LabelError, ["only 0"]),
    "lists as weights": (
        lambda: sequence(weights="w", w=[[1.0, 2.0]] * 4),
        LabelError,
        ["one number per record"],
    ),
    "weights as numbers": (
        lambda: sequence(weights=[1, 2, 3, 4]),
        ArgumentError,
        ["name of a column", "with_column"],
    ),
    "weights without targets": (
        lambda: augseq.ImageSequence(images(w=[1] * 4), label_mode=None, weights="w"),
        ArgumentError,
        ["`weights` requires targets"],
    ),
    # The dicts.
    "a column in place of a target": (
        lambda: sequence("n", n=[1, 2, 3, 4]),
        ArgumentError,
        ["augseq.Number('n')", "augseq.MultiLabel('n'", "augseq.Mask('n'"],
    ),
    "a column in a dict of targets": (
        lambda: sequence({"age": "n"}, n=[1, 2, 3, 4]),
        ArgumentError,
        ["augseq.Number('n')", "{'age': 'n'}"],
    ),
    "a list of targets": (
        lambda: sequence([Number("n"), Label()], n=[1, 2, 3, 4]),
        ArgumentError,
        ["as a dict, not as a list"],
    ),
    "a class in place of a target": (
        lambda: sequence(augseq.InputImage),
        ArgumentError,
        ["augseq.InputImage(...), with parentheses"],
    ),
    "a dict of nothing": (
        lambda: sequence({}),
        ArgumentError,
        ["Received: {}", *(f"augseq.{kind}(" for kind in KINDS)],
    ),
    "a dict in a dict": (
        lambda: sequence({"head": {"age": Number("n")}}, n=[1, 2, 3, 4]),
        ArgumentError,
        ["A dict in a dict"],
    ),
    "an output without a name": (
        lambda: sequence({0: Number("n")}, n=[1, 2, 3, 4]),
        ArgumentError,
        ["names of the model's outputs"],
    ),
    "targets and a label mode": (
        lambda: augseq.ImageSequence(
            images(n=[1] * 4), targets=Number("n"), label_mode="categorical"
        ),
        ArgumentError,
        ["Only one of", "augseq.Label(label_mode='categorical')"],
    ),
    "inputs without names": (
        lambda: sequence(inputs=Number("n"), n=[1, 2, 3, 4]),
        ArgumentError,
        ["a dict of augseq.Number(...)", "names of the model's inputs"],
    ),
    "an input called image": (
        lambda: sequence(inputs={"image": Number("n")}, n=[1, 2, 3, 4]),
        ArgumentError,
        ["the name of the image itself"],
    ),
    "the image as a further input": (
        lambda: sequence(inputs={"again": augseq.InputImage()}),
        ArgumentError,
        ["always an input", "'again'"],
    ),
    # Arrays.
    "a tuple of arrays": (
        lambda: augseq.ImageSequence.from_arrays(X, (Y, Y)),
        ArgumentError,
        ["pass a dict of arrays"],
    ),
    "an array of another length in a dict": (
        lambda: augseq.ImageSequence.from_arrays(X, {"a": Y, "b": Y[:3]}),
        ArgumentError,
        ["`y['b']`", "(3, 1)"],
    ),
    "further inputs without images": (
        lambda: augseq.ImageSequence.from_arrays({"photo": X, "facts": Y}),
        ArgumentError,
        ["contains them as 'image'", "['photo', 'facts']"],
    ),
    "a further input of another length": (
        lambda: augseq.ImageSequence.from_arrays({"image": X, "facts": Y[:1]}),
        ArgumentError,
        ["`x['facts']`"],
    ),
    "weights of another shape": (
        lambda: augseq.ImageSequence.from_arrays(X, Y, sample_weight=np.ones((4, 2))),
        ArgumentError,
        ["shape (4,)", "(4, 2)"],
    ),
    "negative weights of arrays": (
        lambda: augseq.ImageSequence.from_arrays(X, Y, sample_weight=[1, 1, -1, 1]),
        ArgumentError,
        ["at least 0", "-1 to 1"],
    ),
    "weights of arrays without targets": (
        lambda: augseq.ImageSequence.from_arrays(X, sample_weight=np.ones(4)),
        ArgumentError,
        ["pass `y`"],
    ),
    "columns for arrays": (
        lambda: augseq.ImageSequence.from_arrays(X, targets=Number("n")),
        ArgumentError,
        ["`targets` reads columns", "pass arrays as `y`"],
    ),
}


@pytest.mark.parametrize(("act", "kind", "texts"), WRONG.values(), ids=WRONG)
def test_a_wrong_input_is_one_error_that_says_where_and_what_to_do(
    act: Callable[[], Any], kind: type[AugseqError], texts: list[str]
) -> None:
    with pytest.raises(kind) as caught:
        act()
    message = str(caught.value)
    for text in texts:
        assert text in message
    assert message[-1] in ".)?]}'" or "Received: " in message
