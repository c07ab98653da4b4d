"""What a team's haproxy.cfg says of the choice of servers (https://docs.haproxy.org/2.8/configuration.html)."""

from __future__ import annotations

from collections.abc import Iterator

from devenv.core.balancers.haproxy import COOKIE
from devenv.core.balancers.own_copy import OwnCopy
from devenv.core.balancers.own_haproxy import ConfigLine, entrance_of, read
from devenv.core.balancers.own_rules import Aspect, ServerGroup

_POLICIES = ("roundrobin", "static-rr", "leastconn", "source", "uri", "random", "first")
_OF_TCP = ("roundrobin", "leastconn")
AGAIN = frozenset({"all-retryable-errors", "empty-response", "response-timeout", "junk-response"})
"""Words of ``retry-on`` with which a request is sent again that a server has read and not answered."""
_CHECKS = {"check": 0, "inter": 1, "fall": 1, "rise": 1, "observe": 1, "on-error": 1, "error-limit": 1}
"""Words of a server by which it is taken out, with the number of words that follow each."""
_UNEQUAL = ("backup", "disabled", "slowstart", "agent-check")


def groups(copy: OwnCopy) -> Iterator[ServerGroup]:
    """The backends that its entrance leads to. Raises UsageProblem for what is no haproxy.cfg."""
    lines = read(copy)
    section, name = entrance_of(copy, lines)
    if section == "listen":
        names = [("listen", name)]
    else:
        used = [
            line.words[1]
            for line in lines
            if (line.section, line.name) == (section, name)
            and line.words[:1] in (["use_backend"], ["default_backend"])
            and len(line.words) > 1
        ]
        names = [("backend", backend) for backend in dict.fromkeys(used)]
    for where in names:
        of_section = [line for line in lines if (line.section, line.name) == where and line.words]
        servers = [line for line in of_section if line.words[0] == "server"]
        if len(servers) >= 2:
            yield _backend(of_section, _defaults(lines, of_section[0]), servers)


def _defaults(lines: list[ConfigLine], first: ConfigLine) -> list[ConfigLine]:
    """The lines of the defaults that a section has: the last before it."""
    before = [line for line in lines if line.section == "defaults" and line.number < first.number]
    start = max((line.number for line in before if line.words[:1] == ["defaults"]), default=0)
    return [line for line in before if line.number >= start and line.words]


def _backend(
    of_section: list[ConfigLine], defaults: list[ConfigLine], servers: list[ConfigLine]
) -> ServerGroup:
    group = ServerGroup()
    first = of_section[0]
    group.add(Aspect.GROUP, first.number, " ".join(first.words))
    balance, mode = _last("balance", of_section, defaults), _last("mode", of_section, defaults)
    tcp = mode is None or mode.words[1:2] != ["http"]
    algorithm = balance.words[1] if balance is not None and len(balance.words) > 1 else "roundrobin"
    if tcp and mode is not None:
        group.add(Aspect.POLICY, mode.number, " ".join(mode.words))
    if balance is not None:
        group.add(Aspect.POLICY, balance.number, " ".join(balance.words))
    else:
        group.add(Aspect.POLICY, first.number, " ".join(first.words), "`balance`")
    if algorithm not in (_OF_TCP if tcp else _POLICIES):
        decides = balance or mode or first
        group.not_known(f"line {decides.number}: `{' '.join(decides.words)}` has no model")
    group.policy = f"tcp-{algorithm}" if tcp else algorithm
    _affinity(group, of_section, defaults, tcp)
    _servers(group, of_section, defaults, servers)
    again = _last("retry-on", of_section, defaults)
    if again is not None and AGAIN & set(again.words[1:]):
        group.add(Aspect.SENDING_AGAIN, again.number, " ".join(again.words))
    for name in ("http-reuse", "option http-server-close", "option httpclose"):
        line = _last(name, of_section, defaults)
        if line is not None:
            group.add(Aspect.KEEPALIVE, line.number, " ".join(line.words))
    return group


def _affinity(
    group: ServerGroup, of_section: list[ConfigLine], defaults: list[ConfigLine], tcp: bool
) -> None:
    """A cookie or a table that keeps a client on its server."""
    cookie = None if tcp else _last("cookie", of_section, defaults)
    if cookie is not None:
        group.without_cookie, group.policy = group.policy, COOKIE
        group.rules[Aspect.POLICY] = []
        group.add(Aspect.POLICY, cookie.number, " ".join(cookie.words))
        if not {"insert", "prefix", "rewrite"} & set(cookie.words):
            group.not_known(f"line {cookie.number}: `{' '.join(cookie.words)}`: the service sets this cookie")
    for line in of_section:
        if line.words[:2] in (["stick", "on"], ["stick", "match"]):
            group.add(Aspect.POLICY, line.number, " ".join(line.words))
            group.not_known(f"line {line.number}: `{' '.join(line.words)}` keeps a client on its server too")


def _servers(
    group: ServerGroup, of_section: list[ConfigLine], defaults: list[ConfigLine], servers: list[ConfigLine]
) -> None:
    for line in [*defaults, *of_section]:
        words = line.words
        if words[0] not in ("server", "default-server"):
            continue
        options = words[3:] if words[0] == "server" else words[1:]
        checks = [
            " ".join(options[number : number + 1 + _CHECKS[word]])
            for number, word in enumerate(options)
            if word in _CHECKS
        ]
        if checks:
            group.add(Aspect.KEEPING_OUT, line.number, " ".join(checks))
        unequal = [word for word in options if word in _UNEQUAL and words[0] == "server"]
        if unequal:
            group.not_known(f"line {line.number}: a server with `{unequal[0]}` is not as the others")
    weights = {_weight(line.words) for line in servers}
    if len(weights) > 1 and group.policy == COOKIE:
        group.without_cookie = ""
    elif len(weights) > 1:
        group.not_known(f"line {servers[0].number}: the servers have different weights")


def _weight(words: list[str]) -> str:
    return words[words.index("weight") + 1] if "weight" in words[:-1] else "1"


def _last(name: str, of_section: list[ConfigLine], defaults: list[ConfigLine]) -> ConfigLine | None:
    """The last line of a section that begins with these words, else of its defaults."""
    count = len(name.split())
    for lines in (of_section, defaults):
        matching = [line for line in lines if " ".join(line.words[:count]) == name]
        if matching:
            return matching[-1]
    return None
