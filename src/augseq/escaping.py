"""Text from files and folders, made harmless to a terminal: the one place for that."""


def escaped(text: str) -> str:
    r"""Write what is not printable as Python does: control codes, line ends, marks of direction.

    >>> escaped("cat\x1b[2J\n")
    'cat\\x1b[2J\\n'
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def shown(name: str, most: int) -> str:
    """Return a name as people may read it, escaped and of at most `most` characters."""
    # Cut first as well: a name may have millions.
    text = escaped(name[: most + 1])
    return text if len(text) <= most else text[: most - 1] + "…"


def message(text: str, most: int = 10_000) -> str:
    """Return a message that keeps its lines and nothing else that a terminal acts on."""
    if len(text) > most:
        text = f"{text[: most // 2]} [...] {text[-most // 2 :]}"
    return "\n".join(map(escaped, text.split("\n")))
