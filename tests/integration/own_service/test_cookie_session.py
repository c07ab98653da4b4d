"""A service whose session id stands in a cookie: found by init, played, explained, explored, recorded."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from devenv.core.model.topology import Ports, StackSpec
from devenv.core.model.vocabulary import Strategy
from devenv.harness.client.client import CaptchaClient
from devenv.harness.config.devenv_toml_reader import parse_service
from devenv.harness.config.devenv_toml_writer import Found, toml_text
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.explain.source import explain_run
from devenv.verbs.explore.result import Mode
from devenv.verbs.init.detect import InitOptions, look
from devenv.verbs.operate.select import SUPERVISOR
from tests.integration.own_service.conftest import explored, played


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("shop")
    shutil.copyfile(Path(__file__).with_name("basket.py"), made / "main.py")
    return made


@pytest.fixture(scope="module")
def detected(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Found:
    options = InitOptions(folder, create="POST /baskets", verify="PUT /baskets/items")
    return look(options, tmp_path_factory.mktemp("look"), lambda line: None)


@pytest.fixture(scope="module")
def stack(folder: Path, detected: Found, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    running = EmbeddedStack(tmp_path_factory.mktemp("stack"), SUPERVISOR)
    running.start(
        StackSpec(ports=Ports.free(), service=parse_service(toml_text(detected), folder)), lambda line: None
    )
    yield running
    running.stop()


def test_init_finds_the_cookie_and_not_the_time_in_the_body(detected: Found) -> None:
    assert (detected.id_cookie, detected.id_field, detected.id_header) == ("shop_sid", "", "")
    assert detected.key == "basket:{id}"
    assert detected.switchable
    assert 'id = { cookie = "shop_sid" }' in toml_text(detected)
    [kind] = detected.kinds.values()
    assert kind.verify.headers == {"Cookie": "shop_sid={id}"}
    assert kind.verify.body == {"item_id": "{answer}"}


def test_the_bug_and_its_cause(stack: EmbeddedStack, tmp_path: Path) -> None:
    for strategy, causes in ((Strategy.MEMORY, ["pod-memory"]), (Strategy.ATOMIC, [])):
        result, run = played(stack, "lost-session", strategy, tmp_path)
        assert result.deviations == ()
        assert result.bug == (strategy is Strategy.MEMORY)
        assert [group.cause for group in explain_run(run).groups] == causes


def test_the_proxy_tells_whose_session_a_request_was(stack: EmbeddedStack) -> None:
    ends = stack.endpoints()
    with httpx.Client(base_url=ends.traffic, trust_env=False) as http:
        http.post("/baskets", headers={"X-Request-Id": "first"})
        sid = http.cookies["shop_sid"]
        http.put("/baskets/items", json={"item_id": 1}, headers={"X-Request-Id": "second"})
    seen = httpx.get(f"{ends.control}/exchanges", params={"limit": 1000}, trust_env=False).json()["exchanges"]
    messages = {
        item["request_id"]: item["session"] for item in seen if item["request_id"] in ("first", "second")
    }
    assert messages == {"first": sid, "second": sid}


def test_two_baskets_are_never_one_at_the_same_client(stack: EmbeddedStack) -> None:
    async def work() -> list[str | None]:
        async with CaptchaClient(stack.endpoints(), profile=stack.status().spec.profile) as client:
            return [(await client.create("any", "captcha-api-a")).id for _ in range(3)]

    assert len(set(asyncio.run(work()))) == 3


@pytest.mark.parametrize("mode", [Mode.DIRECT, Mode.LEARNED])
def test_its_orders_are_explored(stack: EmbeddedStack, tmp_path: Path, mode: Mode) -> None:
    """Two items are added and told ok, and one is lost; the time in the text is no reason to miss that."""
    detected = explored(stack, "W+W", tmp_path, mode)
    # GET, SETEX twice on one key: six orders. Where both reads come first, which one does is all the same.
    assert (detected.traces, detected.complete) == (4, True)
    [violation] = detected.violations
    assert (violation.kind, violation.confirmed, violation.traces) == ("not-serial", True, 2)
    assert violation.requests == ("W", "W")  # one alone leaves one item, and loses nothing
    assert violation.replayed == violation.replays
    assert "which these requests one after the other never leave" in violation.sentence
