"""The parts of all manifests: names that Kubernetes takes, and pods that may do little."""

from __future__ import annotations

import pytest

from devenv.core.kubernetes.parts import NAME_LIMIT, checked_name, container, labels, pod_spec, selector
from devenv.core.model.errors import UsageProblem


@pytest.mark.parametrize("name", ["a", "captcha-api", "a1", "a" * NAME_LIMIT])
def test_a_name_of_a_service(name: str) -> None:
    assert checked_name("the name", name) == name


@pytest.mark.parametrize("name", ["", "A", "1a", "-a", "a-", "a_b", "a.b", "a" * (NAME_LIMIT + 1), "a\n"])
def test_no_name_of_a_service(name: str) -> None:
    with pytest.raises(UsageProblem, match=r"the name .* is no name for Kubernetes"):
        checked_name("the name", name)


def test_a_selector_is_part_of_the_labels() -> None:
    for track in (None, "stable"):
        assert selector("app", track).items() <= labels("app", track).items()


def test_a_container_changes_nothing_but_tmp() -> None:
    made = container("c", "image", {"http": 80}, volumeMounts=[{"name": "x", "mountPath": "/x"}])
    assert made["securityContext"]["readOnlyRootFilesystem"] is True
    assert made["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert [mount["mountPath"] for mount in made["volumeMounts"]] == ["/tmp", "/x"]


@pytest.mark.parametrize(("user", "who"), [(7, {"runAsUser": 7, "runAsGroup": 7}), (None, {})])
def test_a_pod_is_never_root(user: int | None, who: dict[str, int]) -> None:
    security = pod_spec([], user)["securityContext"]
    assert security["runAsNonRoot"] is True
    assert {name: security[name] for name in ("runAsUser", "runAsGroup") if name in security} == who
    assert pod_spec([], user)["enableServiceLinks"] is False
