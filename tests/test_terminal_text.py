"""Untrusted text contains nothing that a terminal acts on."""

from typing import Any

import pyarrow as pa
import pytest

import augseq
from augseq import errors
from augseq.cli.print_manifest import print_counts
from augseq.terminal_text import (
    escaped,
    first_few,
    listed,
    num_columns,
    padded,
    printable_message,
    shortened,
)

RAISED = [value for value in vars(errors).values() if isinstance(value, type)]
CODES = "\x1b[2J\x1b]0;owned\x07\r\x9b\u202e\u2066\ud800\x00"


def test_control_codes_are_escaped_as_in_python() -> None:
    assert escaped("a\x1b[31mb\n\r\u202e\x9b") == r"a\x1b[31mb\n\r\u202e\x9b"
    assert escaped("Käse 猫 [red] <b> \\x1b") == "Käse 猫 [red] <b> \\x1b"


def test_a_name_is_shortened_after_it_is_escaped() -> None:
    assert shortened("cat", 3) == "cat"
    assert shortened("cat_0001.jpg", 8) == "cat….jpg"
    for most in range(1, 13):
        assert len(shortened("cat_0001.jpg", most)) == most
    assert shortened("\x1b" * 10**6, 10) == r"\x1b…b\x1b"


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("", 0),
        ("cat", 3),
        ("Käse", 4),
        ("Ka\u0308se", 4),
        ("猫和狗", 6),
        ("ネコ", 4),
        ("강아지", 6),
        ("\uff23\uff21", 4),
        ("🦊 fox", 6),
        ("❤\ufe0f", 1),
        ("שלום", 4),
    ],
)
def test_text_has_the_width_that_a_terminal_uses(text: str, columns: int) -> None:
    assert num_columns(text) == columns
    assert padded(text, 9) == text + " " * (9 - columns)
    for most in range(1, 8):
        assert num_columns(shortened(text, most)) <= most
    assert shortened(text, max(columns, 1)) == text


@pytest.mark.parametrize("kind", RAISED)
def test_no_error_or_warning_contains_a_control_code(kind: type[Exception]) -> None:
    text = str(kind(f"Cannot read {CODES}."))
    assert text.isprintable()
    assert text.startswith(r"Cannot read \x1b[2J\x1b]0;owned\x07\r\x9b\u202e")


def test_a_message_keeps_its_lines_but_is_cut_to_a_maximum_length() -> None:
    assert printable_message("one\ntwo\x1b") == "one\ntwo\\x1b"
    assert len(printable_message("x" * 10**6)) < 10_010


def test_a_record_reads_as_text_on_one_line() -> None:
    record = augseq.Record(index=3, path="a/\x1b[2J\nerror: none.jpg")
    assert str(record) == r"'a/\x1b[2J\nerror: none.jpg' (index 3)"


def test_a_table_of_classes_in_any_script_has_aligned_columns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = ("cat", "猫と犬", "강아지", "🦊", "שלום")
    table = pa.table({"index": range(5), "path": list("abcde"), "target": range(5)})
    print_counts(augseq.Manifest(root="photos", class_names=names, table=table))
    rows = [line.rsplit("1", 1)[0] for line in capsys.readouterr().out.splitlines()[1:]]
    assert len({num_columns(row) for row in rows}) == 1
    assert len({len(row) for row in rows}) > 1


@pytest.mark.parametrize(
    ("names", "most", "text"),
    [
        ([], 3, ""),
        (["cat"], 3, "'cat'"),
        (["cat", "dog"], 3, "'cat', 'dog'"),
        (["cat", "dog"], 2, "'cat', 'dog'"),
        (["cat", "dog"], 1, "'cat' and 1 more"),
        (["it's", "a\n"], 3, "\"it's\", 'a\\n'"),
        (("a", "b", "c", "d"), 3, "'a', 'b', 'c' and 1 more"),
        ({"a": 1, "b": 2}, 1, "'a' and 1 more"),
        (iter(["a", "b"]), 1, "'a' and 1 more"),
        (list(map(str, range(5003))), 3, "'0', '1', '2' and 5,000 more"),
    ],
)
def test_the_first_few_names_are_listed_and_the_others_counted(
    names: Any, most: int, text: str
) -> None:
    assert listed(names, most) == text


def test_texts_are_listed_as_they_are_with_a_word_for_the_rest() -> None:
    texts = [f"{count} x .{ending}" for count, ending in ((3, "a"), (2, "b"), (1, "c"))]
    assert first_few(texts, 2, between="; ", rest="more endings") == (
        "3 x .a; 2 x .b and 1 more endings"
    )
