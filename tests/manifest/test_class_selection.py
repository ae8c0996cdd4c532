"""Select classes: their names, labels and records, without the others."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import augseq

NAMES = ("ant", "bee", "cat", "dog")


def manifest(targets: list[int | None] | None = None) -> augseq.Manifest:
    targets = [0, 3, 1, 2, 3, 0, 2, 2] if targets is None else targets
    table = pa.table(
        {
            "index": range(10, 10 + len(targets)),
            "path": [f"{n}.jpg" for n in range(len(targets))],
            "target": pa.array(targets, pa.int32()),
            "note": [f"note {n}" for n in range(len(targets))],
        }
    )
    return augseq.Manifest(root="photos", class_names=NAMES, table=table)


@pytest.mark.parametrize(
    "wanted",
    [
        ["ant"], ["dog"], ["cat", "dog"], ["dog", "cat"], ("bee", "ant"), ["dog", "ant", "cat"],
        ["bee", "dog"], NAMES, NAMES[::-1], np.array(["cat", "ant"]), {"bee": 1, "cat": 2},
    ],
)  # fmt: skip
def test_the_classes_have_the_given_order_and_records_keep_all_but_the_label(wanted: Any) -> None:
    whole = manifest()
    chosen = whole.select(class_names=wanted)
    assert chosen.class_names == tuple(wanted)
    expected = [record for record in whole if NAMES[record.target or 0] in list(wanted)]
    assert [(r.index, r.path, chosen.class_names[r.target or 0]) for r in chosen] == [
        (r.index, r.path, NAMES[r.target or 0]) for r in expected
    ]
    assert chosen.column("note").tolist() == [f"note {r.index - 10}" for r in expected]
    assert chosen.class_counts() == {name: whole.class_counts()[name] for name in wanted}


def test_a_class_without_images_can_be_selected_and_unlabelled_records_are_not() -> None:
    chosen = manifest([0, None, 3, None]).select(class_names=["cat", "dog"])
    assert chosen.class_counts() == {"cat": 0, "dog": 1}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"class_names": ["cat", "dgo"]}, "no class 'dgo'. Did you mean 'dog'"),
        ({"class_names": ["Cat"]}, "no class 'Cat'. Did you mean 'cat'"),
        ({"class_names": ["zebra"]}, "no class 'zebra'. Classes: ant, bee, cat, dog"),
        ({"class_names": "cat"}, "list of different classes.*'cat'"),
        ({"class_names": []}, "non-empty"),
        ({"class_names": ["cat", "cat"]}, "different"),
        ({"which": [0], "class_names": ["cat"]}, "Received: both"),
        ({}, "Received: neither"),
    ],
)
def test_an_invalid_selection_is_an_error(options: dict[str, Any], message: str) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=message):
        manifest().select(**options)


def test_a_manifest_without_labels_has_no_classes_to_select() -> None:
    table = manifest().table.drop_columns(["target"])
    flat = augseq.Manifest(
        root="photos", class_names=(), table=table.append_column("target", pa.nulls(8, pa.int32()))
    )
    with pytest.raises(augseq.errors.ArgumentError, match="no class 'cat'"):
        flat.select(class_names=["cat"])
