"""Pictures drawn by matplotlib (the extra ``plots``): the same bytes for the same figures."""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.stack.files import write_atomically

FORMATS = ("png", "svg")


def available() -> bool:
    """Whether matplotlib can be imported."""
    try:
        import_module("matplotlib")
    except ImportError:
        return False
    return True


def write_picture(path: Path, drawn: Callable[[str], bytes]) -> None:
    """Write to ``path`` what ``drawn`` gives for the form that its name ends in.

    Raises UsageProblem for another ending than .png and .svg, EnvironmentProblem without matplotlib, and as
    ``write_atomically``.
    """
    form = path.suffix.lower().removeprefix(".")
    if form not in FORMATS:
        raise UsageProblem(f"--plot {path}: the name ends in neither .png nor .svg")
    data = drawn(form)
    write_atomically(path, data, "--plot")


def picture(draw: Callable[[Any], None], form: str, inches: tuple[float, float]) -> bytes:
    """The bytes of what ``draw`` makes of an empty figure. EnvironmentProblem without matplotlib."""
    try:
        matplotlib = import_module("matplotlib")
        figures = import_module("matplotlib.figure")
    except ImportError as error:
        raise EnvironmentProblem(
            f"a picture needs the package matplotlib: {error}", hint="pip install 'devenv[plots]'"
        ) from error
    with matplotlib.rc_context({"svg.hashsalt": "devenv", "font.size": 10}):
        figure = figures.Figure(figsize=inches, layout="constrained")
        draw(figure)
        output = io.BytesIO()
        metadata = {"Date": None} if form == "svg" else {}
        figure.savefig(output, format=form, dpi=120, metadata=metadata)
    return output.getvalue()
