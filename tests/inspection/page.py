"""HTML read by Python's own parser."""

import base64
import io
from html.parser import HTMLParser

from PIL import Image

VOID = {"img", "meta"}


class Page(HTMLParser):
    """Tags with their attributes, the visible text, and the images of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return "\n".join(self.texts)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def of_class(self, name: str) -> list[dict[str, str | None]]:
        return [found for _, found in self.tags if name in (found.get("class") or "").split()]

    def images(self) -> list[Image.Image]:
        sources = [found["src"] or "" for found in self.named("img")]
        assert all(source.startswith("data:image/") for source in sources)
        data = [base64.b64decode(source.split(",")[1]) for source in sources]
        return [Image.open(io.BytesIO(one)) for one in data]
