"""All products, and the text form of a setting.

``NAME[:POLICY][,workers=N][,keepalive=on|off][,OPTION=VALUE]…``
"""

from __future__ import annotations

from collections.abc import Mapping

from devenv.core.balancers import caddy, envoy, haproxy, nginx, traefik
from devenv.core.balancers.setting import OWN_FILE, BalancerSetting, Product
from devenv.core.model.errors import UsageProblem

PRODUCTS: Mapping[str, Product] = {
    module.PRODUCT.name: module.PRODUCT for module in (nginx, haproxy, envoy, traefik, caddy)
}
MAX_WORKERS = 64


def parse_balancer(text: str) -> BalancerSetting:
    """The setting that ``text`` names. Raises UsageProblem with the valid names for what is unknown."""
    head, *assignments = [word.strip() for word in text.split(",")]
    name, _, policy = head.partition(":")
    product = PRODUCTS.get(name)
    if product is None:
        raise UsageProblem(f"unknown balancer {name!r}", hint="known: " + ", ".join(PRODUCTS))
    policy = policy or product.default_policy
    if policy == OWN_FILE and not assignments:
        return BalancerSetting(name, policy)
    if policy not in product.policies:
        raise UsageProblem(
            f"balancer {name}: unknown policy {policy!r}", hint="known: " + ", ".join(product.policies)
        )
    workers, keepalive, options = 1, None, {}
    for word in assignments:
        key, equals, value = word.partition("=")
        if not equals:
            raise UsageProblem(f"balancer {name}: {word!r} is not OPTION=VALUE", hint=_options(product))
        if key == "workers":
            workers = _workers(product, value)
        elif key == "keepalive":
            keepalive = _on_off(product, key, value)
        else:
            options[key] = _option(product, key, value)
    return BalancerSetting(name, policy, workers, keepalive, tuple(sorted(options.items())))


def _workers(product: Product, value: str) -> int:
    if not product.workers:
        raise UsageProblem(f"balancer {product.name}: it has no setting for the number of workers")
    if not value.isdecimal() or not 1 <= int(value) <= MAX_WORKERS:
        raise UsageProblem(
            f"balancer {product.name}: workers={value!r} is no number from 1 to {MAX_WORKERS}",
            hint=f"it sets {product.workers}",
        )
    return int(value)


def _on_off(product: Product, key: str, value: str) -> bool:
    if value not in ("on", "off"):
        raise UsageProblem(f"balancer {product.name}: {key}={value!r} is neither on nor off")
    return value == "on"


def _option(product: Product, key: str, value: str) -> str:
    option = product.options.get(key)
    if option is None:
        raise UsageProblem(f"balancer {product.name}: unknown option {key!r}", hint=_options(product))
    if option.values.fullmatch(value) is None:
        raise UsageProblem(f"balancer {product.name}: {key}={value!r} is not valid", hint=option.meaning)
    return value


def _options(product: Product) -> str:
    general = [*(["workers"] if product.workers else []), "keepalive"]
    return "known: " + ", ".join([*general, *product.options])
