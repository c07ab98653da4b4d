"""What explain says of sessions behind a real HAProxy."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from devenv.harness.runs.journal import JournaledStack
from devenv.wire.control.policy import set_policy
from tests.integration.verbs.explain.test_behind_balancers import (
    A,
    B,
    a_ends_with_a_request,
    behind,
    client,
    create,
    remarks,
    verify,
)

pytestmark = pytest.mark.usefixtures("own_warm_process")


@pytest.fixture(scope="module")
def stack(own_warm_process: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JournaledStack]:
    """One for all tests; each test leaves both pods up."""
    with behind("haproxy:roundrobin", tmp_path_factory.mktemp("behind")) as started:
        yield started


@pytest.mark.parametrize(
    ("policy", "word", "sentence_has"),
    [
        ("haproxy:roundrobin", "parity", "`cookie SRV insert indirect nocache`"),
        ("haproxy:tcp-roundrobin", "kept connection", "chooses a pod for each connection"),
        ("haproxy:source", "client's address", "what decides it: `balance source` in the backend"),
        ("haproxy:first", "one pod gets all requests", "the first server that is up"),
    ],
)
def test_why_the_session_was_found(stack: JournaledStack, policy: str, word: str, sentence_has: str) -> None:
    set_policy(stack.status(), policy)
    began = time.time()
    with client(stack) as http:
        challenge, pod = create(http)
        http.get("/ready")  # the picture of a page
        assert verify(http, challenge).headers["X-Served-By"] == pod
    (sentence,) = remarks(stack, began, word)
    assert sentence_has in sentence
    assert policy in sentence


def test_a_cookie_that_came_back_and_one_that_did_not(stack: JournaledStack) -> None:
    set_policy(stack.status(), "haproxy:cookie")
    began = time.time()
    with client(stack) as http:
        challenge, pod = create(http)
        assert verify(http, challenge).headers["X-Served-By"] == pod
        http.cookies.clear()
        assert verify(http, challenge).headers["X-Served-By"] != pod
        http.cookies.clear()
        create(http)  # the first pod answers: it was up
    (kept,) = remarks(stack, began, "sent back the cookie that names")
    assert f"was found because the client sent back the cookie that names {pod}" in kept
    (lost,) = remarks(stack, began, "did not send back the cookie")
    assert "could not be reached" not in lost


def test_a_pod_that_is_kept_out_by_its_checks(stack: JournaledStack) -> None:
    """Without checks HAProxy keeps no pod out: see docs/balancers.md."""
    set_policy(stack.status(), "haproxy:roundrobin,check=on,redispatch=on")
    began = time.time()
    assert sorted(answer.status_code for answer in a_ends_with_a_request(stack)) == [200, 502]
    with client(stack) as http:
        assert {http.get("/ready").headers["X-Served-By"] for _ in range(16)} == {B}
    (sentence,) = remarks(stack, began, "keeps it out")
    assert f"{A} got none of the next 1" in sentence
    assert "What decides it: `check` and `observe layer7` of the server." in sentence
    stack.restart_pods({A: {}}, lambda line: None)


def test_a_post_that_is_delivered_twice(stack: JournaledStack) -> None:
    set_policy(stack.status(), "haproxy:roundrobin,redispatch=on,retry-on=all-retryable-errors")
    began = time.time()
    answers = a_ends_with_a_request(stack)
    assert [answer.status_code for answer in answers] == [200, 200]
    (sentence,) = remarks(stack, began, "delivered twice")
    assert f"to {A}, which gave no answer" in sentence
    assert "leave `retry-on` at `conn-failure`, its default" in sentence
    stack.restart_pods({A: {}}, lambda line: None)
