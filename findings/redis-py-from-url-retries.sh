#!/usr/bin/env bash
# redis-py: Redis(host, port) retries, Redis.from_url does not.
#
# From version 6 on a client that is made by Redis(host, port) sends a command again after its connection broke; the
# same client made by Redis.from_url, or from a ConnectionPool, raises ConnectionError at once. So a service that
# moves its settings from REDIS_HOST and REDIS_PORT to one REDIS_URL loses its retries, and a service that moves the
# other way runs a command twice (INCR here) that ran once before. The asyncio client does the same.
#
# Versions: redis 6.4.0 and 8.1.0 (PyPI), Redis 7.0.15. Each client asks for one INCR; Redis runs it, and the
# connection is closed in place of the reply.
# seen: 6.4.0 Redis(host, port): ran 2 times, value
# seen: 6.4.0 Redis.from_url: ran 1 times, ConnectionError
# seen: 6.4.0 asyncio Redis(host, port): ran 2 times, value
# seen: 6.4.0 asyncio from_url: ran 1 times, ConnectionError
# seen: 8.1.0 Redis(host, port): ran 2 times, value
# seen: 8.1.0 Redis.from_url: ran 1 times, ConnectionError
# seen: 8.1.0 asyncio Redis(host, port): ran 2 times, value
# seen: 8.1.0 asyncio from_url: ran 1 times, ConnectionError
set -euo pipefail
script=$(realpath "$0")
for program in python3 redis-server; do
  command -v "$program" >/dev/null || { echo "needs $program"; exit 4; }
done
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
redis-server --port "$port" --bind 127.0.0.1 --save "" >/dev/null &
server=$!

cat >probe.py <<'FILE'
import asyncio
import socket
import sys
import threading
import time

import redis
import redis.asyncio

REDIS = ("127.0.0.1", int(sys.argv[1]))


class Relay:
    """Passes everything on, but closes the connection in place of the reply to the first INCR."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.ran = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            threading.Thread(target=self.pass_on, args=self.listener.accept()[:1], daemon=True).start()

    def pass_on(self, client):
        with client, socket.create_connection(REDIS) as server:
            while data := client.recv(65536):
                is_incr = b"\nINCR" in data
                self.ran += is_incr
                server.sendall(data)
                reply = server.recv(65536)
                if is_incr and self.ran == 1:
                    return
                client.sendall(reply)


def show(name, relay, outcome):
    print(f"{redis.__version__} {name}: ran {relay.ran} times, {outcome}")


def plain(name, make):
    relay = Relay()
    try:
        make(relay.port).incr("count")
        show(name, relay, "value")
    except redis.RedisError as error:
        show(name, relay, type(error).__name__)


async def with_asyncio(name, make):
    relay = Relay()
    client = make(relay.port)
    try:
        await client.incr("count")
        show(name, relay, "value")
    except redis.RedisError as error:
        show(name, relay, type(error).__name__)
    finally:
        await client.aclose()


for _ in range(100):
    try:
        socket.create_connection(REDIS).close()
        break
    except OSError:
        time.sleep(0.1)
plain("Redis(host, port)", lambda port: redis.Redis(port=port))
plain("Redis.from_url", lambda port: redis.Redis.from_url(f"redis://127.0.0.1:{port}"))
asynchronous = redis.asyncio.Redis
asyncio.run(with_asyncio("asyncio Redis(host, port)", lambda port: asynchronous(port=port)))
asyncio.run(with_asyncio("asyncio from_url", lambda port: asynchronous.from_url(f"redis://127.0.0.1:{port}")))
FILE
for version in 6.4.0 8.1.0; do
  python3 -m venv "venv-$version"
  "venv-$version/bin/pip" install --quiet --disable-pip-version-check "redis==$version" 2>/dev/null
  "venv-$version/bin/python" probe.py "$port"
done | tee seen.txt
sed -n 's/^# seen: //p' "$script" >expected.txt
diff expected.txt seen.txt
