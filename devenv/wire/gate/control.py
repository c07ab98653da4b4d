"""The gate's control API, to be mounted in the control application (which guards Host and Origin)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field

from devenv.core.model.errors import UsageProblem
from devenv.core.resp.replies import ReplyFramer
from devenv.wire.gate.holds import Then
from devenv.wire.gate.rules import Rule
from devenv.wire.gate.server import Gate

MAX_COMMANDS = 10_000
MAX_SEQ = 2**53 - 1
"""The largest number that every reader of JSON takes exactly."""
MAX_RULES = 1000
MAX_WAIT_SECONDS = 30.0
MAX_ANSWER = 1_000_000


class PopulateBody(BaseModel):
    """``POST /populate``: the rules, as ``POST /rules`` takes them."""

    model_config = ConfigDict(extra="forbid")
    rules: list[dict[str, Any]] = Field(max_length=MAX_RULES)


class ReleaseBody(BaseModel):
    """``POST /release``: what to release (what fits all given fields; none given: all), and what becomes of
    it."""

    model_config = ConfigDict(extra="forbid")
    seq: int | None = None
    pod: str | None = None
    command: str | None = None
    rule: str | None = None
    then: Then = Then.PASS
    answer: str = Field(default="", max_length=MAX_ANSWER)
    """The reply in RESP, for ``then`` = answer."""


def router(gate: Gate) -> APIRouter:
    """The routes of one gate; the handlers run in the loop that the gate runs in."""
    routes = APIRouter(tags=["gate"])

    @routes.get("/gate")
    async def status() -> dict[str, Any]:
        """Ports, upstream and connections, per pod."""
        return gate.status()

    _add_rule_routes(routes, gate)
    _add_hold_routes(routes, gate)
    _add_command_routes(routes, gate)
    return routes


def _add_rule_routes(routes: APIRouter, gate: Gate) -> None:
    def rules_now() -> dict[str, Any]:
        return {"rules": [armed.to_json() for armed in gate.rules.armed]}

    @routes.get("/rules")
    async def rules() -> dict[str, Any]:
        """The rules in force, in order, with how often each matched and was applied."""
        return rules_now()

    @routes.post("/rules")
    async def add(body: dict[str, Any]) -> dict[str, Any]:
        """Put a rule in force; the same one again, or another with its id, takes its place."""
        if len(gate.rules.armed) >= MAX_RULES:
            raise HTTPException(400, f"there are {MAX_RULES} rules already")
        return gate.add_rule(_rule(body, "rule")).to_json()

    @routes.delete("/rules")
    async def remove(rule_id: Annotated[str | None, Query(alias="id")] = None) -> dict[str, Any]:
        """Take one rule (``?id=``) or all out of force and release what they hold; idempotent."""
        if rule_id is None:
            gate.populate([])
        else:
            gate.remove_rule(rule_id)
        return rules_now()

    @routes.post("/populate")
    async def populate(body: PopulateBody) -> dict[str, Any]:
        """Exactly these rules from now on, counting from zero; nothing changes where one of them is wrong."""
        gate.populate([_rule(data, f"rules[{number}]") for number, data in enumerate(body.rules)])
        return rules_now()

    @routes.post("/reset")
    async def reset() -> dict[str, Any]:
        """No rules, nothing held; closes the connections on which a rule has lost a message."""
        return gate.reset().to_json()


def _add_hold_routes(routes: APIRouter, gate: Gate) -> None:
    @routes.get("/held")
    async def held(
        known: Annotated[int | None, Query(ge=0, le=MAX_SEQ)] = None,
        wait: Annotated[float, Query(ge=0, le=MAX_WAIT_SECONDS)] = 0.0,
    ) -> dict[str, Any]:
        """What is held now, oldest first.

        With ``known`` (the ``changes`` of the last answer) and ``wait``: answered as soon as something was
        held or released since, or after this many seconds.
        """
        if known is not None and wait > 0:
            await gate.holds.changed(known, wait)
        return {"held": [one.to_json() for one in gate.holds.current()], "changes": gate.holds.changes}

    @routes.post("/release")
    async def release(body: ReleaseBody) -> dict[str, Any]:
        """Release what is held and fits; it is no error where nothing fits."""
        released = gate.release(
            seq=body.seq,
            pod=body.pod,
            command=body.command,
            rule=body.rule,
            then=body.then,
            answer=_reply(body) if body.then is Then.ANSWER else b"",
        )
        return {"released": [held.to_json() for held in released]}


def _add_command_routes(routes: APIRouter, gate: Gate) -> None:
    @routes.get("/commands")
    async def commands(
        since: Annotated[int, Query(ge=0, le=MAX_SEQ)] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_COMMANDS)] = 1000,
    ) -> dict[str, Any]:
        """Commands numbered above ``since``, oldest first.

        ``last`` is what to ask for next, ``latest`` the number of the latest of all, ``oldest`` the first
        that is still remembered.
        """
        page = gate.commands(since, limit)
        return {
            "commands": [one.to_json() for one in page],
            "last": page[-1].seq if page else since,
            "latest": gate.recorder.last,
            "oldest": gate.recorder.oldest,
        }


def _reply(body: ReleaseBody) -> bytes:
    """Exactly one reply: anything else would answer the wrong requests from here on."""
    answer = body.answer.encode(errors="replace")
    parts = ReplyFramer().feed(answer)
    if len(parts) != 1 or parts[0][0] is None or not parts[0][0].complete:
        raise HTTPException(400, f"answer is {body.answer!r}, not one reply in RESP (such as ':1\\r\\n')")
    return answer


def _rule(data: dict[str, Any], where: str) -> Rule:
    try:
        return Rule.from_json(data, where)
    except UsageProblem as problem:
        hint = f" ({problem.hint})" if problem.hint else ""
        raise HTTPException(400, problem.message + hint) from problem
