"""The scenario format's JSON Schema, and its complaints as one line with file and line number."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from devenv.core.model.yaml_lines import Document, Path

HINT = "docs/scenarios.md describes every key; 'devenv scenarios NAME' prints a working example"


@cache
def schema() -> dict[str, Any]:
    """The schema as shipped in ``devenv/scenarios/schema.json``."""
    text = files("devenv").joinpath("scenarios", "schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(schema())


@cache
def _step_validators() -> dict[str, Draft202012Validator]:
    """For each kind of step, by its key, what the schema says of it."""
    definitions = schema()["$defs"]
    kinds = [option["required"][0] for option in definitions["step"]["oneOf"]]
    return {kind: Draft202012Validator({"$defs": definitions, **definitions[kind]}) for kind in kinds}


def _is_valid(data: Any) -> bool:
    """Whether the schema allows it, checked fast: each step against the schema of its own kind only.

    False is no verdict.
    """
    steps = data.get("steps") if isinstance(data, dict) else None
    if not isinstance(steps, list) or not _validator().is_valid({**data, "steps": steps[:1]}):
        return False
    validators = _step_validators()
    for step in steps:
        kinds = [key for key in step if key in validators] if isinstance(step, dict) else []
        if len(kinds) != 1 or not validators[kinds[0]].is_valid(step):
            return False
    return True


def check(document: Document) -> None:
    """Raise UsageProblem for the first line of the document that the schema does not allow."""
    if not _is_valid(document.data):
        hold_against(document, _validator(), HINT)


def hold_against(document: Document, validator: Draft202012Validator, hint: str) -> None:
    """Raise UsageProblem, with ``hint``, for the first line of the document that ``validator`` refuses."""
    problems = [_problem(document, error) for error in validator.iter_errors(document.data)]
    if not problems:
        return
    _, path, key, message = min(problems, key=lambda problem: problem[0])
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    raise document.problem(path, message + more, key=key, hint=hint)


def _problem(document: Document, error: ValidationError) -> tuple[tuple[bool, int, int], Path, bool, str]:
    """What to sort by, the path, whether it is a key that is wrong, the words.

    Sorted by line, then the broader first; but a missing key, which is often a misspelt one, comes last.
    """
    path: Path = tuple(error.absolute_path)
    key = False
    message = _words(error)
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
        unknown = next(name for name in error.instance if name not in known)
        message = f"unknown key {unknown!r}; known: {', '.join(sorted(known))}"
        path, key = (*path, unknown), True
    elif (
        error.parent is None
        and isinstance(error.instance, str)
        and "propertyNames" in error.absolute_schema_path
    ):
        message = f"{error.instance!r} cannot be a key here: {message}"
        path, key = (*path, error.instance), True
    lines = document.key_lines if key else document.value_lines
    order = (error.validator == "required", lines.get(path, 1), len(path))
    return order, path, key, message


def _words(error: ValidationError) -> str:
    wanted: Any = error.validator_value
    instance: Any = error.instance
    given = _shown(instance)
    match error.validator:
        case "required":
            missing = next(name for name in wanted if name not in instance)
            return f"key {missing!r} is missing"
        case "oneOf":
            names = ", ".join(option["required"][0] for option in wanted)
            present = ", ".join(instance) or "none" if isinstance(instance, dict) else "none"
            return f"needs exactly one of {names}; it has {present}"
        case "enum":
            return f"{given} is not one of {', '.join(map(str, wanted))}"
        case "const":
            return f"{given} is not {wanted}"
        case "type":
            kinds: list[str] = [wanted] if isinstance(wanted, str) else wanted
            return f"{given} is not {' or '.join(_TYPES.get(kind, kind) for kind in kinds)}"
        case "pattern":
            return f"{given} does not match {wanted}"
        case "minItems" | "minProperties" | "minLength":
            return f"needs at least {wanted} {'entry' if wanted == 1 else 'entries'}"
        case "minimum" | "maximum":
            return f"{given} is {'below' if error.validator == 'minimum' else 'above'} {wanted}"
        case _:
            return " ".join(error.message.split())


_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
