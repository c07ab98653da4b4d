"""What configuration files of teams say of the choice of servers: each rule with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from devenv.core.balancers.own_file import own_file
from devenv.core.balancers.own_rules import Aspect, OwnRules, rules_of_text

FILES = Path(__file__).parent / "own"
POLICY, OUT, AGAIN, KEPT = Aspect.POLICY, Aspect.KEEPING_OUT, Aspect.SENDING_AGAIN, Aspect.KEEPALIVE


def rules(name: str) -> OwnRules:
    path = FILES / name
    return own_file(path.name, path.read_text(encoding="utf-8")).rules


def of_text(name: str, text: str) -> OwnRules:
    return own_file(name, text).rules


@pytest.mark.parametrize(
    ("name", "setting", "without_cookie", "policy"),
    [
        ("nginx_ip_hash.conf", "nginx:ip_hash", "", "`ip_hash;` (nginx_ip_hash.conf, line 5)"),
        (
            "nginx_sticky.conf",
            "nginx:sticky_cookie",
            "nginx:round_robin",
            "`sticky cookie route expires=1h path=/;` (nginx_sticky.conf, line 5)",
        ),
        (
            "nginx_non_idempotent.conf",
            "nginx:round_robin",
            "",
            "`upstream captcha_api` without a method (nginx_non_idempotent.conf, line 4)",
        ),
        (
            "haproxy_redispatch.cfg",
            "haproxy:roundrobin",
            "",
            "`balance roundrobin` (haproxy_redispatch.cfg, line 28)",
        ),
        ("envoy/envoy.yaml", "envoy:round_robin", "", "`lb_policy: ROUND_ROBIN` (envoy.yaml, line 38)"),
        (
            "traefik/traefik.yml",
            "traefik:sticky_cookie",
            "traefik:wrr",
            "`sticky.cookie of captcha` (traefik.yml, line 14)",
        ),
        ("Caddyfile", "caddy:round_robin", "", "`lb_policy round_robin` (Caddyfile, line 11)"),
        # The secret that signs the cookie is not repeated.
        (
            "caddy_snippet/Caddyfile",
            "caddy:cookie",
            "caddy:random",
            "`lb_policy cookie lb` (Caddyfile, line 25)",
        ),
    ],
)
def test_what_the_file_chooses_by(name: str, setting: str, without_cookie: str, policy: str) -> None:
    all_rules = rules(name)
    assert (all_rules.setting, all_rules.without_cookie, all_rules.unknown) == (setting, without_cookie, "")
    assert all_rules.named(POLICY) == policy


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (
            "nginx_names.conf",
            "line 3: `worker_processes auto;` without a `zone` in the upstream: each worker",
        ),
        ("nginx_cookie.conf", "line 37: `hash $cookie_session_id consistent;` has no model"),
        ("haproxy_table.cfg", "line 42: `stick on src` keeps a client on its server too"),
        ("envoy_ring/envoy.yaml", "line 39: this `hash_policy` has no model"),
        ("traefik_weighted/traefik.yml", "line 18: `weighted` chooses among services"),
    ],
)
def test_what_decides_is_named_where_its_turns_are_not_known(name: str, why: str) -> None:
    all_rules = rules(name)
    assert all_rules.setting == ""
    assert all_rules.unknown.startswith(why)
    assert all_rules.named(POLICY)


@pytest.mark.parametrize(
    ("name", "aspect", "named"),
    [
        ("nginx_ip_hash.conf", OUT, "`max_fails=3 fail_timeout=30s` (nginx_ip_hash.conf, lines 6, 7)"),
        ("nginx_names.conf", KEPT, "`keepalive 32;` (nginx_names.conf, line 17)"),
        (
            "nginx_non_idempotent.conf",
            AGAIN,
            "`proxy_next_upstream error timeout http_502 non_idempotent;` "
            "(nginx_non_idempotent.conf, line 13)",
        ),
        ("nginx_ip_hash.conf", AGAIN, ""),
        ("haproxy_redispatch.cfg", OUT, "`check inter 2s` (haproxy_redispatch.cfg, lines 29, 30)"),
        ("haproxy_table.cfg", KEPT, "`option http-server-close` (haproxy_table.cfg, line 16)"),
        ("envoy/envoy.yaml", AGAIN, "`retry_on: reset,connect-failure` (envoy.yaml, line 29)"),
        ("envoy_ring/envoy.yaml", OUT, "`health_checks` (envoy.yaml, line 50)"),
        ("Caddyfile", OUT, "`fail_duration 10s` (Caddyfile, line 13)"),
        ("caddy_snippet/Caddyfile", KEPT, "`keepalive 30s` (Caddyfile, line 30)"),
    ],
)
def test_what_else_it_sets(name: str, aspect: Aspect, named: str) -> None:
    assert rules(name).named(aspect) == named


NGINX = """worker_processes 1;
http { upstream u {
%s server a:1; server b:1%s; }
server { location / { %s proxy_pass http://u; } } }"""


@pytest.mark.parametrize(
    ("method", "server", "setting"),
    [
        ("least_conn;", "", "nginx:least_conn"),
        ("random two least_conn;", "", "nginx:random_two"),
        ("hash $remote_port;", "", "nginx:hash_remote_port"),
        ("", " max_fails=0", "nginx:round_robin"),
        ("", " weight=1", "nginx:round_robin"),
        ("", " weight=2", ""),
        ("", " backup", ""),
        ("hash $remote_addr;", "", ""),
        ("sticky route $a;", "", ""),
    ],
)
def test_upstreams_of_nginx(method: str, server: str, setting: str) -> None:
    result = of_text("nginx.conf", NGINX % (method, server, ""))
    assert result.setting == setting
    assert bool(result.unknown) is not bool(setting)


def test_the_nearest_proxy_next_upstream_counts() -> None:
    again = "proxy_next_upstream error non_idempotent;"
    for inner, expected in ((again, True), ("proxy_next_upstream error;", False), ("", True)):
        text = (NGINX % ("", "", inner)).replace("http {", "http { " + again)
        assert bool(of_text("nginx.conf", text).named(AGAIN)) is expected


def test_groups_that_choose_in_several_ways_are_not_known() -> None:
    other = "upstream v { ip_hash; server c:1; server d:1; }\nserver { location /v { proxy_pass http://v; }"
    result = of_text("nginx.conf", (NGINX % ("", "", "")).replace("server { location", f"{other} location"))
    assert result.setting == ""
    assert result.unknown.startswith(
        "it chooses in several ways: `upstream u` without a method (nginx.conf, "
    )
    assert "`ip_hash;` (nginx.conf, line 4)" in result.unknown


HAPROXY = (
    "defaults\n mode %s\n balance leastconn\nlisten in\n bind :80\n %s\n server a a:1%s\n server b b:1\n"
)


@pytest.mark.parametrize(
    ("mode", "line", "server", "setting", "without_cookie"),
    [
        ("http", "", "", "haproxy:leastconn", ""),
        ("http", "balance source", "", "haproxy:source", ""),
        ("http", "cookie S insert", " cookie a", "haproxy:cookie", "haproxy:leastconn"),
        ("http", "cookie S insert", " weight 9", "haproxy:cookie", ""),
        ("tcp", "", "", "haproxy:tcp-leastconn", ""),
        ("tcp", "balance source", "", "", ""),
        ("http", "balance hdr(x)", "", "", ""),
        ("http", "cookie S", " cookie a", "", ""),
        ("http", "", " weight 9", "", ""),
        ("http", "", " backup", "", ""),
        ("http", "stick on src", "", "", ""),
    ],
)
def test_sections_of_haproxy(mode: str, line: str, server: str, setting: str, without_cookie: str) -> None:
    result = of_text("haproxy.cfg", HAPROXY % (mode, line, server))
    assert (result.setting, result.without_cookie) == (setting, without_cookie)
    assert bool(result.unknown) is not bool(setting)


def test_what_haproxy_sends_again() -> None:
    for words, expected in (("conn-failure", False), ("conn-failure empty-response", True)):
        result = of_text("haproxy.cfg", HAPROXY % ("http", f"retry-on {words}", ""))
        assert bool(result.named(AGAIN)) is expected


def envoy(route: str, cluster: str = "") -> OwnRules:
    """The rules of a small envoy.yaml; ``route`` and ``cluster`` are fields of its only ones."""
    server = "{endpoint: {address: {socket_address: {address: a, port_value: 1}}}}"
    return of_text(
        "envoy.yaml",
        f"""static_resources:
  listeners:
  - filter_chains:
    - filters:
      - typed_config:
          route_config:
            virtual_hosts:
            - retry_policy: {{retry_on: 5xx}}
              routes:
              - route: {{{route}}}
  clusters:
  - name: pods
    {cluster}
    load_assignment: {{endpoints: [{{lb_endpoints: [{server}, {server}]}}]}}
""",
    )


@pytest.mark.parametrize(
    ("route", "cluster", "setting"),
    [
        ("cluster: pods", "", "envoy:round_robin"),
        ("cluster: pods", "lb_policy: MAGLEV", "envoy:maglev"),
        (
            "cluster: pods, hash_policy: [{connection_properties: {source_ip: true}}]",
            "lb_policy: MAGLEV",
            "envoy:maglev-source_ip",
        ),
        (
            "cluster: pods, hash_policy: [{cookie: {name: s, ttl: 0s}}]",
            "lb_policy: RING_HASH",
            "envoy:ring_hash-cookie",
        ),
        # Without a lifetime Envoy sets no cookie of its own.
        ("cluster: pods, hash_policy: [{cookie: {name: s}}]", "lb_policy: RING_HASH", ""),
        ("cluster: pods", "lb_policy: CLUSTER_PROVIDED", ""),
        ("cluster: pods", "lb_subset_config: {}", ""),
        ("weighted_clusters: {clusters: [{name: pods, weight: 1}]}", "", ""),
    ],
)
def test_clusters_of_envoy(route: str, cluster: str, setting: str) -> None:
    result = envoy(route, cluster)
    assert result.setting == setting
    assert bool(result.unknown) is not bool(setting)


def test_the_retry_policy_of_a_route_counts_before_that_of_its_host() -> None:
    assert envoy("cluster: pods").named(AGAIN) == "`retry_on: 5xx` (envoy.yaml, line 8)"
    assert envoy("cluster: pods, retry_policy: {retry_on: connect-failure}").named(AGAIN) == ""


def test_files_that_say_nothing_of_a_choice() -> None:
    assert of_text("envoy.yaml", "static_resources: [1]").unknown
    assert of_text("nginx.conf", "http {").unknown.startswith("nginx.conf:1: cannot be taken over: the block")
    one = NGINX.replace(" server b:1%s;", "%s")
    assert of_text("nginx.conf", one % ("", "", "")).unknown == "it has no group of two servers or more"


def test_what_decides_what_is_told_in_sentences() -> None:
    assert rules("nginx_names.conf").sentences == (
        "which server gets a request: `upstream captcha_api` without a method (nginx_names.conf, line 14)",
        "which connections are kept: `keepalive 32;` (nginx_names.conf, line 17)",
        "how it chooses is not known beforehand: line 3: `worker_processes auto;` without a `zone` in the "
        "upstream: each worker process has turns of its own",
    )


def test_a_trace_gives_them_back() -> None:
    for name in ("nginx_ip_hash.conf", "haproxy_table.cfg", "caddy_snippet/Caddyfile"):
        assert rules_of_text(json.dumps(rules(name).to_json())) == rules(name)
    assert rules_of_text("x") is None
    assert rules_of_text('{"rules": 1}') is None
