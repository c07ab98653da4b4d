"""A captcha service's Kubernetes manifests, and the whole stack's, as plain documents (pure)."""

from devenv.core.kubernetes.service import RedisAt, ServiceOptions, service_manifests
from devenv.core.kubernetes.stack import StackOptions, stack_manifests
from devenv.core.kubernetes.text import HEADER, file_name, to_yaml

__all__ = [
    "HEADER",
    "RedisAt",
    "ServiceOptions",
    "StackOptions",
    "file_name",
    "service_manifests",
    "stack_manifests",
    "to_yaml",
]
