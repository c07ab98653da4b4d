"""YAML text → plain data, remembering the line of every key and value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from devenv.core.model.errors import UsageProblem

MOST_CHARACTERS = 1_000_000
"""Of one YAML file: a person reads no longer one, and PyYAML takes a minute for it."""
Path = tuple[str | int, ...]
"""Where something is in the document: keys and list positions (from 0)."""


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file, with the places of what is in it."""

    name: str
    """The file's name, as errors show it."""
    data: Any
    """The parsed data."""
    value_lines: Mapping[Path, int]
    """The lines (from 1) of values."""
    key_lines: Mapping[Path, int]
    """The lines (from 1) of mapping keys."""
    plain: Mapping[Path, str] = field(default_factory=dict)
    """The text, as written, of every scalar that neither quotes nor a tag make a text."""

    def problem(
        self, path: Path, message: str, *, key: bool = False, hint: str | None = None
    ) -> UsageProblem:
        """A UsageProblem that names file and line of the value at ``path``, or with ``key`` of its key."""
        line = (self.key_lines if key else self.value_lines).get(path, 1)
        where = _spoken(path[:-1] if key else path)
        return UsageProblem(f"{self.name}:{line}: {where}{message}", hint=hint)

    def line(self, path: Path) -> int:
        """The line (from 1) of the value at ``path``."""
        return self.value_lines.get(path, 1)


class _ScalarNode(yaml.ScalarNode):
    """A scalar of which it is known whether the file gives it a tag (``!!str``)."""

    tagged = False


class _Loader(yaml.SafeLoader):
    """Remembers which scalars have a tag."""

    def compose_scalar_node(self, anchor: Any) -> yaml.ScalarNode:
        tagged = self.peek_event().tag is not None  # type: ignore[no-untyped-call]
        node: yaml.ScalarNode = super().compose_scalar_node(anchor)
        marks = (node.start_mark, node.end_mark, node.style)
        made = _ScalarNode(node.tag, node.value, *marks)
        made.tagged = tagged
        if anchor is not None:
            self.anchors[anchor] = made
        return made


class _KubernetesLoader(_Loader):
    """Reads dates and ``=`` as text, as Kubernetes does."""


_KubernetesLoader.yaml_implicit_resolvers = {
    first: [
        resolver
        for resolver in resolvers
        if resolver[0] not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_TEXT = "tag:yaml.org,2002:str"
SCENARIO_HINT = "docs/scenarios.md describes the format"


def read_document(text: str, name: str, hint: str = SCENARIO_HINT) -> Document:
    """Parse one YAML document; ``name`` stands in error messages, ``hint`` in that for an empty file.

    Raises UsageProblem with the line for broken YAML, a key given twice, a key that is not text, and anchors
    (which YAML would let grow without bound).
    """
    documents = _documents(text, name, _Loader)
    if not documents:
        raise UsageProblem(f"{name}:1: the file is empty", hint=hint)
    if len(documents) > 1:
        line = documents[1].line(())
        raise UsageProblem(f"{name}:{line}: one YAML document is wanted, and here begins another")
    return documents[0]


def read_manifests(text: str, name: str) -> tuple[Document, ...]:
    """Parse a Kubernetes file of any number of documents; empty ones are left out.

    Raises as ``read_document``.
    """
    return _documents(text, name, _KubernetesLoader)


def _documents(text: str, name: str, kind: type[_Loader]) -> tuple[Document, ...]:
    if len(text) > MOST_CHARACTERS:
        raise UsageProblem(f"{name}: it has {len(text)} characters, at most {MOST_CHARACTERS} are read")
    try:
        loader = kind(text)
    except yaml.YAMLError as error:  # characters that YAML does not allow
        raise UsageProblem(f"{name}:1: not readable as YAML: {_one_line(str(error))}") from error
    documents = []
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is None or node.tag == "tag:yaml.org,2002:null":
                continue
            values: dict[Path, int] = {}
            keys: dict[Path, int] = {}
            _mark(node, (), name, values, keys, set())
            plain = dict(_plain(node, ()))
            documents.append(Document(name, loader.construct_document(node), values, keys, plain))
        return tuple(documents)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        sentence = ", ".join(_one_line(part) for part in (error.context, error.problem) if part)
        raise UsageProblem(f"{name}:{line}: not readable as YAML: {sentence}") from error
    except RecursionError as error:
        line = loader.line + 1
        raise UsageProblem(f"{name}:{line}: not readable as YAML: nested too deeply") from error
    except (ValueError, OverflowError) as error:  # a number like 0x_, a date out of range
        raise UsageProblem(f"{name}:1: not readable as YAML: {_one_line(str(error))}") from error
    finally:
        loader.dispose()


def _mark(
    node: yaml.Node, path: Path, name: str, values: dict[Path, int], keys: dict[Path, int], seen: set[int]
) -> None:
    line = node.start_mark.line + 1
    if id(node) in seen:
        raise UsageProblem(f"{name}:{line}: anchors (&, *) are not supported; write the part out")
    seen.add(id(node))
    values[path] = line
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _mark(item, (*path, index), name, values, keys, seen)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            key_line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag != _TEXT:
                shown = f"{key.value!r} is not (to YAML on, off, yes and no are true and false)"
                written = shown if isinstance(key, yaml.ScalarNode) else "a list or mapping is not"
                raise UsageProblem(f"{name}:{key_line}: a key must be text and {written}; quote it")
            inner = (*path, key.value)
            if inner in keys:
                raise UsageProblem(
                    f"{name}:{key_line}: key {key.value!r} is given twice (first in line {keys[inner]})"
                )
            keys[inner] = key_line
            _mark(value, inner, name, values, keys, seen)


def _plain(node: yaml.Node, path: Path) -> Iterator[tuple[Path, str]]:
    """The scalars of ``node`` whose type the reader chooses, by path."""
    if isinstance(node, _ScalarNode):
        if node.tag != _TEXT or (node.style is None and not node.tagged):
            yield path, node.value
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _plain(item, (*path, index))
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _plain(value, (*path, key.value))


def _spoken(path: Path) -> str:
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return f"{text}: " if text else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())
