"""Services and Ingresses as policies of the proxy: each is a model, and says how it differs."""

from __future__ import annotations

import pytest

from devenv.core.kubernetes.routing import Route, routes
from devenv.core.model.yaml_lines import read_manifests
from devenv.core.routing import POLICIES

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: captcha-api}
spec:
  selector: {app: captcha-api}
  ports: [{port: 80}]
"""
INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  annotations:
    nginx.ingress.kubernetes.io/proxy-body-size: 1m
spec:
  ingressClassName: nginx
  rules: [{http: {paths: [{path: /, backend: {service: {name: captcha-api, port: {number: 80}}}}]}}]
"""
STICKY_SERVICE = SERVICE + "  sessionAffinity: ClientIP\n"


def with_annotation(key: str, value: str) -> str:
    line = f'    nginx.ingress.kubernetes.io/{key}: "{value}"\n'
    return INGRESS.replace("spec:\n", f"{line}spec:\n", 1)


def the_routes(*texts: str) -> tuple[Route, ...]:
    return routes([doc for text in texts for doc in read_manifests(text, "k8s.yaml")])


@pytest.mark.parametrize(
    ("text", "policy", "line", "because"),
    [
        (SERVICE, "per-connection", 4, "for each connection"),
        (STICKY_SERVICE, "source-hash", 7, "until 10800 s"),
        (STICKY_SERVICE + "  sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}\n",
         "source-hash", 7, "until 60 s"),
        (SERVICE + "  clusterIP: None\n", "", 7, "clusterIP: None"),
        (INGRESS, "round-robin", 3, "in turn"),
        (with_annotation("affinity", "cookie"), "cookie-sticky", 7, "INGRESSCOOKIE"),
        (with_annotation("upstream-hash-by", "$remote_addr"), "source-hash", 7, "$remote_addr"),
        (with_annotation("upstream-hash-by", "$request_uri"), "", 7, "no such hash"),
        (with_annotation("load-balance", "ewma"), "", 7, "no such policy"),
        (with_annotation("load-balance", "round_robin"), "round-robin", 3, "in turn"),
        (with_annotation("service-upstream", "true"), "", 7, "kube-proxy chooses"),
        (with_annotation("canary", "true"), "", 7, "other pods"),
        (INGRESS.replace("nginx.ingress.kubernetes.io", "x.org").replace("Name: nginx", "Name: haproxy"),
         "", 8, "its class is haproxy"),
    ],
)  # fmt: skip
def test_a_manifest_as_a_policy(text: str, policy: str, line: int, because: str) -> None:
    (route,) = the_routes(text)
    assert (route.policy, route.place) == (policy, f"k8s.yaml:{line}")
    assert because in route.because
    assert route.policy in ("", *POLICIES)
    assert route.differs or policy in ("", "source-hash")


def test_affinity_of_a_service_has_no_effect_behind_ingress_nginx() -> None:
    service, ingress = the_routes(STICKY_SERVICE, INGRESS)
    assert (service.policy, ingress.policy) == ("source-hash", "round-robin")
    assert any("sessionAffinity of Service captcha-api (k8s.yaml:7)" in each for each in ingress.differs)
    assert not any("sessionAffinity" in each for each in the_routes(SERVICE, INGRESS)[1].differs)


def test_the_cookie_wins_over_the_hash_as_in_ingress_nginx() -> None:
    text = with_annotation("affinity", "cookie").replace(
        "spec:\n", "    nginx.ingress.kubernetes.io/upstream-hash-by: $request_uri\nspec:\n", 1
    )
    assert the_routes(text)[0].policy == "cookie-sticky"


def test_other_objects_and_services_without_pods_are_left_out() -> None:
    assert (
        the_routes("kind: ConfigMap\ndata: {a: b}\n", SERVICE.replace("  selector: {app: captcha-api}\n", ""))
        == ()
    )


def test_objects_of_a_list_have_their_lines() -> None:
    inner = "".join(f"  {line}\n" for line in STICKY_SERVICE.splitlines())
    text = f"kind: List\nitems:\n- {inner.lstrip()}"
    (route,) = the_routes(text)
    assert (route.policy, route.place) == ("source-hash", "k8s.yaml:9")
