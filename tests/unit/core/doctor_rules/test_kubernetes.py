from __future__ import annotations

from textwrap import dedent

import pytest

from devenv.core.doctor_rules.kubernetes import Unfit, UnfitValue, unfit_values, workloads
from devenv.core.doctor_rules.settings import Pod
from devenv.core.model.errors import UsageProblem
from devenv.core.model.yaml_lines import read_manifests

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
    return workloads(read_manifests("---\n".join(texts), "m.yaml"))


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


# --- values that do not do -------------------------------------------------------------------------------


def unfit(text: str) -> list[UnfitValue]:
    return list(unfit_values(read_manifests(dedent(text), "m.yaml")))


def config_map(line: str) -> str:
    return f"kind: ConfigMap\nmetadata: {{name: c}}\ndata:\n  X: {line}\n"


@pytest.mark.parametrize(
    ("plain", "problem"),
    [
        *(
            (text, Unfit.NUMBER)
            for text in ("0x1F", "1e3", "0o17", "1_000", ".inf", "08", "1.10", "0b11", "+1")
        ),
        *((text, Unfit.BOOLEAN) for text in ("on", "Off", "yes", "NO", "y", "n", "true")),
    ],
)
def test_a_value_that_yaml_reads_as_no_text(plain: str, problem: Unfit) -> None:
    (value,) = unfit(config_map(plain))
    assert (value.problem, value.text, str(value.place)) == (problem, plain, "m.yaml:4")
    assert unfit(config_map(f'"{plain}"')) == unfit(config_map(f"'{plain}'")) == []
    assert unfit(config_map(f"!!str {plain}")) == []
    assert unfit(config_map(f"|\n    {plain}")) == []


@pytest.mark.parametrize(
    "plain", ["12:30:45", "2026-01-02", "2026-01-02T03:04:05Z", "~", "null", "", "1.2.3", "=", "oFF"]
)
def test_a_value_that_kubernetes_takes_as_it_is(plain: str) -> None:
    """Dates and times are text to Go's parser; a null is an empty text."""
    assert unfit(config_map(plain)) == []


def test_every_place_that_wants_text_in_every_kind_of_file() -> None:
    text = """
        apiVersion: v1
        kind: List
        items:
        - kind: ConfigMap
          metadata: {name: c, labels: {version: 1.10}}
          data: {PORT: 6379}
        ---
        kind: SecretList
        items:
        - metadata: {name: s}
          stringData: {PORT: 6379, MODE: "on"}
        ---
        kind: CronJob
        metadata: {name: j, annotations: {checked: yes}}
        spec:
          jobTemplate:
            spec:
              template:
                metadata: {labels: {release: 08}}
                spec:
                  initContainers:
                  - {name: i, env: [{name: A, value: 1e3}]}
                  containers:
                  - name: c
                    command: [run, 12]
                    args: ["--port", 8000]
                    env: [{name: B, value: off}, {name: C, value: "off"}]
    """
    assert [(value.owner, value.name, str(value.place), value.text) for value in unfit(text)] == [
        ("ConfigMap c", "version", "m.yaml:6", "1.10"),
        ("ConfigMap c", "PORT", "m.yaml:7", "6379"),
        ("Secret s", "PORT", "m.yaml:12", ""),
        ("CronJob j", "checked", "m.yaml:15", "yes"),
        ("CronJob j", "release", "m.yaml:20", "08"),
        ("CronJob j", "A", "m.yaml:23", "1e3"),
        ("CronJob j", "command[1]", "m.yaml:26", "12"),
        ("CronJob j", "args[1]", "m.yaml:27", "8000"),
        ("CronJob j", "B", "m.yaml:28", "off"),
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("data: {k: not base64}", Unfit.BASE64),
        ("data: {k: cache.internal.example}", Unfit.BASE64),
        ("data: {k: YWI}", Unfit.BASE64),
        ("data: {k: 12345678}", Unfit.NUMBER),
        ("data: {k: Y2FjaGUK}", Unfit.BLANK),
        ("data: {k: Y2FjaGUNCg==}", Unfit.BLANK),
        ("data: {k: Y2FjaGUN}", Unfit.BLANK),
        ("data: {k: Y2FjaGUg}", Unfit.BLANK),
        ("data: {k: IGNhY2hl}", Unfit.BLANK),
        ("data: {k: Cg==}", Unfit.BLANK),
        ('stringData: {k: "cache\\n"}', Unfit.BLANK),
        ("stringData:\n  k: |\n    cache", Unfit.BLANK),
        ("stringData:\n  k: |-\n    cache", None),
        ("data: {k: Y2FjaGU=}", None),
        ("data:\n  k: |\n    Y2Fj\n    aGU=", None),
        ("data: {tls.key: Y2FjaGUK}", None),
        ("data: {k: YQpiCg==}", None),
        ("type: kubernetes.io/tls\ndata: {k: Y2FjaGUK}", None),
    ],
)
def test_a_value_of_a_secret(line: str, problem: Unfit | None) -> None:
    """A certificate and other values of several lines end in a line break by right."""
    values = unfit(f"kind: Secret\nmetadata: {{name: s}}\n{line}\n")
    assert [value.problem for value in values] == ([] if problem is None else [problem])


def test_a_secret_s_string_data_counts_before_its_data() -> None:
    secret = "kind: Secret\nmetadata: {name: s}\ndata: {REDIS_HOST: b2xk}\nstringData: {REDIS_HOST: new}\n"
    container = 'env: [{name: USE_REDIS, value: "true"}]\nenvFrom: [{secretRef: {name: s}}]'
    (pod,) = pods(secret, deployment(container))
    assert pod.text("REDIS_HOST") == "new"
    assert "new" not in pod.shown("REDIS_HOST") + pod.quoted("REDIS_HOST")
