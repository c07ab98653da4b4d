"""What is asked of a balancer, where it is to run, and what a product is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Server(NamedTuple):
    """One server that a balancer chooses among."""

    name: str
    """The pod's name."""
    host: str
    port: int


OWN_FILE = "own-file"
"""In the place of a policy: what a team's own configuration file says."""


@dataclass(frozen=True, slots=True)
class BalancerSetting:
    """A product with a policy and options; ``text`` reads back through ``parse_balancer``."""

    product: str
    """nginx, haproxy, envoy, traefik or caddy."""
    policy: str
    """By the product's own name for it."""
    workers: int = 1
    """Processes or threads that take connections; 1 where the product has no such setting."""
    keepalive: bool | None = None
    """Whether connections to the pods are kept for the next request; None: as the product does by itself."""
    options: tuple[tuple[str, str], ...] = ()
    """Further directives by the product's own names, with their values, sorted by name."""

    @property
    def text(self) -> str:
        """``nginx:least_conn,workers=2,keepalive=off``."""
        parts = [f"{self.product}:{self.policy}"]
        parts += [f"workers={self.workers}"] if self.workers != 1 else []
        parts += [] if self.keepalive is None else [f"keepalive={'on' if self.keepalive else 'off'}"]
        return ",".join([*parts, *(f"{name}={value}" for name, value in self.options)])

    def option(self, name: str, default: str = "") -> str:
        """The value of an option, or ``default``."""
        return dict(self.options).get(name, default)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a balancer listens and whom it forwards to."""

    port: int
    """The TCP port that clients connect to."""
    servers: tuple[Server, ...]
    host: str = "127.0.0.1"
    """The address that it listens on."""
    admin_port: int = 0
    """The port of its own API, for products that have ``needs_admin_port``."""
    user: str = ""
    """The user and group, separated by a space, that processes of its own are to keep; empty: its default."""


@dataclass(frozen=True, slots=True)
class Option:
    """A directive that may be set, by the product's own name."""

    values: re.Pattern[str]
    """What its whole value has to match."""
    meaning: str
    """Its valid values and what it does, in one line."""


@dataclass(frozen=True, slots=True)
class Product:
    """A load balancer that can be run."""

    name: str
    file: str
    """The name of the configuration file that it is started with."""
    policies: Mapping[str, str]
    """What each policy does; the first is the product's default."""
    options: Mapping[str, Option]
    files: Callable[[BalancerSetting, Place], dict[str, str]]
    """The text of each configuration file, by its name."""
    arguments: Callable[[BalancerSetting], list[str]]
    """The command line after the program, in the folder of the files."""
    workers: str = ""
    """Its own name for the number of processes or threads; empty where it has none."""
    needs_admin_port: bool = False
    complaints: re.Pattern[str] = re.compile(r"error", re.IGNORECASE)
    """Finds the lines of its log that say what is wrong; a group, where it has one, is the part to show."""
    check: tuple[str, ...] = ()
    """The arguments that say what is wrong with its file, where it does not do so by itself at start."""

    @property
    def default_policy(self) -> str:
        """The policy that it uses where none is configured."""
        return next(iter(self.policies))


CLIENT_HEADER = "X-Devenv-Client"
"""The request field in which a balancer tells the proxy which of its clients' connections a request is of."""
ON_OFF = re.compile(r"on|off")
NUMBER = re.compile(r"\d{1,6}")
DURATION = re.compile(r"\d{1,6}(ms|s|m)")
