"""Manifests: valid for the newest Kubernetes, and as the migration guide and its troubles ask for."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from devenv.captcha_api.settings import Settings
from devenv.core.kubernetes import (
    HEADER,
    RedisAt,
    ServiceOptions,
    StackOptions,
    file_name,
    service_manifests,
    stack_manifests,
    to_yaml,
)
from devenv.core.model.errors import UsageProblem

GOLDEN = Path(__file__).parent / "golden"
NEWEST = kubernetes_validate.latest_version()
VARIABLES = {"USE_REDIS": "false", "REDIS_PREFIX": "rcaptcha:"}
OUTSIDE = RedisAt("redis.example.invalid", 6397, ssl=True, password=True)
WISHES = {
    "plain": ServiceOptions(variables=VARIABLES),
    "one replica": ServiceOptions(replicas=1),
    "canary": ServiceOptions(variables=VARIABLES, canary=1),
    "shared canary": ServiceOptions(variables=VARIABLES, canary=2, shared=True),
    "outside": ServiceOptions(variables=VARIABLES, redis_at=OUTSIDE, namespace="captcha", name="team1"),
    "authority": ServiceOptions(variables=VARIABLES, redis_at=replace(OUTSIDE, authority="redis-authority")),
}
STACKS = {"two": StackOptions(), "five": StackOptions(pods=5, namespace="dev", registry="example.invalid/")}
ALL = {name: service_manifests(options) for name, options in WISHES.items()} | {
    name: stack_manifests(options) for name, options in STACKS.items()
}


def the(manifests: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    [result] = [each for each in manifests if each["kind"] == kind and each["metadata"]["name"] == name]
    return result


def pods(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each["spec"]["template"]["spec"] for each in manifests if "template" in each.get("spec", {})]


@pytest.mark.parametrize("name", ALL)
def test_every_document_fits_the_schema_of_the_newest_kubernetes(name: str) -> None:
    for document in yaml.safe_load_all(to_yaml(ALL[name])):
        kubernetes_validate.validate(document, NEWEST, strict=True)


def test_the_schema_check_can_fail() -> None:
    broken = service_manifests(WISHES["plain"])
    the(broken, "Deployment", "captcha-api")["spec"]["replica"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        for document in broken:
            kubernetes_validate.validate(document, NEWEST, strict=True)


@pytest.mark.parametrize("name", ALL)
def test_the_text_says_what_the_documents_say_and_no_anchor(name: str) -> None:
    text = to_yaml(ALL[name], ["a note"])
    assert list(yaml.safe_load_all(text)) == ALL[name]
    assert text.startswith(f"{HEADER}\n# a note\n")
    assert "&id" not in text


@pytest.mark.parametrize("name", ["plain", "canary", "authority", "two"])
def test_the_text_is_the_one_that_was_read_over(name: str) -> None:
    """A change of what people apply is to be seen; DEVENV_WRITE_GOLDEN=1 writes the files anew."""
    path, text = GOLDEN / f"{name}.yaml", to_yaml(ALL[name])
    if os.environ.get("DEVENV_WRITE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ALL)
def test_every_object_has_a_file_of_its_own(name: str) -> None:
    names = [file_name(each) for each in ALL[name]]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", ALL)
def test_no_pod_is_root_or_has_service_links(name: str) -> None:
    for pod in pods(ALL[name]):
        assert pod["enableServiceLinks"] is False
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert container["readinessProbe"]


@pytest.mark.parametrize("name", ALL)
def test_selectors_find_their_pods_and_services_their_ports(name: str) -> None:
    templates = [each["spec"]["template"] for each in ALL[name] if "template" in each.get("spec", {})]
    for service in [each for each in ALL[name] if each["kind"] == "Service"]:
        wanted = service["spec"]["selector"].items()
        matches = [each for each in templates if wanted <= each["metadata"]["labels"].items()]
        assert matches
        for template in matches:
            open_ports = {
                port["containerPort"]
                for container in template["spec"]["containers"]
                for port in container["ports"]
            }
            assert {port["targetPort"] for port in service["spec"]["ports"]} <= open_ports


def test_the_guide_s_names_and_values() -> None:
    manifests = service_manifests(WISHES["plain"])
    config = the(manifests, "ConfigMap", "captcha-api-config")["data"]
    assert config == {
        **VARIABLES,
        "REDIS_HOST": "captcha-api-redis",
        "REDIS_PORT": "6379",
        "REDIS_SSL": "false",
    }
    [container] = the(manifests, "Deployment", "captcha-api")["spec"]["template"]["spec"]["containers"]
    assert container["envFrom"] == [{"configMapRef": {"name": "captcha-api-config"}}]
    assert the(manifests, "Service", config["REDIS_HOST"])["spec"]["ports"][0]["port"] == 6379


def test_a_redis_outside_leaves_out_our_own() -> None:
    manifests = service_manifests(WISHES["outside"])
    assert {each["kind"] for each in manifests} == {
        "ConfigMap", "Deployment", "Service", "PodDisruptionBudget",
    }  # fmt: skip
    config = the(manifests, "ConfigMap", "team1-config")["data"]
    assert (config["REDIS_HOST"], config["REDIS_PORT"], config["REDIS_SSL"]) == (OUTSIDE.host, "6397", "true")
    assert {each["metadata"]["namespace"] for each in manifests} == {"captcha"}


def test_an_authority_of_one_s_own_is_mounted_where_its_variable_says() -> None:
    manifests = service_manifests(WISHES["authority"])
    file = the(manifests, "ConfigMap", "captcha-api-config")["data"]["REDIS_CA_CERTS"]
    [pod] = pods(manifests)
    mounted = {each["name"]: each["mountPath"] for each in pod["containers"][0]["volumeMounts"]}
    [volume] = [each for each in pod["volumes"] if "configMap" in each]
    assert volume["configMap"] == {"name": "redis-authority"}
    assert file == f"{mounted[volume['name']]}/ca.pem"
    assert Settings.model_fields["redis_ca_certs"]


@pytest.mark.parametrize("name", ALL)
def test_secrets_are_references(name: str) -> None:
    assert "Secret" not in {each["kind"] for each in ALL[name]}
    for pod in pods(ALL[name]):
        for variable in pod["containers"][0].get("env", []):
            if variable["name"] in ("REDIS_PASSWORD", "ABSTRACT_HMAC_SECRET"):
                assert variable.keys() == {"name", "valueFrom"}
                assert "secretKeyRef" in variable["valueFrom"]


@pytest.mark.parametrize(("name", "optional"), [("plain", True), ("outside", False)])
def test_a_password_must_be_there_only_where_redis_asks_for_one(name: str, optional: bool) -> None:
    manifests = service_manifests(WISHES[name])
    variables = pods([each for each in manifests if each["kind"] == "Deployment"])[0]["containers"][0]["env"]
    [password] = [each for each in variables if each["name"] == "REDIS_PASSWORD"]
    assert password["valueFrom"]["secretKeyRef"].get("optional", False) is optional


def test_the_canary_differs_in_the_flag_alone_and_has_its_own_service() -> None:
    manifests = service_manifests(WISHES["canary"])
    stable = the(manifests, "Deployment", "captcha-api")["spec"]["template"]["spec"]["containers"][0]
    canary = the(manifests, "Deployment", "captcha-api-canary")["spec"]["template"]["spec"]["containers"][0]
    assert canary["env"][0] == {"name": "USE_REDIS", "value": "true"}
    assert {**canary, "env": canary["env"][1:]} == stable
    tracks = {
        name: the(manifests, "Service", name)["spec"]["selector"]["track"]
        for name in ("captcha-api", "captcha-api-canary")
    }
    assert tracks == {"captcha-api": "stable", "captcha-api-canary": "canary"}


def test_a_shared_service_reaches_both_kinds() -> None:
    manifests = service_manifests(WISHES["shared canary"])
    assert "track" not in the(manifests, "Service", "captcha-api")["spec"]["selector"]
    assert [each for each in manifests if each["metadata"]["name"] == "captcha-api-canary"] == [
        the(manifests, "Deployment", "captcha-api-canary")
    ]


def test_a_canary_can_come_and_go_without_touching_the_stable_deployment() -> None:
    with_canary = the(service_manifests(WISHES["canary"]), "Deployment", "captcha-api")
    assert with_canary == the(service_manifests(WISHES["plain"]), "Deployment", "captcha-api")


def test_the_stack_s_pods_have_a_gate_port_each() -> None:
    manifests = stack_manifests(STACKS["five"])
    edge = the(manifests, "Service", "devenv-edge")
    gates = {port["port"] for port in edge["spec"]["ports"] if port["name"].startswith("gate-")}
    given = set()
    for letter in "abcde":
        [container] = pods([the(manifests, "Deployment", f"captcha-api-{letter}")])[0]["containers"]
        values = {each["name"]: each.get("value") for each in container["env"]}
        assert values["POD_NAME"] == f"captcha-api-{letter}"
        given.add(int(str(values["REDIS_PORT"])))
    assert given == gates
    assert len(given) == 5


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (ServiceOptions(name="Captcha"), "'Captcha'"),
        (ServiceOptions(name="a" * 60), "63"),
        (ServiceOptions(namespace="no_underscore"), "namespace"),
        (ServiceOptions(image="two words"), "image"),
        (ServiceOptions(port=0), "port"),
        (ServiceOptions(redis_at=replace(OUTSIDE, port=70000)), "Redis port"),
        (ServiceOptions(ready="ready"), "'ready'"),
    ],
)
def test_what_cannot_be_is_named(options: ServiceOptions, named: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        service_manifests(options)
    assert named in f"{caught.value.message} {caught.value.hint}"


def test_the_reference_service_takes_the_variables_that_a_pod_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    manifests = service_manifests(replace(WISHES["canary"], variables={**VARIABLES, "CAPTCHA_TTL": "30"}))
    variables = dict(the(manifests, "ConfigMap", "captcha-api-config")["data"])
    [container] = the(manifests, "Deployment", "captcha-api-canary")["spec"]["template"]["spec"]["containers"]
    variables |= {each["name"]: each["value"] for each in container["env"] if "value" in each}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert (settings.use_redis, settings.redis_host) == (True, "captcha-api-redis")
    assert (settings.redis_port, settings.captcha_ttl) == (6379, 30)
