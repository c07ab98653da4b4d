"""A team's nginx.conf taken over."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from devenv.core.balancers.nginx import FILE, STREAM
from devenv.core.balancers.own_copy import OwnCopy
from devenv.core.balancers.setting import CLIENT_HEADER, Place

_TOKEN = re.compile(
    r"""\s+|\#[^\n]*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[{};]|(?:\$\{[^}]*\}|\\.|[^\s{};"'#])[^\s{};]*"""
)
_LEFT_OUT = {
    "user": "the user of this process is kept", "daemon": "it runs in the foreground", "pid": "its place",
    "error_log": "its place", "access_log": "its place", "include": "", "resolver": "no name is looked up",
    "http2": "plain HTTP here", "worker_rlimit_nofile": "the limit of this process is kept",
}  # fmt: skip
_TYPES = ("mime.types", "fastcgi_params", "proxy_params", "uwsgi_params")
_MODULES = re.compile(r"(?:^|/)modules-enabled/")
_REFUSED = {
    "load_module": "its modules are those that were built in", "auth_request": "it asks another service",
    "proxy_bind": "it is an address of another machine", "js_import": "it needs the module njs",
    "lua_package_path": "it needs the module lua", "content_by_lua_block": "it needs the module lua",
    "access_by_lua_block": "it needs the module lua",
}  # fmt: skip
_TEMPS = (
    "client_body_temp_path",
    "proxy_temp_path",
    "fastcgi_temp_path",
    "uwsgi_temp_path",
    "scgi_temp_path",
)
_PODS = "devenv_pods"
_DEEPEST = 100
"""Blocks in blocks: nginx has some ten places where they may stand."""
_MOST_ADDED = 1_000_000
"""Characters: headers of one block are repeated for each proxy_pass that inherits them."""


@dataclass(slots=True)
class Directive:
    """One directive: its words, where it stands in the text, and what is in its block."""

    words: tuple[str, ...]
    start: int
    """Where it begins in the text."""
    end: int
    """Behind its last character."""
    line: int
    """From 1."""
    block: list[Directive] | None = None
    """The directives in its block; None: it has no block."""
    inside: int = 0
    """Where the block's content begins."""
    parent: Directive | None = field(default=None, repr=False)
    """The directive in whose block it stands."""

    @property
    def name(self) -> str:
        """Its first word."""
        return self.words[0]

    def walk(self) -> Iterator[Directive]:
        """Itself and all below it."""
        left = [self]
        while left:
            directive = left.pop()
            yield directive
            left.extend(reversed(directive.block or ()))


def adapt(copy: OwnCopy, place: Place) -> dict[str, str]:
    """The copy of nginx.conf."""
    root = parse(copy)
    everything = list(root.walk())[1:]
    spans: list[tuple[int, int, str]] = []

    def put(directive: Directive, text: str, why: str) -> None:
        end = directive.inside if directive.block is not None and text.endswith("{") else directive.end
        before = copy.text[directive.start : end]
        spans.append((directive.start, end, copy.changed(directive.line, before, text, why)))

    upstreams = upstreams_of(everything)
    chosen = entrance(copy, everything)
    needs_pods = listens = False
    sockets = 0
    for each in everything:
        if each.name in _REFUSED:
            copy.refuse(each.line, f"{each.name}: {_REFUSED[each.name]}")
        is_types = each.words[-1].endswith(_TYPES) or _MODULES.search(each.words[-1]) is not None
        if each.name == "include" and not is_types:
            copy.refuse(
                each.line, f"include {each.words[1]}", "put what is in the included files into this one"
            )
        if each.name in _LEFT_OUT or each.name.startswith(("ssl_", "proxy_ssl_", "http2_")):
            put(
                each,
                "",
                _LEFT_OUT.get(each.name)
                or ("a file of another machine" if each.name == "include" else "plain HTTP here"),
            )
        elif each.name == "listen":
            if each.parent is chosen and not listens:
                listens = True
                put(each, f"listen {place.host}:{place.port};", "its port here, without TLS")
            else:
                sockets += 1
                put(each, f"listen unix:other-{sockets}.sock;", "not the entrance")
        elif each.name in _TEMPS or each.name.endswith("_cache_path"):
            put(each, " ".join([each.name, each.name, *each.words[2:]]) + ";", "its place")
        elif each.name == "proxy_pass":
            needs_pods |= _proxy_pass(copy, each, upstreams, put)
        elif each.name == "return" and each.parent is chosen and re.search(r"https://", " ".join(each.words)):
            put(each, "", "plain HTTP here")
    for upstream in upstreams.values():
        _servers(copy, upstream, place, put)
    spans += _insertions(copy, everything, chosen, place, needs_pods)
    copy.lines = list(range(1, copy.text.count("\n") + 2))
    return {FILE: _with(copy.text, spans, _top(everything, place))}


def _top(everything: list[Directive], place: Place) -> str:
    """What stands before all else, in the first line: line numbers stay."""
    workers = [each for each in everything if each.name == "worker_processes"]
    single = not workers or workers[0].words[1:] == ("1",)
    sets_master = any(each.name == "master_process" for each in everything)
    process = "" if sets_master else "master_process off; " if single else ""
    user = f"user {place.user}; " if place.user and not single else ""
    events = "" if any(each.name == "events" for each in everything) else "events {} "
    return f"daemon off; {process}{user}pid nginx.pid; error_log stderr; {events}"


def _insertions(
    copy: OwnCopy, everything: list[Directive], chosen: Directive, place: Place, needs_pods: bool
) -> list[tuple[int, int, str]]:
    """The places of temporary files, and the header that names the client's connection."""
    spans = []
    added = 0
    names = {each.name for each in everything}
    temps = "".join(f" {name} {name};" for name in _TEMPS if name not in names)
    lines: dict[int, list[str]] = {}
    for each in everything:
        if each.name == "proxy_set_header":
            lines.setdefault(id(each.parent), []).append(f" {' '.join(each.words)};")
    headers = {block: "".join(texts) for block, texts in lines.items()}
    for each in everything:
        if each.name == "http" and each.block is not None:
            pods = "".join(f" server {server.host}:{server.port};" for server in place.servers)
            extra = f" upstream {_PODS} {{{pods} }}" if needs_pods else ""
            spans.append((each.inside, each.inside, f" access_log off;{temps}{extra}"))
        if each.name == "proxy_pass" and not inside(each, STREAM):
            spans.append(
                (each.end, each.end, f" proxy_set_header {CLIENT_HEADER} $remote_addr:$remote_port;")
            )
            if id(each.parent) not in headers:
                spans[-1] = (each.end, each.end, spans[-1][2] + _inherited(each, headers))
            added += len(spans[-1][2])
            if added > _MOST_ADDED:
                copy.refuse(each.line, f"what each proxy_pass inherits is over {_MOST_ADDED} characters")
    if needs_pods:
        copy.upstreams = max(copy.upstreams, 1)
    return spans


def _inherited(each: Directive, headers: Mapping[int, str]) -> str:
    """The headers that a block inherits only while it sets none of its own. ``headers``: by their block."""
    above = each.parent.parent if each.parent is not None else None
    while above is not None:
        if given := headers.get(id(above)):
            return given
        above = above.parent
    return ""


def upstreams_of(everything: list[Directive]) -> dict[str, Directive]:
    """The upstream blocks, by their names."""
    return {each.words[1]: each for each in everything if each.name == "upstream" and len(each.words) > 1}


def entrance(copy: OwnCopy, everything: list[Directive]) -> Directive:
    """The server block that forwards to servers: clients come in there."""
    servers = [each for each in everything if each.name == "server" and each.block is not None]
    for server in servers:
        if any(each.name == "proxy_pass" for each in server.walk()):
            return server
    copy.refuse(servers[0].line if servers else 1, "no server block has a proxy_pass")


def _proxy_pass(copy: OwnCopy, each: Directive, upstreams: dict[str, Directive], put: object) -> bool:
    """Forward to its upstream, or to all pods where it names a host itself. Whether it does."""
    target = each.words[1]
    match = re.fullmatch(r"(?:(https?)://)?([^/\s]+)(/.*)?", target)
    if match is None or "$" in (match[2] or ""):
        copy.refuse(each.line, f"proxy_pass {target}: where it forwards to is decided by a variable")
    scheme = "http://" if match[1] else ""
    host = match[2] if match[2] in upstreams else _PODS
    assert callable(put)
    if scheme + host + (match[3] or "") != target:
        put(
            each,
            f"proxy_pass {scheme}{host}{match[3] or ''};",
            "all pods" if host == _PODS else "plain HTTP here",
        )
    return host == _PODS


def _servers(copy: OwnCopy, upstream: Directive, place: Place, put: object) -> None:
    number = 0
    assert callable(put)
    for each in upstream.block or ():
        if each.name == "server":
            pod = place.servers[copy.server(each.line, number, each.words[1])]
            kept = [word for word in each.words[2:] if word != "resolve"]
            put(each, " ".join(["server", f"{pod.host}:{pod.port}", *kept]) + ";", pod.name)
            number += 1


def inside(each: Directive, block: str) -> bool:
    """Whether a block of this name is around it."""
    above = each.parent
    while above is not None:
        if above.words[:1] == (block,):
            return True
        above = above.parent
    return False


def _with(text: str, spans: list[tuple[int, int, str]], top: str) -> str:
    parts, position = [top], 0
    ordered = sorted(enumerate(spans), key=lambda item: (*item[1][:2], -item[0]))  # the last comes first
    for _, (start, end, new) in ordered:
        lines = text.count("\n", start, end) - new.count("\n")
        parts += [text[position:start], new, "\n" * max(0, lines)]
        position = max(position, end)
    return "".join([*parts, text[position:]])


def parse(copy: OwnCopy) -> Directive:
    """The directives, with their places."""
    root = Directive(("main",), 0, len(copy.text), 1, [])
    stack, start, position = [root], -1, 0
    words: list[str] = []
    line = counted = 0
    while position < len(copy.text):
        match = _TOKEN.match(copy.text, position)
        if match is None:
            copy.refuse(copy.text.count("\n", 0, position) + 1, "it is no nginx configuration here")
        token, position = match[0], match.end()
        if token.isspace() or token.startswith("#"):
            continue
        if token in ("{", ";"):
            if not words:
                copy.refuse(copy.text.count("\n", 0, position) + 1, f"{token!r} without a directive")
            line += copy.text.count("\n", counted, start)
            counted = start
            inner: list[Directive] | None = [] if token == "{" else None  # noqa: S105
            made = Directive(tuple(words), start, position, line + 1, inner, position, stack[-1])
            block = stack[-1].block
            assert block is not None
            block.append(made)
            if token == "{":  # noqa: S105
                stack.append(made)
                if len(stack) > _DEEPEST:
                    copy.refuse(made.line, f"blocks stand in blocks more than {_DEEPEST} deep")
            words, start = [], -1
        elif token == "}":  # noqa: S105
            if len(stack) == 1:
                copy.refuse(copy.text.count("\n", 0, position) + 1, "'}' without a block")
            stack.pop().end = position
        else:
            start = match.start() if not words else start
            words.append(token)
    if len(stack) > 1:
        copy.refuse(stack[-1].line, f"the block {stack[-1].name} does not end")
    return root
