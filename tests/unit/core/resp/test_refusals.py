"""What an error of Redis means, by its words."""

from __future__ import annotations

import pytest

from devenv.core.doctor_rules.advice import CAUSES
from devenv.core.doctor_rules.refusals import CHANGES
from devenv.core.resp import refusals
from devenv.core.resp.refusals import LOGIN_REFUSED, WRITES_REFUSED, refusal_kind, reply_kind


@pytest.mark.parametrize(
    ("command", "error", "kind"),
    [
        ("GET", "BUSY Redis is busy running a script.", "not-ready"),
        ("XGROUP", "BUSYGROUP Consumer Group name already exists", None),
        ("RESTORE", "BUSYKEY Target key name already exists.", None),
        ("SET", "OOM command not allowed when used memory > 'maxmemory'.", "writes-refused"),
        ("CLUSTER SLOTS", "ERR This instance has cluster support disabled", "cluster-client-on-standalone"),
        ("SELECT", "ERR DB index is out of range", "database"),
        ("HELLO", "ERR unknown command 'HELLO'", None),
        ("GET", "ASK 866 10.0.0.7:7001", "plain-client-on-cluster"),
    ],
)
def test_the_kind_of_an_error(command: str, error: str, kind: str | None) -> None:
    assert refusal_kind(command, error) == refusal_kind(command, f"-{error}") == kind
    assert reply_kind(command, f"-{error}") == kind


def test_a_value_with_such_words_is_no_error() -> None:
    assert reply_kind("GET", "OOM command") is None
    assert reply_kind("GET", None) is None


def test_every_kind_has_a_cause_and_a_change() -> None:
    kinds = {*refusals._FIRST_WORDS.values(), *refusals._PARTS.values(), *WRITES_REFUSED, *LOGIN_REFUSED}
    assert kinds <= CAUSES.keys() & CHANGES.keys()
