"""Hypothesis on the framing for as long as is asked, judged by hiredis and by a real Redis.

``python -m benchmarks.framing --minutes 10``. Needs redis-server on PATH. Every run takes other examples: a
seed is drawn, printed and can be given again. Four properties, in turns, each time with the next seed:

- replies of every type, cut anywhere, are found whole (hiredis agrees on where each ends);
- mutated replies: no byte is lost, cuts change nothing, and what hiredis reads we read;
- commands as hiredis packs them, cut anywhere, come out word for word;
- mutated commands: Redis answers as many as we count, and where it says "Protocol error" we do, in its words.

Exit 0 where all of them hold, 1 with the smallest counterexample found otherwise.
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice, pairwise
from pathlib import Path
from typing import Any

import hiredis
import redis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from benchmarks.gate import redis_server
from devenv.core.resp.replies import ReplyFramer
from devenv.core.resp.requests import KEPT_BYTES, KEPT_WORDS, RequestFramer

ALLOWED = "PING ECHO GET SET INCR DEL MULTI EXEC DISCARD LRANGE RPUSH"
"""What the judging Redis may run: all else is one error reply, and nothing can stop or block it."""
ENDS_CONNECTION = (b"QUIT", b"RESET", b"HELLO", b"AUTH", b"POST", b"HOST:")
"""Allowed to every user, and about the connection; the last two are how Redis knows an HTTP client."""
AT_ONCE = 16 * 1024
"""Redis reads this many bytes at once. Of more it may close the connection over unread ones, and its last
words are lost."""
WAIT_SECONDS = 10.0

# Replies.

text = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=40).map(str.encode)
long = st.integers(2000, 3500).map(lambda size: b"v" * size)
binary = st.one_of(st.binary(max_size=60), st.sampled_from([b"\r\n", b"+OK\r\n"]), long)
known_to_hiredis = st.one_of(
    text.map(lambda t: b"+" + t + b"\r\n"),
    text.map(lambda t: b"-ERR " + t + b"\r\n"),
    st.integers(-(2**63), 2**63 - 1).map(lambda i: b":%d\r\n" % i),
    binary.map(lambda b: b"$%d\r\n%s\r\n" % (len(b), b)),
    binary.map(lambda b: b"=%d\r\ntxt:%s\r\n" % (len(b) + 4, b)),
    st.integers().map(lambda i: b"(%d\r\n" % i),
    st.floats(allow_nan=False).map(lambda f: b",%r\r\n" % f),
    st.sampled_from(
        [b"$-1\r\n", b"*-1\r\n", b"_\r\n", b"#t\r\n", b"#f\r\n", b"*0\r\n", b"%0\r\n", b"~0\r\n"]
    ),
)
keys = st.integers(0, 9).map(lambda i: b":%d\r\n" % i)


def _aggregates(inner: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    several = st.lists(inner, max_size=4)
    pairs = st.lists(st.tuples(keys, inner), max_size=3)
    return st.one_of(
        several.map(lambda items: b"*%d\r\n" % len(items) + b"".join(items)),
        pairs.map(lambda items: b"%%%d\r\n" % len(items) + b"".join(k + v for k, v in items)),
    )


def _rare(inner: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """With attributes and streamed types, which hiredis does not read, and sets, which it hashes."""
    several = st.lists(inner, max_size=3)
    return st.one_of(
        _aggregates(inner),
        several.map(lambda items: b"~%d\r\n" % len(items) + b"".join(items)),
        several.map(lambda items: b"*?\r\n" + b"".join(items) + b".\r\n"),
        st.tuples(keys, inner, inner).map(lambda item: b"|1\r\n" + b"".join(item)),
        st.lists(st.binary(min_size=1, max_size=9), max_size=3).map(
            lambda chunks: b"$?\r\n" + b"".join(b";%d\r\n%s\r\n" % (len(c), c) for c in chunks) + b";0\r\n"
        ),
    )


replies = st.recursive(known_to_hiredis, _aggregates, max_leaves=12)
any_replies = st.recursive(known_to_hiredis, _rare, max_leaves=12)
pushes = st.lists(known_to_hiredis, min_size=1, max_size=3).map(
    lambda items: b">%d\r\n" % (len(items) + 1) + b"+message\r\n" + b"".join(items)
)
reply_streams = st.lists(st.one_of(any_replies, pushes), max_size=6)

# Commands.


def packed(command: Sequence[bytes]) -> bytes:
    """As hiredis sends it."""
    return bytes(hiredis.pack_command(tuple(command)))  # type: ignore[arg-type]  # its stub means one word


words = st.lists(st.one_of(binary, st.sampled_from([b"GET", b"set", b"ECHO", b"k"])), min_size=1, max_size=6)
commands = st.one_of(
    st.sampled_from(
        [
            (b"PING",),
            (b"ECHO", b"x"),
            (b"GET", b"k"),
            (b"SET", b"k", b"1"),
            (b"incr", b"k"),
            (b"RPUSH", b"l", b"a", b"b"),
            (b"LRANGE", b"l", b"0", b"-1"),
            (b"MULTI",),
            (b"EXEC",),
            (b"DISCARD",),
            (b"NOSUCH", b""),
        ]
    ),
    words.map(tuple),
)
inline = st.sampled_from(
    [
        b"PING\r\n",
        b"ECHO 'a b'\n",
        b'SET k "\\x41"\r\n',
        b"\r\n",
        b"*0\r\n",
        b"*-1\r\n",
        b'GET "k\r\n',
        b"GET k",
    ]
)
command_bytes = st.one_of(commands.map(packed), inline)

# What happens to both.

cuts = st.lists(st.integers(0, 4000), max_size=12)
pieces_of_protocol = st.sampled_from(
    [
        b"\r\n",
        b"\r",
        b"\n",
        b"*",
        b"$",
        b"*2\r\n",
        b"$3\r\n",
        b"$-1\r\n",
        b"%",
        b">",
        b"|",
        b"0",
        b"-",
        b"\0",
        b'"',
    ]
)
mutations = st.lists(
    st.tuples(
        st.sampled_from(["delete", "insert", "replace", "repeat", "end"]),
        st.integers(0, 5000),
        st.integers(1, 12),
        st.one_of(pieces_of_protocol, st.binary(min_size=1, max_size=6)),
    ),
    max_size=4,
)


Change = tuple[str, int, int, bytes]
"""What, where, how many bytes, and with which."""


def mutated(data: bytes, changes: Sequence[Change]) -> bytes:
    """``data`` with bytes taken out, put in, replaced, said twice, or cut off."""
    for what, position, length, new in changes:
        index = position % (len(data) + 1)
        gone = data[index : index + length]
        if what == "delete":
            data = data[:index] + data[index + length :]
        elif what == "insert":
            data = data[:index] + new + data[index:]
        elif what == "replace":
            data = data[:index] + new + data[index + len(new) :]
        elif what == "repeat":
            data = data[:index] + gone + data[index:]
        else:
            data = data[:index]
    return data


def cut_up(data: bytes, where: Sequence[int]) -> list[bytes]:
    """``data`` in pieces."""
    edges = sorted({0, len(data), *(min(cut, len(data)) for cut in where)})
    return [data[a:b] for a, b in pairwise(edges)]


class Failed(AssertionError):
    """A property does not hold."""


def demand(holds: bool, why: str) -> None:
    """As ``assert``, also under ``python -O``."""
    if not holds:
        raise Failed(why)


def read_replies(pieces: Sequence[bytes]) -> tuple[list[bytes], bytes, str | None]:
    """The complete replies, all bytes behind them, and the error."""
    framer = ReplyFramer()
    done: list[bytes] = []
    rest = b""
    for piece in pieces:
        if framer.whole(piece):
            done.append(piece)
            continue
        expected = 0
        for reply, start, stop in framer.feed(piece):
            demand(start == expected and stop > start, "the parts have a gap")
            expected = stop
            rest += piece[start:stop]
            if reply is not None and reply.complete:
                demand(reply.size == len(rest), "a reply's size is not that of its bytes")
                done.append(rest)
                rest = b""
        demand(expected == len(piece), "bytes are missing at the end")
    return done, rest, framer.error


def read_commands(pieces: Sequence[bytes]) -> tuple[list[tuple[list[bytes], int]], bytes, str | None]:
    """(words, how many) of the complete commands, all bytes behind the last, and the error."""
    framer = RequestFramer()
    done: list[tuple[list[bytes], int]] = []
    rest = b""
    for piece in pieces:
        if (whole := framer.whole(piece)) is not None:
            done.append((whole, len(whole)))
            continue
        expected = 0
        for part, start, stop in framer.feed(piece):
            demand(start == expected and stop > start, "the parts have a gap")
            expected = stop
            rest += piece[start:stop]
            if part is not None and part.complete:
                demand(part.size == len(rest), "a command's size is not that of its bytes")
                rest = b""
                if part.count:
                    done.append((part.words, part.count))
        demand(expected == len(piece), "bytes are missing at the end")
    return done, rest, framer.error


class Ignored(Exception):
    """What hiredis makes of an error reply here: equal whatever it says."""

    def __init__(self, *_: object) -> None:
        super().__init__()


def hiredis_reader() -> hiredis.Reader:
    """One that raises nothing but protocol errors."""
    return hiredis.Reader(protocolError=hiredis.ProtocolError, replyError=Ignored)


def replies_as_hiredis(stream: list[bytes], where: list[int]) -> None:
    """Valid replies that hiredis can read."""
    data = b"".join(stream)
    done, rest, error = read_replies(cut_up(data, where))
    demand(done == stream and not rest and error is None, f"read {done!r}, {rest!r}, {error!r}")
    reader = hiredis_reader()
    for body in done:
        reader.feed(body)
        reader.gets()
        demand(not reader.has_data(), f"hiredis sees another end than that of {body!r}")


def mutated_replies(stream: list[bytes], changes: list[Change], where: list[int]) -> None:
    """Any bytes near replies."""
    original = b"".join(stream)
    data = mutated(original, changes)
    whole = read_replies([data])
    for pieces in (cut_up(data, where), [data[i : i + 1] for i in range(len(data))]):
        other = read_replies(pieces)
        demand(other[0] == whole[0], f"in pieces {other[0]!r}, whole {whole[0]!r}")
        demand((other[2] is None) == (whole[2] is None), f"in pieces {other[2]!r}, whole {whole[2]!r}")
    demand(b"".join(whole[0]) + whole[1] == data, "bytes are lost")
    if data == original:
        demand(whole[0] == stream and whole[2] is None, f"read {whole!r}")
    if b"|" in data or b"?" in data:  # hiredis reads neither attributes nor streamed types
        return
    reader = hiredis_reader()
    for body in whole[0]:
        reader.feed(body)
        try:
            reader.gets()
        except (hiredis.ProtocolError, TypeError):  # it is stricter about a value, or Python cannot hold it
            return
        demand(not reader.has_data(), f"hiredis sees another end than that of {body!r}")
    reader.feed(whole[1])
    try:
        more = reader.gets(False) if whole[1] else False
        if more is False and whole[2] is not None:  # we do not wait for the end of an endless number
            reader.feed(b"\r\n")
            more = reader.gets(False)
    except (hiredis.ProtocolError, TypeError):
        return
    demand(more is False and whole[2] is None, f"hiredis reads {more!r} where we say {whole[2]!r}")


def commands_as_hiredis(batch: list[tuple[bytes, ...]], where: list[int]) -> None:
    """Commands as hiredis packs them."""
    data = b"".join(packed(them) for them in batch)
    done, rest, error = read_commands(cut_up(data, where))
    kept = [([word[:KEPT_BYTES] for word in them[:KEPT_WORDS]], len(them)) for them in batch]
    demand(not rest and error is None, f"read {done!r}, {rest!r}, {error!r}")
    demand(done == kept, f"read {done!r}")


class Judge:
    """A Redis that is sent bytes on a connection of their own and says what it makes of them."""

    def __init__(self, port: int) -> None:
        self._port = port
        with redis.Redis(port=port, protocol=2) as client:
            rules = [
                "reset",
                "on",
                "nopass",
                "~*",
                "-@all",
                *(f"+{name.lower()}" for name in ALLOWED.split()),
            ]
            client.execute_command("ACL", "SETUSER", "noise", *rules)

    def answers(self, data: bytes) -> tuple[int, str | None]:
        """How many replies ``data`` gets, and why the connection ends early, in Redis' words."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=WAIT_SECONDS) as connection:
            login = packed((b"AUTH", b"noise", b"x"))
            connection.sendall(login)
            demand(connection.recv(64) == b"+OK\r\n", "cannot log in")
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            got = b""
            while chunk := connection.recv(65536):
                got += chunk
        bodies, rest, error = read_replies([got])
        demand(not rest and error is None, f"Redis' own replies are not read: {got!r}")
        if bodies and bodies[-1].startswith(_PROTOCOL_ERROR):
            return len(bodies) - 1, bodies[-1].removeprefix(_PROTOCOL_ERROR).strip().decode("latin-1")
        return len(bodies), None


_PROTOCOL_ERROR = b"-ERR Protocol error: "


def mutated_commands(judge: Judge, stream: list[bytes], changes: list[Change], where: list[int]) -> None:
    """Any bytes near commands, which a real Redis judges."""
    data = mutated(b"".join(stream), changes)
    done, rest, error = whole = read_commands([data])
    demand(data.endswith(rest), "bytes are lost")
    for pieces in (cut_up(data, where), [data[i : i + 1] for i in range(len(data))]):
        other = read_commands(pieces)
        demand(other[0] == done and (other[2] is None) == (error is None), f"in pieces {other!r}: {whole!r}")
    if any(them[0].upper() in ENDS_CONNECTION for them, _count in done) or len(data) > AT_ONCE:
        return
    count, why = judge.answers(data)
    if error is None or b"\0" not in rest:  # it reads lines as C strings: at a NUL it waits for ever
        demand(why == error, f"Redis says {why!r}, we {error!r}")
    demand(count == len(done), f"Redis answers {count}, we count {len(done)}: {done!r}")


@dataclass(frozen=True)
class Law:
    """A property and what it is tried with."""

    check: Callable[..., None]
    examples: tuple[st.SearchStrategy[Any], ...]

    @property
    def name(self) -> str:
        """As the result calls it."""
        return self.check.__name__

    def tried(self, times: int, number: int) -> None:
        """Try it with this many examples, drawn from the seed ``number``; raises what it raises."""
        chosen = settings(
            max_examples=times,
            derandomize=False,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        )
        seed(number)(chosen(given(*self.examples)(self.check)))()


def laws(port: int) -> tuple[Law, ...]:
    """All of them; the Redis at ``port`` is the judge."""
    judge = st.just(Judge(port))
    return (
        Law(replies_as_hiredis, (st.lists(replies, max_size=6), cuts)),
        Law(mutated_replies, (reply_streams, mutations, cuts)),
        Law(commands_as_hiredis, (st.lists(commands, max_size=6), cuts)),
        Law(mutated_commands, (judge, st.lists(command_bytes, max_size=6), mutations, cuts)),
    )


def run(minutes: float, turns: int | None, examples: int, first_seed: int) -> dict[str, object]:
    """All properties in turns, until the time is over or this many turns are done."""
    began = time.monotonic()
    done: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as port:
        for number, law in enumerate(islice(cycle(laws(port)), turns)):
            if turns is None and time.monotonic() - began > minutes * 60:
                break
            try:
                law.tried(examples, first_seed + number)
            except Exception:
                traceback.print_exc()
                return {"seed": first_seed, "turn": number, "failed": law.name, "verdict": "fails"}
            done[law.name] = done.get(law.name, 0) + examples
            print(f"{time.monotonic() - began:6.0f} s  {sum(done.values()):,} examples", file=sys.stderr)
    seconds = round(time.monotonic() - began, 1)
    return {"seed": first_seed, "seconds": seconds, "examples": done, "verdict": "holds"}


def main() -> int:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(description="Hypothesis on the framing, judged by hiredis and Redis.")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--turns", type=int, help="this many instead of minutes; a turn is one property")
    parser.add_argument("--examples", type=int, default=1000, help="in a turn")
    parser.add_argument("--seed", type=int, help="of the first turn; each later one takes the next")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    first_seed = options.seed if options.seed is not None else random.SystemRandom().randrange(2**32)
    print(f"seed {first_seed}", file=sys.stderr)
    result = run(options.minutes, options.turns, options.examples, first_seed)
    if options.json:
        print(json.dumps(result))
    elif result["verdict"] == "holds":
        print(f"framing holds: {result['examples']} in {result['seconds']} s, seed {first_seed}")
    else:
        print(f"framing fails: {result['failed']}, seed {first_seed}, turn {result['turn']}")
    return 0 if result["verdict"] == "holds" else 1


if __name__ == "__main__":
    sys.exit(main())
