"""How Redis is entered: certificates, users, and what pods are told of them."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509

from devenv.core.model.redis_access import RedisAccess
from devenv.core.model.topology import RedisMode
from devenv.stack.certificates import Certificates
from devenv.stack.redis_access import ACCESS_FILE, USERS_FILE, make_credentials
from devenv.wire.edge import edge


def names_in(chain: Path) -> set[str]:
    """What the first certificate is for."""
    certificate = x509.load_pem_x509_certificates(chain.read_bytes())[0]
    its = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {*its.get_values_for_type(x509.DNSName), *map(str, its.get_values_for_type(x509.IPAddress))}


def test_a_certificate_is_for_this_machine_and_for_more_names(tmp_path: Path) -> None:
    credentials = make_credentials(RedisMode.TLS, tmp_path, ("127.0.0.1", "localhost", "redis"))
    assert credentials.certificates is not None
    assert names_in(credentials.certificates.chain) == {"127.0.0.1", "localhost", "redis"}
    all_pod_variables = credentials.pod_variables()
    assert (all_pod_variables["REDIS_SSL"], all_pod_variables["REDIS_CA_CERTS"]) == (
        "true",
        str(credentials.certificates.ca),
    )
    assert (
        all_pod_variables["SSL_CERT_FILE"]
        == all_pod_variables["NODE_EXTRA_CA_CERTS"]
        == all_pod_variables["REDIS_CA_CERTS"]
    )
    assert credentials.server_options(1234)["--tls-port"] == "1234"
    assert credentials.server_options(1234)["--port"] == "0"


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
@pytest.mark.parametrize("mode", [RedisMode.TLS, RedisMode.ACL])
def test_only_the_public_certificates_are_readable_for_all(mode: RedisMode, tmp_path: Path) -> None:
    make_credentials(mode, tmp_path)
    readable = {path.name for path in tmp_path.iterdir() if path.stat().st_mode & 0o077}
    assert readable <= {"ca.pem", "server.pem"}


def test_the_file_of_users_has_no_password_in_it(tmp_path: Path) -> None:
    credentials = make_credentials(RedisMode.ACL, tmp_path, password="any $word")
    text = (tmp_path / USERS_FILE).read_text("utf-8")
    assert credentials.pods.password == "any $word"
    assert credentials.pods.password not in text
    assert credentials.ours.password not in text
    assert text.count(sha256(b"any $word").hexdigest()) == 2  # the pods' user, and the default one
    assert credentials.pod_variables() == {"REDIS_USERNAME": "captcha-api", "REDIS_PASSWORD": "any $word"}


def test_no_two_stacks_share_a_password_or_an_authority(tmp_path: Path) -> None:
    one, two = (make_credentials(RedisMode.ACL, tmp_path / name) for name in ("one", "two"))
    assert len({one.pods.password, two.pods.password, one.ours.password, two.ours.password}) == 4
    this, that = (make_credentials(RedisMode.TLS, tmp_path / name).certificates for name in ("this", "that"))
    assert this is not None
    assert that is not None
    assert this.ca.read_bytes() != that.ca.read_bytes()


@pytest.mark.parametrize("mode", [RedisMode.STANDALONE, RedisMode.CLUSTER, RedisMode.REPLICA])
def test_nothing_is_asked_otherwise(mode: RedisMode, tmp_path: Path) -> None:
    credentials = make_credentials(mode, tmp_path)
    assert (credentials.file, dict(credentials.options), credentials.certificates) == ("", {}, None)
    assert set(credentials.pod_variables().values()) == {""}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [RedisMode.TLS, RedisMode.ACL])
def test_a_proxy_that_comes_again_keeps_what_redis_was_started_with(mode: RedisMode, tmp_path: Path) -> None:
    credentials, trust = tmp_path / "credentials", tmp_path / "trust"
    trust.mkdir()
    environ = {
        "DEVENV_REDIS_CREDENTIALS": str(credentials), "DEVENV_REDIS_TRUST": str(trust),
        "DEVENV_REDIS_NAMES": "redis,proxy", "DEVENV_REDIS_PASSWORD": "word",
    }  # fmt: skip
    made = edge._credentials(mode, environ)
    before = {path.name: path.read_bytes() for path in credentials.iterdir()}
    assert edge._credentials(mode, environ) == made
    assert {path.name: path.read_bytes() for path in credentials.iterdir()} == before
    access = RedisAccess.from_json(json.loads(before[ACCESS_FILE]))
    if mode is RedisMode.TLS:
        assert made == Certificates.of(credentials)
        assert names_in(credentials / "server.pem") >= {"redis", "proxy", "127.0.0.1"}
        assert (trust / "ca.pem").read_bytes() == before["ca.pem"]
        assert [path.name for path in trust.iterdir()] == ["ca.pem"]
        assert edge.tls_with(made) is not None
    else:
        assert made is None
        assert (access.username, access.password == "word") == ("devenv", False)
