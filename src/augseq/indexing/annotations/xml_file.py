"""Read small XML files, with the line of each element, and without any expansion of entities."""

from dataclasses import dataclass, field
from xml.parsers import expat

from augseq.errors import ManifestError

# Annotations nest a handful of levels.
_MOST_LEVELS = 50


@dataclass(slots=True)
class Element:
    """An element of an XML file.

    Attributes:
        name: Its tag.
        line: Line on which it begins, from 1.
        attributes: Its attributes.
        text: Its text, without spaces around it.
        children: The elements in it.
    """

    name: str
    line: int
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    children: "list[Element]" = field(default_factory=list)

    def all(self, name: str) -> "list[Element]":
        """Return the child elements with a name."""
        return [child for child in self.children if child.name == name]

    def find(self, name: str) -> "Element | None":
        """Return the first child element with a name, if any."""
        return next(iter(self.all(name)), None)

    def value(self, name: str) -> str | None:
        """Return the text of the first child element with a name, if any."""
        child = self.find(name)
        return None if child is None else child.text


def parse_xml(data: bytes, source: str) -> Element:
    """Parse an XML file.

    A document type is refused: it could declare entities that expand to gigabytes, or that read
    other files.

    Args:
        data: The whole file.
        source: Its name, as in messages.

    Raises:
        ManifestError: It is not well-formed, declares a document type, or nests too deeply.
    """
    top = Element("", 0)
    path = [top]
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(path) > _MOST_LEVELS:
            raise _error(source, parser.CurrentLineNumber, f"nests over {_MOST_LEVELS} levels")
        element = Element(name, parser.CurrentLineNumber, attributes)
        path[-1].children.append(element)
        path.append(element)

    def end(_: str) -> None:
        path[-1].text = path[-1].text.strip()
        path.pop()

    def text(data: str) -> None:
        path[-1].text += data

    def refuse(*_: object) -> None:
        raise _error(
            source,
            parser.CurrentLineNumber,
            "declares a document type or entities, which annotations do not need. Delete it",
        )

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = text, refuse
    try:
        parser.Parse(data, True)
    # An unknown encoding is a LookupError.
    except (expat.ExpatError, LookupError, ValueError) as error:
        if isinstance(error, ManifestError):
            raise
        hint = "" if _is_utf8(data) else " Save it as UTF-8."
        raise ManifestError(f"{source} is not well-formed XML: {error}.{hint}") from error
    return top.children[0]


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _error(source: str, line: int, text: str) -> ManifestError:
    return ManifestError(f"{source}, line {line}: the XML {text}.")
