"""The files of the page in a browser, for the page itself and for reports, which hold a part of it.

They are data and lie with the dashboard, which most of them are for (docs/decisions/page-without-build.md).
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

from devenv.core.render.linker import Linked, link


def _static() -> Traversable:
    return files("devenv").joinpath("dashboard", "static")


def source(name: str) -> str:
    """The text of one file, by its path below ``static``."""
    return _static().joinpath(*name.split("/")).read_text(encoding="utf-8")


@cache
def linked(entry: str, before: tuple[str, ...] = ()) -> Linked:
    """The module ``entry`` (``js/main.js``) joined with all that it needs, as ``linker.link``; read once."""
    return link(entry, _modules(_static(), ""), before)


def _modules(folder: Traversable, prefix: str) -> dict[str, str]:
    texts: dict[str, str] = {}
    for item in folder.iterdir():
        if item.is_dir():
            texts |= _modules(item, f"{prefix}{item.name}/")
        elif item.name.endswith(".js"):
            texts[prefix + item.name] = item.read_text(encoding="utf-8")
    return texts


def digest(text: str) -> str:
    """How a content policy names a script or style with this text (CSP3 §2.3.1 ``hash-source``)."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
