"""Settings, by themselves and compared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devenv.core.doctor_rules.advice import CAUSES
from devenv.core.doctor_rules.facts import Refusal
from devenv.core.doctor_rules.kubernetes import Unfit, UnfitValue
from devenv.core.doctor_rules.settings import Place, env_file
from tests.unit.core.doctor_rules.made_up import INFO, POD, TEXT, WELL, kinds


@pytest.mark.parametrize(
    ("line", "sentences"),
    [
        ("REDIS_DB=0", []),
        ("REDIS_PORT=65535", []),
        ("REDIS_PORT=0", ["bad-port-value"]),
        ("REDIS_PORT=65536", ["bad-port-value"]),
        ("REDIS_PORT=tcp://10.0.0.7:6379", ["bad-port-value"]),
        ("REDIS_DB=-1", ["bad-number"]),
        ("CAPTCHA_TTL=0", ["bad-number"]),
        ("REDIS_HOST=", ["host-missing"]),
        ("REDIS_HOST=redis://redis.example", ["host-form"]),
        ("REDIS_URL=redis://user:pa#ss@redis.example:6379/0", ["url-password"]),
        ("REDIS_URL=redis.example", ["url-form"]),
        ("USE_REDIS=yes", ["flag-word"]),
        ("USE_REDIS=false", ["flag-off"]),
    ],
)
def test_a_value(line: str, sentences: list[str]) -> None:
    assert kinds(pods=[env_file(f"{TEXT}{line}\n", "f.env")]) == sentences


def test_one_pod_that_is_surely_alone_needs_no_redis() -> None:
    alone = replace(env_file(f"{TEXT}USE_REDIS=false\n", "f.env"), replicas=1)
    assert kinds(pods=[alone]) == []


@pytest.mark.parametrize(
    ("line", "sentences"),
    [
        ("REDIS_DB=0", []),
        ("USE_REDIS=false", ["flags-differ"]),
        ("REDIS_PREFIX=other:", ["prefix-differs"]),
        ("REDIS_DB=1", ["prefix-differs"]),
    ],
)
def test_two_pods_compared(line: str, sentences: list[str]) -> None:
    other = env_file(f"{TEXT}{line}\n", "g.env")
    assert kinds(replace(WELL, pods=("f.env", "g.env")), pods=[POD, other]) == sentences


def test_two_pods_with_two_servers() -> None:
    other = env_file(TEXT.replace("redis.example", "other.example"), "g.env")
    second = replace(WELL, target=replace(WELL.target, host="other.example"), pods=("g.env",))
    assert kinds(WELL, second, pods=[POD, other]) == ["server-differs"]
    assert CAUSES["server-differs"][0] == "wrong-port"  # as explain calls a pod that has another Redis


@pytest.mark.parametrize(
    ("run_ids", "sentences"),
    [(("a1", "a1"), []), (("a1", "b2"), ["server-differs"]), (("a1", ""), ["server-differs"])],
)
def test_one_server_under_two_names(run_ids: tuple[str, str], sentences: list[str]) -> None:
    other = env_file(TEXT.replace("redis.example", "other.example"), "g.env")
    servers = [
        replace(WELL, info=replace(INFO, run_id=run_ids[0])),
        replace(
            WELL,
            info=replace(INFO, run_id=run_ids[1]),
            target=replace(WELL.target, host="other.example"),
            pods=("g.env",),
        ),
    ]
    assert kinds(*servers, pods=[POD, other]) == sentences


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (Unfit.NUMBER, "refused-value"),
        (Unfit.BOOLEAN, "refused-value"),
        (Unfit.BASE64, "refused-value"),
        (Unfit.BLANK, "blank-in-value"),
    ],
)
def test_a_value_of_a_manifest(problem: Unfit, kind: str) -> None:
    value = UnfitValue("REDIS_PORT", "ConfigMap web", Place("web.yaml", 7), problem, "6379 ")
    assert kinds(WELL, unfit_values=(value,)) == [kind]


def test_a_pod_that_redis_refuses_does_not_read_use_redis() -> None:
    """It sent a command in spite of USE_REDIS=false: what the switch says tells nothing of its sessions."""
    off = env_file(f"{TEXT}USE_REDIS=false\n", "f.env")
    refused = Refusal("f.env", "CLUSTER SLOTS", "ERR This instance has cluster support disabled")
    assert kinds(pods=[off], refused=(refused,)) == []
    harmless = replace(refused, command="CLIENT SETINFO", error="ERR unknown subcommand 'SETINFO'")
    assert kinds(pods=[off], refused=(harmless,)) == ["flag-off"]
