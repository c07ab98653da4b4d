"""Configuration files as teams have them, taken over: the copy, what differs, and what cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from devenv.core.balancers import Place
from devenv.core.balancers.own_copy import Adapted
from devenv.core.balancers.own_file import changes_of, own_file, upstreams_of
from devenv.core.model.errors import UsageProblem
from tests.unit.core.balancers.place import PLACE

FILES = Path(__file__).parent / "own"
TAKEN_OVER = (
    "nginx_names.conf",
    "nginx_ip_hash.conf",
    "nginx_non_idempotent.conf",
    "nginx_sticky.conf",
    "haproxy_redispatch.cfg",
    "envoy/envoy.yaml",
    "traefik/traefik.yml",
    "Caddyfile",
    "nginx_cookie.conf",
    "haproxy_table.cfg",
    "envoy_ring/envoy.yaml",
    "traefik_weighted/traefik.yml",
    "caddy_snippet/Caddyfile",
)


def taken_over(name: str, place: Place = PLACE) -> Adapted:
    path = FILES / name
    return own_file(path.name, path.read_text(encoding="utf-8")).adapted(place)


@pytest.mark.parametrize("name", TAKEN_OVER)
def test_servers_and_the_entrance_are_on_this_machine(name: str) -> None:
    """And no name, certificate, user or log path of the team's machines is left in the copy."""
    adapted = taken_over(name)
    text = "\n".join(
        line
        for file in adapted.files.values()
        for line in file.splitlines()
        if not line.strip().startswith("#")
    )
    assert "9001" in text
    assert "9002" in text
    assert adapted.upstreams == 2
    elsewhere = [".internal", "captcha-a:", "captcha-1", "svc.cluster", "10.4.0", "/etc/", "/var/", "/run/"]
    elsewhere += ["ssl_cert", "letsencrypt", "ops@", "STRICT_DNS", "0.0.0.0", "user nginx", "chroot"]
    assert [word for word in elsewhere if word in text] == []
    assert all(change.line >= 1 and change.why for change in adapted.changes)


@pytest.mark.parametrize("name", TAKEN_OVER)
def test_every_change_names_the_line_that_it_is_of(name: str) -> None:
    lines = (FILES / name).read_text(encoding="utf-8").splitlines()
    for change in taken_over(name).changes:
        word = change.before.split()[0].rstrip(":;")
        assert word in lines[change.line - 1] or ":" in word, change.text


def test_what_decides_about_the_choice_stays() -> None:
    def copy(name: str) -> str:
        return next(iter(taken_over(name).files.values()))

    assert "ip_hash;" in copy("nginx_ip_hash.conf")
    assert "server 127.0.0.1:9001 max_fails=3 fail_timeout=30s;" in copy("nginx_ip_hash.conf")
    assert "proxy_next_upstream error timeout http_502 non_idempotent;" in copy("nginx_non_idempotent.conf")
    assert "sticky cookie route expires=1h path=/;" in copy("nginx_sticky.conf")
    assert "keepalive 32;" in copy("nginx_names.conf")
    assert "option redispatch" in copy("haproxy_redispatch.cfg")
    assert "server api2 127.0.0.1:9002 check inter 2s\n" in copy("haproxy_redispatch.cfg")
    assert "reset,connect-failure" in copy("envoy/envoy.yaml")
    assert "lb_try_duration 5s" in copy("Caddyfile")
    assert "captcha_pod" in taken_over("traefik/traefik.yml").files["services.yml"]
    assert "hash $cookie_session_id consistent;" in copy("nginx_cookie.conf")
    assert "stick on src" in copy("haproxy_table.cfg")
    assert "maxconn 20000" not in copy("haproxy_table.cfg")  # more than this process may open
    assert "lb_policy: RING_HASH" in copy("envoy_ring/envoy.yaml")
    assert "lb_policy cookie lb KEY" in copy("caddy_snippet/Caddyfile")


def test_the_services_of_one_choice_have_pods_of_their_own() -> None:
    """Else a canary and what it stands beside were one pod, and no session could be lost."""
    services = taken_over("traefik_weighted/traefik.yml").files["services.yml"]
    assert services.index("name: stable") < services.index("name: next")
    assert services.index("9001") < services.index("9002")
    text = (FILES / "envoy" / "envoy.yaml").read_text(encoding="utf-8")
    choice = "weighted_clusters: {clusters: [{name: one, weight: 9}, {name: captcha, weight: 1}]}"
    address = "{socket_address: {address: one, port_value: 8000}}"
    ends = f"[{{lb_endpoints: [{{endpoint: {{address: {address}}}}}]}}]"
    one = f"  - name: one\n    load_assignment: {{cluster_name: one, endpoints: {ends}}}\n"
    text = text.replace("cluster: captcha\n", choice + "\n", 1) + one
    assert upstreams_of(own_file("envoy.yaml", text)) == 3


def test_the_first_host_of_envoy_that_forwards_has_every_name() -> None:
    copy = taken_over("envoy_ring/envoy.yaml")
    assert "captcha.example.com" not in copy.files["envoy.yaml"]
    (change,) = [change for change in copy.changes if change.before.startswith("domains:")]
    assert (change.line, change.after) == (32, "domains: ['*']")


def test_lines_stay_where_they_are_so_that_its_errors_name_the_teams_lines() -> None:
    before = (FILES / "nginx_names.conf").read_text(encoding="utf-8").splitlines()
    after = taken_over("nginx_names.conf").files["nginx.conf"].splitlines()
    assert len(before) == len(after)
    number = next(position for position, line in enumerate(before) if "keepalive 32" in line)
    assert after[number] == before[number]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "nginx_discovery.conf",
            "nginx_discovery.conf:12: cannot be taken over: proxy_pass http://$backend:8000",
        ),
        ("haproxy_template.cfg", "haproxy_template.cfg:13: cannot be taken over: server-template"),
    ],
)
def test_what_cannot_be_taken_over_is_one_error_with_its_line(name: str, message: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        taken_over(name)
    assert caught.value.message.startswith(message)


INCLUDE = "http {\n include conf.d/*.conf;\n server { location / { proxy_pass http://a; } } }"


@pytest.mark.parametrize(
    ("name", "text", "line", "message"),
    [
        ("nginx.conf", "http {", 1, "the block http does not end"),
        ("nginx.conf", "a;\n}", 2, "'}' without a block"),
        ("nginx.conf", "events {}", 1, "no server block has a proxy_pass"),
        ("nginx.conf", INCLUDE, 2, "include conf.d/*.conf"),
        ("haproxy.cfg", "bind :80", 1, "bind stands before any section"),
        ("haproxy.cfg", "", 1, "no frontend leads to a backend with servers"),
        ("envoy.yaml", "dynamic_resources: {}", 1, "dynamic_resources: it is told what to do"),
        ("envoy.yaml", "a: 1", 1, "it has no static_resources"),
        (
            "traefik.yml",
            "providers:\n  docker: {}",
            1,
            "providers.docker: routers and services are elsewhere",
        ),
        ("Caddyfile", "import sites/*", 1, "import: it needs another file"),
        ("Caddyfile", "", 1, "no site block"),
    ],
)
def test_files_that_are_no_such_configuration(name: str, text: str, line: int, message: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        own_file(name, text).adapted(PLACE)
    assert caught.value.message.startswith(f"{name}:{line}: cannot be taken over: {message}")


def test_as_many_pods_as_it_has_servers() -> None:
    text = (FILES / "nginx_ip_hash.conf").read_text(encoding="utf-8")
    more = text.replace("server 10.4.0.12", "server 10.4.0.13:8000;\n        server 10.4.0.12")
    assert upstreams_of(own_file("nginx.conf", more)) == 3
    with pytest.raises(UsageProblem, match=r"nginx\.conf:8: .*:8000 is server 3, and there are 2 pods"):
        own_file("nginx.conf", more).adapted(PLACE)


def test_a_host_in_proxy_pass_itself_is_all_pods() -> None:
    """A name with several addresses, as of a Kubernetes Service without one of its own: nginx takes turns."""
    text = "events {}\nhttp { server { listen 80; location / { proxy_pass http://captcha-api:8000/v1; } } }\n"
    copy = own_file("nginx.conf", text).adapted(PLACE).files["nginx.conf"]
    assert "proxy_pass http://devenv_pods/v1;" in copy
    assert "upstream devenv_pods { server 127.0.0.1:9001; server 127.0.0.1:9002; }" in copy


def test_its_name_says_which_balancer_it_is_of() -> None:
    with pytest.raises(UsageProblem, match="does not say which balancer"):
        own_file("config.txt", "")
    assert own_file("config.txt", "x", "caddy").product == "caddy"
    assert own_file("edge.cfg", "x").product == "haproxy"


def test_ports_that_are_not_known_yet_are_said_to_be_some_port() -> None:
    text = (FILES / "Caddyfile").read_text(encoding="utf-8")
    changes = changes_of(own_file("Caddyfile", text), ["captcha-api-a", "captcha-api-b"])
    after = [change.after for change in changes]
    assert "http://:PORT {" in after
    assert "reverse_proxy 127.0.0.1:PORT 127.0.0.1:PORT {" in after
    assert not any(":0" in each for each in after)
