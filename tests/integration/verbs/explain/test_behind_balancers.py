"""What explain says of sessions behind a real nginx: each of the five remarks from requests that earn it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from devenv.core.balancers import OWN_FILE
from devenv.core.model.ids import ChallengeId
from devenv.core.model.topology import Ports, StackSpec
from devenv.harness.client.load_pairs import ANY_SELECTION, KIND
from devenv.harness.runs.journal import JournaledStack, journaled
from devenv.harness.runs.trace import live_trace
from devenv.stack.balancers import WHEEL
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.explain.explanation import explain_trace
from devenv.verbs.operate.select import SUPERVISOR
from devenv.wire.control.client import ControlClient
from devenv.wire.control.policy import set_policy
from tests.integration.stack.balancers.test_process import program_of
from tests.support import until

pytestmark = pytest.mark.usefixtures("own_warm_process")
A, B = "captcha-api-a", "captcha-api-b"
CREATE = KIND.create.path
TURNS = "nginx:round_robin,max_fails=0"
OWN = """worker_processes 1;
events {}
http {
    upstream captcha {
        server api-1.internal:8000 max_fails=0;
        server api-2.internal:8000 max_fails=0;
    }
    server {
        listen 80;
        proxy_next_upstream error non_idempotent;
        location / { proxy_pass http://captcha; }
    }
}
"""
"""A team's file; its lines are named."""


@contextmanager
def behind(balancer: str, folder: Path) -> Iterator[JournaledStack]:
    """A stack behind this balancer, of the wheel, with sessions in the pods' memory."""
    product = balancer.partition(":")[0]
    program_of(product)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(f"DEVENV_{product.upper()}", WHEEL)
        stack = journaled(EmbeddedStack(folder, SUPERVISOR))
        spec = StackSpec(
            ports=Ports.free(), balancer=balancer, balancer_config=OWN, balancer_file="edge.conf"
        )
        stack.start(spec, lambda line: None)
        yield stack
        stack.stop()


@pytest.fixture(scope="module")
def stack(own_warm_process: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JournaledStack]:
    """One for all tests; each test leaves both pods up."""
    with behind(TURNS, tmp_path_factory.mktemp("behind")) as started:
        yield started


def client(stack: JournaledStack) -> httpx.Client:
    return httpx.Client(base_url=stack.endpoints().traffic, timeout=60)


def create(client: httpx.Client) -> tuple[str, str]:
    """The challenge's id and its pod."""
    answer = client.post(CREATE).raise_for_status()
    return str(answer.json()["challenge_id"]), answer.headers["X-Served-By"]


def verify(client: httpx.Client, challenge: str) -> httpx.Response:
    filled = KIND.verify.fill(ChallengeId(challenge), ANY_SELECTION)
    body, headers = filled.encoded()
    return client.post(filled.path, content=body, headers=headers).raise_for_status()


def remarks(stack: JournaledStack, since: float, word: str) -> list[str]:
    """The remarks of explain about what ended after ``since`` that have ``word``."""
    status = stack.status()
    explained = explain_trace(live_trace(status, stack.journal, time.time()), "it", since=since)
    return [sentence for sentence in explained.remarks if word in sentence]


def test_parity(stack: JournaledStack) -> None:
    set_policy(stack.status(), TURNS)
    began = time.time()
    with client(stack) as http:
        challenge, pod = create(http)
        http.get("/ready")  # the picture of a page
        result = verify(http, challenge)
    assert result.headers["X-Served-By"] == pod
    (sentence,) = remarks(stack, began, "parity")
    assert f"found by parity alone: {TURNS}" in sentence
    assert "1 request (" in sentence
    assert "sticky cookie srv" in sentence


def test_one_connection(stack: JournaledStack) -> None:
    set_policy(stack.status(), "nginx:stream")
    began = time.time()
    with client(stack) as http:
        challenge, pod = create(http)
        assert verify(http, challenge).headers["X-Served-By"] == pod
    (sentence,) = remarks(stack, began, "kept connection")
    assert "nginx:stream chooses a pod for each connection" in sentence
    assert not remarks(stack, began, "parity")


def test_one_address(stack: JournaledStack) -> None:
    set_policy(stack.status(), "nginx:ip_hash")
    began = time.time()
    with client(stack) as http:
        challenge, pod = create(http)
        http.get("/ready")
        assert verify(http, challenge).headers["X-Served-By"] == pod
    (sentence,) = remarks(stack, began, "client's address")
    assert "both came from 127.0.0.1 (what decides it: `ip_hash;` in the upstream)" in sentence
    assert not remarks(stack, began, "parity")


def test_a_cookie_that_did_not_come_back(stack: JournaledStack) -> None:
    set_policy(stack.status(), "nginx:sticky_cookie")
    began = time.time()
    with client(stack) as http:
        challenge, pod = create(http)
        assert verify(http, challenge).headers["X-Served-By"] == pod
        http.cookies.clear()
        lost = verify(http, challenge)
        assert lost.headers["X-Served-By"] != pod
        http.cookies.clear()
        create(http)  # the first pod answers: it was up
    (sentence,) = remarks(stack, began, "cookie that names the pod")
    assert "could not be reached" not in sentence
    assert "a client that keeps cookies" in sentence


def a_ends_with_a_request(stack: JournaledStack) -> list[httpx.Response]:
    """A takes one of two requests and ends before it answers; the answers of both."""
    pid = next(each.pid for each in stack.status().pods if each.name == A)
    assert pid is not None
    pod = psutil.Process(pid)
    pod.suspend()
    answers: list[httpx.Response] = []

    def send(http: httpx.Client) -> None:
        answers.append(http.post(CREATE))

    with client(stack) as first, client(stack) as second, ControlClient(stack.endpoints().control) as control:
        threads = [threading.Thread(target=send, args=(http,)) for http in (first, second)]
        for thread in threads:  # one of the two is A's turn
            thread.start()
        until(lambda: any(each["pod"] == A for each in control.open_exchanges()), f"{A} has a request")
        pod.kill()
        for thread in threads:
            thread.join()
    return answers


def test_a_pod_that_is_kept_out(stack: JournaledStack) -> None:
    set_policy(stack.status(), "nginx:round_robin")
    began = time.time()
    assert sorted(answer.status_code for answer in a_ends_with_a_request(stack)) == [200, 502]
    with client(stack) as http:
        assert {http.get("/ready").headers["X-Served-By"] for _ in range(16)} == {B}
    (sentence,) = remarks(stack, began, "keeps it out")
    assert f"{A} got none of the next" in sentence
    assert "`max_fails` and `fail_timeout`" in sentence
    assert not remarks(stack, began, "delivered twice")
    stack.restart_pods({A: {}}, lambda line: None)


def test_a_post_that_is_delivered_twice(stack: JournaledStack) -> None:
    set_policy(stack.status(), "nginx:round_robin,proxy_next_upstream=non_idempotent")
    began = time.time()
    answers = a_ends_with_a_request(stack)
    assert [(answer.status_code, answer.headers["X-Served-By"]) for answer in answers] == [(200, B)] * 2
    (sentence,) = remarks(stack, began, "delivered twice")
    assert f"to {A}, which gave no answer" in sentence
    assert "take `non_idempotent` out of `proxy_next_upstream`" in sentence
    stack.restart_pods({A: {}}, lambda line: None)


def test_the_lines_of_a_teams_own_file_are_named(stack: JournaledStack) -> None:
    set_policy(stack.status(), f"nginx:{OWN_FILE}")
    began = time.time()
    with client(stack) as http:
        challenge, pod = create(http)
        http.get("/ready")
        assert verify(http, challenge).headers["X-Served-By"] == pod
    (sentence,) = remarks(stack, began, "parity")
    assert "nginx with `upstream captcha` without a method (edge.conf, line 4) gives the 2 pods" in sentence
    answers = a_ends_with_a_request(stack)
    assert [(answer.status_code, answer.headers["X-Served-By"]) for answer in answers] == [(200, B)] * 2
    (sentence,) = remarks(stack, began, "delivered twice")
    assert (
        "nginx, with its `proxy_next_upstream error non_idempotent;` (edge.conf, line 10), sent" in sentence
    )
    stack.restart_pods({A: {}}, lambda line: None)
