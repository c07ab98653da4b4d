"""A certificate authority for one stack, and what it signs: made anew each time."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from devenv.core.model.errors import EnvironmentProblem
from devenv.stack.files import write_atomically, writing

NAMES = ("127.0.0.1", "::1", "localhost")
"""What a server on this machine is called."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM: the authority's certificate, a server's chain and its key (0600)."""

    ca: Path
    chain: Path
    key: Path

    @classmethod
    def of(cls, directory: Path) -> Certificates:
        """The files of ``make`` in this directory."""
        return cls(directory / "ca.pem", directory / "server.pem", directory / "server.key")

    def server_context(self) -> ssl.SSLContext:
        """For a server that shows this certificate and asks for none."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.chain, self.key)
        return context

    def client_context(self) -> ssl.SSLContext:
        """For a client that trusts this authority alone."""
        return ssl.create_default_context(cafile=str(self.ca))


def make(
    directory: Path,
    names: Sequence[str] = NAMES,
    *,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
) -> Certificates:
    """A new authority and one server certificate for ``names``, in ``directory``.

    The authority's own key is not kept: nothing else can ever be signed by it. ``not_after`` in the past
    makes an expired certificate, for tests. Raises EnvironmentProblem without the package trustme.
    """
    try:
        import trustme
    except ModuleNotFoundError as error:
        raise EnvironmentProblem(
            "a Redis with TLS needs the Python package trustme", hint="pip install 'devenv[tls]'"
        ) from error
    authority = trustme.CA(organization_name="devenv, this stack only")
    leaf = authority.issue_cert(*names, not_before=not_before, not_after=not_after)
    directory.mkdir(parents=True, exist_ok=True)
    made = Certificates.of(directory)
    with writing(directory):
        authority.cert_pem.write_to_path(made.ca)
        made.chain.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    write_atomically(made.key, leaf.private_key_pem.bytes())
    return made
