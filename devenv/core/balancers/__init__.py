"""Real load balancers in front of the pods: their settings and configuration files."""

from devenv.core.balancers.products import PRODUCTS, parse_balancer
from devenv.core.balancers.setting import OWN_FILE, BalancerSetting, Place, Product, Server

__all__ = ["OWN_FILE", "PRODUCTS", "BalancerSetting", "Place", "Product", "Server", "parse_balancer"]
