"""Text from files and folders, made harmless to a terminal: the one place for that."""

import unicodedata


def escaped(text: str) -> str:
    r"""Write what is not printable as Python does: control codes, line ends, marks of direction.

    >>> escaped("cat\x1b[2J\n")
    'cat\\x1b[2J\\n'
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def shortened(text: str, most: int) -> str:
    """Return a text in one line of at most `most` columns, escaped and cut in its middle.

    >>> shortened("cat_0001.jpg", 8), shortened("cat_0001.jpg", 1)
    ('cat….jpg', '…')
    """
    # Cut first as well: a name may have millions.
    if len(text) > 2 * most:
        text = f"{text[:most]}{text[-most:]}"
    text = escaped(" ".join(text.split()))
    if num_columns(text) <= most:
        return text
    # Of names of files, the end tells more: it has the number.
    end = most // 2
    return f"{_beginning(text, most - end - 1)}…{_beginning(text[::-1], end)[::-1]}"


def num_columns(text: str) -> int:
    """Count the columns of a terminal that a text takes: two for a Chinese character or an emoji.

    >>> num_columns("cat"), num_columns("猫")
    (3, 2)
    """
    return len(text) if text.isascii() else sum(map(_width, text))


def padded(text: str, width: int) -> str:
    """Return a text with spaces behind it, `width` columns wide or wider."""
    return text + " " * (width - num_columns(text))


def _width(sign: str) -> int:
    if unicodedata.combining(sign) or unicodedata.category(sign) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def _beginning(text: str, most: int) -> str:
    """Return as many of the first characters as fit into so many columns."""
    for end, sign in enumerate(text):
        most -= _width(sign)
        if most < 0:
            return text[:end]
    return text


def printable_message(text: str, most: int = 10_000) -> str:
    """Return a message that keeps its lines and nothing else that a terminal acts on."""
    if len(text) > most:
        text = f"{text[: most // 2]} [...] {text[-most // 2 :]}"
    return "\n".join(map(escaped, text.split("\n")))
