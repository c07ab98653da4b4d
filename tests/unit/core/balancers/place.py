"""Two pods, and a product's files in front of them."""

from __future__ import annotations

from devenv.core.balancers import PRODUCTS, Place, Server, parse_balancer

PLACE = Place(
    8080,
    (Server("captcha-api-a", "127.0.0.1", 9001), Server("captcha-api-b", "127.0.0.1", 9002)),
    admin_port=9009,
)


def file_of(text: str, place: Place = PLACE, name: str = "") -> str:
    """The file called ``name``, or the one that it is started with, of the setting ``text``."""
    setting = parse_balancer(text)
    product = PRODUCTS[setting.product]
    return product.files(setting, place)[name or product.file]
