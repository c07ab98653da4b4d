from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devenv.core.model.outside import looks_outside, outside

OUTSIDE = [
    ("CACHE", "redis://cache.prod.internal:6379/0"),
    ("CACHE", "rediss://user:word@10.2.3.4:6397"),
    ("SENTRY", "https://key@o1.ingest.sentry.io/2"),
    ("DATABASE", "postgresql+asyncpg://app:word@db/app"),
    ("DB_HOST", "prod-db"),
    ("KAFKA_BROKERS", "127.0.0.1:9092,kafka-2:9092"),
    ("ANYTHING", "api.example.com"),
    ("ANYTHING", "api.example.com:8443/v1"),
    ("ANYTHING", "10.0.0.7"),
    ("ANYTHING", "[2001:db8::1]:6379"),
    ("ANYTHING", "2001:db8::1"),
    ("ANYTHING", '{"upstream": "http://ml.prod:80"}'),
    ("S3_ENDPOINT", "minio"),
    ("ANYTHING", '{"db": {"host": "db.prod.example.com"}}'),
    ("ANYTHING", '{"db": {"at": "db.prod.example.com"}}'),
    ("ANYTHING", "Server=tcp:prod.database.windows.net,1433;Database=app"),
    ("ANYTHING", "host=db port=5432 dbname=app"),
    ("ANYTHING", "app:word@tcp(db.prod.example.com:3306)/app"),
    ("ANYTHING", "postgresql:///app?host=db.prod.internal"),
    ("ANYTHING", "http://localhost:8001,ml.prod.example.com:8001"),
    ("AMQP", "app:word@queue.prod:5672"),
]
HERE = [
    ("CACHE", "redis://localhost:6379/0"),
    ("CACHE", "redis://127.0.0.1"),
    ("DB_HOST", "localhost"),
    ("HOST", "0.0.0.0"),
    ("REDIS_NODES", "127.0.0.1:7000, 127.0.0.1:7001"),
    ("ANYTHING", "[::1]:6379"),
    ("LOG_FILE", "service.log"),
    ("MODEL", "models/yolo.v8.onnx"),
    ("VERSION", "1.2.3"),
    ("MAIL_FROM", "captcha@example.com"),
    ("LEVEL", "info"),
    ("DB_PORT", "5432"),
    ("USE_SERVER", "false"),
    ("EMPTY_URL", ""),
    ("SECRET_KEY", "aGVsbG8gd29ybGQ="),
    ("ANYTHING", "host=localhost port=5432"),
    ("ANYTHING", "postgresql://localhost/app?host=/var/run/postgresql"),
    ("ANYTHING", "http://localhost:3000/v1.2/api.v3"),
    ("LOG_FORMAT", "%(asctime)s %(name)s: {message}"),
    ("WORKER", "app.main:app"),
    ("PICTURES", "file:///var/pictures"),
]


@pytest.mark.parametrize(("name", "value"), OUTSIDE)
def test_addresses_outside_are_seen(name: str, value: str) -> None:
    assert looks_outside(name, value)


@pytest.mark.parametrize(("name", "value"), HERE)
def test_other_values_are_left_alone(name: str, value: str) -> None:
    assert not looks_outside(name, value)


def test_those_that_are_known_are_not_listed() -> None:
    variables = {"REDIS_HOST": "a.b.example", "X_URL": "http://c.example", "LEVEL": "info"}
    assert outside(variables, ["REDIS_HOST"]) == ["X_URL"]


@given(st.text(max_size=40), st.text(max_size=200))
def test_no_text_is_too_strange(name: str, value: str) -> None:
    looks_outside(name, value)
