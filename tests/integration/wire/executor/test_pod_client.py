"""The executor's HTTP client, against sockets that answer byte for byte what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from devenv.core.model.service import Filled
from devenv.wire.executor.pod_client import PodClient


class _Answers:
    """A server on 127.0.0.1: every request, one after the other, is given the next of ``answers``.

    Where the first member of an answer is True, the connection ends after it.
    """

    def __init__(self, answers: Sequence[tuple[bool, bytes]]) -> None:
        self._answers = list(answers)
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while self._answers:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                await reader.readexactly(length)
                ends, answer = self._answers.pop(0)
                for index in range(0, len(answer), 7):  # in pieces, so that no boundary is where it suits
                    writer.write(answer[index : index + 7])
                    await writer.drain()
                    await asyncio.sleep(0)
                if ends:
                    return
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()


def exchange(*answers: tuple[bool, bytes], method: str = "POST") -> tuple[list[tuple[int, bytes]], int]:
    """What the client makes of these answers to as many requests; how many connections it took."""

    async def main() -> tuple[list[tuple[int, bytes]], int]:
        served = _Answers(answers)
        server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
        client = PodClient("127.0.0.1", server.sockets[0].getsockname()[1])
        try:
            received = [await client.exchange(Filled(method, "/x", {}, {"a": 1})) for _ in answers]
        finally:
            client.close()
            server.close()
        return [(answer.status, answer.body) for answer in received], served.connections

    return asyncio.run(main())


PLAIN = (False, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\n"


def test_a_connection_is_used_again() -> None:
    assert exchange(PLAIN, PLAIN, PLAIN) == ([(200, b"{}")] * 3, 1)


def test_a_body_that_ends_with_the_connection_is_read_whole() -> None:
    until_close = (True, b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000)
    assert exchange(until_close, PLAIN) == ([(200, b"x" * 100_000), (200, b"{}")], 2)


def test_trailers_are_read_and_do_not_stay_in_the_stream() -> None:
    with_trailers = (False, CHUNKS + b"X-Sum: 1\r\nX-More: 2\r\n\r\n")
    assert exchange(with_trailers, PLAIN) == ([(200, b"{}")] * 2, 1)


def test_chunks_without_trailers() -> None:
    assert exchange((False, CHUNKS + b"\r\n"), PLAIN) == ([(200, b"{}")] * 2, 1)


def test_an_answer_before_the_final_one_is_skipped() -> None:
    early = (False, b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + PLAIN[1])
    assert exchange(early, PLAIN) == ([(200, b"{}")] * 2, 1)


def test_an_answer_without_a_body_by_its_status_or_method() -> None:
    assert exchange((False, b"HTTP/1.1 204 No Content\r\n\r\n"), PLAIN)[0][0] == (204, b"")
    head = (False, b"HTTP/1.1 200 OK\r\n\r\n")
    assert exchange(head, head, method="HEAD") == ([(200, b"")] * 2, 1)


@pytest.mark.parametrize("field", [b"Content-Length: 50", b"Transfer-Encoding: chunked"])
@pytest.mark.parametrize(
    ("status", "method"), [(b"204 No Content", "POST"), (b"304 Not", "GET"), (b"200 OK", "HEAD")]
)
def test_a_connection_whose_bodiless_answer_names_a_body_is_not_used_again(
    field: bytes, status: bytes, method: str
) -> None:
    answer = (False, b"HTTP/1.1 %b\r\n%b\r\n\r\n" % (status, field))
    assert exchange(answer, answer, method=method) == ([(int(status[:3]), b"")] * 2, 2)


@pytest.mark.parametrize(
    "answer",
    [
        (True, b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"),
        (True, b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
        (False, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}more than it should be"),
    ],
)
def test_a_connection_that_ends_is_not_used_again(answer: tuple[bool, bytes]) -> None:
    assert exchange(answer, PLAIN) == ([(200, b"{}")] * 2, 2)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
        CHUNKS,
    ],
)
def test_half_an_answer_is_none(answer: bytes) -> None:
    with pytest.raises(EOFError, match="before its answer was whole"):
        exchange((True, answer))


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n", "the response is not HTTP/1.1"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            "two different Content-Length",
        ),
        (CHUNKS.replace(b"1;x=y", b"zz"), "a chunk size is malformed"),
    ],
)
def test_what_is_no_http_is_an_error_that_says_so(answer: bytes, problem: str) -> None:
    with pytest.raises(ConnectionError, match=f"the pod's answer is no HTTP/1.1: {problem}"):
        exchange((True, answer))
