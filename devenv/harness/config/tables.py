"""The tables of devenv.toml that several other tables are made of."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from devenv.core.model.bodies import FORM_TYPE
from devenv.core.model.service import Request, Rule
from devenv.core.model.variables import problem_of


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _settable(variables: dict[str, str]) -> dict[str, str]:
    if (problem := problem_of(variables)) is not None:
        raise ValueError(problem)
    return variables


Variables = Annotated[dict[str, str], AfterValidator(_settable)]
"""Names and values of environment variables."""


class Table(BaseModel):
    """A table of the file: keys with dashes, no others than these."""

    model_config = ConfigDict(extra="forbid", alias_generator=_dashed, populate_by_name=True)


class RequestTable(Table):
    """A request as the file gives it."""

    path: str = Field(pattern=r"^/")
    method: str = "POST"
    body: dict[str, Any] | None = None
    headers: dict[str, str] = {}
    match: dict[str, Any] = {}
    form: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _one_body(self) -> RequestTable:
        if self.body is not None and self.form is not None:
            raise ValueError("has both body (sent as JSON) and form (sent as an HTML form): leave one out")
        nested = [name for name, item in (self.form or {}).items() if isinstance(item, dict)]
        if nested:
            raise ValueError(f"form.{nested[0]} is a table: a form has plain values and lists of them")
        return self

    def made(self) -> Request:
        """The request."""
        types = [item for name, item in self.headers.items() if name.lower() == "content-type"]
        if self.form is None and any(item.startswith(FORM_TYPE) for item in types):
            return Request(self.path, self.method.upper(), None, self.headers, self.match, self.body)
        return Request(self.path, self.method.upper(), self.body, self.headers, self.match, self.form)


class RuleTable(Table):
    """What an answer looks like, as the file gives it."""

    status: list[int] | int = []
    equals: dict[str, Any] = {}
    contains: dict[str, str] = {}
    present: list[str] = []
    absent: list[str] = []
    differs: dict[str, Any] = {}
    text: str = ""

    def made(self) -> Rule:
        """The rule."""
        status = (self.status,) if isinstance(self.status, int) else tuple(self.status)
        present, absent = tuple(self.present), tuple(self.absent)
        return Rule(status, self.equals, self.contains, present, absent, self.differs, self.text)


class IdTable(Table):
    """The one place of an answer that has the session's id."""

    field: str = ""
    header: str = ""
    cookie: str = Field(default="", pattern=r"^[^\s=;,]*$")

    @model_validator(mode="after")
    def _one(self) -> IdTable:
        if sum(map(bool, (self.field, self.header, self.cookie))) != 1:
            raise ValueError("needs exactly one of field, header, cookie")
        return self
