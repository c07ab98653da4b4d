"""What a team's own configuration file says of the choice of servers, each rule with its line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple


class Aspect(StrEnum):
    """What a rule decides."""

    POLICY = "policy"
    """Which server gets a request."""
    GROUP = "group"
    """Where the group of servers stands: the place for a rule that the file does not have."""
    KEEPING_OUT = "keeping out"
    """How long a server that failed gets no request."""
    SENDING_AGAIN = "sending again"
    """That a request which a server has read is sent once more."""
    KEEPALIVE = "keepalive"
    """Which connections are kept."""


_DECIDES = {
    Aspect.POLICY: "which server gets a request",
    Aspect.KEEPALIVE: "which connections are kept",
    Aspect.KEEPING_OUT: "how long a failed server is kept out",
    Aspect.SENDING_AGAIN: "a request without an answer is sent again, a POST too",
}


class Rule(NamedTuple):
    """A directive of the file."""

    line: int
    """From 1."""
    text: str
    """As the file has it, in one line and marked as code, and what it lacks, where that decides."""


@dataclass(slots=True)
class ServerGroup:
    """What the file says of one group of servers that clients reach."""

    policy: str = ""
    """By the product's name for it, as ``--balancer`` takes it; empty where it has none."""
    without_cookie: str = ""
    """The policy for clients without the cookie, where ``policy`` is one of a cookie."""
    options: dict[str, str] = field(default_factory=dict)
    """``workers`` and options of ``--balancer`` that the choice depends on."""
    rules: dict[Aspect, list[Rule]] = field(default_factory=dict)
    unknown: str = ""
    """Why it is not known which server gets a request; empty where it is."""

    def add(self, aspect: Aspect, line: int, text: str, without: str = "") -> None:
        """Write the directive ``text`` down; ``without`` names what it lacks, where that decides."""
        lacks = f" without {without}" if without else ""
        self.rules.setdefault(aspect, []).append(Rule(line, f"`{shortened(text)}`{lacks}"))

    def not_known(self, why: str) -> None:
        """Why its policy is not known; the first reason stays."""
        self.unknown = self.unknown or why


@dataclass(frozen=True, slots=True)
class OwnRules:
    """What a file says of the choice, for all groups of servers that clients reach."""

    product: str
    file: str
    """The file's name."""
    setting: str
    """What it comes to, as ``--balancer`` takes it; empty where nothing of ``--balancer`` is the same."""
    without_cookie: str
    """The same for clients that send no cookies, where ``setting`` chooses by a cookie; else empty."""
    unknown: str
    """Why ``setting`` is empty."""
    rules: Mapping[Aspect, tuple[Rule, ...]]
    """By what they decide; empty where the file leaves the product's default."""

    def named(self, aspect: Aspect) -> str:
        """The rules of an aspect as sentences name them, each with file and line; empty where it has none."""
        lines: dict[str, list[int]] = {}
        for rule in self.rules.get(aspect, ()):
            lines.setdefault(rule.text, []).append(rule.line)
        return ", ".join(f"{text} ({self.file}, {_lines(numbers)})" for text, numbers in lines.items())

    @property
    def sentences(self) -> tuple[str, ...]:
        """What decides what, a line for each aspect that the file sets, and why the choice is not known."""
        known = [f"{text}: {named}" for aspect, text in _DECIDES.items() if (named := self.named(aspect))]
        return (
            *known,
            *([f"how it chooses is not known beforehand: {self.unknown}"] if self.unknown else []),
        )

    @property
    def place(self) -> str:
        """Where its servers stand: ``in nginx.conf, line 5``."""
        numbers = [rule.line for rule in self.rules.get(Aspect.GROUP, ())]
        return f"in {self.file}, {_lines(numbers)}" if numbers else f"in {self.file}"

    def to_json(self) -> dict[str, Any]:
        """A plain dict, for a trace."""
        return {
            "product": self.product,
            "file": self.file,
            "setting": self.setting,
            "without_cookie": self.without_cookie,
            "unknown": self.unknown,
            "rules": {str(aspect): [list(rule) for rule in rules] for aspect, rules in self.rules.items()},
        }


def rules_of_text(text: str) -> OwnRules | None:
    """What a trace's JSON says; None where it is something else."""
    try:
        data = json.loads(text)
        rules = {
            Aspect(aspect): tuple(Rule(int(line), str(directive)) for line, directive in rules)
            for aspect, rules in data["rules"].items()
        }
        return OwnRules(
            product=str(data["product"]),
            file=str(data["file"]),
            setting=str(data["setting"]),
            without_cookie=str(data["without_cookie"]),
            unknown=str(data["unknown"]),
            rules=rules,
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def combined(product: str, file: str, groups: Iterable[ServerGroup]) -> OwnRules:
    """The rules of all groups; no setting where they differ in what decides."""
    every = list(groups)
    rules: dict[Aspect, list[Rule]] = {}
    for group in every:
        for aspect, of_aspect in group.rules.items():
            rules.setdefault(aspect, []).extend(
                rule for rule in of_aspect if rule not in rules.get(aspect, ())
            )
    sorted_rules = {aspect: tuple(sorted(of_aspect)) for aspect, of_aspect in rules.items()}
    made = OwnRules(product, file, "", "", "", sorted_rules)
    unknown = next((group.unknown for group in every if group.unknown), "")
    if not every:
        unknown = "it has no group of two servers or more"
    elif len({(group.policy, group.without_cookie, *sorted(group.options.items())) for group in every}) > 1:
        unknown = f"it chooses in several ways: {made.named(Aspect.POLICY)}"
    if unknown:
        return OwnRules(product, file, "", "", unknown, sorted_rules)
    first = every[0]
    options = "".join(f",{name}={value}" for name, value in sorted(first.options.items()))
    without = f"{product}:{first.without_cookie}{options}" if first.without_cookie else ""
    return OwnRules(product, file, f"{product}:{first.policy}{options}", without, "", sorted_rules)


def shortened(text: str, most: int = 80) -> str:
    """A directive in one line, cut where it is long; without the sign that marks it in a sentence."""
    line = " ".join(text.split()).replace("`", "'")
    return line if len(line) <= most else line[: most - 1] + "…"


def nothing_readable(product: str, file: str, problem: str) -> OwnRules:
    """The rules of a file that cannot be read; ``problem`` says why."""
    return OwnRules(product, file, "", "", problem, {})


def _lines(numbers: list[int]) -> str:
    several = sorted(set(numbers))
    return f"line{'s' * (len(several) > 1)} {', '.join(map(str, several))}"
