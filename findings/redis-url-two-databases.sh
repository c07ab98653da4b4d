#!/usr/bin/env bash
# One redis:// URL, three clients, two different databases.
#
# redis-py takes the database of ?db= before that of the path; ioredis and node-redis take the path's. Without a path
# ioredis reads ?db=, as redis-py does, and node-redis does not: it stays in database 0. A Python pod and a Node pod
# with the same REDIS_URL then keep their sessions in different databases, and no client says a word.
#
# Versions: redis 6.4.0 (PyPI), ioredis 5.8.2 and redis 5.9.0 (npm). No server is needed.
# seen: redis-py    /5?db=3 -> 3   ?db=3 -> 3   /5 -> 5
# seen: ioredis     /5?db=3 -> 5   ?db=3 -> 3   /5 -> 5
# seen: node-redis  /5?db=3 -> 5   ?db=3 -> 0   /5 -> 5
set -euo pipefail
script=$(realpath "$0")
for program in python3 node npm; do
  command -v "$program" >/dev/null || { echo "needs $program"; exit 4; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check redis==6.4.0 2>/dev/null
npm install --silent --no-fund --no-audit ioredis@5.8.2 redis@5.9.0 >/dev/null

{
  venv/bin/python - <<'CODE'
from redis.connection import parse_url
tails = ["/5?db=3", "?db=3", "/5"]
print("redis-py   ", *(f"{tail} -> {parse_url('redis://h:6379' + tail).get('db', 0)}  " for tail in tails))
CODE
  node -e '
const tails = ["/5?db=3", "?db=3", "/5"]
const Redis = require("ioredis"), { createClient } = require("redis")
const one = tail => new Redis(`redis://h:6379${tail}`, { lazyConnect: true }).options.db
const other = tail => createClient({ url: `redis://h:6379${tail}` }).options.database ?? 0
console.log("ioredis    ", ...tails.map(tail => `${tail} -> ${one(tail)}  `))
console.log("node-redis ", ...tails.map(tail => `${tail} -> ${other(tail)}  `))'
} | tee seen.txt

sed -n 's/^# seen: //p' "$script" >expected.txt
diff -b expected.txt seen.txt
