"""A team's haproxy.cfg taken over, line by line."""

from __future__ import annotations

import re
from dataclasses import dataclass

from devenv.core.balancers.haproxy import FILE
from devenv.core.balancers.own_copy import OwnCopy
from devenv.core.balancers.setting import CLIENT_HEADER, Place

_SECTIONS = (
    "global",
    "defaults",
    "frontend",
    "backend",
    "listen",
    "resolvers",
    "peers",
    "userlist",
    "program",
    "cache",
)
_USER, _PLACE, _TLS = "the user of this process is kept", "its place", "plain HTTP here"
_ELSEWHERE, _FRONT = "a file of another machine", "it runs in the foreground"
_LEFT_OUT = {
    "user": _USER, "group": _USER, "uid": _USER, "gid": _USER, "setcap": _USER,
    "chroot": _PLACE, "pidfile": _PLACE, "log": _PLACE, "log-format": _PLACE, "log-send-hostname": _PLACE,
    "daemon": _FRONT, "master-worker": _FRONT, "ca-base": _TLS, "crt-base": _TLS, "errorfile": _ELSEWHERE,
    "external-check": "no other program is run",
}  # fmt: skip
_LIMIT = "the limit of this process is kept"
_OF_GLOBAL = {"maxconn": _LIMIT, "ulimit-n": _LIMIT, "fd-hard-limit": _LIMIT, "cpu-map": _LIMIT}
"""Left out in the section global alone."""
_REFUSED = {
    "lua-load": _ELSEWHERE,
    "lua-load-per-thread": _ELSEWHERE,
    "server-template": "its servers come from a name service",
    "program": "it runs another program",
    "filter": "it needs a filter",
    "use-server": "it fixes which server gets a request",
    "dispatch": "it has one server by address alone",
}
_TLS_WORDS = {
    "ssl": 0, "check-ssl": 0, "send-proxy": 0, "send-proxy-v2": 0, "verify": 1, "verifyhost": 1,
    "ca-file": 1, "crt": 1, "sni": 1, "alpn": 1, "resolvers": 1, "init-addr": 1, "resolve-prefer": 1,
}  # fmt: skip
"""Words of a server that are left out, with the number of words that follow each."""


@dataclass
class ConfigLine:
    """A line of the file."""

    number: int
    """From 1."""
    words: list[str]
    """Empty: a blank line or a comment."""
    section: str
    """The kind of the section that it stands in, as backend."""
    name: str
    """The section's own name."""


def adapt(copy: OwnCopy, place: Place) -> dict[str, str]:
    """The copy of haproxy.cfg."""
    lines = read(copy)
    entrance = entrance_of(copy, lines)
    out, servers, sockets, entered = [], 0, 0, False
    section = ("", "")
    for line, text in zip(lines, copy.text.split("\n"), strict=True):
        words = line.words
        if not words:
            out.append(text)
            continue
        key = words[0]
        if (line.section, line.name) != section:
            section, servers = (line.section, line.name), 0
        new, why = text, ""
        if key in _REFUSED or line.section == "program":
            copy.refuse(
                line.number, f"{key}: {_REFUSED.get(key) or 'which server gets a request is fixed by it'}"
            )
        elif line.section in ("resolvers", "peers"):
            new, why = "", "no other machine is asked"
        elif line.section == "global" and key in _OF_GLOBAL:
            new, why = "", _OF_GLOBAL[key]
        elif _left_out(words):
            new, why = "", _LEFT_OUT.get(key) or "plain HTTP here" if key in _LEFT_OUT else "its place or TLS"
        elif key == "bind":
            is_entrance = (line.section, line.name) == entrance
            if is_entrance and not entered:
                new, why, entered = f"  bind {place.host}:{place.port}", "its port here, without TLS", True
                if _mode(lines, line) == "http":
                    out.append(
                        copy.changed(line.number, text, new, why)
                        + f"\n  http-request set-header {CLIENT_HEADER} %[src]:%[src_port]"
                    )
                    continue
            elif is_entrance:
                new, why = "", "one entrance is enough"
            else:
                sockets += 1
                new, why = f"  bind unix@other-{sockets}.sock", "not the entrance"
        elif key == "server":
            pod = place.servers[copy.server(line.number, servers, words[1])]
            servers += 1
            new, why = (
                f"  server {words[1]} {pod.host}:{pod.port} {' '.join(_kept(words[3:]))}".rstrip(),
                pod.name,
            )
        elif key in ("redirect", "http-request") and "scheme" in words and "https" in words:
            new, why = "", "plain HTTP here"
        out.append(text if not why else copy.changed(line.number, text, new, why))
    copy.lines = [line.number for line, text in zip(lines, out, strict=True) for _ in text.split("\n")]
    return {FILE: "\n".join(out).rstrip("\n") + "\n"}


def _left_out(words: list[str]) -> bool:
    two = " ".join(words[:2])
    return (
        words[0] in _LEFT_OUT
        or words[0].startswith(("ssl-", "tune.ssl"))
        or two in ("stats socket", "stats timeout", "option httplog", "option tcplog", "default-server ssl")
    )


def _kept(words: list[str]) -> list[str]:
    kept, skip = [], 0
    for word in words:
        if skip:
            skip -= 1
        elif word in _TLS_WORDS:
            skip = _TLS_WORDS[word]
        else:
            kept.append(word)
    return kept


def read(copy: OwnCopy) -> list[ConfigLine]:
    """The lines, each with its section. Raises UsageProblem for what stands before any section."""
    lines, section, name = [], "", ""
    for number, text in enumerate(copy.text.split("\n"), start=1):
        words = re.sub(r"(?<!\\)#.*", "", text).split()
        if words and words[0] in _SECTIONS and not text[:1].isspace():
            section, name = words[0], words[1] if len(words) > 1 else ""
        elif words and not section:
            copy.refuse(number, f"{words[0]} stands before any section")
        lines.append(ConfigLine(number, words, section, name))
    return lines


def _mode(lines: list[ConfigLine], of_line: ConfigLine) -> str:
    modes = {
        (line.section, line.name): line.words[1]
        for line in lines
        if line.words[:1] == ["mode"] and len(line.words) > 1
    }
    defaults = [mode for (section, _), mode in modes.items() if section == "defaults"]
    return modes.get((of_line.section, of_line.name), defaults[0] if defaults else "tcp")


def entrance_of(copy: OwnCopy, lines: list[ConfigLine]) -> tuple[str, str]:
    """The section that clients come in by: the first that leads to servers."""
    backends = {
        line.name
        for line in lines
        if line.section == "backend" and line.words[:1] in (["server"], ["server-template"])
    }
    for line in lines:
        if line.section == "listen" and line.words[:1] in (["server"], ["server-template"]):
            return line.section, line.name
        target = (
            line.words[1]
            if line.words[:1] in (["default_backend"], ["use_backend"]) and len(line.words) > 1
            else ""
        )
        if line.section == "frontend" and target in backends:
            return line.section, line.name
    copy.refuse(1, "no frontend leads to a backend with servers")
