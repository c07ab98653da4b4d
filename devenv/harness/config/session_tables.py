"""``[session]`` and ``[fixes.NAME]`` of devenv.toml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from devenv.core.model.service import ID
from devenv.core.model.session_profile import ASK, GONE, SessionProfile, SessionRequest
from devenv.harness.config.tables import IdTable, RequestTable, RuleTable, Table, Variables

_Name = Annotated[str, Field(pattern=r"^[A-Za-z][\w-]*$")]


class _Use(RequestTable):
    ends: bool = False


class SessionTable(Table):
    """``[session]``: how a session is opened, used, and asked about."""

    open: RequestTable | Annotated[list[RequestTable], Field(min_length=1)]
    ask: RequestTable
    gone: RuleTable | list[RuleTable] = []
    id: IdTable | None = None
    requests: dict[_Name, _Use] = {}

    @model_validator(mode="after")
    def _goes_together(self) -> SessionTable:
        if ASK in self.requests:
            raise ValueError(f"requests.{ASK}: {ASK} is the name of the request that asks; give it another")
        if self.id is not None and self.id.cookie:
            raise ValueError("id.cookie is not needed: all cookies of the answer to open go with every use")
        unused = self.id is None and [
            name for name, item in (("ask", self.ask), *self.requests.items()) if item.made().carries_id
        ]
        if unused:
            raise ValueError(
                f"{unused[0]} has {ID} in it, and id does not say where the answer to open has it"
            )
        return self

    def made(self) -> SessionProfile:
        """The session's profile."""
        opens = self.open if isinstance(self.open, list) else [self.open]
        gone = self.gone if isinstance(self.gone, list) else [self.gone]
        return SessionProfile(
            open=tuple(item.made() for item in opens),
            ask=self.ask.made(),
            requests={name: SessionRequest(item.made(), item.ends) for name, item in self.requests.items()},
            gone=tuple(rule.made() for rule in gone) or GONE,
            id_field=self.id.field if self.id is not None else "",
            id_header=self.id.header if self.id is not None else "",
        )


class FixTable(Table):
    """``[fixes.NAME]``: another way to start the service."""

    env: Variables = {}
    command: str | list[str] | None = None
    app: str | None = None
    directory: str | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> FixTable:
        if not (self.env or self.command or self.app or self.directory):
            raise ValueError("changes nothing: needs env, command, app or directory")
        if self.command and self.app:
            raise ValueError("has both app and command: leave one out")
        return self
