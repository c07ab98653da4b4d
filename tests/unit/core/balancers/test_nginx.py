"""nginx.conf."""

from __future__ import annotations

from dataclasses import replace

from devenv.core.balancers.nginx import PRODUCT
from tests.unit.core.balancers.place import PLACE, file_of


def test_the_default_has_no_directive_that_changes_its_routing() -> None:
    text = file_of("nginx")
    upstream = text[text.index("upstream") : text.index("}", text.index("upstream"))]
    assert upstream.split() == [
        "upstream",
        "pods",
        "{",
        "server",
        "127.0.0.1:9001;",
        "server",
        "127.0.0.1:9002;",
    ]
    assert "listen 127.0.0.1:8080;" in text
    assert "proxy_http_version" not in text


def test_options_are_its_directives() -> None:
    text = file_of("nginx:random_two,zone=on,max_fails=0,proxy_next_upstream=non_idempotent,keepalive=on")
    for line in (
        "zone pods 64k;",
        "random two least_conn;",
        "server 127.0.0.1:9001 max_fails=0;",
        "keepalive 32;",
        'proxy_set_header Connection "";',
        "proxy_next_upstream error timeout non_idempotent;",
    ):
        assert line in text
    assert "proxy_set_header Connection close;" in file_of("nginx,keepalive=off")


def test_worker_processes_keep_the_user_that_may_read_its_folder() -> None:
    workers = file_of("nginx,workers=2,reuseport=on", replace(PLACE, user="root root"))
    assert "user root root;\nworker_processes 2;" in workers
    assert "listen 127.0.0.1:8080 reuseport;" in workers
    assert "master_process off;" in file_of("nginx", replace(PLACE, user="root root"))


def test_a_stream_has_no_http() -> None:
    text = file_of("nginx:stream")
    assert "http {" not in text
    assert "proxy_pass pods;" in text


def test_its_complaints_are_its_lines_of_a_level_that_ends_it() -> None:
    line = '2026/11/30 10:14:25 [emerg] 1#1: unknown directive "sticky" in ./nginx.conf:15'
    assert PRODUCT.complaints.search(line)
    assert not PRODUCT.complaints.search("2026/11/30 10:14:25 [notice] 1#1: start worker process 2")
