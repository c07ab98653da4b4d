"""TLS and users of a stack's Redis: the server's configuration, and the credentials of pods and of devenv."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from devenv.core.model.redis_access import OPEN, RedisAccess
from devenv.core.model.topology import RedisMode
from devenv.stack import certificates
from devenv.stack.certificates import Certificates
from devenv.stack.files import write_atomically

ACCESS_FILE = "access.json"
"""Keeps how we get in ourselves (``RedisAccess``)."""
USERS_FILE = "users.acl"
POD_USER = "captcha-api"
OUR_USER = "devenv"
_POD_RIGHTS = "~* &* +@all -@admin -@dangerous +info"
"""Every key, as a scenario may give a pod any prefix; no command that ends, empties or reconfigures a server.
"""


@dataclass(frozen=True, slots=True)
class Credentials:
    """How Redis is entered in one stack."""

    pods: RedisAccess = OPEN
    """The pods' access."""
    ours: RedisAccess = OPEN
    """devenv's own access."""
    options: Mapping[str, str] = field(default_factory=dict)
    """The server's options."""
    certificates: Certificates | None = None
    """Of Redis and of the gate; None without TLS."""
    file: str = ""
    """Keeps ``ours`` for devenv's own clients."""

    def server_options(self, port: int) -> dict[str, str]:
        """The server's options where it listens on ``port``."""
        if self.certificates is None:
            return dict(self.options)
        return {"--port": "0", "--tls-port": str(port), **self.options}

    def pod_variables(self) -> dict[str, str]:
        """A pod's variables. SSL_CERT_FILE and NODE_EXTRA_CA_CERTS serve code that knows REDIS_SSL only."""
        variables = {"REDIS_USERNAME": self.pods.username, "REDIS_PASSWORD": self.pods.password}
        if not self.pods.tls:
            return variables
        trust = dict.fromkeys(("REDIS_CA_CERTS", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"), self.pods.ca)
        return {**variables, "REDIS_SSL": "true", **trust}


def make_credentials(
    mode: RedisMode, directory: Path, names: Sequence[str] = certificates.NAMES, password: str = ""
) -> Credentials:
    """What ``mode`` asks for, with fresh certificates and passwords in ``directory``, which is ours alone.

    ``names``: what Redis and the gate are called. ``password``: the pods'; "" makes a new one.
    """
    if mode is RedisMode.TLS:
        made = certificates.make(directory, names)
        options = {
            "--tls-cert-file": str(made.chain),
            "--tls-key-file": str(made.key),
            "--tls-ca-cert-file": str(made.ca),
            "--tls-auth-clients": "no",
        }
        access = RedisAccess(ca=str(made.ca))
        return Credentials(access, access, options, made, _keep(access, directory))
    if mode is RedisMode.ACL:
        pods = RedisAccess(username=POD_USER, password=password or new_password())
        ours = RedisAccess(username=OUR_USER, password=new_password())
        rules = directory / USERS_FILE
        write_atomically(rules, users(pods, ours))
        return Credentials(pods, ours, {"--aclfile": str(rules)}, None, _keep(ours, directory))
    return Credentials()


def new_password() -> str:
    """A random password."""
    return secrets.token_urlsafe(24)


def users(pods: RedisAccess, ours: RedisAccess) -> str:
    """An ACL file of Redis. ``default``, whom a client without a user name is, has the pods' password."""
    people = (
        ("default", pods, _POD_RIGHTS),
        (pods.username, pods, _POD_RIGHTS),
        (ours.username, ours, "~* &* +@all"),
    )
    return "".join(
        f"user {name} on #{sha256(access.password.encode()).hexdigest()} {rights}\n"
        for name, access, rights in people
    )


def _keep(access: RedisAccess, directory: Path) -> str:
    path = directory / ACCESS_FILE
    write_atomically(path, json.dumps(access.to_json()))
    return str(path)
