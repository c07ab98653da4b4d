from __future__ import annotations

from textwrap import dedent

import pytest

from devenv.core.doctor_rules.kubernetes import workloads
from devenv.core.doctor_rules.settings import Pod
from devenv.core.model.errors import UsageProblem
from devenv.core.model.yaml_lines import read_documents

CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: captcha-api-config}
data:
  USE_REDIS: "true"
  REDIS_HOST: redis
  REDIS_PORT: "6379"
"""
SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: captcha-api-secret}
data: {REDIS_PASSWORD: c3dvcmRmaXNo}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata:
  name: redis
spec:
  ports: [{port: 6379}]
"""


def deployment(container: str, more: str = "", name: str = "captcha-api") -> str:
    """With the container's fields, and other fields of the pod's spec, indented by nothing."""
    head = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: 2
  template:
    spec:
{_indented(more, 6)}
      containers:
      - name: api
{_indented(container, 8)}
"""
    return "\n".join(line for line in head.splitlines() if line.strip()) + "\n"


def _indented(text: str, by: int) -> str:
    return "\n".join(" " * by + line for line in dedent(text).strip().splitlines())


def pods(*texts: str) -> tuple[Pod, ...]:
    return workloads(read_documents("---\n".join(texts), "m.yaml"))


FROM_MAP = "envFrom: [{configMapRef: {name: captcha-api-config}}]"


def test_settings_come_from_the_config_map_with_its_lines() -> None:
    (pod,) = pods(CONFIG, deployment(FROM_MAP))
    assert pod.name == "deployment/captcha-api"
    assert pod.replicas == 2
    assert pod.text("REDIS_HOST") == "redis"
    assert str(pod.line("REDIS_HOST")) == "m.yaml:7"
    assert pod.known("REDIS_DB") and pod.text("REDIS_DB") == "0"


def test_env_wins_over_env_from_and_a_later_source_over_an_earlier() -> None:
    other = CONFIG.replace("captcha-api-config", "other").replace('"6379"', '"6380"')
    both = "envFrom:\n- configMapRef: {name: captcha-api-config}\n- configMapRef: {name: other}"
    (pod,) = pods(CONFIG, other, deployment(both))
    assert pod.text("REDIS_PORT") == "6380"
    (pod,) = pods(CONFIG, other, deployment(both + "\nenv: [{name: REDIS_PORT, value: '6381'}]"))
    assert pod.text("REDIS_PORT") == "6381"


def test_values_that_are_no_text_are_taken_as_they_were_meant() -> None:
    (pod,) = pods(deployment("env: [{name: USE_REDIS, value: true}, {name: REDIS_PORT, value: 6379}]"))
    assert (pod.text("USE_REDIS"), pod.text("REDIS_PORT")) == ("true", "6379")


def test_a_secret_is_read_and_never_shown() -> None:
    options = """
    env:
    - {name: REDIS_HOST, value: redis}
    - name: REDIS_PASSWORD
      valueFrom: {secretKeyRef: {name: captcha-api-secret, key: REDIS_PASSWORD}}
    """
    (pod,) = pods(SECRET, deployment(options))
    assert pod.text("REDIS_PASSWORD") == "swordfish"
    assert "swordfish" not in repr(pod)
    assert "swordfish" not in pod.shown("REDIS_PASSWORD")


@pytest.mark.parametrize(
    "source",
    [
        "valueFrom: {secretKeyRef: {name: elsewhere, key: x}}",
        "valueFrom: {configMapKeyRef: {name: elsewhere, key: x}}",
        "valueFrom: {fieldRef: {fieldPath: status.hostIP}}",
        "value: $(OTHER)",
    ],
)
def test_what_comes_from_elsewhere_is_not_known(source: str) -> None:
    (pod,) = pods(deployment(f"env:\n- name: REDIS_HOST\n  {source}"))
    assert not pod.known("REDIS_HOST")
    assert pod.known("REDIS_PORT")


def test_a_source_that_was_not_read_leaves_everything_open_that_is_not_set() -> None:
    (pod,) = pods(deployment(FROM_MAP + "\nenv: [{name: USE_REDIS, value: 'true'}]"))
    assert pod.known("USE_REDIS")
    assert not pod.known("REDIS_PREFIX")
    assert pod.unread == ("ConfigMap captcha-api-config",)
    optional = "envFrom: [{configMapRef: {name: x, optional: true}}]\nenv: [{name: USE_REDIS, value: 'true'}]"
    (pod,) = pods(deployment(optional))
    assert pod.known("REDIS_PREFIX")


def test_init_containers_other_containers_and_redis_itself_are_no_services() -> None:
    others = """
    initContainers:
    - name: wait
      env: [{name: REDIS_HOST, value: elsewhere}]
    """
    redis = deployment("env: [{name: REDIS_PASSWORD, value: x}]", name="redis")
    (pod,) = pods(CONFIG, redis, deployment(FROM_MAP, others))
    assert pod.text("REDIS_HOST") == "redis"


def test_a_list_of_objects_and_a_prefix() -> None:
    text = """
    kind: List
    items:
    - kind: ConfigMap
      metadata: {name: c}
      data: {HOST: redis}
    - kind: Pod
      metadata: {name: p}
      spec:
        containers:
        - envFrom: [{prefix: REDIS_, configMapRef: {name: c}}]
    """
    (pod,) = pods(dedent(text))
    assert pod.name == "pod/p"
    assert str(pod.line("REDIS_HOST")) == "m.yaml:6"


def test_namespaces_are_kept_apart() -> None:
    (pod,) = pods(
        CONFIG.replace("name: captcha-api-config}", "name: captcha-api-config, namespace: other}"),
        deployment(FROM_MAP + "\nenv: [{name: USE_REDIS, value: 'true'}]"),
    )
    assert pod.unread


@pytest.mark.parametrize(
    ("manifests", "trapped"),
    [
        ((SERVICE, deployment("env: [{name: USE_REDIS, value: 'true'}]")), True),
        ((SERVICE, CONFIG, deployment(FROM_MAP)), False),
        (
            (
                SERVICE,
                deployment("env: [{name: USE_REDIS, value: 'true'}]", "enableServiceLinks: false"),
            ),
            False,
        ),
        (
            (
                SERVICE.replace("spec:", "spec:\n  clusterIP: None"),
                deployment("env: [{name: USE_REDIS, value: 'true'}]"),
            ),
            False,
        ),
        (
            (
                SERVICE.replace("name: redis", "name: redis\n  namespace: other"),
                deployment("env: [{name: USE_REDIS, value: 'true'}]"),
            ),
            False,
        ),
        (
            (
                SERVICE.replace("name: redis", "name: cache"),
                deployment("env: [{name: USE_REDIS, value: 'true'}]"),
            ),
            False,
        ),
    ],
    ids=["trap", "port is set", "links are off", "headless", "other namespace", "other name"],
)
def test_the_service_link_trap(manifests: tuple[str, ...], trapped: bool) -> None:
    (pod,) = pods(*manifests)
    assert pod.text("REDIS_PORT").startswith("tcp://") is trapped


@pytest.mark.parametrize("text", ["kind: [", "kind: Deployment\nspec: {a: 1\n", "- &x 1\n- *x\n"])
def test_what_cannot_be_read_names_its_line(text: str) -> None:
    with pytest.raises(UsageProblem, match=r"^m\.yaml:\d+: "):
        pods(text)


@pytest.mark.parametrize(
    "text",
    [
        "kind: Deployment",
        "kind: Deployment\nspec: 7",
        "kind: Deployment\nspec: {template: {spec: {containers: {a: 1}}}}",
        "kind: Deployment\nspec: {template: {spec: {containers: [7, {env: [7, {}]}]}}}",
        "kind: List\nitems: 7",
        "7",
        "",
    ],
)
def test_a_manifest_of_another_shape_has_no_pods(text: str) -> None:
    assert pods(text) == ()
