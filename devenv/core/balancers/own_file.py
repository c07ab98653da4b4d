"""A team's own configuration file of a balancer, taken over: a copy that runs here, and what differs.

Unmodified as far as it goes. Replaced are what must be another here: upstream hosts, the ports listened on,
certificates, users, the places of pids and logs. What cannot be taken over is one error that names its line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from devenv.core.balancers import (
    own_caddy,
    own_haproxy,
    own_nginx,
    own_rules_caddy,
    own_rules_haproxy,
    own_rules_nginx,
    own_rules_yaml,
    own_yaml,
)
from devenv.core.balancers.own_copy import Adapted, Change, OwnCopy
from devenv.core.balancers.own_rules import OwnRules, ServerGroup, combined, nothing_readable
from devenv.core.balancers.own_words import with_line_of_yaml, with_lines_of_copy
from devenv.core.balancers.setting import Place, Server
from devenv.core.model.errors import UsageProblem

_BY_NAME = {
    "nginx.conf": "nginx", "haproxy.cfg": "haproxy", "envoy.yaml": "envoy", "envoy.yml": "envoy",
    "envoy.json": "envoy", "traefik.yml": "traefik", "traefik.yaml": "traefik", "Caddyfile": "caddy",
}  # fmt: skip
_BY_ENDING = {".conf": "nginx", ".cfg": "haproxy"}
_ADAPT: Mapping[str, Callable[[OwnCopy, Place], dict[str, str]]] = {
    "nginx": own_nginx.adapt,
    "haproxy": own_haproxy.adapt,
    "envoy": own_yaml.adapt_envoy,
    "traefik": own_yaml.adapt_traefik,
    "caddy": own_caddy.adapt,
}
_GROUPS: Mapping[str, Callable[[OwnCopy], Iterator[ServerGroup]]] = {
    "nginx": own_rules_nginx.groups,
    "haproxy": own_rules_haproxy.groups,
    "envoy": own_rules_yaml.groups_of_envoy,
    "traefik": own_rules_yaml.groups_of_traefik,
    "caddy": own_rules_caddy.groups,
}
MOST_CHARACTERS = 1_000_000
_UNKNOWN_PORT = re.compile(r":0\b")


@dataclass(frozen=True, slots=True)
class OwnFile:
    """The file of a team."""

    product: str
    name: str
    text: str

    def adapted(self, place: Place) -> Adapted:
        """The copy for ``place``. Raises UsageProblem for what cannot be taken over, with its line."""
        copy = OwnCopy(self.name, self.text, len(place.servers))
        files = _ADAPT[self.product](copy, place)
        return Adapted(files, tuple(sorted(copy.changes)), copy.upstreams, tuple(copy.lines))

    @property
    def rules(self) -> OwnRules:
        """What it says of the choice of servers; without a setting where it cannot be read."""
        try:
            return combined(self.product, self.name, _GROUPS[self.product](OwnCopy(self.name, self.text, 0)))
        except UsageProblem as problem:
            return nothing_readable(self.product, self.name, problem.message)
        except (AttributeError, IndexError, KeyError, TypeError):  # YAML of another shape than documented
            return nothing_readable(self.product, self.name, f"{self.name} has another structure")

    def in_place_of_copy(self, message: str, place: Place) -> str:
        """What the balancer says of its copy, with this file's name and line."""
        adapted = self.adapted(place)
        if not adapted.lines:
            return with_line_of_yaml(message, self.name, self.text)
        return with_lines_of_copy(message, next(iter(adapted.files)), self.name, adapted.lines)


def own_file(name: str, text: str, product: str = "") -> OwnFile:
    """The file called ``name``, of ``product`` where that is known, else as its name says.

    Raises UsageProblem where it does not say, and for a file that no person wrote.
    """
    if len(text) > MOST_CHARACTERS:
        raise UsageProblem(f"{name}: it has {len(text)} characters, at most {MOST_CHARACTERS} are read")
    base = name.replace("\\", "/").rpartition("/")[2]
    ending = base[base.rfind(".") :] if "." in base else ""
    product_name = product or _BY_NAME.get(base) or _BY_ENDING.get(ending, "")
    if not product_name:
        raise UsageProblem(
            f"{name}: its name does not say which balancer it is of",
            hint="--balancer nginx (haproxy, envoy, traefik, caddy) says it",
        )
    return OwnFile(product_name, base, text)


def changes_of(file: OwnFile, pods: Sequence[str]) -> tuple[Change, ...]:
    """What will be another in the copy in front of ``pods``, before their ports are known: they are PORT.

    Raises UsageProblem for what cannot be taken over, with its line.
    """
    servers = tuple(Server(pod, "127.0.0.1", 0) for pod in pods)
    changes = file.adapted(Place(0, servers)).changes
    return tuple(change._replace(after=_UNKNOWN_PORT.sub(":PORT", change.after)) for change in changes)


def upstreams_of(file: OwnFile, most: int = 26) -> int:
    """How many servers the file has behind its balancer, so that many pods are started; at least 1."""
    servers = tuple(Server(f"pod-{number}", "127.0.0.1", 1 + number) for number in range(most))
    return max(1, file.adapted(Place(1, servers)).upstreams)
