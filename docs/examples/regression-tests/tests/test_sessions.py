"""One request after the other, on whichever pod: a session belongs to the service, not to a pod."""

import httpx


def test_a_challenge_made_on_one_pod_is_verified_on_the_other(devenv):
    devenv.replay("pod-memory-abstract").assert_holds()


def test_a_second_try_on_the_other_pod_counts_as_the_second(devenv):
    """A scenario of our own; relative paths are looked up in the root folder too."""
    devenv.replay("scenarios/second-try-elsewhere.yaml", repeat=3).assert_holds()


def test_without_redis_the_other_pod_has_never_heard_of_it(devenv):
    """The bug that brought us here: while it can be shown, the tests above can fail."""
    devenv.replay("pod-memory-abstract", strategy="memory").assert_shows_bug()


def test_the_service_over_plain_http(devenv):
    """Any client will do: the base URL is the proxy's, and a header names the pod."""
    answer = create_on_a_then_verify_on_b(devenv.base_url)
    assert answer.get("message") != "Challenge not found"
    assert answer["attempts"] == 1


def test_a_canary_without_redis_loses_sessions(devenv):
    """USE_REDIS off on one pod of two, as in a half-done rollout; on again when the block ends."""
    with devenv.toggle(False, "b"):
        answer = create_on_a_then_verify_on_b(devenv.base_url)
    assert answer["message"] == "Challenge not found"


def create_on_a_then_verify_on_b(base_url):
    """The answer to an empty selection: never right, and enough to tell whether the challenge is known."""
    with httpx.Client(base_url=base_url) as client:
        created = client.post("/api/abstract-captcha", headers={"X-Devenv-Pod": "a"}).json()
        answer = {"challenge_id": created["challenge_id"], "selections": []}
        return client.post("/api/abstract-verify", json=answer, headers={"X-Devenv-Pod": "b"}).json()
