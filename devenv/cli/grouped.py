"""Options that are declared once, as the fields of a dataclass, and shared by verbs.

A verb takes such a dataclass as a parameter; ``grouped`` shows the command line its fields as single options
and calls the verb with the dataclass made of them.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_type_hints


def grouped(verb: Callable[..., None]) -> Callable[..., None]:
    """``verb`` with each parameter that is a dataclass replaced by the dataclass's fields.

    Raises TypeError where two parameters or fields have one name.
    """
    hints = get_type_hints(verb, include_extras=True)
    parameters: list[inspect.Parameter] = []
    groups: dict[str, tuple[type, tuple[str, ...]]] = {}
    for name, parameter in inspect.signature(verb).parameters.items():
        if is_dataclass(hints[name]):
            expanded = _fields(hints[name])
            groups[name] = hints[name], tuple(each.name for each in expanded)
            parameters += expanded
        else:
            kind = inspect.Parameter.KEYWORD_ONLY
            parameters.append(parameter.replace(kind=kind, annotation=hints[name]))
    names = [parameter.name for parameter in parameters]
    if len(set(names)) < len(names):
        raise TypeError(f"{verb.__name__}: an option is declared twice: {sorted(names)}")

    @functools.wraps(verb)
    def call(**values: Any) -> None:
        made = {
            name: group(**{field: values.pop(field) for field in members})
            for name, (group, members) in groups.items()
        }
        verb(**values, **made)

    call.__signature__ = inspect.Signature(parameters, return_annotation=None)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return call


def _fields(group: Any) -> list[inspect.Parameter]:
    """A dataclass's fields as parameters with their annotations and defaults."""
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(group)
    ]
