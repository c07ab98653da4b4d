"""Modules that are needed later, imported while something else is waited for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from threading import Thread


@contextmanager
def importing(module: str) -> Iterator[None]:
    """Import ``module`` in a thread while the block runs; who imports it there meanwhile waits for the rest.

    What goes wrong shows where the block imports it. The thread has ended when the block is left: the
    interpreter must not end in the middle of an import.
    """

    def work() -> None:
        with suppress(Exception):
            import_module(module)

    thread = Thread(target=work, name=f"import {module}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()
