"""The page of clients, docs/clients.md: a function of what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tools.clients_page.measuring import ALWAYS_S, ONCE_S

COMMAND = "python -m tools.clients_page --measure"
_AT_ONCE_S = 0.2

HEAD = """\
# Clients of Redis: a lost reply, a cut connection

Made by `{command}` with {server}; do not edit. Each client has its
defaults: no time-out, no retry was set (phpredis and ruby redis are Debian 12's packages). It asks for a key
once (`GETDEL`, which can succeed only once); Redis runs the command, and the gate loses the reply or cuts the
connection. *runs* is how often Redis ran the command. A command that runs twice has taken the session away
with its first run: the second finds nothing, and **a user who was right gets "not found"**. `devenv explain`
calls that [reply-lost](failures.md), and names the client and what it does by default.

redis-py from version 6 on sends a command again only where the client is made by `Redis(host, port)`: made by
`Redis.from_url`, or from a pool, it sends nothing again.

`INCR` of redis-py and valkey-py arrives as `INCRBY`: a rule for `INCR` never meets it, and `devenv gate`
says so.

## One reply lost

Watched for {seconds:g} s.

| client | reply lost, connection open | connection cut after it ran | a right user |
|---|---|---|---|
"""
ALWAYS_HEAD = """\

## Every reply lost: a fault that lasts

Watched for {seconds:g} s.

| client | replies lost, connection open | connection cut each time |
|---|---|---|
"""
HANDSHAKE_HEAD = """\

## Handshakes

What each sends before its first command. A rule of the gate without `--command` leaves these out, and
schedules do not count them: otherwise `devenv gate hold` would keep a client from ever becoming ready.

| client | commands, in order |
|---|---|
"""
BY_HAND_HEAD = """\

## Others, measured by hand

Not by the command above: no registry that it uses has them, and aioredis is given up. They are of an earlier
day, measured once per case with Redis 7.0.15 and a relay of its own, defaults as above; watched for 66 s.

| client | reply lost, connection open | connection cut after it ran | runs | a right user |
|---|---|---|---|---|
"""
_FOR_EVER = "waits for ever"
BY_HAND = (
    ("aioredis 2.0.1", _FOR_EVER, "ConnectionError", "1, 1", "no answer; an error"),
    ("Perl Redis 2.000", _FOR_EVER, "dies, and stays without a connection", "1, 1", "no answer; an error"),
    ("redis-lua 2.0.5", _FOR_EVER, "error, stays without a connection", "1, 1", "no answer; an error"),
    ("hiredis 0.14.1 (C)", _FOR_EVER, "error, stays without a connection", "1, 1", "no answer; an error"),
    ("redigo 1.8.3 (Pool)", _FOR_EVER, "EOF", "1, 1", "no answer; an error"),
    ("go-redis v5.2.9", "i/o timeout after 3.0 s", "EOF", "1, 1", "an error"),
)
"""Client; a reply lost once; a connection cut once; runs of both; the answer to a user who was right."""
TAIL = """\

They send no handshake, nor do phpredis and ruby redis, so `explain` names none of them; phpredis's session
handler it knows by its keys (`PHPREDIS_SESSION:…`). phpredis gives up after PHP's `default_socket_timeout`:
60 s. redis-cli that reads its standard input sends `COMMAND DOCS`. Not measured: go-redis v8 and v9, Jedis,
lettuce, phpredis 6, ruby redis 5.

## After a rule of the gate

A lost reply takes all that follows on its connection with it, as in a broken network. Clients that send
everything over one connection (node-redis, ioredis, iovalkey, coredis, glide) then hang with every later
command; pooling clients go on over another connection. `devenv gate reset`, and the end of a single rule,
close such connections. Perl Redis, redis-lua and hiredis do not connect again by themselves: restart the pod
(`devenv toggle on --pod NAME`).

## What to change

- A client that waits for ever needs a read time-out (redis-py `socket_timeout`, ioredis `commandTimeout`).
- With a time-out, or with a client that sends again by itself, the command must be idempotent: a token per
  request, as the [atomic store](stores.md#atomic) has it. Otherwise the second run says "not found".
- A client that reports an error tells the truth: whether the command ran is not known. Answer 503, and let
  the next try learn what the first did.
"""


def render(data: Mapping[str, Any]) -> str:
    """The page, as Markdown, from the contents of docs/clients.json."""
    clients: Mapping[str, Any] = data["clients"]
    lines = [HEAD.format(command=COMMAND, server=data["server"], seconds=ONCE_S)]
    lines += [
        f"| {title} | {cell(measured['lost'])} | {cell(measured['cut'])} | {_user(measured)} |\n"
        for title, measured in clients.items()
    ]
    lines.append(ALWAYS_HEAD.format(seconds=ALWAYS_S))
    lines += [
        f"| {title} | {cell(measured['lost-always'])} | {cell(measured['cut-always'])} |\n"
        for title, measured in clients.items()
    ]
    lines.append(HANDSHAKE_HEAD)
    lines += [f"| {title} | {_handshake(measured)} |\n" for title, measured in clients.items()]
    lines.append(BY_HAND_HEAD)
    lines += [f"| {' | '.join(row)} |\n" for row in BY_HAND]
    return "".join([*lines, TAIL])


def cell(measured: Mapping[str, Any]) -> str:
    """What a caller was given, when, and how often Redis ran the command."""
    runs = f"{measured['runs']} run{'' if measured['runs'] == 1 else 's'}"
    if measured["waiting"]:
        return f"no answer in {measured['seconds']:g} s, {runs}"
    given = measured["error"] or ("nothing under the key" if measured["value"] is None else "the value")
    when = "at once" if measured["seconds"] < _AT_ONCE_S else f"after {measured['seconds']:.1f} s"
    return f"{given} {when}, {runs}"


def _user(measured: Mapping[str, Any]) -> str:
    """The answers to a user who was right, after one lost reply and after one cut connection."""
    both = [_answer(measured[case]) for case in ("lost", "cut")]
    return both[0] if both[0] == both[1] else "; ".join(both)


def _answer(measured: Mapping[str, Any]) -> str:
    if measured["waiting"]:
        return f"no answer in {ONCE_S:g} s"
    if measured["error"]:
        return "an error"
    return "**not found**" if measured["value"] is None else "that it was right"


def _handshake(measured: Mapping[str, Any]) -> str:
    return "; ".join(f"`{command}`" for command in measured["handshake"]) or "nothing"
