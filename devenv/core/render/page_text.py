"""What a framework's HTML error page says, without its markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from devenv.core.render.visible import one_line

_PAGE = re.compile(r"\s{0,100}<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_UNSEEN = ("script", "style", "svg", "template")
_LOOKED_AT = 20_000
"""Characters of a page that are read: its title and headings stand there."""


class _Text(HTMLParser):
    """The texts of a page that a browser would show; an equal text is kept once."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: dict[str, None] = {}
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen += tag in _UNSEEN

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in _UNSEEN and self._unseen > 0

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if text and not self._unseen:
            self.texts[text] = None


def page_line(text: str, limit: int) -> str:
    """What a service answered, in one line: its ``page_text``, at most ``limit`` characters of it."""
    return one_line(" ".join(page_text(text).split()), limit)


def page_text(text: str) -> str:
    """``text`` where it is no HTML page; else what the page's first 20,000 characters show, in one line.

    A page without any text stays as it is.
    """
    if not _PAGE.match(text):
        return text
    parser = _Text()
    parser.feed(text[:_LOOKED_AT])
    parser.close()
    return " ".join(parser.texts) or text
