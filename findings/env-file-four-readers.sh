#!/usr/bin/env bash
# One .env file, four readers, three different passwords.
#
# The same unquoted line reaches a Python pod, a Node pod and a Compose container as different values: Node and npm's
# dotenv end a value at a '#', python-dotenv and Compose do not; Compose replaces $name, the other three do not;
# backticks quote for Node and npm's dotenv only. A password with '#' or '$' therefore works in one pod and fails in
# the other with an authentication error.
#
# Versions: python-dotenv 1.1.1 (PyPI), dotenv 16.4.5 (npm), Node 20.20 (--env-file), Docker Compose 2.26 (no engine
# is needed).
# seen: python-dotenv  DOLLAR=pa$word HASH=pa#word TICK=`pa word`
# seen: node           DOLLAR=pa$word HASH=pa TICK=pa word
# seen: npm-dotenv     DOLLAR=pa$word HASH=pa TICK=pa word
# seen: compose        DOLLAR=pa HASH=pa#word TICK=`pa word`
set -euo pipefail
script=$(realpath "$0")
for program in python3 node npm docker; do
  command -v "$program" >/dev/null || { echo "needs $program"; exit 4; }
done
docker compose version >/dev/null 2>&1 || { echo "needs Docker Compose v2"; exit 4; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat >probe.env <<'FILE'
DOLLAR=pa$word
HASH=pa#word
TICK=`pa word`
FILE
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check python-dotenv==1.1.1 2>/dev/null
npm install --silent --no-fund --no-audit dotenv@16.4.5 >/dev/null
printf 'services: {a: {image: none, env_file: probe.env}}\n' >compose.yaml

{
  venv/bin/python -c '
from dotenv import dotenv_values
print("python-dotenv ", *(f"{name}={value}" for name, value in dotenv_values("probe.env").items()))'
  node --env-file=probe.env -e '
console.log("node          ", ...["DOLLAR", "HASH", "TICK"].map(name => `${name}=${process.env[name]}`))'
  node -e '
const values = require("dotenv").parse(require("fs").readFileSync("probe.env"))
console.log("npm-dotenv    ", ...Object.entries(values).map(([name, value]) => `${name}=${value}`))'
  docker compose config --format json 2>/dev/null | venv/bin/python -c '
import json, sys
values = json.load(sys.stdin)["services"]["a"]["environment"]
print("compose       ", *(f"{name}={value}" for name, value in sorted(values.items())))'
} | tee seen.txt

sed -n 's/^# seen: //p' "$script" >expected.txt
diff -b expected.txt seen.txt
