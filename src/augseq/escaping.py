"""Text from files and folders, made harmless to a terminal: the one place for that."""


def escaped(text: str) -> str:
    r"""Write what is not printable as Python does: control codes, line ends, marks of direction.

    >>> escaped("cat\x1b[2J\n")
    'cat\\x1b[2J\\n'
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def shortened(text: str, most: int) -> str:
    """Return a text in one line of at most `most` characters, escaped and cut in its middle.

    >>> shortened("cat_0001.jpg", 8), shortened("cat_0001.jpg", 1)
    ('cat….jpg', '…')
    """
    # Cut first as well: a name may have millions.
    if len(text) > 2 * most:
        text = f"{text[:most]}{text[-most:]}"
    text = escaped(" ".join(text.split()))
    if len(text) <= most:
        return text
    # Of names of files, the end tells more: it has the number.
    end = most // 2
    return f"{text[: most - end - 1]}…{text[len(text) - end :]}"


def printable_message(text: str, most: int = 10_000) -> str:
    """Return a message that keeps its lines and nothing else that a terminal acts on."""
    if len(text) > most:
        text = f"{text[: most // 2]} [...] {text[-most // 2 :]}"
    return "\n".join(map(escaped, text.split("\n")))
