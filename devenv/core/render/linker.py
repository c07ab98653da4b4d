"""The page's modules as one script: sent in the page itself, so that nothing of it can be lost on the way.

A browser that loads thirty modules asks thirty times, and shows nothing at all where one answer is broken off
(Chromium breaks off all of them when a network of the machine comes or goes). So the control process joins
them when it starts: each module becomes a function that gives its exports, in the order in which they need
each other. No build step, no tool: the files are as they are written, and this knows only the forms of
``import`` and ``export`` that they use; any other form is a LinkError, which a test would show.

A module that is loaded later, by ``import("./name.js")``, is a script of its own with what it needs besides.
Comments of types, comments behind a line, empty lines and indentation are left out, also the indentation
inside templates: HTML reads a line break with blanks as it reads a line break (no template has a ``<pre>``
over several lines, which a test watches).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MODULES = "devenvModules"
"""The global object that holds the exports of each module, by path."""
_INSIDE = "$m"
"""What it is called inside a module: short, and no name that a module uses."""

_IMPORT = re.compile(
    r"""^import\s*(?:(?P<names>\{[^}]*\})\s*from\s*)?["'](?P<path>[^"']+)["'];?[ \t]*\n?""", re.MULTILINE
)
_MINIFIED_IMPORT = re.compile(r"""import(?P<names>\{[^}]*\})from"(?P<path>[^"]+)";""")
_LATER = re.compile(r"""\bimport\("(?P<path>[^"]+)"\)""")
_DECLARED = re.compile(r"^export (?=(?:async )?(?:const|function|class) (?P<name>\w+))", re.MULTILINE)
_EXPORT_LIST = re.compile(r"(?:^|(?<=[;}]))export\s*\{(?P<names>[^}]*)\};?", re.MULTILINE)
_COMMENTS = re.compile(
    r"^[ \t]*/\*\*(?:(?!\*/)[\s\S])*\*/[ \t]*\n|^[ \t]*//.*\n|/\*\* @(?:type|param|import)\b[^\n]*?\*/ ?",
    re.MULTILINE,
)
_INDENTATION = re.compile(r"^[ \t]+|\n(?=\n)|(?<=[;{,]) // [^\n`\"]*$", re.MULTILINE)
_LEFT_OVER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_LOADER = f"""const {MODULES} = globalThis.{MODULES} = {{}};
{MODULES}.load = async (name) => {{
  for (let tried = 0; ; tried += 1) {{
    try {{
      if (!{MODULES}[name]) await import(`/static/later/${{name}}${{tried ? `?${{tried}}` : ""}}`);
      return {MODULES}[name];
    }} catch (error) {{
      if (tried === 5) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100 << tried));
    }}
  }}
}};
"""


class LinkError(ValueError):
    """A module that cannot be joined: names its path, and what is not understood."""


@dataclass(frozen=True, slots=True)
class _Module:
    """One module, taken apart."""

    path: str
    needs: tuple[str, ...]
    """The modules that it imports, in order."""
    later: tuple[str, ...]
    """The modules that it imports while it runs."""
    text: str
    """As a function's body that gives the exports."""


@dataclass(frozen=True, slots=True)
class Linked:
    """A page's scripts."""

    first: str
    """What runs at once."""
    later: Mapping[str, str]
    """What is loaded when it is wanted, by module: itself, and what it needs and ``first`` has not."""


def link(entry: str, sources: Mapping[str, str], before: Sequence[str] = ()) -> Linked:
    """Join the module ``entry`` with all that it imports; ``sources`` are texts by path.

    ``before``: modules that are there before it, though it would only load them while it runs.
    Raises LinkError for a module that is missing, a circle of imports, or a form that is not known.
    """
    modules: dict[str, _Module] = {}
    first: list[str] = []
    for path in (*before, entry):
        first += [name for name in _in_order(path, sources, modules, ()) if name not in first]
    later: dict[str, str] = {}
    asked = [path for name in first for path in modules[name].later]
    while asked:
        path = asked.pop()
        if path in later or path in first:
            continue
        order = [name for name in _in_order(path, sources, modules, ()) if name not in first]
        later[path] = "".join(_wrapped(modules[name]) for name in order)
        asked += [other for name in order for other in modules[name].later]
    return Linked(_LOADER + "".join(_wrapped(modules[name]) for name in first), later)


def _in_order(
    path: str, sources: Mapping[str, str], modules: dict[str, _Module], above: tuple[str, ...]
) -> list[str]:
    """The module and all that it needs, each after what it needs itself."""
    if path in above:
        raise LinkError(f"{path}: a circle of imports: {' -> '.join((*above, path))}")
    if path not in modules:
        if path not in sources:
            raise LinkError(f"{above[-1] if above else path}: there is no module {path}")
        modules[path] = _module(path, sources[path])
    order: list[str] = []
    for needed in modules[path].needs:
        order += [name for name in _in_order(needed, sources, modules, (*above, path)) if name not in order]
    return [*order, path]


def _wrapped(module: _Module) -> str:
    return f'{MODULES}["{module.path}"] ??= (({_INSIDE}) => {{\n{module.text}}})({MODULES});\n'


def _module(path: str, source: str) -> _Module:
    folder = posixpath.dirname(path)
    needs: list[str] = []
    later: list[str] = []

    def resolve(relative: str) -> str:
        return posixpath.normpath(posixpath.join(folder, relative))

    def taken(match: re.Match[str]) -> str:
        needs.append(resolve(match["path"]))
        names = match["names"]
        return f'const {_pairs(names)} = {_INSIDE}["{needs[-1]}"];\n' if names else ""

    def loaded(match: re.Match[str]) -> str:
        later.append(resolve(match["path"]))
        return f'{_INSIDE}.load("{later[-1]}")'

    exports: list[str] = []

    def listed(match: re.Match[str]) -> str:
        exports.extend(part.strip() for part in match["names"].split(",") if part.strip())
        return ""

    text = _INDENTATION.sub("", _COMMENTS.sub("", source)) if not path.startswith("vendor/") else source
    text = _IMPORT.sub(taken, text)
    text = _MINIFIED_IMPORT.sub(taken, text)
    text = _LATER.sub(loaded, text)
    exports += [match["name"] for match in _DECLARED.finditer(text)]
    text = _EXPORT_LIST.sub(listed, _DECLARED.sub("", text))
    text = re.sub(r"^//# sourceMappingURL=.*\n?", "", text, flags=re.MULTILINE)
    if (rest := _LEFT_OVER.search(text)) is not None:
        raise LinkError(f"{path}: not a form of import or export that is known: {rest[0][:80]}")
    given = ", ".join(_turned(name) for name in exports)
    return _Module(path, tuple(needs), tuple(later), f"{text.strip()}\nreturn {{ {given} }};\n")


def _pairs(names: str) -> str:
    """``{a as b, c}`` as a pattern: ``{a: b, c}``."""
    return re.sub(r"\s+as\s+", ": ", names)


def _turned(name: str) -> str:
    """``a as b`` of an export's list as a property: ``b: a``."""
    inner, _, outer = name.partition(" as ")
    return f"{outer.strip()}: {inner.strip()}" if outer else inner
