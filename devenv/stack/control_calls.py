"""One call of the control API: its answer's JSON, or an error of ours.

It stands on ``http.client``: a verb that only looks at a running stack is over before httpx is imported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from selectors import EVENT_READ, DefaultSelector
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from devenv.core.model.errors import DevenvError, EnvironmentProblem, UsageProblem, error_from_answer

NEXT_STEP = "see `devenv status` and `devenv logs`"
_PARTS = {"stack": "stack", "explore": "executor", "policy": "proxy", "pods": "proxy", "exchanges": "proxy"}


class ControlConnection:
    """A kept connection to the control API at URL ``control``, always plain HTTP and past any HTTP proxy.

    ``timeout`` in seconds is for each operation on the socket; ``hint`` is the next step for a person where
    nothing answers.
    """

    def __init__(self, control: str, timeout: float, hint: str = NEXT_STEP) -> None:
        self._control = control
        self._hint = hint
        address = urlsplit(control)
        self._http = HTTPConnection(address.hostname or "", address.port, timeout)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def request(
        self, method: str, path: str, *, body: Any = None, params: Mapping[str, Any] | None = None
    ) -> Any:
        """One request with ``body`` as JSON; gives the answer's JSON.

        Raises the error that the control API answered, EnvironmentProblem where nothing answers or the answer
        is no JSON, and UsageProblem where what is sent is not text in UTF-8.
        """
        try:
            headers = {} if body is None else {"Content-Type": "application/json"}
            query = f"?{urlencode(params)}" if params else ""
            self._drop_ended()
            self._http.request(method, quote(path) + query, None if body is None else encoded(body), headers)
            answer = self._http.getresponse()
            status, content = answer.status, answer.read()
        except UnicodeEncodeError as error:
            raise no_text(path) from error
        except (OSError, HTTPException) as error:
            self._http.close()
            raise silent(self._control, error, self._hint) from error
        return decoded(self._control, path, status, content)

    def _drop_ended(self) -> None:
        """Close a kept connection that the server has ended meanwhile: the request opens another."""
        kept = self._http.sock
        if kept is None:
            return
        with DefaultSelector() as selector:  # select() itself takes no descriptor above 1023
            selector.register(kept, EVENT_READ)
            ended = bool(selector.select(0))
        if ended:
            self._http.close()


def control_call(
    control: str, method: str, path: str, body: Any = None, *, timeout: float, hint: str = NEXT_STEP
) -> Any:
    """One request over a connection of its own; takes and raises as ``ControlConnection``."""
    with closing(ControlConnection(control, timeout, hint)) as connection:
        return connection.request(method, path, body=body)


def part_of(path: str) -> str:
    """Which part of the stack serves this path of the control API: stack, executor, proxy or gate."""
    return _PARTS.get(path.lstrip("/").partition("/")[0], "gate")


def encoded(body: Any) -> bytes:
    """A request's body. Raises UnicodeEncodeError where a text in it is not UTF-8."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def decoded(control: str, path: str, status: int, content: bytes) -> Any:
    """The JSON of an answer; raises the error that the control API answered (``error_from_answer``)."""
    if status >= 400:
        raise error_from_answer(part_of(path), status, content)
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise EnvironmentProblem(
            f"the control API at {control} answers {path} without JSON",
            hint="does another program listen on this port? See `devenv status`",
        ) from error


def silent(control: str, error: Exception, hint: str = NEXT_STEP) -> DevenvError:
    """Nothing answers at the control API, or what answers does not speak HTTP."""
    return EnvironmentProblem(
        f"the control API at {control} does not answer: {type(error).__name__}", hint=hint
    )


def no_text(path: str) -> DevenvError:
    """What was to be sent to ``path`` cannot be written as UTF-8."""
    return UsageProblem(
        f"the {part_of(path)} refuses: what was given is no text in UTF-8", hint="see `devenv --help`"
    )
