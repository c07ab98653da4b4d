"""The override files of the balancers, and what a wished setting makes of them."""

from __future__ import annotations

import re

import pytest
import yaml

from devenv.core.balancers import PRODUCTS, parse_balancer
from devenv.core.model.errors import UsageProblem
from devenv.core.model.topology import StackSpec
from devenv.stack.compose import compose_balancer, compose_file
from tests.support import ROOT


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_file_has_what_the_product_is_configured_with_by_default(product: str) -> None:
    document = compose_file.read(ROOT, overrides=[compose_balancer.override_file(product)])
    spec = StackSpec(balancer=parse_balancer(product).text)
    wished = compose_balancer.with_balancer(document, spec)["services"]
    present = document["services"]
    assert _trimmed(present["balancer"]["environment"]) == _trimmed(wished["balancer"]["environment"])
    words = present["balancer"]["entrypoint"]
    assert [word.strip() for word in words] == wished["balancer"]["entrypoint"]
    assert present["proxy"] == wished["proxy"]
    texts = "".join(wished["balancer"]["environment"].values())
    assert "9001" in texts
    assert "9002" in texts


def _trimmed(texts: dict[str, str]) -> dict[str, str]:
    return {name: text.strip() for name, text in texts.items()}


@pytest.mark.parametrize("product", PRODUCTS)
def test_its_image_has_a_version_and_its_container_few_rights(product: str) -> None:
    document = compose_file.read(ROOT, overrides=[compose_balancer.override_file(product)])
    service = document["services"]["balancer"]
    assert any(digit.isdecimal() for digit in service["image"].partition(":")[2])
    assert service["image"].count(".") >= 2
    assert (service["read_only"], service["cap_drop"], service["user"]) == (True, ["ALL"], "65534:65534")
    assert (service["pids_limit"], service["mem_limit"]) == (512, "${DEVENV_MEM_LIMIT:-2g}")
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    # The proxy's traffic port is another one on this machine: the balancer has its number.
    assert [port.rpartition(":")[0] for port in document["services"]["proxy"]["ports"]] == [
        "127.0.0.1:${DEVENV_PROXY_PORT:-8082}",
        "127.0.0.1:${DEVENV_CONTROL_PORT:-8081}",
    ]


@pytest.mark.parametrize(
    "listening",
    [
        "   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 65534 0 1",
        # programs in Go listen for both kinds of addresses at once, also where they are told 0.0.0.0
        f"   0: {'0' * 32}:1F90 {'0' * 32}:0000 0A 00000000:00000000 00:00000000 00000000 65534 0 1",
    ],
)
@pytest.mark.parametrize("product", PRODUCTS)
def test_it_is_healthy_when_it_listens(product: str, listening: str) -> None:
    document = compose_file.read(ROOT, overrides=[compose_balancer.override_file(product)])
    _, check = document["services"]["balancer"]["healthcheck"]["test"]
    pattern = check.partition("'")[2].partition("'")[0]
    assert re.search(pattern, listening)
    assert not re.search(pattern, listening.replace(":0000 0A", ":0000 06"))  # TIME_WAIT
    assert not re.search(pattern, listening.replace(":1F90 ", ":1F99 "))


def test_more_pods_have_more_ports() -> None:
    document = compose_file.read(ROOT, overrides=["docker-compose.haproxy.yml"])
    spec = StackSpec(pods=3, balancer="haproxy:source,workers=2")
    service = compose_balancer.with_balancer(document, spec)["services"]["balancer"]
    text = service["environment"]["BALANCER_FILE_0"]
    assert "server captcha-api-c proxy:9003" in text
    assert "nbthread 2" in text
    assert yaml.safe_dump(document)  # plain data, as compose reads it


def test_a_file_of_ones_own_is_refused() -> None:
    with pytest.raises(UsageProblem, match="--balancer-config"):
        compose_balancer.override_file("nginx:own-file")
